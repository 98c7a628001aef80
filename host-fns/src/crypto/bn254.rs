//! The pairing-friendly curve BN254, which Ethereum and NEAR call `alt_bn128`. Numbers are
//! little-endian, points are their two coordinates, and the point at infinity is all zeros.

use bn::arith::U256;
use bn::{AffineG1, AffineG2, Fq, Fq2, Fr, G1, G2, Group, Gt};

use super::elements::{halves, split};
use crate::abi::Memory;
use crate::common::{Core, HostError, HostResult, Primitive, cost, read_argument};

/// Bytes of a number.
const SCALAR_BYTES: usize = 32;

/// Bytes of a point of G1, and of a number of the extension field.
const G1_BYTES: usize = 64;

/// Bytes of a point of G2.
const G2_BYTES: usize = 128;

/// The sum of points, each multiplied by a scalar: pairs of a point and a scalar.
pub fn alt_bn128_g1_multiexp(
    core: &mut Core,
    memory: &mut Memory<'_>,
    value_len: u64,
    value_ptr: u64,
    register_id: u64,
) -> HostResult {
    core.gas.pay(cost::ALT_BN128_G1_MULTIEXP_BASE)?;
    let value = read_argument(&mut core.gas, &core.registers, memory, value_ptr, value_len)?;
    let elements = elements::<96>(value)?;
    core.gas.pay_per(cost::ALT_BN128_G1_MULTIEXP_ELEMENT, count(elements))?;
    let terms = elements
        .iter()
        .map(|element| {
            let (point, scalar) = halves(element);
            Ok((decode_g1(point)?, decode_fr(scalar)?))
        })
        .collect::<HostResult<Vec<_>>>()?;
    core.set_register(register_id, encode_g1(G1::multiexp(&terms)))
}

/// The sum of points with signs: a byte, 1 for minus, and a point.
pub fn alt_bn128_g1_sum(
    core: &mut Core,
    memory: &mut Memory<'_>,
    value_len: u64,
    value_ptr: u64,
    register_id: u64,
) -> HostResult {
    core.gas.pay(cost::ALT_BN128_G1_SUM_BASE)?;
    let value = read_argument(&mut core.gas, &core.registers, memory, value_ptr, value_len)?;
    let elements = elements::<65>(value)?;
    core.gas.pay_per(cost::ALT_BN128_G1_SUM_ELEMENT, count(elements))?;
    let mut sum = G1::zero();
    for element in elements {
        let (sign, point) = halves(element);
        sum = match sign {
            [0] => add(sum, decode_g1(point)?),
            [1] => subtract(sum, decode_g1(point)?),
            other => return Err(invalid("invalid bool", other)),
        };
    }
    core.set_register(register_id, encode_g1(sum))
}

/// Whether the product of the pairings is one: pairs of a point of G1 and a point of G2.
pub fn alt_bn128_pairing_check(
    core: &mut Core,
    memory: &mut Memory<'_>,
    value_len: u64,
    value_ptr: u64,
) -> HostResult<u64> {
    core.gas.pay(cost::ALT_BN128_PAIRING_CHECK_BASE)?;
    let value = read_argument(&mut core.gas, &core.registers, memory, value_ptr, value_len)?;
    let elements = elements::<192>(value)?;
    core.gas.pay_per(cost::ALT_BN128_PAIRING_CHECK_ELEMENT, count(elements))?;
    let pairs = elements
        .iter()
        .map(|element| {
            let (left, right) = halves(element);
            Ok((decode_g1(left)?, decode_g2(right)?))
        })
        .collect::<HostResult<Vec<_>>>()?;
    Ok(u64::from(bn::pairing_batch(&pairs) == Gt::one()))
}

fn elements<const N: usize>(value: &[u8]) -> HostResult<&[[u8; N]]> {
    split(value, |len| {
        refuse(format!("slice of size {len} cannot be precisely split into chunks of size {N}"))
    })
}

fn count<T>(elements: &[T]) -> u64 {
    u64::try_from(elements.len()).unwrap_or(u64::MAX)
}

#[allow(clippy::arithmetic_side_effects, reason = "points of a curve cannot overflow")]
fn add(left: G1, right: G1) -> G1 {
    left + right
}

#[allow(clippy::arithmetic_side_effects, reason = "points of a curve cannot overflow")]
fn subtract(left: G1, right: G1) -> G1 {
    left - right
}

fn decode_g1(raw: &[u8; G1_BYTES]) -> HostResult<G1> {
    let (x, y) = halves(raw);
    let (x, y) = (decode_fq(x)?, decode_fq(y)?);
    if x.is_zero() && y.is_zero() {
        return Ok(G1::zero());
    }
    AffineG1::new(x, y).map(G1::from).map_err(|_| invalid("invalid g1", raw))
}

fn decode_g2(raw: &[u8; G2_BYTES]) -> HostResult<G2> {
    let (x, y) = halves(raw);
    let (x, y) = (decode_fq2(x)?, decode_fq2(y)?);
    if x.is_zero() && y.is_zero() {
        return Ok(G2::zero());
    }
    AffineG2::new(x, y).map(G2::from).map_err(|_| invalid("invalid g2", raw))
}

fn decode_fq2(raw: &[u8; 2 * SCALAR_BYTES]) -> HostResult<Fq2> {
    let (real, imaginary) = halves(raw);
    Ok(Fq2::new(decode_fq(real)?, decode_fq(imaginary)?))
}

fn decode_fq(raw: &[u8; SCALAR_BYTES]) -> HostResult<Fq> {
    Fq::from_u256(decode_u256(raw)).map_err(|_| invalid("invalid fq", raw))
}

fn decode_fr(raw: &[u8; SCALAR_BYTES]) -> HostResult<Fr> {
    Fr::new(decode_u256(raw)).ok_or_else(|| invalid("invalid fr", raw))
}

fn decode_u256(raw: &[u8; SCALAR_BYTES]) -> U256 {
    let (low, high) = halves(raw);
    U256([u128::from_le_bytes(*low), u128::from_le_bytes(*high)])
}

fn encode_g1(point: G1) -> [u8; G1_BYTES] {
    let (x, y) = AffineG1::from_jacobian(point)
        .map_or_else(|| (Fq::zero(), Fq::zero()), |point| (point.x(), point.y()));
    let mut bytes = [0; G1_BYTES];
    let halves = [x, y].into_iter().flat_map(|number| number.into_u256().0);
    for (bytes, half) in bytes.as_chunks_mut::<16>().0.iter_mut().zip(halves) {
        *bytes = half.to_le_bytes();
    }
    bytes
}

fn invalid(what: &str, raw: &[u8]) -> HostError {
    refuse(format!("{what}: {raw:X?}"))
}

fn refuse(msg: String) -> HostError {
    HostError::InvalidCryptoInput { primitive: Primitive::AltBn128, msg }
}
