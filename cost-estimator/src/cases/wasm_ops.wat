;; A loop of ROUNDS rounds over a mix of what contracts run: locals, 64-bit arithmetic, a load, a
;; store, comparisons and branches.
(module
  (memory 1)
  (func (export "run")
    (local $left i32) (local $a i64) (local $b i64)
    (local.set $left (i32.const ROUNDS))
    (local.set $b (i64.const 0x9e3779b97f4a7c15))
    (loop $again
      (local.set $a (i64.add (i64.mul (local.get $a) (i64.const 6364136223846793005)) (local.get $b)))
      (local.set $b (i64.xor (i64.shl (local.get $b) (i64.const 7)) (i64.shr_u (local.get $a) (i64.const 9))))
      (i64.store (i32.and (i32.wrap_i64 (local.get $a)) (i32.const 0xfff8)) (local.get $b))
      (if (i32.wrap_i64 (i64.and (local.get $b) (i64.const 1)))
        (then (local.set $a (i64.add (local.get $a)
          (i64.load (i32.and (i32.wrap_i64 (local.get $b)) (i32.const 0xfff8)))))))
      (br_if $again
        (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))
