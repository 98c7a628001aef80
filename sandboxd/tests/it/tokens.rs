//! Tokens that are not made from near-sdk's parts.

use near_primitives::account::{Account, AccountContract};
use near_primitives::hash::hash;
use near_primitives::state_record::StateRecord;
use near_primitives::types::Balance;

use crate::support::{id, near};

/// One balance, and the supply, as JSON: 7 of 10.
const DIGITS: &str = r#"(module
    (import "env" "storage_read" (func $read (param i64 i64 i64) (result i64)))
    (import "env" "value_return" (func $return (param i64 i64)))
    (memory 1)
    (data (i32.const 0) "bs")
    (func $answer (param i64)
        (drop (call $read (i64.const 1) (local.get 0) (i64.const 0)))
        (call $return (i64.const -1) (i64.const 0)))
    (func (export "ft_balance_of") (call $answer (i64.const 0)))
    (func (export "ft_total_supply") (call $answer (i64.const 1))))"#;

/// Everybody has 7, which no record says.
const FIXED: &str = r#"(module
    (import "env" "value_return" (func $return (param i64 i64)))
    (memory 1)
    (data (i32.const 0) "\"7\"")
    (func (export "ft_balance_of") (call $return (i64.const 3) (i64.const 0))))"#;

/// Registers nobody.
const CLOSED: &str = r#"(module
    (import "env" "value_return" (func $return (param i64 i64)))
    (import "env" "panic" (func $panic))
    (memory 1)
    (data (i32.const 0) "null\"0\"")
    (func (export "ft_balance_of") (call $return (i64.const 3) (i64.const 4)))
    (func (export "storage_balance_of") (call $return (i64.const 4) (i64.const 0)))
    (func (export "storage_deposit") (call $panic)))"#;

/// `token.near`, whose balances are JSON; `fixed.near` and `closed.near`, which deal nothing.
pub(crate) fn records() -> Vec<StateRecord> {
    let mut records = Vec::new();
    for (name, text) in [("token.near", DIGITS), ("fixed.near", FIXED), ("closed.near", CLOSED)] {
        let code = wat::parse_str(text).unwrap();
        let usage = 100 + u64::try_from(code.len()).unwrap() + 2 * 40 + 2 + 3 + 4;
        let contract = AccountContract::Local(hash(&code));
        let account = Account::new(near(10), Balance::ZERO, contract, usage);
        records.push(StateRecord::Account { account_id: id(name), account });
        records.push(StateRecord::Contract { account_id: id(name), code });
    }
    for (key, value) in [("b", "\"7\""), ("s", "\"10\"")] {
        records.push(StateRecord::Data {
            account_id: id("token.near"),
            data_key: key.as_bytes().to_vec().into(),
            value: value.as_bytes().to_vec().into(),
        });
    }
    records
}
