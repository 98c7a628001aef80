//! The nodes and values of states on disk, for states that do not have them in memory.

use std::sync::Arc;

use near_primitives::hash::CryptoHash;
use sandbox_state::{NodeStore, Unavailable, Value};

use super::StoreError;
use super::database::{Column, Database};

/// The nodes and values in a database.
#[derive(Debug)]
pub(super) struct Nodes(pub(super) Arc<Database>);

impl Nodes {
    fn get(&self, column: Column, hash: &[u8; 32]) -> Result<Vec<u8>, Unavailable> {
        let found = self
            .0
            .get_held(column, hash)
            .and_then(|found| found.ok_or_else(|| self.0.corrupt(column, hash, "it is missing")));
        found.map_err(|error: StoreError| {
            tracing::error!(target: "store", %error, hash = %CryptoHash(*hash), "a read failed");
            Unavailable::new(error.to_string())
        })
    }
}

impl NodeStore for Nodes {
    fn node(&self, hash: &[u8; 32]) -> Result<Vec<u8>, Unavailable> {
        self.get(Column::Nodes, hash)
    }

    fn value(&self, hash: &[u8; 32]) -> Result<Value, Unavailable> {
        self.get(Column::Values, hash).map(Value::from)
    }
}
