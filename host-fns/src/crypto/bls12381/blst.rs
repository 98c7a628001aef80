//! Safe names for what is used of the library blst. Its functions take pointers to points and to
//! byte strings of fixed lengths; here they are references to arrays, and nothing else in this
//! crate is `unsafe`.
#![allow(unsafe_code, reason = "blst is a C library")]

use std::ptr;

use blst::{
    BLST_ERROR, blst_bendian_from_fp, blst_fp, blst_fp_from_bendian, blst_fp2, blst_fp12,
    blst_map_to_g1, blst_map_to_g2, blst_miller_loop_n, blst_p1, blst_p1_add_or_double,
    blst_p1_affine, blst_p1_affine_in_g1, blst_p1_affine_serialize, blst_p1_cneg,
    blst_p1_deserialize, blst_p1_from_affine, blst_p1_in_g1, blst_p1_mult, blst_p1_to_affine,
    blst_p1_uncompress, blst_p2, blst_p2_add_or_double, blst_p2_affine, blst_p2_affine_in_g2,
    blst_p2_affine_serialize, blst_p2_cneg, blst_p2_deserialize, blst_p2_from_affine,
    blst_p2_in_g2, blst_p2_mult, blst_p2_to_affine, blst_p2_uncompress,
};

/// Bytes of a number of the base field.
const FIELD_BYTES: usize = 48;

/// Bits of a scalar.
const SCALAR_BITS: usize = 256;

/// The flag of a compressed point.
const COMPRESSED: u8 = 0x80;

/// Pairings that share the squarings of their loop: blst works on so many at a time.
const PAIRINGS_AT_ONCE: usize = 16;

/// A point of a curve, written as `POINT` bytes, over a field whose numbers are `FIELD` bytes.
/// A compressed point is one such number.
pub(super) trait Curve<const POINT: usize, const FIELD: usize>: Default {
    /// Reads a point of the curve, in the subgroup or not.
    fn decode(bytes: &[u8; POINT]) -> Option<Self>;

    /// Writes a compressed point of the curve out.
    fn decompress(bytes: &[u8; FIELD]) -> Option<[u8; POINT]>;

    /// The point of the subgroup that stands for a number.
    fn map(number: &[u8; FIELD]) -> Option<Self>;

    /// Writes a point.
    fn encode(&self) -> [u8; POINT];

    /// Whether the point is in the subgroup of prime order.
    fn is_in_subgroup(&self) -> bool;

    /// The point's negative.
    fn negated(self) -> Self;

    /// Adds a point.
    fn add(&mut self, other: &Self);

    /// A point of the subgroup multiplied by a little-endian scalar.
    fn times(&self, scalar: &[u8; 32]) -> Self;
}

/// Implements [`Curve`] by functions of blst, and declares the points of its subgroup.
macro_rules! curve {
    (
        $(#[$meta:meta])* $point:ident($raw:ident) of $bytes:literal bytes,
        $subgroup:ident($affine:ident),
        field $field:ident of $field_bytes:literal bytes, map $map:ident,
        $deserialize:ident $uncompress:ident $serialize:ident $from_affine:ident $to_affine:ident
        $in_subgroup:ident $affine_in_subgroup:ident $cneg:ident $add:ident $mult:ident
    ) => {
        $(#[$meta])*
        #[derive(Default)]
        pub(super) struct $point($raw);

        /// A point of the subgroup.
        pub(super) struct $subgroup($affine);

        impl $subgroup {
            /// Reads a point of the subgroup.
            pub(super) fn decode(bytes: &[u8; $bytes]) -> Option<Self> {
                let affine = $point::decode_affine(bytes)?;
                // SAFETY: blst reads the point, which is initialized.
                unsafe { $affine_in_subgroup(&raw const affine) }.then_some($subgroup(affine))
            }

            fn is_infinity(&self) -> bool {
                self.0 == $affine::default()
            }
        }

        impl $point {
            fn decode_affine(bytes: &[u8; $bytes]) -> Option<$affine> {
                if bytes[0] & COMPRESSED != 0 {
                    return None;
                }
                let mut affine = $affine::default();
                // SAFETY: blst reads as many bytes as the array has, for it is not compressed, and
                // writes the point.
                let result = unsafe { $deserialize(&raw mut affine, bytes.as_ptr()) };
                is_accepted(result).then_some(affine)
            }

            fn encode_affine(affine: &$affine) -> [u8; $bytes] {
                let mut bytes = [0; $bytes];
                // SAFETY: blst reads the point and writes as many bytes as the array has.
                unsafe { $serialize(bytes.as_mut_ptr(), affine) };
                bytes
            }
        }

        impl Curve<$bytes, $field_bytes> for $point {
            fn decode(bytes: &[u8; $bytes]) -> Option<Self> {
                let affine = Self::decode_affine(bytes)?;
                let mut point = $raw::default();
                // SAFETY: blst reads one point and writes the other.
                unsafe { $from_affine(&raw mut point, &raw const affine) };
                Some($point(point))
            }

            fn decompress(bytes: &[u8; $field_bytes]) -> Option<[u8; $bytes]> {
                let mut affine = $affine::default();
                // SAFETY: blst reads as many bytes as the array has and writes the point.
                let result = unsafe { $uncompress(&raw mut affine, bytes.as_ptr()) };
                is_accepted(result).then(|| Self::encode_affine(&affine))
            }

            fn map(number: &[u8; $field_bytes]) -> Option<Self> {
                let number = $field(number)?;
                let mut point = $raw::default();
                // SAFETY: blst reads the number, takes a null for the absent second one, and
                // writes the point.
                unsafe { $map(&raw mut point, &raw const number, ptr::null()) };
                Some($point(point))
            }

            fn encode(&self) -> [u8; $bytes] {
                let mut affine = $affine::default();
                // SAFETY: blst reads one point and writes the other.
                unsafe { $to_affine(&raw mut affine, &raw const self.0) };
                Self::encode_affine(&affine)
            }

            fn is_in_subgroup(&self) -> bool {
                // SAFETY: blst reads the point, which is initialized.
                unsafe { $in_subgroup(&raw const self.0) }
            }

            fn negated(mut self) -> Self {
                // SAFETY: blst reads and writes the one point.
                unsafe { $cneg(&raw mut self.0, true) };
                self
            }

            fn add(&mut self, other: &Self) {
                let sum = &raw mut self.0;
                // SAFETY: blst reads both points before it writes the sum to one of them.
                unsafe { $add(sum, sum, &raw const other.0) };
            }

            fn times(&self, scalar: &[u8; 32]) -> Self {
                let mut product = $raw::default();
                // SAFETY: blst reads the point and as many bits as the array has, and writes the
                // product.
                unsafe {
                    $mult(&raw mut product, &raw const self.0, scalar.as_ptr(), SCALAR_BITS);
                }
                $point(product)
            }
        }
    };
}

curve! {
    /// A point over the base field.
    P1(blst_p1) of 96 bytes, G1(blst_p1_affine), field fp of 48 bytes, map blst_map_to_g1,
    blst_p1_deserialize blst_p1_uncompress blst_p1_affine_serialize
    blst_p1_from_affine blst_p1_to_affine blst_p1_in_g1 blst_p1_affine_in_g1
    blst_p1_cneg blst_p1_add_or_double blst_p1_mult
}

curve! {
    /// A point over the extension field.
    P2(blst_p2) of 192 bytes, G2(blst_p2_affine), field fp2 of 96 bytes, map blst_map_to_g2,
    blst_p2_deserialize blst_p2_uncompress blst_p2_affine_serialize
    blst_p2_from_affine blst_p2_to_affine blst_p2_in_g2 blst_p2_affine_in_g2
    blst_p2_cneg blst_p2_add_or_double blst_p2_mult
}

/// Whether blst read a point of the curve, in the subgroup or not. Only (0, ±2), which are outside
/// of it, it refuses for that: NEAR's rule until nearcore's `bls12381_not_in_group_fix`, which is
/// off at protocol version 88.
fn is_accepted(result: BLST_ERROR) -> bool {
    result == BLST_ERROR::BLST_SUCCESS
}

/// Reads a number of the base field.
fn fp(bytes: &[u8; FIELD_BYTES]) -> Option<blst_fp> {
    let mut number = blst_fp::default();
    let mut reduced = [0; FIELD_BYTES];
    // SAFETY: blst reads and writes the number and as many bytes as the arrays have.
    unsafe {
        blst_fp_from_bendian(&raw mut number, bytes.as_ptr());
        blst_bendian_from_fp(reduced.as_mut_ptr(), &raw const number);
    }
    (reduced == *bytes).then_some(number)
}

/// Reads a number of the extension field.
fn fp2(bytes: &[u8; 2 * FIELD_BYTES]) -> Option<blst_fp2> {
    let (imaginary, real) = super::halves(bytes);
    Some(blst_fp2 { fp: [fp(real)?, fp(imaginary)?] })
}

/// Whether the product of the pairings is one.
#[allow(clippy::arithmetic_side_effects, reason = "products in a field cannot overflow")]
pub(super) fn product_is_one(pairs: &[(G1, G2)]) -> bool {
    // Pairings with infinity are one. The loop below would make them zero.
    let finite = |(left, right): &&(G1, G2)| !left.is_infinity() && !right.is_infinity();
    let pairs: Vec<_> = pairs.iter().filter(finite).collect();
    let mut product = blst_fp12::default();
    for pairs in pairs.chunks(PAIRINGS_AT_ONCE) {
        let lefts: Vec<_> = pairs.iter().map(|(left, _)| &raw const left.0).collect();
        let rights: Vec<_> = pairs.iter().map(|(_, right)| &raw const right.0).collect();
        let mut factor = blst_fp12::default();
        // SAFETY: blst reads as many points as there are pairs, by pointers to each, and writes
        // the product; there is at least one pair.
        unsafe {
            blst_miller_loop_n(&raw mut factor, rights.as_ptr(), lefts.as_ptr(), pairs.len());
        }
        product *= factor;
    }
    product.final_exp() == blst_fp12::default()
}
