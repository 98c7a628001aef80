//! Calls of host functions with arguments that are sensible more often than not.

use fixtures::Rng;
use host_fns::abi::{AbiType, HostFnDecl};

pub(super) use super::memory::{KEYS, ZEROS};

use super::interpreter::{HostCall, MEMORY_BYTES};
use super::memory::{
    ACCOUNTS, AMOUNT_VALUES, AMOUNTS, BAD_TEXT, BAD_UTF16, IMAGE_BYTES, INDICES, STATE_VALUES,
    STATES, TEXT, UTF16,
};
use super::operands;

/// Random choices among numbers.
#[derive(Clone, Debug)]
pub(super) struct Dice(Rng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Dice(Rng::new(seed))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0.next()
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    pub(super) fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        *self.0.pick(choices)
    }
}

/// Functions that others build on, to be called more often.
const OFTEN: [&str; 9] = [
    "promise_batch_create",
    "promise_batch_then",
    "promise_and",
    "set_state_init_data_entry",
    "storage_write",
    "storage_read",
    "storage_remove",
    "storage_has_key",
    "log_utf8",
];

/// Calls that a case has on average.
const TURNS_OF_A_SEED: u64 = 10;

/// Steps through the functions that make neighbours of different ones.
const STRIDE: u64 = 37;

/// Call number `turn` of a case: all functions have their turn equally often.
pub(super) fn call(
    functions: &[&'static HostFnDecl],
    seed: u64,
    turn: u64,
    dice: &mut Dice,
) -> HostCall {
    let turns = seed.wrapping_mul(TURNS_OF_A_SEED).wrapping_add(turn);
    let mut function = (turns.wrapping_mul(STRIDE) % functions.len() as u64) as usize;
    if dice.one_in(5) {
        let name = dice.pick(&OFTEN);
        function = functions.iter().position(|decl| decl.name == name).unwrap();
    }
    let decl = functions[function];
    let times = match decl.name {
        // To reach limits.
        "log_utf8" | "promise_batch_create" if dice.one_in(12) => 130,
        _ if dice.one_in(24) => dice.pick(&[2, 3]),
        _ => 1,
    };
    HostCall { function, name: decl.name, args: args(decl, dice), times }
}

/// A call with sensible arguments, of valid accounts and keys.
pub(super) fn sensible(
    functions: &[&'static HostFnDecl],
    function: usize,
    dice: &mut Dice,
) -> HostCall {
    let decl = functions[function];
    HostCall { function, name: decl.name, args: sensible_args(decl, 0, dice), times: 1 }
}

/// The call with one argument that is not sensible.
pub(super) fn spoilt(
    functions: &[&'static HostFnDecl],
    call: &HostCall,
    dice: &mut Dice,
) -> HostCall {
    let mut spoilt = call.clone();
    if !spoilt.args.is_empty() {
        let at = dice.below(spoilt.args.len() as u64) as usize;
        let narrow = functions[call.function].params[at].1 == AbiType::U32;
        spoilt.args[at] = if narrow { u32::MAX.into() } else { u64::MAX - 1 };
    }
    spoilt
}

/// The call for the promise of this number.
pub(super) fn of_promise(
    functions: &[&'static HostFnDecl],
    call: &HostCall,
    promise: u64,
) -> HostCall {
    let mut call = call.clone();
    let params = functions[call.function].params;
    for (arg, (name, _)) in call.args.iter_mut().zip(params) {
        if matches!(*name, "promise_index" | "promise_idx") {
            *arg = promise;
        }
    }
    call
}

fn sensible_args(decl: &HostFnDecl, slot: u64, dice: &mut Dice) -> Vec<u64> {
    decl.params.iter().map(|(name, _)| arg(decl.name, name, slot, dice)).collect()
}

fn args(decl: &HostFnDecl, dice: &mut Dice) -> Vec<u64> {
    let slot = dice.below(64);
    let mut args = sensible_args(decl, slot, dice);
    let pairs: Vec<usize> = (1..args.len())
        .filter(|at| decl.params[*at].0.ends_with("_ptr") || decl.params[*at].0 == "ptr")
        .filter(|at| decl.params[at - 1].0.ends_with("len"))
        .collect();
    if dice.one_in(12) && !pairs.is_empty() {
        let at = dice.pick(&pairs);
        if dice.one_in(2) {
            // A register in place of memory.
            args[at - 1] = u64::MAX;
            args[at] = dice.pick(&[0, 1, 1, 2, 77]);
        } else {
            // The end of memory, or one byte more.
            args[at] = MEMORY_BYTES.wrapping_sub(args[at - 1]).wrapping_add(dice.below(2));
        }
    }
    let lens: Vec<usize> =
        (0..args.len()).filter(|at| decl.params[*at].0.ends_with("_len")).collect();
    if dice.one_in(6) && !lens.is_empty() {
        // One byte less, or more.
        let at = dice.pick(&lens);
        args[at] = args[at].wrapping_add(dice.pick(&[1, u64::MAX]));
    }
    // Most calls are sensible in most of their arguments.
    if dice.one_in(5) && !args.is_empty() {
        let at = dice.below(args.len() as u64) as usize;
        let (top, any) = (MEMORY_BYTES, dice.next());
        let hostile = [
            0,
            1,
            2,
            31,
            33,
            65,
            top - 17,
            top - 16,
            top - 15,
            top - 1,
            top,
            top + 1,
            1 << 31,
            1 << 32,
            u64::MAX / 2,
            u64::MAX - 1,
            u64::MAX,
            u64::MAX,
            any,
        ];
        args[at] = dice.pick(&hostile);
    }
    for (arg, (_, ty)) in args.iter_mut().zip(decl.params) {
        if *ty == AbiType::U32 {
            *arg &= u64::from(u32::MAX);
        }
    }
    args
}

/// A sensible argument by the name of the parameter; arguments of one call that belong together
/// go by the same `slot`.
fn arg(function: &str, param: &str, slot: u64, dice: &mut Dice) -> u64 {
    if let Some(arg) = operands::arg(function, param, dice) {
        return arg;
    }
    let account = slot % ACCOUNTS.len() as u64;
    let state = slot % STATE_VALUES.len() as u64;
    match param {
        "account_id_len" | "receiver_id_len" | "beneficiary_id_len" => {
            let len = ACCOUNTS[account as usize].len() as u64;
            if dice.one_in(16) { len - 1 } else { len }
        }
        "account_id_ptr" | "receiver_id_ptr" | "beneficiary_id_ptr" => account * 64,
        "method_name_len" => dice.pick(&[6, 6, 6, 0, 3]),
        "method_names_len" => dice.pick(&[0, 6, 12, 7]),
        "method_name_ptr" | "method_names_ptr" => {
            dice.pick(&[TEXT, TEXT, TEXT, TEXT, BAD_TEXT, TEXT + 6])
        }
        "action_index" => dice.below(12),
        "key_len" | "arguments_len" | "prefix_len" | "start_len" | "end_len" => {
            dice.pick(&[0, 1, 5, 5, 5, 5, 5, 30, 30, 40, 40, 41, 2_048, 2_049])
        }
        "value_len" if function == "value_return" => dice.pick(&[0, 5, 1_000, 65_537]),
        "value_len" => dice.pick(&[0, 1, 55, 56, 300, 4_000, 4_001, 7_000, 65_537]),
        "code_len" | "data_len" => dice.pick(&[0, 5, 500, 1_000, 1_001, 4_001]),
        "state_init_len" => STATE_VALUES[state as usize].len() as u64,
        "state_init_ptr" => STATES + 64 * state,
        "public_key_len" => [33, 65, 1_953, 33, 33, 33, 32, 33][slot as usize % 8],
        "public_key_ptr" => {
            [KEYS, KEYS + 64, KEYS + 160, KEYS, KEYS, KEYS, KEYS, KEYS + 2_200][slot as usize % 8]
        }
        "msg_ptr" => dice.pick(&[UTF16, UTF16, UTF16, 3, TEXT, BAD_UTF16]),
        "filename_ptr" => dice.pick(&[UTF16, UTF16, ZEROS]),
        "data_id_len" | "yield_id_len" | "code_hash_len" => dice.pick(&[32, 32, 32, 32, 31]),
        "key_ptr" => dice.pick(&[0, 0, TEXT, TEXT, 64, ZEROS]),
        "yield_id_ptr" => dice.pick(&[0, 0, 64]),
        "payload_len" => dice.pick(&[0, 5, 1_024, 1_025]),
        "amount_ptr" | "allowance_ptr" => {
            AMOUNTS + 16 * dice.pick(&[0, 0, 0, 1, 1, 2, 3, 4, AMOUNT_VALUES.len() as u64 - 1])
        }
        "len" => dice.pick(&[6, 6, 17, 3, 0, 4, 100, 101, u64::MAX]),
        "ptr" if function.starts_with("log") || function.starts_with("panic") => {
            dice.pick(&[TEXT, TEXT, UTF16, BAD_TEXT, BAD_UTF16])
        }
        "balance_ptr" | "stake_ptr" | "ptr" => ZEROS + dice.below(1_000),
        "promise_idx_ptr" => INDICES + 8 * dice.below(4),
        "promise_idx_count" => dice.pick(&[0, 1, 2, 3]),
        "promise_index" | "promise_idx" => dice.pick(&[0, 0, 0, 0, 0, 1, 1, 2]),
        "register_id" | "key_register_id" | "value_register_id" => {
            dice.pick(&[0, 1, 1, 2, 3, 200, u64::MAX])
        }
        "num_nonces" => dice.pick(&[0, 1, 9, 9, 1_000, 65_535, 65_536]),
        "gas" => dice.pick(&[0, 5_000_000_000, 1_000_000_000_000]),
        "result_idx" => dice.below(4),
        "opcodes" => dice.pick(&[0, 1, 1_000, 4_000_000]),
        name if name.ends_with("_ptr") => dice.pick(&[0, 64, TEXT, ZEROS]),
        _ => dice.pick(&[0, 1, 7]),
    }
}

/// Words of memory to be spoilt, in some cases.
pub(super) fn pokes(dice: &mut Dice) -> Vec<(u64, u64)> {
    let count = dice.pick(&[0, 0, 0, 1, 4]);
    let places = IMAGE_BYTES as u64 / 8;
    (0..count).map(|_| (dice.below(places) * 8, dice.next())).collect()
}

/// The length of an account id and where it is.
pub(super) fn account(dice: &mut Dice) -> [u64; 2] {
    let slot = dice.below(6);
    [ACCOUNTS[slot as usize].len() as u64, slot * 64]
}
