//! ECDSA signature verification over P-256 (secp256r1), the curve of passkeys.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::ecdsa::{Signature, VerifyingKey};

use crate::abi::Memory;
use crate::common::{Core, HostError, HostResult, Primitive, cost, len_u64, read_argument};

/// Bytes of a signature: two scalars.
const SIGNATURE_BYTES: usize = 64;

/// Bytes of a compressed public key.
const KEY_BYTES: usize = 33;

/// Whether `signature` signs the digest `message` with `public_key`: 1 or 0. Wrong lengths end
/// the execution, malformed content of the right length is a 0.
pub fn p256_verify(
    core: &mut Core,
    memory: &mut Memory<'_>,
    sig_len: u64,
    sig_ptr: u64,
    msg_len: u64,
    msg_ptr: u64,
    pub_key_len: u64,
    pub_key_ptr: u64,
) -> HostResult<u64> {
    core.gas.pay(cost::P256_VERIFY_BASE)?;
    let signature = read_argument(&mut core.gas, &core.registers, memory, sig_ptr, sig_len)?;
    if signature.len() != SIGNATURE_BYTES {
        return Err(invalid("invalid signature length"));
    }
    let Ok(signature) = Signature::from_slice(signature) else {
        return Ok(0);
    };
    let message = read_argument(&mut core.gas, &core.registers, memory, msg_ptr, msg_len)?;
    core.gas.pay_per(cost::P256_VERIFY_BYTE, len_u64(message))?;
    let key = read_argument(&mut core.gas, &core.registers, memory, pub_key_ptr, pub_key_len)?;
    if key.len() != KEY_BYTES {
        return Err(invalid("invalid public key length"));
    }
    let Ok(key) = VerifyingKey::from_sec1_bytes(key) else {
        return Ok(0);
    };
    Ok(u64::from(key.verify_prehash(message, &signature).is_ok()))
}

fn invalid(msg: &str) -> HostError {
    HostError::InvalidCryptoInput { primitive: Primitive::P256, msg: msg.to_owned() }
}
