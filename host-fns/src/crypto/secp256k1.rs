//! Recovery of the secp256k1 key that made a signature, as Ethereum does it.

use std::sync::LazyLock;

use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, Secp256k1, VerifyOnly};

use crate::abi::Memory;
use crate::common::{Core, HostError, HostResult, Primitive, cost, read_argument};

/// Half of the group's order, big-endian: the greater of the two possible `s` are above it.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

static CONTEXT: LazyLock<Secp256k1<VerifyOnly>> = LazyLock::new(Secp256k1::verification_only);

/// Recovers the key from a digest, a signature (`r` and `s`) and `v`, and puts it without its tag
/// to a register. 1, or 0 when there is no such key. With a `malleability_flag` of 1 only the
/// lower of the two possible `s` counts.
pub fn ecrecover(
    core: &mut Core,
    memory: &mut Memory<'_>,
    hash_len: u64,
    hash_ptr: u64,
    sig_len: u64,
    sig_ptr: u64,
    v: u64,
    malleability_flag: u64,
    register_id: u64,
) -> HostResult<u64> {
    core.gas.pay(cost::ECRECOVER_BASE)?;
    let signature = read_argument(&mut core.gas, &core.registers, memory, sig_ptr, sig_len)?;
    let signature: [u8; 64] =
        signature.try_into().map_err(|_| too_long("signature", signature.len(), 64))?;
    let recovery_id = i32::try_from(v).ok().and_then(|v| RecoveryId::from_i32(v).ok());
    let recovery_id = recovery_id.ok_or_else(|| {
        invalid(format!("V recovery byte 0 through 3 are valid but was provided {v}"))
    })?;
    let hash = read_argument(&mut core.gas, &core.registers, memory, hash_ptr, hash_len)?;
    let hash: [u8; 32] = hash.try_into().map_err(|_| too_long("hash", hash.len(), 32))?;
    if malleability_flag > 1 {
        return Err(invalid(format!(
            "Malleability flag needs to be 0 or 1, but is instead {malleability_flag}"
        )));
    }
    match recover(&signature, recovery_id, &hash, malleability_flag == 1) {
        Some(key) => {
            core.set_register(register_id, key)?;
            Ok(1)
        }
        None => Ok(0),
    }
}

fn recover(
    signature: &[u8; 64],
    recovery_id: RecoveryId,
    hash: &[u8; 32],
    low_s_only: bool,
) -> Option<[u8; 64]> {
    if low_s_only && signature[32..] > HALF_ORDER[..] {
        return None;
    }
    let signature = RecoverableSignature::from_compact(signature, recovery_id).ok()?;
    let digest = Message::from_slice(hash).ok()?;
    let key = CONTEXT.recover_ecdsa(&digest, &signature).ok()?.serialize_uncompressed();
    key.last_chunk().copied()
}

fn too_long(what: &str, len: usize, limit: usize) -> HostError {
    invalid(format!("The length of the {what}: {len}, exceeds the limit of {limit} bytes"))
}

fn invalid(msg: String) -> HostError {
    HostError::InvalidCryptoInput { primitive: Primitive::EcRecover, msg }
}
