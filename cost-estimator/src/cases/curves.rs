//! Host functions on curves. Points are made by the functions themselves, each another one.

use std::sync::Arc;

use anyhow::Context;
use host_fns::near::Config;

use super::Bed;
use super::host::{direct, noise};
use super::scene::{Call, answer};
use crate::case::Case;

/// The generator of the second group of `alt_bn128`: the real and the imaginary part of x and of y,
/// little-endian.
const ALT_BN128_G2: &str = "edf692d95cbdde46ddda5ef7d422436779445c5e66006a42761e1f12efde0018\
    c212f3aeb785e49712e7a9353349aaf1255dfb31b7bf60723a480d9293938e19\
    aa7dfa6601cce64c7bd3430c69e7d1e38f40cb8d8071ab4aeb6d8cdba55ec812\
    5b9722d1dcdaac55f38eb37033314bbc95330c69ad999eec75f05f58d0890609";

/// From some points on, sums and multi-exponentiations take the same for each.
const MANY: &[u64] = &[8, 16, 32];
/// What takes milliseconds each.
const FEW: &[u64] = &[1, 3, 6];

/// Makes an element by its number.
type Element = fn(&Arc<Config>, u64) -> anyhow::Result<Vec<u8>>;

/// Function, its two costs, numbers of elements, how an element is made, and whether the result
/// goes to a register.
type Row = (&'static str, [&'static str; 2], &'static [u64], Element, bool);

const ROWS: &[Row] = &[
    (
        "alt_bn128_g1_multiexp",
        ["wasm_alt_bn128_g1_multiexp_base", "wasm_alt_bn128_g1_multiexp_element"],
        MANY,
        bn_scaled,
        true,
    ),
    (
        "alt_bn128_g1_sum",
        ["wasm_alt_bn128_g1_sum_base", "wasm_alt_bn128_g1_sum_element"],
        MANY,
        bn_signed,
        true,
    ),
    (
        "alt_bn128_pairing_check",
        ["wasm_alt_bn128_pairing_check_base", "wasm_alt_bn128_pairing_check_element"],
        FEW,
        bn_pair,
        false,
    ),
    (
        "bls12381_p1_sum",
        ["wasm_bls12381_p1_sum_base", "wasm_bls12381_p1_sum_element"],
        MANY,
        p1_signed,
        true,
    ),
    (
        "bls12381_p2_sum",
        ["wasm_bls12381_p2_sum_base", "wasm_bls12381_p2_sum_element"],
        MANY,
        p2_signed,
        true,
    ),
    (
        "bls12381_g1_multiexp",
        ["wasm_bls12381_g1_multiexp_base", "wasm_bls12381_g1_multiexp_element"],
        FEW,
        g1_scaled,
        true,
    ),
    (
        "bls12381_g2_multiexp",
        ["wasm_bls12381_g2_multiexp_base", "wasm_bls12381_g2_multiexp_element"],
        FEW,
        g2_scaled,
        true,
    ),
    (
        "bls12381_map_fp_to_g1",
        ["wasm_bls12381_map_fp_to_g1_base", "wasm_bls12381_map_fp_to_g1_element"],
        FEW,
        fp,
        true,
    ),
    (
        "bls12381_map_fp2_to_g2",
        ["wasm_bls12381_map_fp2_to_g2_base", "wasm_bls12381_map_fp2_to_g2_element"],
        FEW,
        fp2,
        true,
    ),
    (
        "bls12381_pairing_check",
        ["wasm_bls12381_pairing_base", "wasm_bls12381_pairing_element"],
        FEW,
        bls_pair,
        false,
    ),
    (
        "bls12381_p1_decompress",
        ["wasm_bls12381_p1_decompress_base", "wasm_bls12381_p1_decompress_element"],
        FEW,
        p1_compressed,
        true,
    ),
    (
        "bls12381_p2_decompress",
        ["wasm_bls12381_p2_decompress_base", "wasm_bls12381_p2_decompress_element"],
        FEW,
        p2_compressed,
        true,
    ),
];

pub(super) fn cases(bed: &Bed) -> Vec<Case> {
    let case = |(name, prices, each, element, to_register): &Row| {
        let (config, element, to_register) = (Arc::clone(&bed.host), *element, *to_register);
        direct(bed, name, prices, each, move |count| {
            let mut elements = Vec::new();
            for number in 0..count {
                elements.extend(element(&config, number)?);
            }
            let call = Call::new().bytes(&elements);
            Ok(if to_register { call.number(0).returns(0) } else { call })
        })
    };
    ROWS.iter().map(case).collect()
}

/// A number below the primes of both curves, another one for each place.
fn scalar(number: u64) -> Vec<u8> {
    let mut bytes = noise(32 + number).split_off(usize::try_from(number).unwrap_or(0));
    bytes[31] &= 0x0f;
    bytes
}

fn bn_point(config: &Arc<Config>, number: u64) -> anyhow::Result<Vec<u8>> {
    let mut generator = vec![0; 64];
    (generator[0], generator[32]) = (1, 2);
    generator.extend(scalar(number));
    answer(config, "alt_bn128_g1_multiexp", &generator)
}

fn bn_scaled(config: &Arc<Config>, number: u64) -> anyhow::Result<Vec<u8>> {
    Ok([bn_point(config, number)?, scalar(number + 100)].concat())
}

fn bn_signed(config: &Arc<Config>, number: u64) -> anyhow::Result<Vec<u8>> {
    Ok([vec![sign(number)], bn_point(config, number)?].concat())
}

fn bn_pair(config: &Arc<Config>, number: u64) -> anyhow::Result<Vec<u8>> {
    Ok([bn_point(config, number)?, hex(ALT_BN128_G2)?].concat())
}

fn sign(number: u64) -> u8 {
    u8::from(number % 2 == 1)
}

fn hex(text: &str) -> anyhow::Result<Vec<u8>> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| Ok(u8::try_from(pair[0] * 16 + pair[1])?)).collect()
}

/// An element of the base field of BLS12-381, big-endian.
fn fp(_: &Arc<Config>, number: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = noise(48 + number).split_off(usize::try_from(number)?);
    bytes[0] &= 0x0f;
    Ok(bytes)
}

fn fp2(config: &Arc<Config>, number: u64) -> anyhow::Result<Vec<u8>> {
    Ok([fp(config, number)?, fp(config, number + 100)?].concat())
}

fn g1(config: &Arc<Config>, number: u64) -> anyhow::Result<Vec<u8>> {
    answer(config, "bls12381_map_fp_to_g1", &fp(config, number)?)
}

fn g2(config: &Arc<Config>, number: u64) -> anyhow::Result<Vec<u8>> {
    answer(config, "bls12381_map_fp2_to_g2", &fp2(config, number)?)
}

fn p1_signed(config: &Arc<Config>, number: u64) -> anyhow::Result<Vec<u8>> {
    Ok([vec![sign(number)], g1(config, number)?].concat())
}

fn p2_signed(config: &Arc<Config>, number: u64) -> anyhow::Result<Vec<u8>> {
    Ok([vec![sign(number)], g2(config, number)?].concat())
}

fn g1_scaled(config: &Arc<Config>, number: u64) -> anyhow::Result<Vec<u8>> {
    Ok([g1(config, number)?, scalar(number)].concat())
}

fn g2_scaled(config: &Arc<Config>, number: u64) -> anyhow::Result<Vec<u8>> {
    Ok([g2(config, number)?, scalar(number)].concat())
}

fn bls_pair(config: &Arc<Config>, number: u64) -> anyhow::Result<Vec<u8>> {
    Ok([g1(config, number)?, g2(config, number)?].concat())
}

/// The first coordinate with the bit that says that the second has to be found: there are two, and
/// both are points.
fn compressed(point: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut x = point.get(..point.len() / 2).context("two coordinates")?.to_vec();
    x[0] |= 0x80;
    Ok(x)
}

fn p1_compressed(config: &Arc<Config>, number: u64) -> anyhow::Result<Vec<u8>> {
    compressed(&g1(config, number)?)
}

fn p2_compressed(config: &Arc<Config>, number: u64) -> anyhow::Result<Vec<u8>> {
    compressed(&g2(config, number)?)
}
