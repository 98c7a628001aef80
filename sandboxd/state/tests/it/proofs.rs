//! Proofs: nearcore's own bytes, and what they do and do not show.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sandbox_state::{InvalidProof, Proof, Snapshot, StateRoot};

use crate::random::Random;

/// Nodes that nearcore's `test_view_state` expects
/// (`integration-tests/src/tests/runtime/state_viewer.rs`) for contract data of these accounts.
const NODES: [&str; 8] = [
    "AwMAAAAWFsbwm2TFX4GHLT5G1LSpF8UkG7zQV1ohXBMR/OQcUAKZ3gwDAAAAAAAA",
    "ASAC7S1KwgLNl0HPdSo8soL8sGOmPhL7O0xTSR8sDDR5pZrzu0ty3UPYJ5UKrFGKxXoyyyNG75AF9hnJHO3xxFkf5NQCAAAAAAAA",
    "AwEAAAAW607KPj2q3O8dF6XkfALiIrd9mqGir2UlYIcZuLNksTsvAgAAAAAAAA==",
    "AQhAP4sMdbiWZPtV6jz8hYKzRFSgwaSlQKiGsQXogAmMcrLOl+SJfiCOXMTEZ2a1ebmQOEGkRYa30FaIlB46sLI2IPsBAAAAAAAA",
    "AwwAAAAWUubmVhcix0ZXN0PKtrEndk0LxM+qpzp0PVtjf+xlrzz4TT0qA+hTtm6BLlYBAAAAAAAA",
    "AQoAVWCdny7wv/M1LvZASC3Fw0D/NNhI1NYwch9Ux+KZ2qRdQXPC1rNsCGRJ7nd66SfcNmRUVVvQY6EYCbsIiugO6gwBAAAAAAAA",
    "AAMAAAAgMjMDAAAApmWkWSBCL51Bfkhn79xPuKBKHz//H6B+mY6G9/eieuNtAAAAAAAAAA==",
    "AAMAAAAgMjEDAAAAjSPPbIboNKeqbt7VTCbOK7LnSQNTjGG91dIZeZerL3JtAAAAAAAAAA==",
];

/// The records of that test. The one of another kind stands for the accounts, keys and code that the
/// test has besides: it parts the trie at the same nibble, above the nodes that are expected.
fn contract_data() -> Snapshot {
    let records = [
        ("\x00another kind", ""),
        ("\x09alice.near,test123", "123"),
        ("\x09alice.near,test321", "321"),
        ("\x09alina,qqq", "321"),
        ("\x09alex,qqq", "321"),
    ];
    records
        .into_iter()
        .map(|(key, value)| (key.as_bytes().into(), value.as_bytes().into()))
        .collect()
}

fn below_the_kinds(proof: &Proof) -> Vec<String> {
    proof.nodes()[2..].iter().map(|node| STANDARD.encode(node)).collect()
}

#[test]
fn view_state_has_the_nodes_of_nearcore() {
    let state = contract_data();
    let nodes = |prefix| below_the_kinds(&state.prove_prefix(prefix).unwrap());
    assert_eq!(nodes(b"\x09alice.near,"), NODES);
    assert_eq!(nodes(b"\x09alice.near,test"), NODES);
    assert_eq!(nodes(b"\x09alice.near,xyz"), NODES[..5]);
    assert_eq!(nodes(b"\x09alice.near,test123"), NODES[..7]);
}

#[test]
fn a_key_is_proven_by_the_way_to_it() {
    let state = contract_data();
    assert_eq!(below_the_kinds(&state.prove(b"\x09alice.near,test123").unwrap()), NODES[..7]);
    assert_eq!(below_the_kinds(&state.prove(b"\x09alice.near,xyz").unwrap()), NODES[..5]);
}

#[test]
fn a_proof_shows_one_value_or_none_and_nothing_else() {
    let state = contract_data();
    let proof = state.prove_prefix(b"\x09alice.near,").unwrap();
    let check = |key: &str, value: Option<&str>| {
        let key = format!("\x09{key}");
        proof.verify(&state.root(), key.as_bytes(), value.map(str::as_bytes))
    };
    assert_eq!(check("alice.near,test123", Some("123")), Ok(()));
    assert_eq!(check("alice.near,test123", Some("321")), Err(InvalidProof::OtherValue));
    assert_eq!(check("alice.near,test123", None), Err(InvalidProof::Present));
    assert_eq!(check("alice.near,test12", None), Ok(()));
    assert_eq!(check("alice.near,test1234", None), Ok(()));
    assert_eq!(check("alice.near,test1234", Some("123")), Err(InvalidProof::Absent));
    assert_eq!(check("alina,qqq", Some("321")), Err(InvalidProof::MissingNode));
    assert_eq!(check("alina,qqq", None), Err(InvalidProof::MissingNode));
}

#[test]
fn a_proof_of_a_prefix_shows_all_records_and_no_others() {
    let state = contract_data();
    let prefix = b"\x09alice.near,";
    let proof = state.prove_prefix(prefix).unwrap();
    let check = |records: &[(&str, &str)]| {
        let keys: Vec<String> =
            records.iter().map(|(key, _)| format!("\x09alice.near,{key}")).collect();
        let values = records.iter().map(|(_, value)| value.as_bytes());
        proof.verify_prefix(&state.root(), prefix, keys.iter().map(String::as_bytes).zip(values))
    };
    assert_eq!(check(&[("test123", "123"), ("test321", "321")]), Ok(()));
    assert_eq!(check(&[("test123", "124"), ("test321", "321")]), Err(InvalidProof::OtherValue));
    assert_eq!(check(&[("test123", "123")]), Err(InvalidProof::Present));
    assert_eq!(check(&[("test321", "321")]), Err(InvalidProof::Present));
    assert_eq!(check(&[]), Err(InvalidProof::Present));
    let more = [("test123", "123"), ("test222", ""), ("test321", "321")];
    assert_eq!(check(&more), Err(InvalidProof::Absent));
    let more = [("test123", "123"), ("test321", "321"), ("x", "")];
    assert_eq!(check(&more), Err(InvalidProof::Absent));
    let nothing = state.prove_prefix(b"\x09bob,").unwrap();
    assert_eq!(nothing.verify_prefix(&state.root(), b"\x09bob,", []), Ok(()));
    assert_eq!(nothing.verify_prefix(&state.root(), prefix, []), Err(InvalidProof::MissingNode));
    assert_eq!(Proof::default().verify_prefix(&StateRoot::EMPTY, prefix, []), Ok(()));
}

#[test]
fn random_keys_are_proven_present_or_absent_by_the_fewest_nodes() {
    let mut random = Random::new(9);
    for size in 1..40 {
        let state: Snapshot = (0..size).map(|_| (random.key(), random.value())).collect();
        for _ in 0..30 {
            let key = random.key();
            let (proof, value) = (state.prove(&key).unwrap(), state.get_here(&key).unwrap());
            assert_eq!(proof.verify(&state.root(), &key, value.as_deref()), Ok(()));
            for left_out in 0..proof.nodes().len() {
                let mut nodes = proof.nodes().to_vec();
                nodes.remove(left_out);
                let missing = Proof::new(nodes).verify(&state.root(), &key, value.as_deref());
                assert_eq!(missing, Err(InvalidProof::MissingNode));
            }
        }
    }
}

#[test]
fn any_flipped_bit_makes_a_proof_invalid() {
    let state = contract_data();
    let key = b"\x09alice.near,test123";
    let proof = state.prove(key).unwrap();
    for (at, node) in proof.nodes().iter().enumerate() {
        for bit in 0..node.len() * 8 {
            let mut forged = node.to_vec();
            forged[bit / 8] ^= 1 << (bit % 8);
            let mut nodes = proof.nodes().to_vec();
            nodes[at] = forged.into();
            let result = Proof::new(nodes).verify(&state.root(), key, Some(b"123"));
            assert_eq!(result, Err(InvalidProof::MissingNode));
        }
    }
}

#[test]
fn a_root_over_bytes_that_are_no_node_proves_nothing() {
    for bytes in [b"".as_slice(), b"\x00", b"\x07 not a node", &[0; 13]] {
        use sha2::Digest;
        let root = StateRoot(sha2::Sha256::digest(bytes).into());
        let result = Proof::new(vec![bytes.into()]).verify(&root, b"key", None);
        assert_eq!(result, Err(InvalidProof::MalformedNode));
    }
}

#[test]
fn an_empty_state_proves_absence_without_nodes() {
    let empty = Snapshot::empty();
    assert_eq!(empty.prove(b"key").unwrap(), Proof::default());
    assert_eq!(empty.prove_prefix(b"").unwrap(), Proof::default());
    assert_eq!(Proof::default().verify(&empty.root(), b"key", None), Ok(()));
    assert_eq!(
        Proof::default().verify(&empty.root(), b"key", Some(b"")),
        Err(InvalidProof::Absent)
    );
}
