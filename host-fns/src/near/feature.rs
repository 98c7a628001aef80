//! The switches of NEAR's import table. All are on at protocol version 88; they stay switches
//! because a function that appears later must not exist for earlier blocks.

use crate::abi::{Feature, FeatureSet};

/// SHA-3 hashes.
pub const SHA3: Feature = Feature(0);
/// The chain's name.
pub const CHAIN_ID: Feature = Feature(1);
/// P-256 signatures.
pub const P256: Feature = Feature(2);
/// ML-DSA-65 signatures.
pub const ML_DSA: Feature = Feature(3);
/// Code that many accounts share (NEP-591).
pub const GLOBAL_CONTRACTS: Feature = Feature(4);
/// Keys that pay for gas (NEP-611).
pub const GAS_KEYS: Feature = Feature(5);
/// Yielded promises whose id the contract chooses.
pub const YIELD_WITH_ID: Feature = Feature(6);
/// Accounts derived from an initial state.
pub const UNIVERSAL_ACCOUNTS: Feature = Feature(7);
/// `sandbox_debug_log`, which only sandboxes have.
pub const SANDBOX: Feature = Feature(63);

/// Every switch with the name that nearcore has for it: a field of near-parameters'
/// `vm::Config`, and a Cargo feature for the sandbox.
pub const ALL: &[(Feature, &str)] = &[
    (SHA3, "sha3_host_fns"),
    (CHAIN_ID, "chain_id_host_fn"),
    (P256, "p256_verify_host_fn"),
    (ML_DSA, "ml_dsa_verify_host_fn"),
    (GLOBAL_CONTRACTS, "global_contract_host_fns"),
    (GAS_KEYS, "gas_key_host_fns"),
    (YIELD_WITH_ID, "yield_with_id_host_fns"),
    (UNIVERSAL_ACCOUNTS, "universal_accounts"),
    (SANDBOX, "sandbox"),
];

/// What is on at protocol version 88 on mainnet; a sandbox adds [`SANDBOX`].
pub const PROTOCOL_88: FeatureSet = FeatureSet::NONE
    .with(SHA3)
    .with(CHAIN_ID)
    .with(P256)
    .with(ML_DSA)
    .with(GLOBAL_CONTRACTS)
    .with(GAS_KEYS)
    .with(YIELD_WITH_ID)
    .with(UNIVERSAL_ACCOUNTS);
