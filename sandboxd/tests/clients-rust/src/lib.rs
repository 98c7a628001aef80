//! Tests of the Rust clients that projects on NEAR use, from crates.io and unchanged, against the
//! daemon in near-sandbox's place. `NEAR_SANDBOX_BIN_PATH` names it.

use std::path::PathBuf;

/// A compiled contract of the repository's fixtures.
///
/// # Panics
/// If there is none of this name.
pub fn fixture(name: &str) -> Vec<u8> {
    let path = fixture_path(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where that contract is.
pub fn fixture_path(name: &str) -> PathBuf {
    let folder = PathBuf::from("../../../fixtures/wasm");
    folder.join(name).with_extension("wasm")
}

/// An account's name, in the version of `near-account-id` that a client is built with.
///
/// # Panics
/// If no account can have this name.
pub fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(name: &str) -> T {
    name.parse().unwrap_or_else(|error| panic!("{name}: {error:?}"))
}
