;; Gives points away, draws a ticket for the caller, and returns what the other then has.
(module
  (import "points" "caller" (func $caller (param i64)))
  (import "points" "balance" (func $balance (param i64 i64) (result i64)))
  (import "points" "give" (func $give (param i64 i64 i64)))
  (import "points" "sha256" (func $sha256 (param i64 i64 i64)))
  (import "points" "read_register" (func $read_register (param i64 i64)))
  (import "points" "log_utf8" (func $log_utf8 (param i64 i64)))
  (import "points" "value_return" (func $value_return (param i64 i64)))

  (memory (export "memory") 1)
  (data (i32.const 0) "bob")
  (data (i32.const 16) "a tip for bob")

  (func (export "tip")
    (call $give (i64.const 3) (i64.const 0) (i64.const 30))
    (call $log_utf8 (i64.const 13) (i64.const 16))
    ;; The hash of the caller's name, from register 0 to register 1 and on to memory.
    (call $caller (i64.const 0))
    (call $sha256 (i64.const -1) (i64.const 0) (i64.const 1))
    (call $read_register (i64.const 1) (i64.const 64))
    ;; The first byte of it, then the balance.
    (i64.store (i32.const 32) (i64.load8_u (i32.const 64)))
    (i64.store (i32.const 40) (call $balance (i64.const 3) (i64.const 0)))
    (call $value_return (i64.const 16) (i64.const 32)))

  (func (export "overdraw")
    (call $give (i64.const 3) (i64.const 0) (i64.const 1_000_000)))

  (func (export "spin")
    (loop $forever (br $forever))))
