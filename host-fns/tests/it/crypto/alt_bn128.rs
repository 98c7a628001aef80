//! go-ethereum's vectors of EIP-196 and EIP-197. Ethereum's numbers are big-endian, NEAR's
//! little-endian; of the extension field, Ethereum has the imaginary part first, NEAR the real one.

use host_fns::near::NearError;

use super::hex;
use crate::guest::Guest;

/// Of each line: the operation, its name, its input and its result.
const VECTORS: &str = include_str!("alt_bn128.txt");

/// The order of the group.
const ORDER: &str = "30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";

#[test]
fn published_vectors() {
    let mut seen = [0; 3];
    for line in VECTORS.lines() {
        let [operation, name, input, result] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let input = if input == "-" { Vec::new() } else { hex(input) };
        match operation {
            "add" => {
                assert_eq!(sum(&input), Ok(numbers(&hex(result))), "{name}");
                seen[0] += 1;
            }
            "mul" => {
                assert_eq!(multiple(&input), Ok(numbers(&hex(result))), "{name}");
                seen[1] += 1;
            }
            "pairing" => {
                assert_eq!(pairing(&input), result == "1", "{name}");
                seen[2] += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

/// Numbers in NEAR's order of bytes.
fn numbers(input: &[u8]) -> Vec<u8> {
    input.chunks(32).flat_map(|number| number.iter().rev()).copied().collect()
}

fn call(function: &str, value: Vec<u8>) -> Result<Vec<u8>, NearError> {
    let mut guest = Guest::new();
    guest.memory = value;
    guest.call(function, &[guest.memory.len() as u64, 0, 0])?;
    Ok(guest.register(0).unwrap().to_vec())
}

fn sum(input: &[u8]) -> Result<Vec<u8>, NearError> {
    // Ethereum takes zeros for what is missing, and nothing of what is too much.
    let mut points = input.to_vec();
    points.resize(128, 0);
    let points = numbers(&points);
    call("alt_bn128_g1_sum", [&[0], &points[..64], &[0], &points[64..]].concat())
}

fn multiple(input: &[u8]) -> Result<Vec<u8>, NearError> {
    let (point, scalar) = input.split_at(64);
    let whole = |scalar: &[u8]| [numbers(point), numbers(scalar)].concat();
    // Ethereum reduces scalars, NEAR refuses those that are not reduced.
    let mut reduced = scalar.to_vec();
    while reduced >= hex(ORDER) {
        let refused = call("alt_bn128_g1_multiexp", whole(&reduced)).unwrap_err();
        assert!(refused.to_string().starts_with("AltBn128 invalid input: invalid fr: ["));
        subtract(&mut reduced, &hex(ORDER));
    }
    call("alt_bn128_g1_multiexp", whole(&reduced))
}

/// Subtracts big-endian numbers of the same length.
fn subtract(from: &mut [u8], number: &[u8]) {
    let mut borrow = false;
    for (left, right) in from.iter_mut().zip(number).rev() {
        let (less, first) = left.overflowing_sub(*right);
        let (less, second) = less.overflowing_sub(u8::from(borrow));
        (*left, borrow) = (less, first || second);
    }
}

fn pairing(input: &[u8]) -> bool {
    let mut value = Vec::new();
    for pair in input.chunks(192) {
        let (left, right) = pair.split_at(64);
        value.extend(numbers(left));
        for number in right.chunks(64) {
            let (imaginary, real) = number.split_at(32);
            value.extend(numbers(real));
            value.extend(numbers(imaginary));
        }
    }
    let mut guest = Guest::new();
    guest.memory = value;
    guest.call("alt_bn128_pairing_check", &[guest.memory.len() as u64, 0]) == Ok(1)
}
