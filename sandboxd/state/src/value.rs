//! Values: as they come from outside, and as nodes hold them. Knows nothing of keys.

use std::sync::{Arc, OnceLock};

use crate::kind::{Hash, sha256};
use crate::raw::ValueRef;
use crate::store::Home;
use crate::{Unavailable, Value};

/// A value with its hash, which a branch needs again whenever one of its children changes.
#[derive(Clone, Debug)]
pub struct Stored {
    pub(crate) bytes: Value,
    pub(crate) hash: Hash,
}

impl Stored {
    /// Hashes the bytes of a value.
    pub fn new(bytes: Value) -> Self {
        let hash = sha256(&bytes);
        Self { bytes, hash }
    }

    /// The bytes.
    pub fn bytes(&self) -> &Value {
        &self.bytes
    }
}

/// A value as a node holds it: clones share the bytes once they are here.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    hash: Hash,
    bytes: Bytes,
}

#[derive(Clone, Debug)]
enum Bytes {
    Here(Value),
    // Apart from the node, so that nodes with all bytes at hand need not be larger for it.
    Away(Arc<Away>),
}

/// Bytes that are in a store, and here too once somebody asked for them.
#[derive(Debug)]
struct Away {
    length: u32,
    home: Home,
    bytes: OnceLock<Value>,
}

impl Held {
    /// Hashes the bytes of a value.
    pub(crate) fn new(bytes: Value) -> Self {
        Stored::new(bytes).into()
    }

    /// A value that a node in a store states.
    pub(crate) fn away(stated: ValueRef, home: &Home) -> Self {
        let ValueRef { length, hash } = stated;
        let away = Away { length, home: home.clone(), bytes: OnceLock::new() };
        Self { hash, bytes: Bytes::Away(Arc::new(away)) }
    }

    pub(crate) fn hash(&self) -> Hash {
        self.hash
    }

    /// The length in bytes, which nobody needs to fetch.
    pub(crate) fn len(&self) -> usize {
        match &self.bytes {
            Bytes::Here(bytes) => bytes.len(),
            Bytes::Away(away) => usize::try_from(away.length).unwrap_or(usize::MAX),
        }
    }

    /// The bytes, which are fetched if they are not here.
    pub(crate) fn read(&self) -> Result<&Value, Unavailable> {
        match &self.bytes {
            Bytes::Here(bytes) => Ok(bytes),
            Bytes::Away(away) => match away.bytes.get() {
                Some(bytes) => Ok(bytes),
                None => away.fetch(&self.hash),
            },
        }
    }

    /// The memory that the node takes for it beside itself.
    pub(crate) fn footprint(&self) -> usize {
        match &self.bytes {
            Bytes::Here(bytes) => bytes.len().saturating_add(AROUND),
            Bytes::Away(_) => size_of::<Away>().saturating_add(AROUND),
        }
    }
}

/// What an allocation that is counted takes beside its content.
pub(crate) const AROUND: usize = 32;

impl From<Stored> for Held {
    fn from(Stored { bytes, hash }: Stored) -> Self {
        Self { hash, bytes: Bytes::Here(bytes) }
    }
}

impl Away {
    fn fetch(&self, hash: &Hash) -> Result<&Value, Unavailable> {
        let bytes = self.home.value(hash)?;
        Ok(self.bytes.get_or_init(|| {
            self.home.add(bytes.len());
            bytes
        }))
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        if let Some(bytes) = self.bytes.get() {
            self.home.subtract(bytes.len());
        }
    }
}
