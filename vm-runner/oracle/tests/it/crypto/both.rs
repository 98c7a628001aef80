//! A call of a cryptographic function on nearcore's host and on ours, without a module around it:
//! so many can be compared in little time.

use std::rc::Rc;
use std::sync::Arc;

use gas_meter::{Gas, GasCounter};
use host_fns::abi::Memory;
use host_fns::common::{Core, HostResult, registers};
use host_fns::crypto::{bls12381, bn254, ed25519, ml_dsa, p256, secp256k1, signature};
use host_fns::near::NearError;
use near_primitives::account::AccountContract;
use near_primitives::types::{AccountId, Balance, Gas as NearGas};
use near_vm_runner::logic::mocks::mock_external::MockedExternal;
use near_vm_runner::logic::{
    ExecutionResultState, HostCtx, VMContext, VMLogicError, VMOutcome, host,
};
use sandbox_runtime::RuntimeConfig;

/// The register that results go to.
pub(crate) const REGISTER: u64 = 3;

/// Room behind the operands, for results.
const RESULT_BYTES: usize = 16_384;

/// A call of a function.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) memory: Vec<u8>,
    pub(crate) args: Vec<u64>,
}

/// What comes of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) result: Result<u64, String>,
    /// The register's content.
    pub(crate) output: Option<Vec<u8>>,
    pub(crate) burnt: u64,
}

impl Call {
    /// A call with one operand, at the start of memory, and a register.
    pub(crate) fn of_value(name: &'static str, value: Vec<u8>) -> Self {
        let args = [value.len() as u64, 0, REGISTER];
        let arity = if name.ends_with("pairing_check") { 2 } else { 3 };
        Call { name, memory: value, args: args[..arity].to_vec() }
    }

    /// A verification: signature, message, key.
    pub(crate) fn of_signature(name: &'static str, parts: [&[u8]; 3]) -> Self {
        let mut call = Call { name, memory: Vec::new(), args: Vec::new() };
        for part in parts {
            call.args.extend([part.len() as u64, call.memory.len() as u64]);
            call.memory.extend(part);
        }
        call
    }
}

/// Both sides with the prices of one protocol version.
pub(crate) struct Both {
    config: RuntimeConfig,
    context: VMContext,
}

impl Both {
    pub(crate) fn new() -> Self {
        Both { config: RuntimeConfig::new(88).unwrap(), context: context() }
    }

    /// Asserts that both sides agree; returns what they agree on.
    #[track_caller]
    pub(crate) fn agree(&self, call: &Call) -> Outcome {
        let (ours, nears) = (self.ours(call), self.nears(call));
        assert_eq!(ours, nears, "ours (left) and nearcore's (right) on {call:02x?}");
        ours
    }

    fn ours(&self, call: &Call) -> Outcome {
        let config = self.config.host();
        let prepaid = Gas::new(self.context.prepaid_gas.as_gas());
        let gas = GasCounter::new(Arc::clone(&config.costs), prepaid, config.limits.max_gas_burnt);
        let mut core = Core::new(gas, config.common_limits);
        let mut memory = call.memory.clone();
        let result = ours(call.name, &mut core, &mut Memory::new(&mut memory), &call.args).map_err(
            |error| {
                let error = NearError::from(error);
                format!("{error:?}: {error}")
            },
        );
        let output = core.registers.peek(REGISTER).map(<[u8]>::to_vec);
        if output.is_some() {
            let mut room = [0; RESULT_BYTES];
            let mut memory = Memory::new(&mut room);
            registers::read_register(&mut core, &mut memory, REGISTER, 0).unwrap();
        }
        Outcome { result, output, burnt: core.gas.burnt().units() }
    }

    pub(crate) fn nears(&self, call: &Call) -> Outcome {
        let near = self.config.near();
        let gas = self.context.make_gas_counter(&near.wasm_config);
        let state = ExecutionResultState::new(&self.context, gas, Arc::clone(&near.wasm_config));
        let mut external = MockedExternal::new();
        let mut ctx = HostCtx::new(&mut external, &self.context, Arc::clone(&near.fees), state);
        let mut memory = call.memory.clone();
        let result =
            nears(call.name, &mut ctx, &mut memory, &call.args).map_err(|error| match error {
                VMLogicError::HostError(error) => format!("{error:?}: {error}"),
                other => panic!("{call:?}: {other:?}"),
            });
        let output = ctx.register_len_free(REGISTER).map(|len| {
            let mut room = [0; RESULT_BYTES];
            host::read_register(&mut ctx, &mut room, REGISTER, 0).unwrap();
            room[..len as usize].to_vec()
        });
        let outcome = VMOutcome::ok(ctx.into_result_state());
        Outcome { result, output, burnt: outcome.burnt_gas.as_gas() }
    }
}

/// Calls a function with that many arguments.
macro_rules! call {
    (2, $function:expr, $host:ident, $memory:ident, $args:ident) => {
        $function($host, $memory, $args[0], $args[1])
    };
    (3, $function:expr, $host:ident, $memory:ident, $args:ident) => {
        $function($host, $memory, $args[0], $args[1], $args[2])
    };
    (6, $function:expr, $host:ident, $memory:ident, $args:ident) => {
        $function($host, $memory, $args[0], $args[1], $args[2], $args[3], $args[4], $args[5])
    };
    (7, $function:expr, $host:ident, $memory:ident, $args:ident) => {
        $function(
            $host, $memory, $args[0], $args[1], $args[2], $args[3], $args[4], $args[5], $args[6],
        )
    };
}

/// Declares the functions of both sides by name, with their number of parameters.
macro_rules! functions {
    ($($arity:tt $name:ident = $ours:expr;)+) => {
        fn ours(
            name: &str,
            core: &mut Core,
            memory: &mut Memory<'_>,
            args: &[u64],
        ) -> HostResult<u64> {
            match name {
                $(stringify!($name) => call!($arity, $ours, core, memory, args).map(Bits::bits),)+
                _ => panic!("{name} is not a function of cryptography"),
            }
        }

        fn nears(
            name: &str,
            ctx: &mut HostCtx<'_>,
            memory: &mut [u8],
            args: &[u64],
        ) -> Result<u64, VMLogicError> {
            match name {
                $(stringify!($name) => {
                    call!($arity, host::$name, ctx, memory, args).map(Bits::bits)
                })+
                _ => panic!("{name} is not a function of cryptography"),
            }
        }
    };
}

functions! {
    2 alt_bn128_pairing_check = bn254::alt_bn128_pairing_check;
    2 bls12381_pairing_check = bls12381::bls12381_pairing_check;
    3 alt_bn128_g1_multiexp = bn254::alt_bn128_g1_multiexp;
    3 alt_bn128_g1_sum = bn254::alt_bn128_g1_sum;
    3 bls12381_p1_sum = bls12381::bls12381_p1_sum;
    3 bls12381_p2_sum = bls12381::bls12381_p2_sum;
    3 bls12381_g1_multiexp = bls12381::bls12381_g1_multiexp;
    3 bls12381_g2_multiexp = bls12381::bls12381_g2_multiexp;
    3 bls12381_map_fp_to_g1 = bls12381::bls12381_map_fp_to_g1;
    3 bls12381_map_fp2_to_g2 = bls12381::bls12381_map_fp2_to_g2;
    3 bls12381_p1_decompress = bls12381::bls12381_p1_decompress;
    3 bls12381_p2_decompress = bls12381::bls12381_p2_decompress;
    6 ed25519_verify = signature::verify::<ed25519::Ed25519>;
    6 p256_verify = signature::verify::<p256::P256>;
    6 ml_dsa_verify = signature::verify::<ml_dsa::MlDsa65>;
    7 ecrecover = secp256k1::ecrecover;
}

/// What a function returns, as an engine sees it.
trait Bits {
    fn bits(self) -> u64;
}

impl Bits for () {
    fn bits(self) -> u64 {
        0
    }
}

impl Bits for u64 {
    fn bits(self) -> u64 {
        self
    }
}

/// A call with as much gas as there is; the rest is of no importance here.
fn context() -> VMContext {
    let account: AccountId = "alice.near".parse().unwrap();
    VMContext {
        current_account_id: account.clone(),
        signer_account_id: account.clone(),
        signer_account_pk: Vec::new(),
        predecessor_account_id: account.clone(),
        refund_to_account_id: account,
        input: Rc::from([]),
        #[allow(clippy::arc_with_non_send_sync, reason = "the type is nearcore's")]
        promise_results: Arc::new([]),
        block_height: 0,
        block_timestamp: 0,
        epoch_height: 0,
        account_balance: Balance::ZERO,
        account_locked_balance: Balance::ZERO,
        storage_usage: 0,
        account_contract: AccountContract::None,
        attached_deposit: Balance::ZERO,
        prepaid_gas: NearGas::from_gas(1_000_000_000_000_000),
        random_seed: Vec::new(),
        view_config: None,
        output_data_receivers: Vec::new(),
    }
}
