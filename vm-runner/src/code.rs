//! [`Code`]: where the wasm of a contract comes from. The bytes are asked for on a cache miss
//! only, so that a warm call reads no code from state.

use std::sync::Arc;

use host_fns::abi::Fault;
use sha2::{Digest, Sha256};

/// The SHA-256 of a contract's wasm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodeHash(pub [u8; 32]);

/// A contract's wasm, by hash.
pub trait Code {
    /// The SHA-256 of [`Code::bytes`]: compiled modules are cached under it.
    fn hash(&self) -> CodeHash;

    /// The wasm. A fault when it cannot be read.
    fn bytes(&self) -> Result<Arc<[u8]>, Fault>;
}

/// Wasm in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeBytes {
    hash: CodeHash,
    bytes: Arc<[u8]>,
}

impl CodeBytes {
    /// `bytes` with their hash.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        CodeBytes { hash: CodeHash(Sha256::digest(&bytes).into()), bytes }
    }
}

impl Code for CodeBytes {
    fn hash(&self) -> CodeHash {
        self.hash
    }

    fn bytes(&self) -> Result<Arc<[u8]>, Fault> {
        Ok(Arc::clone(&self.bytes))
    }
}
