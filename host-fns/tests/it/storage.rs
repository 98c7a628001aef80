//! The contract's storage: content, usage, charges, limits.

use expect_test::expect;
use host_fns::abi::{Abort, Fault};
use host_fns::near::{NearError, TrieNodes};

use crate::guest::{Guest, charges_in_order, config, context, view, with_gas};
use crate::world::World;

/// Nodes that an access is said to visit.
const NODES: TrieNodes = TrieNodes { touched: 4, cached: 2 };

#[test]
fn values_are_written_read_and_removed() {
    let mut guest = Guest::new();
    let [key_len, key] = guest.put(0, b"key");
    guest.put(8, b"value, longer");
    assert_eq!(guest.call("storage_has_key", &[key_len, key]), Ok(0));
    assert_eq!(guest.call("storage_read", &[key_len, key, 0]), Ok(0));
    assert_eq!(guest.call("storage_write", &[key_len, key, 5, 8, 0]), Ok(0));
    assert_eq!(guest.register(0), None);
    assert_eq!(guest.call("storage_read", &[key_len, key, 0]), Ok(1));
    assert_eq!(guest.register(0), Some(&b"value"[..]));
    assert_eq!(guest.call("storage_write", &[key_len, key, 13, 8, 1]), Ok(1));
    assert_eq!(guest.register(1), Some(&b"value"[..]));
    assert_eq!(guest.call("storage_remove", &[key_len, key, 2]), Ok(1));
    assert_eq!(guest.register(2), Some(&b"value, longer"[..]));
    assert_eq!(guest.call("storage_remove", &[key_len, key, 2]), Ok(0));
}

#[test]
fn usage_counts_key_value_and_forty_bytes_more() {
    let mut guest = Guest::new();
    guest.put(0, b"key");
    guest.call("storage_write", &[3, 0, 5, 8, 0]).unwrap();
    assert_eq!(guest.call("storage_usage", &[]), Ok(300 + 3 + 5 + 40));
    guest.call("storage_write", &[3, 0, 9, 8, 0]).unwrap();
    assert_eq!(guest.call("storage_usage", &[]), Ok(300 + 3 + 9 + 40));
    guest.call("storage_remove", &[3, 0, 0]).unwrap();
    assert_eq!(guest.end().storage_usage, 300);
}

#[test]
fn usage_that_does_not_count_what_is_there_ends_at_zero() {
    let mut world = World::default();
    world.storage.insert(b"key".to_vec(), vec![7; 400]);
    let mut guest = Guest::with(world, context());
    guest.put(0, b"key");
    guest.call("storage_write", &[3, 0, 5, 8, 0]).unwrap();
    assert_eq!(guest.call("storage_usage", &[]), Ok(5));
    guest.call("storage_remove", &[3, 0, 0]).unwrap();
    assert_eq!(guest.call("storage_usage", &[]), Ok(0));
}

#[test]
fn charges_of_a_write_that_replaces() {
    let charges = charges_in_order(|gas| {
        let mut world = World { nodes: NODES, ..World::default() };
        world.storage.insert(b"key".to_vec(), b"old".to_vec());
        let mut guest = Guest::with(world, with_gas(gas));
        guest.put(0, b"key");
        let _ = guest.call("storage_write", &[3, 0, 5, 8, 0]);
        guest
    });
    expect![[r"
        BASE 1
        STORAGE_WRITE_BASE 1
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 3
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 5
        STORAGE_WRITE_KEY_BYTE 3
        STORAGE_WRITE_VALUE_BYTE 5
        STORAGE_WRITE_EVICTED_BYTE 3
        TOUCHING_TRIE_NODE 4
        READ_CACHED_TRIE_NODE 2
        WRITE_REGISTER_BASE 1
        WRITE_REGISTER_BYTE 3
    "]]
    .assert_eq(&charges);
}

#[test]
fn charges_of_reads_and_removals() {
    let charges = charges_in_order(|gas| {
        let mut world = World { nodes: TrieNodes { touched: 1, cached: 0 }, ..World::default() };
        world.storage.insert(b"key".to_vec(), vec![0; 41]);
        let mut guest = Guest::with(world, with_gas(gas));
        guest.put(0, b"key");
        let read = guest.call("storage_read", &[3, 0, 0]);
        let _ = read.and_then(|_| guest.call("storage_remove", &[3, 0, 0]));
        guest
    });
    // 41 bytes are more than what is kept inline, so that the read has an overhead.
    expect![[r"
        BASE 1
        STORAGE_READ_BASE 1
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 3
        STORAGE_READ_KEY_BYTE 3
        STORAGE_READ_VALUE_BYTE 41
        STORAGE_LARGE_READ_OVERHEAD_BASE 1
        STORAGE_LARGE_READ_OVERHEAD_BYTE 41
        WRITE_REGISTER_BASE 1
        WRITE_REGISTER_BYTE 41
        BASE 1
        STORAGE_REMOVE_BASE 1
        READ_MEMORY_BASE 1
        READ_MEMORY_BYTE 3
        STORAGE_REMOVE_KEY_BYTE 3
        STORAGE_REMOVE_RET_VALUE_BYTE 41
        TOUCHING_TRIE_NODE 1
        WRITE_REGISTER_BASE 1
        WRITE_REGISTER_BYTE 41
    "]]
    .assert_eq(&charges);
}

#[test]
fn a_value_up_to_the_inline_size_has_no_overhead() {
    let mut guest = Guest::new();
    guest.call("storage_write", &[3, 0, 40, 8, 0]).unwrap();
    guest.call("storage_read", &[3, 0, 0]).unwrap();
    assert!(!guest.charges().contains("LARGE_READ"));
}

#[test]
fn long_keys_and_values_are_refused() {
    let mut guest = Guest::new();
    let too_long = Err(NearError::KeyLengthExceeded { length: 17, limit: 16 });
    assert_eq!(guest.call("storage_write", &[17, 0, 1, 0, 0]), too_long);
    assert_eq!(guest.call("storage_read", &[17, 0, 0]), too_long);
    assert_eq!(guest.call("storage_remove", &[17, 0, 0]), too_long);
    assert_eq!(guest.call("storage_has_key", &[17, 0]), too_long);
    assert_eq!(
        guest.call("storage_write", &[16, 0, 65, 0, 0]),
        Err(NearError::ValueLengthExceeded { length: 65, limit: 64 })
    );
}

#[test]
fn a_receipt_that_touches_too_much_state_fails() {
    let mut config = config();
    config.limits.max_storage_proof_bytes = 4_000_000;
    // What earlier actions of the receipt recorded counts, too.
    let world = World { recorded: 1_000_000, bytes_per_access: 1_500_000, ..World::default() };
    let mut guest = Guest::configured(world, context(), config);
    guest.call("storage_read", &[3, 0, 0]).unwrap();
    guest.call("storage_has_key", &[3, 0]).unwrap();
    let error = guest.call("storage_read", &[3, 0, 0]).unwrap_err();
    assert_eq!(error, NearError::RecordedStorageExceeded { limit: 4_000_000 });
    assert_eq!(
        error.to_string(),
        "Size of the recorded trie storage proof has exceeded the allowed limit (4.0 MB)"
    );
}

#[test]
fn broken_state_is_our_fault_not_the_guests() {
    let world = World { broken: true, ..World::default() };
    let mut guest = Guest::with(world, context());
    let fault = Err(Abort::Fault(Fault::new("the disk is gone")));
    assert_eq!(guest.try_call("storage_read", &[3, 0, 0]), fault);
    assert_eq!(guest.try_call("storage_write", &[3, 0, 1, 0, 0]), fault);
}

#[test]
fn a_view_reads_but_does_not_write() {
    let mut guest = Guest::with(World::default(), view());
    assert_eq!(guest.call("storage_read", &[3, 0, 0]), Ok(0));
    assert_eq!(
        guest.call("storage_write", &[3, 0, 1, 0, 0]),
        Err(NearError::ProhibitedInView { method_name: "storage_write".to_owned() })
    );
    assert!(guest.world().storage.is_empty());
}

#[test]
fn iterators_are_deprecated() {
    for (name, args) in [
        ("storage_iter_prefix", &[0; 2][..]),
        ("storage_iter_range", &[0; 4]),
        ("storage_iter_next", &[0; 3]),
    ] {
        let error = Guest::new().call(name, args).unwrap_err();
        assert_eq!(error.to_string(), format!("Attempted to call deprecated host function {name}"));
    }
}
