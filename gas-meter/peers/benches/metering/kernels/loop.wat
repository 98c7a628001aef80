;; A tight loop: the sum of a hash of each number below n.
(module
  (func (export "run") (param $n i32) (result i32)
    (local $sum i32) (local $i i32)
    block $done
      local.get $n
      i32.eqz
      br_if $done
      loop $next
        local.get $i
        i32.const 2654435761
        i32.mul
        i32.const 7
        i32.shr_u
        local.get $sum
        i32.add
        local.set $sum
        local.get $i
        i32.const 1
        i32.add
        local.tee $i
        local.get $n
        i32.ne
        br_if $next
      end
    end
    local.get $sum))
