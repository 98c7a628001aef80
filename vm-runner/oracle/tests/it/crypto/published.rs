//! Published vectors that near-vm-runner's package carries: those of EIP-2537 for BLS12-381, and
//! of recoveries of secp256k1 keys.
//!
//! Ethereum pads the 48 bytes of a coordinate to 64, has the real part of the extension field
//! first, writes infinity as zeros and scalars big-endian.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use super::both::{Both, Call, REGISTER};
use super::pool::hex;

/// Where near-vm-runner keeps the data of its tests.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked"])
        .output()
        .expect("cargo built this test");
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo knows its packages");
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "near-vm-runner").unwrap();
    let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap());
    manifest.with_file_name("src/logic/tests")
});

/// A vector of EIP-2537: bytes of Ethereum, and what it makes of them if it does not refuse them.
struct Vector {
    input: Vec<u8>,
    result: Option<Vec<u8>>,
}

fn vectors(file: &str) -> Vec<Vector> {
    let path = FOLDER.join("bls12381_test_vectors").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().skip(1).map(|line| {
        let (input, result) = line.split_once(',').unwrap();
        let result = (!file.ends_with("_error.csv")).then(|| hex(result));
        Vector { input: hex(input), result }
    });
    lines.collect()
}

/// What the bytes of an element are.
#[derive(Clone, Copy)]
enum Part {
    /// Bytes that only NEAR has.
    Byte(u8),
    /// A number of a field with this many coefficients.
    Number(usize),
    /// A point over such a field.
    Point(usize),
    /// A scalar.
    Scalar,
}

impl Part {
    /// How long it is in Ethereum's form.
    fn bytes(self) -> usize {
        match self {
            Part::Byte(_) => 0,
            Part::Number(coefficients) => 64 * coefficients,
            Part::Point(coefficients) => 128 * coefficients,
            Part::Scalar => 32,
        }
    }

    /// The same in NEAR's form, where numbers of more than 48 bytes cannot even be written.
    fn translated(self, bytes: &[u8]) -> Option<Vec<u8>> {
        match self {
            Part::Byte(byte) => Some(vec![byte]),
            Part::Number(_) => number(bytes),
            Part::Point(_) => {
                let (x, y) = bytes.split_at(bytes.len() / 2);
                let mut point = [number(x)?, number(y)?].concat();
                if point.iter().all(|byte| *byte == 0) {
                    point[0] = 0x40;
                }
                Some(point)
            }
            Part::Scalar => Some(bytes.iter().rev().copied().collect()),
        }
    }
}

/// Elements of Ethereum in NEAR's form.
fn translated(bytes: &[u8], element: &[Part]) -> Option<Vec<u8>> {
    let element_bytes = element.iter().map(|part| part.bytes()).sum();
    let mut translated = Vec::new();
    for mut bytes in bytes.chunks(element_bytes) {
        for part in element {
            let (first, rest) = bytes.split_at(part.bytes());
            translated.extend(part.translated(first)?);
            bytes = rest;
        }
    }
    Some(translated)
}

/// A number of a field without the padding, the real part last.
fn number(bytes: &[u8]) -> Option<Vec<u8>> {
    let coefficients = bytes.chunks(64).rev().map(|coefficient| {
        let (padding, coefficient) = coefficient.split_at(16);
        padding.iter().all(|byte| *byte == 0).then_some(coefficient)
    });
    Some(coefficients.collect::<Option<Vec<_>>>()?.concat())
}

/// Compares all vectors of a file: `element` is what each element of the input is, `result` what
/// the result is.
fn compare(file: &str, name: &'static str, element: &[Part], result: &[Part]) {
    let both = Both::new();
    let vectors = vectors(file);
    let mut compared = 0;
    for (at, vector) in vectors.iter().enumerate() {
        let what = format!("{file}, vector {at}");
        let Some(value) = translated(&vector.input, element) else {
            assert!(vector.result.is_none(), "{what}");
            continue;
        };
        compared += 1;
        let outcome = both.agree(&Call::of_value(name, value));
        match &vector.result {
            None => assert_eq!(outcome.result, Ok(1), "{what}"),
            Some(bytes) if result.is_empty() => {
                let is_one = bytes[31] == 1;
                assert_eq!(outcome.result, Ok(if is_one { 0 } else { 2 }), "{what}");
            }
            Some(bytes) => {
                assert_eq!(outcome.result, Ok(0), "{what}");
                assert_eq!(outcome.output, translated(bytes, result), "{what}");
            }
        }
    }
    assert!(compared >= vectors.len() / 4, "{file}: only {compared} vectors are of use");
}

const PLUS: Part = Part::Byte(0);
const G1: Part = Part::Point(1);
const G2: Part = Part::Point(2);

#[test]
fn sums() {
    compare("g1_add.csv", "bls12381_p1_sum", &[PLUS, G1], &[G1]);
    compare("g2_add.csv", "bls12381_p2_sum", &[PLUS, G2], &[G2]);
}

#[test]
fn points_without_an_x_are_refused_until_a_later_protocol() {
    // (0, ±2) are on the curve, and Ethereum adds them.
    let both = Both::new();
    for vector in vectors("g1_add_x0.csv") {
        assert!(vector.result.is_some());
        let value = translated(&vector.input, &[PLUS, G1]).unwrap();
        assert_eq!(both.agree(&Call::of_value("bls12381_p1_sum", value)).result, Ok(1));
    }
}

#[test]
fn multiples() {
    for file in ["g1_mul.csv", "g1_multiexp.csv", "multiexp_g1_error.csv"] {
        compare(file, "bls12381_g1_multiexp", &[G1, Part::Scalar], &[G1]);
    }
    for file in ["g2_mul.csv", "g2_multiexp.csv", "multiexp_g2_error.csv"] {
        compare(file, "bls12381_g2_multiexp", &[G2, Part::Scalar], &[G2]);
    }
}

#[test]
fn maps() {
    for file in ["fp_to_g1.csv", "fp_to_g1_error.csv"] {
        compare(file, "bls12381_map_fp_to_g1", &[Part::Number(1)], &[G1]);
    }
    for file in ["fp2_to_g2.csv", "fp2_to_g2_error.csv"] {
        compare(file, "bls12381_map_fp2_to_g2", &[Part::Number(2)], &[G2]);
    }
}

#[test]
fn pairings() {
    for file in ["pairing.csv", "pairing_error.csv"] {
        compare(file, "bls12381_pairing_check", &[G1, G2], &[]);
    }
}

#[test]
fn recoveries() {
    let text = std::fs::read(FOLDER.join("ecrecover-tests.json")).unwrap();
    let tests: Vec<serde_json::Value> = serde_json::from_slice(&text).unwrap();
    assert!(!tests.is_empty());
    let both = Both::new();
    for test in tests {
        let bytes = |name: &str| hex(test[name].as_str().unwrap());
        let memory = [bytes("m"), bytes("sig")].concat();
        let low_s_only = u64::from(test["mc"].as_bool().unwrap());
        let args = vec![32, 0, 64, 32, test["v"].as_u64().unwrap(), low_s_only, REGISTER];
        let outcome = both.agree(&Call { name: "ecrecover", memory, args });
        let key = test["res"].as_str().map(hex);
        assert_eq!(outcome.result, Ok(u64::from(key.is_some())), "{test}");
        assert_eq!(outcome.output, key, "{test}");
    }
}
