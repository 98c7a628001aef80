//! [`Scene`]: a call of one function that is in good order, to be changed in one thing or another.
//! Made from the function's declaration: what a parameter should be follows from its name.

use std::sync::Arc;

use gas_meter::{Gas, GasCounter};
use host_fns::abi::HostFnDecl;
use host_fns::near::{Config, Context, Mode, NearError, PromiseResult};

use crate::guest::{Guest, MEMORY_BYTES, PLENTY, config, context};
use crate::world::World;

/// Text in the guest's memory: any piece of it from its start, of up to 64 bytes, is an account id.
pub(crate) const TEXT: u64 = 0;

/// Commas.
pub(crate) const COMMAS: u64 = 128;

/// Bytes that are text in no encoding.
pub(crate) const NO_TEXT: u64 = 192;

/// The id of an account that is named by its key, then of one that is named by an address.
pub(crate) const IMPLICIT: [[u64; 2]; 2] = [[64, 320], [42, 384]];

/// The numbers of the first two promises.
pub(crate) const NUMBERS: u64 = 448;

/// An `AssemblyScript` string of two bytes, its length in front.
pub(crate) const MESSAGE: u64 = 516;

/// Another one.
pub(crate) const FILE_NAME: u64 = 580;

/// A signature that is well-formed but wrong.
pub(crate) const ONES: u64 = 1_024;

/// A key of 65 bytes.
pub(crate) const LONG_KEY: u64 = 1_100;

/// Zeros up to the points: amounts, hashes, numbers of promises, a key of 33 bytes.
pub(crate) const ZEROS: u64 = 2_048;

/// A list of BLS12-381 with two elements, whose points are at infinity.
struct Points {
    function: &'static str,
    at: u64,
    element_len: u64,
    /// Where in an element its points begin.
    starts: &'static [u64],
    /// What they begin with.
    flags: u8,
}

const fn points(
    function: &'static str,
    at: u64,
    element_len: u64,
    starts: &'static [u64],
    flags: u8,
) -> Points {
    Points { function, at, element_len, starts, flags }
}

const POINTS: [Points; 9] = [
    points("bls12381_p1_sum", 2_440, 97, &[1], 0x40),
    points("bls12381_p2_sum", 2_640, 193, &[1], 0x40),
    points("bls12381_g1_multiexp", 3_030, 128, &[0], 0x40),
    points("bls12381_g2_multiexp", 3_290, 224, &[0], 0x40),
    points("bls12381_map_fp_to_g1", ZEROS, 48, &[], 0),
    points("bls12381_map_fp2_to_g2", ZEROS, 96, &[], 0),
    points("bls12381_pairing_check", 1_200, 288, &[0, 96], 0x40),
    points("bls12381_p1_decompress", 3_740, 48, &[0], 0xc0),
    points("bls12381_p2_decompress", 3_840, 96, &[0], 0xc0),
];

/// What is stored under the key that functions are called with.
pub(crate) const STORED_BYTES: usize = 45;

/// A call, and what came before it.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) decl: &'static HostFnDecl,
    pub(crate) args: Vec<u64>,
    pub(crate) memory: Vec<u8>,
    pub(crate) context: Context,
    pub(crate) config: Config,
    pub(crate) world: World,
    /// The calls before it, which must succeed.
    pub(crate) before: Vec<(&'static str, Vec<u64>)>,
}

impl Scene {
    /// A call in good order: there is a promise, a result, a register, and a value in the storage.
    pub(crate) fn new(decl: &'static HostFnDecl) -> Self {
        let mut config = config();
        config.limits.max_storage_key_bytes = 64;
        let mut world = World::default();
        world.storage.insert(b"bob".to_vec(), vec![7; STORED_BYTES]);
        let mut before =
            vec![("write_register", vec![0, 4, TEXT]), ("promise_batch_create", vec![8, TEXT])];
        if decl.name == "set_state_init_data_entry" {
            before.push(("promise_batch_action_state_init", vec![0, 32, ZEROS, ZEROS]));
        }
        let value = PromiseResult::Successful(Arc::from(*b"42"));
        Scene {
            decl,
            args: decl.params.iter().map(|(name, _)| good_argument(decl.name, name)).collect(),
            memory: memory(),
            context: Context { promise_results: Arc::new([value]), ..context() },
            config,
            world,
            before,
        }
    }

    /// The same in a view, which has no promises.
    pub(crate) fn in_view(mut self) -> Self {
        self.context.mode = Mode::View { max_gas_burnt: Gas::new(PLENTY) };
        self.before.retain(|(name, _)| !name.starts_with("promise"));
        self
    }

    /// The place of a parameter.
    pub(crate) fn place(&self, param: &str) -> Option<usize> {
        self.decl.params.iter().position(|(name, _)| *name == param)
    }

    /// The argument for a parameter.
    pub(crate) fn arg(&self, param: &str) -> Option<u64> {
        self.place(param).map(|at| self.args[at])
    }

    /// Sets an argument; nothing where there is no such parameter.
    pub(crate) fn set(&mut self, param: &str, value: u64) {
        if let Some(at) = self.place(param) {
            self.args[at] = value;
        }
    }

    /// Everything before the call.
    pub(crate) fn stage(&self) -> Guest {
        let config = self.config.clone();
        let mut guest = Guest::configured(self.world.clone(), self.context.clone(), config);
        guest.memory.clone_from(&self.memory);
        for (name, args) in &self.before {
            guest.call(name, args).unwrap();
        }
        guest
    }

    /// The call with all the gas it needs.
    pub(crate) fn call(&self) -> (Guest, Result<u64, NearError>) {
        self.call_with(PLENTY)
    }

    /// The call with this much gas, of which nothing was needed before.
    pub(crate) fn call_with(&self, gas: u64) -> (Guest, Result<u64, NearError>) {
        let mut guest = self.stage();
        refill(&mut guest, gas);
        let result = guest.call(self.decl.name, &self.args);
        (guest, result)
    }

    /// Whether the call ends as it should: with a result, or by what it is there for.
    pub(crate) fn is_good(&self) -> bool {
        let (_, result) = self.call();
        matches!(result, Ok(_) | Err(NearError::GuestPanic { .. } | NearError::Deprecated { .. }))
    }
}

/// Gives a guest this much gas, as if nothing had been burnt.
pub(crate) fn refill(guest: &mut Guest, gas: u64) {
    let costs = Arc::clone(guest.host.core.gas.costs());
    guest.host.core.gas = GasCounter::new(costs, Gas::new(gas), Gas::new(10 * PLENTY));
}

/// The guest's memory.
pub(crate) fn memory() -> Vec<u8> {
    let mut memory = vec![0; MEMORY_BYTES];
    let mut put = |at: u64, bytes: &[u8]| {
        memory[at as usize..at as usize + bytes.len()].copy_from_slice(bytes);
    };
    put(TEXT, b"bob.near");
    put(TEXT + 8, &[b'a'; 56]);
    put(COMMAS, &[b','; 64]);
    // A high surrogate cannot follow another one, and two such bytes are not UTF-8.
    put(NO_TEXT, &[0xd8; 128]);
    put(IMPLICIT[0][1], &[b'a'; 64]);
    put(IMPLICIT[1][1], format!("0x{}", "a".repeat(40)).as_bytes());
    put(NUMBERS + 8, &[1]);
    put(MESSAGE - 4, &[2, 0, 0, 0]);
    put(MESSAGE, &[b'a', 0].repeat(16));
    put(FILE_NAME - 4, &[2, 0, 0, 0]);
    put(FILE_NAME, &[b'b', 0].repeat(16));
    put(ONES, &[1; 64]);
    put(LONG_KEY, &[1; 65]);
    for list in POINTS {
        for point in list.starts {
            put(list.at + point, &[list.flags]);
            put(list.at + list.element_len + point, &[list.flags]);
        }
    }
    memory
}

/// An argument with which a function succeeds.
pub(crate) fn good_argument(function: &str, param: &str) -> u64 {
    match param {
        "account_id_len" | "receiver_id_len" | "beneficiary_id_len" => 8,
        "method_name_len" | "method_names_len" | "key_len" | "arguments_len" | "code_len"
        | "prefix_len" | "start_len" | "end_len" => 3,
        "account_id_ptr" | "receiver_id_ptr" | "beneficiary_id_ptr" | "method_name_ptr"
        | "method_names_ptr" | "key_ptr" | "arguments_ptr" | "code_ptr" => TEXT,
        "public_key_len" => 33,
        "sig_len" if function == "ml_dsa_verify" => 3_309,
        "sig_ptr" if function == "ml_dsa_verify" => TEXT,
        "pub_key_len" if function == "ml_dsa_verify" => 1_952,
        "value_len" | "value_ptr" if function.starts_with("bls12381") => {
            let list = POINTS.iter().find(|list| list.function == function).unwrap();
            if param == "value_len" { list.element_len } else { list.at }
        }
        "sig_len" => 64,
        "sig_ptr" => ONES,
        "pub_key_len" if function == "p256_verify" => 33,
        "value_len" if function == "alt_bn128_g1_multiexp" => 96,
        "value_len" if function == "alt_bn128_g1_sum" => 65,
        "value_len" if function == "alt_bn128_pairing_check" => 192,
        "pub_key_len" | "hash_len" | "data_id_len" | "yield_id_len" | "code_hash_len" => 32,
        "msg_len" | "value_len" | "data_len" | "payload_len" => 5,
        "len" => 6,
        "state_init_len" => 10,
        "promise_idx_count" | "opcodes" | "num_nonces" => 1,
        "msg_ptr" if function == "abort" => MESSAGE,
        "ptr" if function == "log_utf16" => MESSAGE,
        "filename_ptr" => FILE_NAME,
        // What is left is zero: indices, registers, nonces, weights, gas, lines, columns.
        name if name.ends_with("_ptr") || name == "ptr" => ZEROS,
        name if name.ends_with("_len") => panic!("{function}: {name}"),
        _ => 0,
    }
}
