;; Reads a text n times, byte by byte, and hashes what it finds: strings, numbers, words and nesting. The text is made of
;; 4096 pieces of JSON in a random order, so that how well its branches are predicted does not depend on where they lie.
(module
  (memory 1)
  (data (i32.const 1024)
    "{\"id\":12,\"name\":\"alice\",\"to\":\"bob.near\",[1,22,333],\"ok\": true , "
    "false}, null,[],{}, {\"a\":-1.5e10,\"say\":\"\\\"hi\\\"\" ,123456,\"hash\":\""
    "Zk9xQ1v02mP\",\"n\": 987, \"values\":[0,0,7],\"text\":\"a line\\ncafe \"  "
    "},{\"key\":\"ed25519:8sK\",\"x\":{\"y\":[{\"z\":4}]}, \"w\":\"quote\\\\ end\", 5")
  (func $fill
    (local $at i32) (local $random i32)
    i32.const 1
    local.set $random
    loop $next
      local.get $at
      local.get $random
      i32.const 13
      i32.shr_u
      i32.const 248
      i32.and
      i64.load offset=1024
      i64.store offset=4096
      local.get $random
      i32.const 1664525
      i32.mul
      i32.const 1013904223
      i32.add
      local.set $random
      local.get $at
      i32.const 8
      i32.add
      local.tee $at
      i32.const 32768
      i32.ne
      br_if $next
    end)
  (func (export "run") (param $n i32) (result i32)
    (local $hash i32) (local $at i32) (local $byte i32) (local $depth i32) (local $number i32)
    call $fill
    block $finished
      local.get $n
      i32.eqz
      br_if $finished
      loop $again
        i32.const 4096
        local.set $at
        i32.const 0
        local.set $depth
        block $end
          loop $value
            local.get $at
            i32.load8_u
            local.set $byte
            local.get $at
            i32.const 1
            i32.add
            local.set $at
            block $word
              block $digit
                block $string
                  block $close
                    block $open
                      block $other
                        local.get $byte
                        i32.const -34
                        i32.add
                        br_table $string $other $other $other $other $other $other $other $other $other $value $digit
                          $other $other $digit $digit $digit $digit $digit $digit $digit $digit $digit $digit
                          $value $other
                      end
                      local.get $byte
                      i32.const 32
                      i32.or
                      i32.const 123
                      i32.eq
                      br_if $open
                      local.get $byte
                      i32.const 32
                      i32.or
                      i32.const 125
                      i32.eq
                      br_if $close
                      local.get $byte
                      i32.eqz
                      br_if $end
                      local.get $byte
                      i32.const -97
                      i32.add
                      i32.const 26
                      i32.lt_u
                      br_if $word
                      br $value
                    end
                    local.get $depth
                    i32.const 1
                    i32.add
                    local.tee $depth
                    local.get $hash
                    i32.const 5
                    i32.rotl
                    i32.xor
                    local.set $hash
                    br $value
                  end
                  local.get $depth
                  i32.const -1
                  i32.add
                  local.set $depth
                  br $value
                end
                block $quote
                  loop $character
                    local.get $at
                    i32.load8_u
                    local.set $byte
                    local.get $at
                    i32.const 1
                    i32.add
                    local.set $at
                    local.get $byte
                    i32.const 34
                    i32.eq
                    br_if $quote
                    local.get $byte
                    i32.eqz
                    br_if $end
                    block $plain
                      local.get $byte
                      i32.const 92
                      i32.ne
                      br_if $plain
                      local.get $at
                      i32.const 1
                      i32.add
                      local.set $at
                    end
                    local.get $hash
                    i32.const 16777619
                    i32.mul
                    local.get $byte
                    i32.xor
                    local.set $hash
                    br $character
                  end
                end
                br $value
              end
              i32.const 0
              local.set $number
              block $no_more
                loop $digits
                  local.get $byte
                  i32.const -48
                  i32.add
                  local.tee $byte
                  i32.const 9
                  i32.gt_u
                  br_if $no_more
                  local.get $number
                  i32.const 10
                  i32.mul
                  local.get $byte
                  i32.add
                  local.set $number
                  local.get $at
                  i32.load8_u
                  local.set $byte
                  local.get $at
                  i32.const 1
                  i32.add
                  local.set $at
                  br $digits
                end
              end
              local.get $at
              local.get $byte
              i32.const -3
              i32.ne
              i32.sub
              local.set $at
              local.get $hash
              local.get $number
              i32.add
              local.set $hash
              br $value
            end
            block $word_end
              loop $letters
                local.get $at
                i32.load8_u
                i32.const -97
                i32.add
                i32.const 25
                i32.gt_u
                br_if $word_end
                local.get $at
                i32.const 1
                i32.add
                local.set $at
                br $letters
              end
            end
            local.get $hash
            local.get $byte
            i32.add
            local.set $hash
            br $value
          end
        end
        local.get $hash
        local.get $depth
        i32.add
        local.set $hash
        local.get $n
        i32.const -1
        i32.add
        local.tee $n
        br_if $again
      end
    end
    local.get $hash))
