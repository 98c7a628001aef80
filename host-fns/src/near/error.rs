//! [`NearError`]: NEAR's names for the refusals of host functions, and what users read of them
//! (nearcore `near-vm-runner`'s `HostError`). Names and texts are part of the protocol's JSON, so
//! they start with a capital letter and some end with a full stop.

use gas_meter::OutOfGas;

use crate::abi::{Abort, OutOfBounds};
use crate::common::{HostError, Primitive};

/// Why a host function of NEAR refused a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each variant and its fields are explained by their message")]
pub enum NearError {
    #[error("String encoding is bad UTF-16 sequence.")]
    BadUTF16,
    #[error("String encoding is bad UTF-8 sequence.")]
    BadUTF8,
    #[error("Exceeded the prepaid gas.")]
    GasExceeded,
    #[error("Exceeded the maximum amount of gas allowed to burn per contract.")]
    GasLimitExceeded,
    #[error("Exceeded the account balance.")]
    BalanceExceeded,
    #[error("Tried to call an empty method name.")]
    EmptyMethodName,
    #[error("Smart contract panicked: {panic_msg}")]
    GuestPanic { panic_msg: String },
    #[error("Integer overflow.")]
    IntegerOverflow,
    #[error("{promise_idx} does not correspond to existing promises")]
    InvalidPromiseIndex { promise_idx: u64 },
    #[error("Actions can only be appended to non-joint promise.")]
    CannotAppendActionToJointPromise,
    #[error("Returning joint promise is currently prohibited.")]
    CannotReturnJointPromise,
    #[error("Setting refund_to on a joint promise is prohibited.")]
    CannotSetRefundToOnJointPromise,
    #[error("Accessed invalid promise result index: {result_idx}")]
    InvalidPromiseResultIndex { result_idx: u64 },
    #[error("Accessed invalid register id: {register_id}")]
    InvalidRegisterId { register_id: u64 },
    #[error("Accessed memory outside the bounds.")]
    MemoryAccessViolation,
    #[error("VM Logic returned an invalid account id")]
    InvalidAccountId,
    #[error("VM Logic returned an invalid method name")]
    InvalidMethodName,
    #[error("VM Logic provided an invalid public key")]
    InvalidPublicKey,
    #[error("{method_name} is not allowed in view calls")]
    ProhibitedInView { method_name: String },
    #[error("The number of logs will exceed the limit {limit}")]
    NumberOfLogsExceeded { limit: u64 },
    #[error("The length of a storage key {length} exceeds the limit {limit}")]
    KeyLengthExceeded { length: u64, limit: u64 },
    #[error("The length of a storage value {length} exceeds the limit {limit}")]
    ValueLengthExceeded { length: u64, limit: u64 },
    #[error("The length of a log message {length} exceeds the limit {limit}")]
    TotalLogLengthExceeded { length: u64, limit: u64 },
    #[error(
        "The number of promises within a FunctionCall {number_of_promises} exceeds the limit \
         {limit}"
    )]
    NumberPromisesExceeded { number_of_promises: u64, limit: u64 },
    #[error(
        "The number of input data dependencies {number_of_input_data_dependencies} exceeds the \
         limit {limit}"
    )]
    NumberInputDataDependenciesExceeded { number_of_input_data_dependencies: u64, limit: u64 },
    #[error("The length of a returned value {length} exceeds the limit {limit}")]
    ReturnedValueLengthExceeded { length: u64, limit: u64 },
    #[error(
        "The size of a contract code in DeployContract action {size} exceeds the limit {limit}"
    )]
    ContractSizeExceeded { size: u64, limit: u64 },
    #[error("Attempted to call deprecated host function {method_name}")]
    Deprecated { method_name: String },
    #[error("ECDSA recover error: {msg}")]
    ECRecoverError { msg: String },
    #[error("AltBn128 invalid input: {msg}")]
    AltBn128InvalidInput { msg: String },
    #[error("ED25519 signature verification error: {msg}")]
    Ed25519VerifyInvalidInput { msg: String },
    #[error("P256 signature verification error: {msg}")]
    P256VerifyInvalidInput { msg: String },
    #[error("ML-DSA-65 signature verification error: {msg}")]
    MlDsaVerifyInvalidInput { msg: String },
    #[error("BLS12-381 invalid input: {msg}")]
    BLS12381InvalidInput { msg: String },
    #[error("Yield resume payload is {length} bytes which exceeds the {limit} byte limit")]
    YieldPayloadLength { length: u64, limit: u64 },
    #[error("yield resumption token is malformed")]
    DataIdMalformed,
    #[error("yield id is malformed")]
    YieldIdMalformed,
    #[error(
        "Size of the recorded trie storage proof has exceeded the allowed limit ({})",
        decimal_size(*limit)
    )]
    RecordedStorageExceeded { limit: u64 },
    #[error("contract code hash is malformed")]
    ContractCodeHashMalformed,
    #[error(
        "Action {action_index} in receipt {receipt_index} does not exist or has the wrong type of \
         action."
    )]
    InvalidActionIndex { receipt_index: u64, action_index: u64 },
    #[error("Data entry for given key already exists")]
    DataEntryAlreadyExists,
}

/// A size as users read it: `512 B`, `4.0 MB`; a unit is a thousand of the smaller one.
fn decimal_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes.saturating_add(50).div_euclid(100);
    let mut unit = 0usize;
    while tenths >= 10_000 {
        tenths = tenths.saturating_add(500).div_euclid(1_000);
        unit = unit.saturating_add(1);
    }
    format!("{}.{} {}", tenths.div_euclid(10), tenths.rem_euclid(10), UNITS[unit])
}

impl From<OutOfGas> for NearError {
    fn from(why: OutOfGas) -> Self {
        match why {
            OutOfGas::Prepaid => NearError::GasExceeded,
            OutOfGas::Limit => NearError::GasLimitExceeded,
            OutOfGas::Overflow => NearError::IntegerOverflow,
        }
    }
}

impl From<HostError> for NearError {
    fn from(error: HostError) -> Self {
        match error {
            HostError::OutOfGas(why) => why.into(),
            HostError::MemoryAccessViolation => NearError::MemoryAccessViolation,
            HostError::IntegerOverflow => NearError::IntegerOverflow,
            HostError::InvalidRegisterId { register_id } => {
                NearError::InvalidRegisterId { register_id }
            }
            HostError::BadUtf8 => NearError::BadUTF8,
            HostError::BadUtf16 => NearError::BadUTF16,
            HostError::NumberOfLogsExceeded { limit } => NearError::NumberOfLogsExceeded { limit },
            HostError::TotalLogLengthExceeded { length, limit } => {
                NearError::TotalLogLengthExceeded { length, limit }
            }
            HostError::ReturnedValueLengthExceeded { length, limit } => {
                NearError::ReturnedValueLengthExceeded { length, limit }
            }
            HostError::GuestPanic { panic_msg } => NearError::GuestPanic { panic_msg },
            HostError::InvalidCryptoInput { primitive, msg } => match primitive {
                Primitive::Ed25519 => NearError::Ed25519VerifyInvalidInput { msg },
                Primitive::EcRecover => NearError::ECRecoverError { msg },
                Primitive::P256 => NearError::P256VerifyInvalidInput { msg },
                Primitive::MlDsa => NearError::MlDsaVerifyInvalidInput { msg },
                Primitive::AltBn128 => NearError::AltBn128InvalidInput { msg },
                Primitive::Bls12381 => NearError::BLS12381InvalidInput { msg },
            },
        }
    }
}

impl From<NearError> for Abort<NearError> {
    fn from(error: NearError) -> Self {
        Abort::Guest(error)
    }
}

impl From<HostError> for Abort<NearError> {
    fn from(error: HostError) -> Self {
        Abort::Guest(error.into())
    }
}

impl From<OutOfGas> for Abort<NearError> {
    fn from(why: OutOfGas) -> Self {
        Abort::Guest(why.into())
    }
}

impl From<OutOfBounds> for Abort<NearError> {
    fn from(_: OutOfBounds) -> Self {
        Abort::Guest(NearError::MemoryAccessViolation)
    }
}
