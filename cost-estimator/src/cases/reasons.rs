//! Why a price that is measured is far from the one that NEAR charges.

/// How many times more or less than what was measured a price may be before somebody wants to know why.
pub const FAR: f64 = 3.0;

const MEMORY: &str = "the state is in memory; NEAR's price is that of a disk";
const NODE: &str = "NEAR's price is that of a node in a network, with its state on disk; here the \
    state is in memory and nothing is sent";
/// nearcore's pull request 14046 gave nodes that are touched the price of cached ones for that reason.
const PAGE: &str = "NEAR's nodes have the trie in memory; here a page of 8 KiB is read for each node, if it \
    is not in the cache, and the node is checked by its hash";
const BYTES: &str = "here a byte is read from a file or written to one, and hashed, which NEAR's price does \
    not cover";
const COPY: &str =
    "32 bytes are copied at once; NEAR's price is of an engine that copied them singly";
const DECODER: &str =
    "NEAR's price stands for 400 instructions a byte and more, which decoding does not take";
const ONCE: &str =
    "what is done once takes little here, whatever the size; NEAR's price allows for more";
const UNUSED: &str = "the bytes take nothing: nobody looks at them";

/// By the beginnings of names; the first that fits holds.
const REASONS: &[(&str, &str)] = &[
    (
        "wasm_linear_op_base_cost/grow",
        "NEAR charges memory.grow as any operation on memory, and it asks the system for pages",
    ),
    ("wasm_linear_op_unit_cost", COPY),
    (
        "wasm_contract_loading_",
        "here a compiled module is read from a file, checked and linked, which NEAR's price is not enough for",
    ),
    ("wasm_read_memory_", COPY),
    ("wasm_write_memory_", COPY),
    ("wasm_read_register_", COPY),
    ("wasm_write_register_", COPY),
    ("wasm_utf8_decoding_", DECODER),
    ("wasm_utf16_decoding_", DECODER),
    ("wasm_log_", "a log is copied once, and hashed with its outcome"),
    ("wasm_promise_", ONCE),
    ("wasm_validator_", "the validators are in memory; NEAR's nodes ask for them elsewhere"),
    ("wasm_ripemd160_base", ONCE),
    ("wasm_p256_verify_byte", "what is verified is a digest: nobody looks at more bytes"),
    (
        "wasm_alt_bn128_g1_sum_base",
        "the sum is brought into its form by an inversion, which NEAR's price does not cover",
    ),
    ("wasm_universal_state_init_to_account_id_base", ONCE),
    ("wasm_bls12381_", ONCE),
    ("wasm_touching_trie_node/", PAGE),
    ("wasm_storage_read_base/disk", PAGE),
    ("wasm_storage_write_base/disk", PAGE),
    ("wasm_storage_read_value_byte/disk", BYTES),
    ("wasm_storage_write_value_byte/disk", BYTES),
    ("wasm_read_cached_trie_node", "NEAR charges a node that is cached as one that is not"),
    ("wasm_storage_write_evicted_byte", UNUSED),
    ("wasm_storage_remove_ret_value_byte", UNUSED),
    ("wasm_storage_", MEMORY),
    ("wasm_yield_", NODE),
    ("data_receipt_creation_", NODE),
    (
        "action_add_function_call_key_per_byte.execution",
        "the names are hashed with the trie's nodes, which NEAR's price does not cover",
    ),
    ("action_deterministic_state_init_per_entry.send", "NEAR charges records when they run"),
    ("action_function_call_per_byte.execution", COPY),
    ("action_create_account.execution", NODE),
    ("action_gas_key_nonce_write_base.execution", MEMORY),
    ("action_deterministic_state_init", NODE),
    ("action_universal_state_init", NODE),
    ("action_deploy_", NODE),
    ("action_", NODE),
];

/// Why the price of `cost` is far from what NEAR charges for it, where it is.
pub fn reason(cost: &str) -> Option<&'static str> {
    REASONS.iter().find(|(beginning, _)| cost.starts_with(beginning)).map(|(_, why)| *why)
}
