//! NEAR's state root and memory usage, computed anew from a sorted list of records, from the top
//! down and without a trie: the second opinion that the crate is tested against.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

pub(crate) type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// Keys as strings of hexadecimal digits, with their values.
type Listing = Vec<(String, Vec<u8>)>;

pub(crate) fn root(records: &Records) -> ([u8; 32], u64) {
    if records.is_empty() {
        return ([0; 32], 0);
    }
    let listing = records.iter().map(|(key, value)| (digits(key), value.clone())).collect();
    subtree(&listing)
}

fn subtree(listing: &Listing) -> ([u8; 32], u64) {
    let first = &listing[0].0;
    let shared = (0..=first.len())
        .rev()
        .find(|end| listing.iter().all(|(key, _)| key.starts_with(&first[..*end])))
        .unwrap();
    if let [(key, value)] = listing.as_slice() {
        let path = hex_prefix(key, 2);
        let usage = 50 + 2 * count(&path) + 50 + count(value);
        return finish([vec![0], with_length(&path), commitment(value)].concat(), usage);
    }
    if shared > 0 {
        let path = hex_prefix(&first[..shared], 0);
        let rest = listing.iter().map(|(key, value)| (key[shared..].to_owned(), value.clone()));
        let (child, below) = subtree(&rest.collect());
        let usage = 50 + 2 * count(&path) + below;
        return finish([vec![3], with_length(&path), child.to_vec()].concat(), usage);
    }
    let (mut bits, mut hashes, mut usage) = (0u16, Vec::new(), 50);
    for (position, digit) in "0123456789abcdef".chars().enumerate() {
        let below: Listing = listing
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix(digit)?.to_owned(), value.clone())))
            .collect();
        if !below.is_empty() {
            let (child, below) = subtree(&below);
            bits += 1 << position;
            hashes.extend(child);
            usage += below;
        }
    }
    let mut node = vec![1];
    if first.is_empty() {
        let value = &listing[0].1;
        node = [vec![2], commitment(value)].concat();
        usage += 50 + count(value);
    }
    finish([node, bits.to_le_bytes().to_vec(), hashes].concat(), usage)
}

fn digits(key: &[u8]) -> String {
    let pairs: Vec<_> = key.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.concat()
}

fn hex_prefix(digits: &str, flags: u8) -> Vec<u8> {
    let text = if digits.len() % 2 == 1 {
        format!("{:x}{digits}", flags + 1)
    } else {
        format!("{flags:x}0{digits}")
    };
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn finish(mut node: Vec<u8>, usage: u64) -> ([u8; 32], u64) {
    node.extend(usage.to_le_bytes());
    (Sha256::digest(node).into(), usage)
}

fn commitment(value: &[u8]) -> Vec<u8> {
    let length = u32::try_from(value.len()).unwrap().to_le_bytes();
    [length.as_slice(), &Sha256::digest(value)].concat()
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_le_bytes(), bytes].concat()
}

fn count(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap()
}
