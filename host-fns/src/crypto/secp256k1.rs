//! Recovery of the secp256k1 key that made a signature, as Ethereum does it.

use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};

use crate::abi::Memory;
use crate::common::{Core, HostError, HostResult, Primitive, cost, read_argument};

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
    let recovery_id = u8::try_from(v).ok().and_then(RecoveryId::from_byte).ok_or_else(|| {
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
    let signature = Signature::from_slice(signature).ok()?;
    // k256 refuses the higher `s`. Negating `s` and the nonce's point leads to the same key.
    let (signature, recovery_id) = match signature.normalize_s() {
        Some(_) if low_s_only => return None,
        Some(low) => (low, RecoveryId::new(!recovery_id.is_y_odd(), recovery_id.is_x_reduced())),
        None => (signature, recovery_id),
    };
    let key = VerifyingKey::recover_from_prehash(hash, &signature, recovery_id).ok()?;
    key.to_encoded_point(false).as_bytes().get(1..)?.try_into().ok()
}

fn too_long(what: &str, len: usize, limit: usize) -> HostError {
    invalid(format!("The length of the {what}: {len}, exceeds the limit of {limit} bytes"))
}

fn invalid(msg: String) -> HostError {
    HostError::InvalidCryptoInput { primitive: Primitive::EcRecover, msg }
}
