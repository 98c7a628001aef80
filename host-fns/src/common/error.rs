//! [`HostError`]: how the neutral functions refuse a guest's call. A chain maps it to its own
//! names.

use gas_meter::OutOfGas;

use crate::abi::OutOfBounds;

/// Why a neutral host function refused a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// A charge did not fit.
    #[error(transparent)]
    OutOfGas(#[from] OutOfGas),
    /// Bytes outside the guest's memory, or a register beyond its limits.
    #[error("accessed memory outside the bounds")]
    MemoryAccessViolation,
    /// An amount does not fit its type.
    #[error("integer overflow")]
    IntegerOverflow,
    /// The register was never written.
    #[error("accessed invalid register id: {register_id}")]
    InvalidRegisterId {
        /// The register.
        register_id: u64,
    },
    /// Bytes that should be text are not UTF-8.
    #[error("string encoding is bad UTF-8 sequence")]
    BadUtf8,
    /// Bytes that should be text are not UTF-16.
    #[error("string encoding is bad UTF-16 sequence")]
    BadUtf16,
    /// The guest has written all the logs it may.
    #[error("the number of logs will exceed the limit {limit}")]
    NumberOfLogsExceeded {
        /// Logs that one execution may write.
        limit: u64,
    },
    /// The guest's logs or messages are too long together.
    #[error("the length of a log message {length} exceeds the limit {limit}")]
    TotalLogLengthExceeded {
        /// Bytes of all logs with the one that was refused.
        length: u64,
        /// Bytes that all logs together may have.
        limit: u64,
    },
    /// The returned value is too long.
    #[error("the length of a returned value {length} exceeds the limit {limit}")]
    ReturnedValueLengthExceeded {
        /// Bytes of the value.
        length: u64,
        /// Bytes that a value may have.
        limit: u64,
    },
    /// The guest gave up.
    #[error("smart contract panicked: {panic_msg}")]
    GuestPanic {
        /// What the guest said.
        panic_msg: String,
    },
    /// Input of a cryptographic function that has not even the right form.
    #[error("{primitive:?}: {msg}")]
    InvalidCryptoInput {
        /// The function's primitive.
        primitive: Primitive,
        /// What is wrong.
        msg: String,
    },
}

/// The cryptographic primitives that can refuse their input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Primitive {
    /// Ed25519 signatures.
    Ed25519,
    /// Recovery of a secp256k1 key from a signature.
    EcRecover,
    /// ECDSA signatures over P-256.
    P256,
    /// ML-DSA-65 signatures.
    MlDsa,
    /// The pairing-friendly curve `alt_bn128`.
    AltBn128,
    /// The pairing-friendly curve BLS12-381.
    Bls12381,
}

impl From<OutOfBounds> for HostError {
    fn from(_: OutOfBounds) -> Self {
        HostError::MemoryAccessViolation
    }
}
