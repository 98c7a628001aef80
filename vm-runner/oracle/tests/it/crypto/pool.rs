//! Elements of the operands of curves and signatures, good ones and bad ones of every kind.
//! Points are found with nearcore's own functions, so that no library of curves is needed here.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use near_crypto::{KeyType, SecretKey, Signature};

use super::both::{Both, Call};

/// The prime of BLS12-381's base field.
const BLS_PRIME: &str = "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf\
                         6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";

/// The order of its subgroups.
const BLS_ORDER: &str = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";

/// The prime of `alt_bn128`'s base field.
const BN_PRIME: &str = "30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47";

/// The order of its group.
const BN_ORDER: &str = "30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";

/// Elements of one function's lists.
#[derive(Default)]
pub(crate) struct Elements {
    /// Elements that the function accepts.
    pub(crate) good: Vec<Vec<u8>>,
    /// Elements of the right length that it does not, each wrong in another way.
    pub(crate) bad: Vec<Vec<u8>>,
}

impl Elements {
    /// The elements of this and of `other` behind each other; wrong in one of them.
    fn with(&self, other: &Elements) -> Elements {
        let longest = self.good.len().max(other.good.len());
        let pair = |left: &[u8], right: &[u8]| [left, right].concat();
        let both = self.good.iter().cycle().zip(other.good.iter().cycle()).take(longest);
        let (left, right) = (&self.good[0], &other.good[0]);
        Elements {
            good: both.map(|(left, right)| pair(left, right)).collect(),
            bad: (self.bad.iter().map(|bad| pair(bad, right)))
                .chain(other.bad.iter().map(|bad| pair(left, bad)))
                .collect(),
        }
    }
}

/// The elements of every function that takes a list of them.
pub(crate) static ELEMENTS: LazyLock<BTreeMap<&'static str, Elements>> = LazyLock::new(|| {
    let near = Near(Both::new());
    let signs = Elements { good: vec![vec![0], vec![1]], bad: vec![vec![2], vec![0xff]] };
    let [bls, bn] = [bls_scalars(), bn_scalars()];
    let [p1, g1] = bls_points(&near, &P1);
    let [p2, g2] = bls_points(&near, &P2);
    let [bn1, bn2] = bn_points(&near);
    BTreeMap::from([
        ("alt_bn128_g1_sum", signs.with(&bn1)),
        ("alt_bn128_g1_multiexp", bn1.with(&bn)),
        ("alt_bn128_pairing_check", bn1.with(&bn2)),
        ("bls12381_p1_sum", signs.with(&p1)),
        ("bls12381_p2_sum", signs.with(&p2)),
        ("bls12381_g1_multiexp", g1.with(&bls)),
        ("bls12381_g2_multiexp", g2.with(&bls)),
        ("bls12381_pairing_check", g1.with(&g2)),
        ("bls12381_map_fp_to_g1", bls_numbers(&P1)),
        ("bls12381_map_fp2_to_g2", bls_numbers(&P2)),
        ("bls12381_p1_decompress", bls_compressed(&near, &P1)),
        ("bls12381_p2_decompress", bls_compressed(&near, &P2)),
    ])
});

/// A signature with ML-DSA-65 of [`MESSAGE`], and its key.
pub(crate) static ML_DSA: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let key = SecretKey::from_seed(KeyType::MLDSA65, "oracle");
    let Signature::MLDSA65(signature) = key.sign(MESSAGE) else { panic!("another signature") };
    // In borsh, a byte of a tag is in front.
    let public_key = borsh::to_vec(&key.public_key()).unwrap();
    [signature.0.to_vec(), public_key[1..].to_vec()]
});

/// A message that was signed.
pub(crate) const MESSAGE: &[u8] = b"a message";

/// Calls nearcore's functions to compute something.
struct Near(Both);

impl Near {
    fn compute(&self, name: &'static str, parts: &[&[u8]]) -> Option<Vec<u8>> {
        let outcome = self.0.nears(&Call::of_value(name, parts.concat()));
        outcome.result.is_ok_and(|refused| refused == 0).then_some(outcome.output?)
    }
}

/// The functions and sizes of one of BLS12-381's curves.
struct Curve {
    field_bytes: usize,
    sum: &'static str,
    map: &'static str,
    decompress: &'static str,
    multiexp: &'static str,
}

const P1: Curve = Curve {
    field_bytes: 48,
    sum: "bls12381_p1_sum",
    map: "bls12381_map_fp_to_g1",
    decompress: "bls12381_p1_decompress",
    multiexp: "bls12381_g1_multiexp",
};

const P2: Curve = Curve {
    field_bytes: 96,
    sum: "bls12381_p2_sum",
    map: "bls12381_map_fp2_to_g2",
    decompress: "bls12381_p2_decompress",
    multiexp: "bls12381_g2_multiexp",
};

/// Points of a curve, and of its subgroup.
fn bls_points(near: &Near, curve: &Curve) -> [Elements; 2] {
    let point = |seed| near.compute(curve.map, &[&number(seed, curve.field_bytes)]).unwrap();
    let negative = |point: &[u8]| near.compute(curve.sum, &[&[1], point]).unwrap();
    let infinity = flagged(&vec![0; 2 * curve.field_bytes], 0x40);
    let mut group = vec![point(1), point(2), infinity.clone(), point(3)];
    group.push(negative(&group[0]));
    group.push(group[0].clone());

    let outside: Vec<Vec<u8>> = (0..)
        .filter_map(|seed| {
            near.compute(curve.decompress, &[&flagged(&number(seed, curve.field_bytes), 0x80)])
        })
        .filter(|point| near.compute(curve.multiexp, &[point, &[1; 32]]).is_none())
        .take(2)
        .collect();

    let good = &group[0];
    let mut bad = vec![vec![0; good.len()], flipped(good, 5), flipped(good, good.len() - 1)];
    // A flag too many, infinity with something in it, and coordinates from the prime on.
    bad.extend([0x80, 0x40, 0x20, 0xc0, 0xe0].map(|flag| flagged(good, flag)));
    bad.extend([0x80, 0x20].map(|flag| flagged(&infinity, flag)));
    bad.push(flipped(&infinity, infinity.len() - 1));
    for at in (0..good.len()).step_by(48) {
        let mut point = good.clone();
        point[at..at + 48].copy_from_slice(&hex(BLS_PRIME));
        bad.push(point);
    }
    // (0, 2) over the base field is on the curve, and of order three.
    if curve.field_bytes == 48 {
        bad.push([&[0; 95][..], &[2]].concat());
    }
    // A compressed form, in the place of a whole point.
    bad.push([flagged(&good[..curve.field_bytes], 0x80), vec![0; curve.field_bytes]].concat());

    let points = Elements { good: [&group[..], &outside].concat(), bad: bad.clone() };
    [points, Elements { good: group, bad: [bad, outside].concat() }]
}

/// Numbers of a curve's field.
fn bls_numbers(curve: &Curve) -> Elements {
    let halves = Elements {
        good: vec![number(1, 48), vec![0; 48], below(&hex(BLS_PRIME)), number(2, 48)],
        bad: vec![hex(BLS_PRIME), vec![0xff; 48], flagged(&number(1, 48), 0x20)],
    };
    if curve.field_bytes == 48 { halves } else { halves.with(&halves) }
}

/// Compressed points.
fn bls_compressed(near: &Near, curve: &Curve) -> Elements {
    let zero = vec![0; curve.field_bytes];
    let mut compressed = Elements::default();
    for seed in 0..6 {
        for sign in [0x80, 0xa0] {
            let point = flagged(&number(seed, curve.field_bytes), sign);
            let on_curve = near.compute(curve.decompress, &[&point]).is_some();
            let list = if on_curve { &mut compressed.good } else { &mut compressed.bad };
            list.push(point);
        }
    }
    compressed.good.push(flagged(&zero, 0xc0));
    let good = compressed.good[0].clone();
    compressed.bad.extend([0, 0x40, 0x80, 0xa0, 0xe0].map(|flags| flagged(&zero, flags)));
    compressed.bad.extend([flagged(&good, 0x40), good.iter().map(|byte| byte & 0x1f).collect()]);
    compressed.bad.push(flagged(&[hex(BLS_PRIME), vec![0; curve.field_bytes - 48]].concat(), 0x80));
    compressed
}

/// Scalars: all are allowed, also those from the order on.
fn bls_scalars() -> Elements {
    let order: Vec<u8> = hex(BLS_ORDER).into_iter().rev().collect();
    let mut less = order.clone();
    less[0] -= 1;
    let one = [&[1][..], &[0; 31]].concat();
    let good = vec![number(7, 32), one, vec![0; 32], less, order, vec![0xff; 32], number(8, 32)];
    Elements { good, bad: Vec::new() }
}

fn bn_scalars() -> Elements {
    let order: Vec<u8> = hex(BN_ORDER).into_iter().rev().collect();
    let mut less = order.clone();
    less[0] -= 1;
    let one = [&[1][..], &[0; 31]].concat();
    let good = vec![number(7, 31), number(9, 31)];
    let mut good: Vec<Vec<u8>> = good.into_iter().map(|bytes| [bytes, vec![0]].concat()).collect();
    good.extend([one, vec![0; 32], less]);
    Elements { good, bad: vec![order, vec![0xff; 32]] }
}

/// Points of `alt_bn128`: of G1, and of G2.
fn bn_points(near: &Near) -> [Elements; 2] {
    let little = |text: &str| hex(text).into_iter().rev().collect::<Vec<u8>>();
    let small = |value: u8| [&[value][..], &[0; 31]].concat();
    let one = [small(1), small(2)].concat();
    let multiple = |seed| {
        let scalar = [number(seed, 31), vec![0]].concat();
        near.compute("alt_bn128_g1_multiexp", &[&one, &scalar]).unwrap()
    };
    let minus = near.compute("alt_bn128_g1_sum", &[&[1], &one]).unwrap();
    let good = vec![one.clone(), multiple(1), vec![0; 64], minus, multiple(2), one.clone()];
    let bad = vec![
        flipped(&one, 0),
        flipped(&good[1], 63),
        [small(0), small(1)].concat(),
        [little(BN_PRIME), small(2)].concat(),
        [small(1), vec![0xff; 32]].concat(),
    ];
    let first = Elements { good, bad };

    // The generator, its negative, and one that is on the curve but not in the subgroup.
    let numbers = |texts: [&str; 4]| texts.map(little).concat();
    let real = "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed";
    let imaginary = "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2";
    let two = numbers([
        real,
        imaginary,
        "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa",
        "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b",
    ]);
    let minus = numbers([
        real,
        imaginary,
        "1d9befcd05a5323e6da4d435f3b617cdb3af83285c2df711ef39c01571827f9d",
        "275dc4a288d1afb3cbb1ac09187524c7db36395df7be3b99e673b13a075a65ec",
    ]);
    let mut bad = vec![flipped(&two, 1), flipped(&two, 127), outside_bn()];
    for at in (0..128).step_by(32) {
        let mut point = two.clone();
        point[at..at + 32].copy_from_slice(&little(BN_PRIME));
        bad.push(point);
    }
    [first, Elements { good: vec![two, vec![0; 128], minus], bad }]
}

/// A point on the curve of `alt_bn128`'s G2 outside of G2.
fn outside_bn() -> Vec<u8> {
    let number = |value| bn::Fq::from_u256(value).unwrap();
    let points = (1..).filter_map(|at: u128| {
        let x = bn::Fq2::new(number(bn::arith::U256([at, 0])), bn::Fq::one());
        let y = (x * x * x + bn::G2::b()).sqrt()?;
        bn::AffineG2::new(x, y).is_err().then_some([x, y])
    });
    let [x, y] = points.take(1).next().unwrap();
    [x.real(), x.imaginary(), y.real(), y.imaginary()]
        .into_iter()
        .flat_map(|number| number.into_u256().0)
        .flat_map(u128::to_le_bytes)
        .collect()
}

/// Bytes that depend on nothing but a seed. The first is small, so that big-endian numbers are
/// below BLS12-381's prime.
fn number(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes: Vec<u8> = (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect();
    for byte in bytes.iter_mut().step_by(48) {
        *byte &= 0x0f;
    }
    bytes
}

/// A big-endian number less one; its last byte is not zero.
fn below(bytes: &[u8]) -> Vec<u8> {
    let (last, rest) = bytes.split_last().unwrap();
    [rest, &[last - 1]].concat()
}

fn flagged(bytes: &[u8], flags: u8) -> Vec<u8> {
    [&[bytes[0] | flags], &bytes[1..]].concat()
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
