//! The pairing-friendly curve BLS12-381: its points over the base field (`p1`) and over the
//! extension of degree two (`p2`), and their subgroups of prime order (`g1`, `g2`).
//!
//! Coordinates are big-endian, of the extension the coefficient of `u` first; scalars are
//! little-endian. The first byte's upper bits are flags: compressed, infinity, and of a compressed
//! point the sign of `y`. All functions return 0, or 1 when an element is not what it should be.

mod blst;

use std::sync::Arc;

use gas_meter::CostId;

use self::blst::{Curve, G1, G2, P1, P2, product_is_one};
use super::elements::{count, halves, split};
use crate::abi::Memory;
use crate::common::{Core, HostError, HostResult, Primitive, cost, len_u64, read_argument};

/// Bytes of a pair of points for the pairing.
const PAIR_BYTES: usize = 288;

/// Declares functions of a list of elements whose result goes to a register.
macro_rules! functions {
    ($($(#[$meta:meta])* $name:ident($what:literal) = $compute:expr, $base:ident, $element:ident;)*)
    => {$(
        $(#[$meta])*
        pub fn $name(
            core: &mut Core,
            memory: &mut Memory<'_>,
            value_len: u64,
            value_ptr: u64,
            register_id: u64,
        ) -> HostResult<u64> {
            let prices = [cost::$base, cost::$element];
            run(core, memory, value_len, value_ptr, register_id, prices, $what, $compute)
        }
    )*};
}

functions! {
    /// The sum of points with signs: a byte, 1 for minus, and a point.
    bls12381_p1_sum("p1_sum") = sum::<P1, _, _, 97>,
        BLS12381_P1_SUM_BASE, BLS12381_P1_SUM_ELEMENT;
    /// The same over the extension field.
    bls12381_p2_sum("p2_sum") = sum::<P2, _, _, 193>,
        BLS12381_P2_SUM_BASE, BLS12381_P2_SUM_ELEMENT;
    /// The sum of points of G1, each multiplied by a scalar: pairs of a point and a scalar.
    bls12381_g1_multiexp("p1_multiexp") = multiexp::<P1, _, _, 128>,
        BLS12381_G1_MULTIEXP_BASE, BLS12381_G1_MULTIEXP_ELEMENT;
    /// The same in G2.
    bls12381_g2_multiexp("p2_multiexp") = multiexp::<P2, _, _, 224>,
        BLS12381_G2_MULTIEXP_BASE, BLS12381_G2_MULTIEXP_ELEMENT;
    /// Maps each number of the base field to a point of G1, by RFC 9380.
    bls12381_map_fp_to_g1("map_fp_to_g1") = map::<P1, _, _>,
        BLS12381_MAP_FP_TO_G1_BASE, BLS12381_MAP_FP_TO_G1_ELEMENT;
    /// The same from the extension field to G2.
    bls12381_map_fp2_to_g2("map_fp2_to_g2") = map::<P2, _, _>,
        BLS12381_MAP_FP2_TO_G2_BASE, BLS12381_MAP_FP2_TO_G2_ELEMENT;
    /// Writes compressed points out.
    bls12381_p1_decompress("p1_decompress") = decompress::<P1, _, _>,
        BLS12381_P1_DECOMPRESS_BASE, BLS12381_P1_DECOMPRESS_ELEMENT;
    /// The same over the extension field.
    bls12381_p2_decompress("p2_decompress") = decompress::<P2, _, _>,
        BLS12381_P2_DECOMPRESS_BASE, BLS12381_P2_DECOMPRESS_ELEMENT;
}

/// Whether the product of the pairings is one: pairs of a point of G1 and a point of G2. 0 if it
/// is, 2 if it is not.
pub fn bls12381_pairing_check(
    core: &mut Core,
    memory: &mut Memory<'_>,
    value_len: u64,
    value_ptr: u64,
) -> HostResult<u64> {
    core.gas.pay(cost::BLS12381_PAIRING_BASE)?;
    let value = read_argument(&mut core.gas, &core.registers, memory, value_ptr, value_len)?;
    let pairs = count::<PAIR_BYTES>(len_u64(value));
    core.gas.pay_per(cost::BLS12381_PAIRING_ELEMENT, pairs)?;
    let pairs = split::<PAIR_BYTES>(value, |len| wrong_length("pairing_check", len, PAIR_BYTES))?;
    let points = pairs.iter().map(|pair| {
        let (left, right) = halves(pair);
        Some((G1::decode(left)?, G2::decode(right)?))
    });
    Ok(match points.collect::<Option<Vec<_>>>() {
        Some(pairs) if product_is_one(&pairs) => 0,
        Some(_) => 2,
        None => 1,
    })
}

/// Charges by what the guest says of the value's length, computes, and writes the result.
fn run<const N: usize, R: AsRef<[u8]> + Into<Arc<[u8]>>>(
    core: &mut Core,
    memory: &Memory<'_>,
    value_len: u64,
    value_ptr: u64,
    register_id: u64,
    [base, element]: [CostId; 2],
    what: &str,
    compute: impl FnOnce(&[[u8; N]]) -> Option<R>,
) -> HostResult<u64> {
    core.gas.pay(base)?;
    core.gas.pay_per(element, count::<N>(value_len))?;
    let value = read_argument(&mut core.gas, &core.registers, memory, value_ptr, value_len)?;
    let Some(result) = compute(split(value, |len| wrong_length(what, len, N))?) else {
        return Ok(1);
    };
    core.set_register(register_id, result)?;
    Ok(0)
}

fn sum<C: Curve<P, F>, const P: usize, const F: usize, const N: usize>(
    elements: &[[u8; N]],
) -> Option<[u8; P]> {
    let mut sum = C::default();
    for element in elements {
        let (sign, point) = halves(element);
        let point = C::decode(point)?;
        sum.add(&match sign {
            [0] => point,
            [1] => point.negated(),
            _ => return None,
        });
    }
    Some(sum.encode())
}

fn multiexp<C: Curve<P, F>, const P: usize, const F: usize, const N: usize>(
    elements: &[[u8; N]],
) -> Option<[u8; P]> {
    let mut sum = C::default();
    for element in elements {
        let (point, scalar) = halves(element);
        let point = C::decode(point)?;
        if !point.is_in_subgroup() {
            return None;
        }
        sum.add(&point.times(scalar));
    }
    Some(sum.encode())
}

fn map<C: Curve<P, F>, const P: usize, const F: usize>(elements: &[[u8; F]]) -> Option<Vec<u8>> {
    let points = elements.iter().map(|number| Some(C::map(number)?.encode()));
    points.collect::<Option<Vec<_>>>().map(|points| points.concat())
}

fn decompress<C: Curve<P, F>, const P: usize, const F: usize>(
    elements: &[[u8; F]],
) -> Option<Vec<u8>> {
    let points = elements.iter().map(C::decompress);
    points.collect::<Option<Vec<_>>>().map(|points| points.concat())
}

fn wrong_length(what: &str, len: usize, element_len: usize) -> HostError {
    HostError::InvalidCryptoInput {
        primitive: Primitive::Bls12381,
        msg: format!(
            "Incorrect input length for bls12381_{what}: {len} is not divisible by {element_len}"
        ),
    }
}
