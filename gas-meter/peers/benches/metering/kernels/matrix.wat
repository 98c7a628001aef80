;; n products of two 32 by 32 matrices of i32: a at 0, b at 4096, c at 8192. The product becomes the next a.
(module
  (memory 1)
  (func $fill
    (local $at i32)
    loop $next
      local.get $at
      local.get $at
      i32.const 2654435761
      i32.mul
      i32.const 7
      i32.shr_u
      i32.store
      local.get $at
      i32.const 4
      i32.add
      local.tee $at
      i32.const 8192
      i32.ne
      br_if $next
    end)
  (func $multiply
    (local $row i32) (local $column i32) (local $k i32) (local $a i32) (local $b i32) (local $sum i32)
    loop $rows
      i32.const 0
      local.set $column
      loop $columns
        local.get $row
        i32.const 7
        i32.shl
        local.set $a
        local.get $column
        i32.const 2
        i32.shl
        local.set $b
        i32.const 0
        local.set $sum
        i32.const 32
        local.set $k
        loop $products
          local.get $a
          i32.load
          local.get $b
          i32.load offset=4096
          i32.mul
          local.get $sum
          i32.add
          local.set $sum
          local.get $a
          i32.const 4
          i32.add
          local.set $a
          local.get $b
          i32.const 128
          i32.add
          local.set $b
          local.get $k
          i32.const -1
          i32.add
          local.tee $k
          br_if $products
        end
        local.get $row
        i32.const 7
        i32.shl
        local.get $column
        i32.const 2
        i32.shl
        i32.add
        local.get $sum
        i32.store offset=8192
        local.get $column
        i32.const 1
        i32.add
        local.tee $column
        i32.const 32
        i32.ne
        br_if $columns
      end
      local.get $row
      i32.const 1
      i32.add
      local.tee $row
      i32.const 32
      i32.ne
      br_if $rows
    end)
  (func $take_over
    (local $at i32)
    loop $next
      local.get $at
      local.get $at
      i64.load offset=8192
      i64.store
      local.get $at
      i32.const 8
      i32.add
      local.tee $at
      i32.const 4096
      i32.ne
      br_if $next
    end)
  (func (export "run") (param $n i32) (result i32)
    call $fill
    block $done
      local.get $n
      i32.eqz
      br_if $done
      loop $next
        call $multiply
        call $take_over
        local.get $n
        i32.const -1
        i32.add
        local.tee $n
        br_if $next
      end
    end
    i32.const 8192
    i32.load offset=404))
