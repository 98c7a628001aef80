//! Verification of signatures: what is the same for every [`Scheme`].

use gas_meter::CostId;

use crate::abi::Memory;
use crate::common::{Core, HostError, HostResult, Primitive, len_u64, read_argument};

/// A way to sign.
pub trait Scheme {
    /// Whose name refusals carry.
    const PRIMITIVE: Primitive;
    /// What a verification costs.
    const BASE: CostId;
    /// What a byte of the message costs.
    const BYTE: CostId;

    /// A signature that is well-formed.
    type Signature<'a>;
    /// A public key that is well-formed.
    type Key<'a>;

    /// Parses a signature. Malformed ones of the right length are `None`, and verify nothing.
    ///
    /// # Errors
    /// Why the length is wrong.
    fn signature(bytes: &[u8]) -> Result<Option<Self::Signature<'_>>, String>;

    /// Parses a public key; the same rules.
    ///
    /// # Errors
    /// Why the length is wrong.
    fn key(bytes: &[u8]) -> Result<Option<Self::Key<'_>>, String>;

    /// Whether `signature` signs `message` with `key`.
    fn verifies(key: &Self::Key<'_>, message: &[u8], signature: &Self::Signature<'_>) -> bool;
}

/// Whether a signature signs a message with a public key: 1 or 0. Wrong lengths end the
/// execution, malformed content of the right length is a 0.
pub fn verify<S: Scheme>(
    core: &mut Core,
    memory: &mut Memory<'_>,
    sig_len: u64,
    sig_ptr: u64,
    msg_len: u64,
    msg_ptr: u64,
    pub_key_len: u64,
    pub_key_ptr: u64,
) -> HostResult<u64> {
    let invalid = |msg| HostError::InvalidCryptoInput { primitive: S::PRIMITIVE, msg };
    core.gas.pay(S::BASE)?;
    let signature = read_argument(&mut core.gas, &core.registers, memory, sig_ptr, sig_len)?;
    let Some(signature) = S::signature(signature).map_err(invalid)? else {
        return Ok(0);
    };
    let message = read_argument(&mut core.gas, &core.registers, memory, msg_ptr, msg_len)?;
    core.gas.pay_per(S::BYTE, len_u64(message))?;
    let key = read_argument(&mut core.gas, &core.registers, memory, pub_key_ptr, pub_key_len)?;
    let Some(key) = S::key(key).map_err(invalid)? else {
        return Ok(0);
    };
    Ok(u64::from(S::verifies(&key, message, &signature)))
}
