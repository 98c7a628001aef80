//! Ed25519 signature verification.

use ed25519_dalek::{Signature, Verifier, VerifyingKey};

use crate::abi::Memory;
use crate::common::{Core, HostError, HostResult, Primitive, cost, len_u64, read_argument};

/// The bits of a signature's last byte that are never set in a reduced scalar.
const UNREDUCED_SCALAR_BITS: u8 = 0b1110_0000;

/// Whether `signature` signs `message` with `public_key`: 1 or 0. Wrong lengths end the
/// execution, malformed content of the right length is a 0.
pub fn ed25519_verify(
    core: &mut Core,
    memory: &mut Memory<'_>,
    sig_len: u64,
    sig_ptr: u64,
    msg_len: u64,
    msg_ptr: u64,
    pub_key_len: u64,
    pub_key_ptr: u64,
) -> HostResult<u64> {
    core.gas.pay(cost::ED25519_VERIFY_BASE)?;
    let signature = read_argument(&mut core.gas, &core.registers, memory, sig_ptr, sig_len)?;
    let signature: &[u8; 64] =
        signature.try_into().map_err(|_| invalid("invalid signature length"))?;
    if signature[63] & UNREDUCED_SCALAR_BITS != 0 {
        return Ok(0);
    }
    let message = read_argument(&mut core.gas, &core.registers, memory, msg_ptr, msg_len)?;
    core.gas.pay_per(cost::ED25519_VERIFY_BYTE, len_u64(message))?;
    let key = read_argument(&mut core.gas, &core.registers, memory, pub_key_ptr, pub_key_len)?;
    let key: &[u8; 32] = key.try_into().map_err(|_| invalid("invalid public key length"))?;
    let Ok(key) = VerifyingKey::from_bytes(key) else {
        return Ok(0);
    };
    let verified = key.verify(message, &Signature::from_bytes(signature));
    Ok(u64::from(verified.is_ok()))
}

fn invalid(msg: &str) -> HostError {
    HostError::InvalidCryptoInput { primitive: Primitive::Ed25519, msg: msg.to_owned() }
}
