;; The n-th Fibonacci number, by two calls of itself each.
(module
  (func $fib (export "run") (param $n i32) (result i32)
    block $recurse
      local.get $n
      i32.const 2
      i32.ge_u
      br_if $recurse
      local.get $n
      return
    end
    local.get $n
    i32.const -1
    i32.add
    call $fib
    local.get $n
    i32.const -2
    i32.add
    call $fib
    i32.add))
