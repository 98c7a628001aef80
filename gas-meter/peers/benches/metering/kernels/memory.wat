;; n times: 4096 words are copied and summed up.
(module
  (memory 2)
  (func $fill
    (local $at i32)
    loop $next
      local.get $at
      local.get $at
      i32.const 2654435761
      i32.mul
      i32.store
      local.get $at
      i32.const 4
      i32.add
      local.tee $at
      i32.const 32768
      i32.ne
      br_if $next
    end)
  (func $copy (param $to i32) (param $from i32) (param $bytes i32)
    block $done
      local.get $bytes
      i32.eqz
      br_if $done
      loop $next
        local.get $to
        local.get $from
        i64.load
        i64.store
        local.get $to
        i32.const 8
        i32.add
        local.set $to
        local.get $from
        i32.const 8
        i32.add
        local.set $from
        local.get $bytes
        i32.const -8
        i32.add
        local.tee $bytes
        br_if $next
      end
    end)
  (func $sum (param $at i32) (param $bytes i32) (result i32)
    (local $sum i32)
    block $done
      local.get $bytes
      i32.eqz
      br_if $done
      loop $next
        local.get $at
        i32.load
        local.get $sum
        i32.add
        local.set $sum
        local.get $at
        i32.const 4
        i32.add
        local.set $at
        local.get $bytes
        i32.const -4
        i32.add
        local.tee $bytes
        br_if $next
      end
    end
    local.get $sum)
  (func (export "run") (param $n i32) (result i32)
    (local $sum i32)
    call $fill
    block $done
      local.get $n
      i32.eqz
      br_if $done
      loop $next
        i32.const 65536
        i32.const 0
        i32.const 16384
        call $copy
        i32.const 65536
        i32.const 16384
        call $sum
        local.get $sum
        i32.xor
        i32.const 1
        i32.rotl
        local.set $sum
        local.get $n
        i32.const -1
        i32.add
        local.tee $n
        br_if $next
      end
    end
    local.get $sum))
