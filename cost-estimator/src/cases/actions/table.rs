//! The actions that are priced alike: by one fee, and one for their bytes.

use super::make::{
    Make, add_call_key, add_gas_key, add_key, call, create, delegate, delete, delete_key, deploy,
    deploy_global, deploy_nothing, deploy_shared, fund_gas_key, stake, transfer, use_global,
};

/// Who receives the receipts.
#[derive(Clone, Copy)]
pub(super) enum To {
    /// The actor itself, before whom other actions are done.
    Itself(Option<Make>),
    /// The next actor.
    Next,
    /// An account that is not there yet.
    New,
}

/// The fee of a byte, and how many bytes of it there are.
type PerByte = (&'static str, fn(u64) -> u64);

/// An action: its fee, that of its bytes and how many units of it one byte of `each` is, who
/// receives it, how it is made, and what else runs with it.
pub(super) struct Row {
    pub(super) base: &'static str,
    pub(super) byte: Option<PerByte>,
    pub(super) each: &'static [u64],
    pub(super) to: To,
    pub(super) make: Make,
    pub(super) minus: &'static [&'static str],
}

const NONE: &[u64] = &[];
const BYTES: &[u64] = &[64, 40_000, 120_000];

fn same(each: u64) -> u64 {
    each
}

/// The bytes of `each` method names: of two hundred letters, and one more.
fn method_names(each: u64) -> u64 {
    each * 201
}

/// The bytes of a method's name and its arguments.
fn call_bytes(each: u64) -> u64 {
    each + 4
}

pub(super) const ROWS: &[Row] = &[
    Row {
        base: "action_create_account",
        byte: None,
        each: NONE,
        to: To::New,
        make: create,
        minus: &[],
    },
    Row {
        base: "action_delete_account",
        byte: None,
        each: NONE,
        to: To::Itself(None),
        make: delete,
        minus: &[],
    },
    Row {
        base: "action_deploy_contract",
        byte: Some(("action_deploy_contract_per_byte", same)),
        each: BYTES,
        to: To::Itself(None),
        make: deploy,
        minus: &[],
    },
    Row {
        base: "action_function_call",
        byte: Some(("action_function_call_per_byte", call_bytes)),
        each: BYTES,
        to: To::Itself(Some(deploy_nothing)),
        make: call,
        minus: &[],
    },
    Row {
        base: "action_transfer",
        byte: None,
        each: NONE,
        to: To::Next,
        make: transfer,
        minus: &[],
    },
    Row {
        base: "action_stake",
        byte: None,
        each: NONE,
        to: To::Itself(None),
        make: stake,
        minus: &[],
    },
    Row {
        base: "action_add_full_access_key",
        byte: None,
        each: NONE,
        to: To::Itself(None),
        make: add_key,
        minus: &[],
    },
    Row {
        base: "action_add_function_call_key",
        byte: Some(("action_add_function_call_key_per_byte", method_names)),
        each: &[1, 4, 9],
        to: To::Itself(None),
        make: add_call_key,
        minus: &[],
    },
    Row {
        base: "action_delete_key",
        byte: None,
        each: NONE,
        to: To::Itself(None),
        make: delete_key,
        minus: &[],
    },
    Row {
        base: "action_deploy_global_contract",
        byte: Some(("action_deploy_global_contract_per_byte", same)),
        each: BYTES,
        to: To::Itself(None),
        make: deploy_global,
        minus: &[],
    },
    Row {
        base: "action_use_global_contract",
        byte: None,
        each: NONE,
        to: To::Itself(Some(deploy_shared)),
        make: use_global,
        minus: &[],
    },
    Row {
        base: "action_gas_key_transfer",
        byte: None,
        each: NONE,
        to: To::Itself(Some(add_gas_key)),
        make: fund_gas_key,
        minus: &[],
    },
    // What it subtracts comes first.
    Row {
        base: "action_delegate",
        byte: None,
        each: NONE,
        to: To::Itself(None),
        make: delegate,
        minus: &["action_receipt_creation.execution", "action_transfer.execution"],
    },
];
