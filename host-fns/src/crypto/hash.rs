//! Hash functions: the digest of a value goes to a register.

use gas_meter::CostId;
use sha2::Digest;

use crate::abi::Memory;
use crate::common::{Core, HostError, HostResult, cost, len_u64, read_argument};

/// Bytes that RIPEMD-160 appends to a message: its length.
const RIPEMD_LENGTH_BYTES: u64 = 8;

/// Bytes of a RIPEMD-160 block.
const RIPEMD_BLOCK_BYTES: u64 = 64;

/// Declares hash functions that are charged by the byte.
macro_rules! hashes {
    ($($(#[$meta:meta])* $name:ident = $digest:ty, $base:ident, $byte:ident;)*) => {$(
        $(#[$meta])*
        pub fn $name(
            core: &mut Core,
            memory: &mut Memory<'_>,
            value_len: u64,
            value_ptr: u64,
            register_id: u64,
        ) -> HostResult {
            hash::<$digest>(
                core, memory, value_len, value_ptr, register_id, cost::$base, cost::$byte,
            )
        }
    )*};
}

hashes! {
    /// SHA-256.
    sha256 = sha2::Sha256, SHA256_BASE, SHA256_BYTE;
    /// Keccak-256, the hash of Ethereum.
    keccak256 = sha3::Keccak256, KECCAK256_BASE, KECCAK256_BYTE;
    /// Keccak-512.
    keccak512 = sha3::Keccak512, KECCAK512_BASE, KECCAK512_BYTE;
    /// SHA3-256.
    sha3_256 = sha3::Sha3_256, SHA3_256_BASE, SHA3_256_BYTE;
    /// SHA3-384.
    sha3_384 = sha3::Sha3_384, SHA3_384_BASE, SHA3_384_BYTE;
    /// SHA3-512.
    sha3_512 = sha3::Sha3_512, SHA3_512_BASE, SHA3_512_BYTE;
}

/// RIPEMD-160, charged by the block.
pub fn ripemd160(
    core: &mut Core,
    memory: &mut Memory<'_>,
    value_len: u64,
    value_ptr: u64,
    register_id: u64,
) -> HostResult {
    core.gas.pay(cost::RIPEMD160_BASE)?;
    let value = read_argument(&mut core.gas, &core.registers, memory, value_ptr, value_len)?;
    let padded =
        len_u64(value).checked_add(RIPEMD_LENGTH_BYTES).ok_or(HostError::IntegerOverflow)?;
    let blocks = padded.div_euclid(RIPEMD_BLOCK_BYTES).saturating_add(1);
    core.gas.pay_per(cost::RIPEMD160_BLOCK, blocks)?;
    let digest = ripemd::Ripemd160::digest(value);
    core.set_register(register_id, &digest[..])
}

fn hash<D: Digest>(
    core: &mut Core,
    memory: &Memory<'_>,
    value_len: u64,
    value_ptr: u64,
    register_id: u64,
    base: CostId,
    byte: CostId,
) -> HostResult {
    core.gas.pay(base)?;
    let value = read_argument(&mut core.gas, &core.registers, memory, value_ptr, value_len)?;
    core.gas.pay_per(byte, len_u64(value))?;
    let digest = D::digest(value);
    core.set_register(register_id, &digest[..])
}
