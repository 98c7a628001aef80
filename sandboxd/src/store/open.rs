//! A folder with a chain in it, or for one.

use std::io;
use std::path::Path;
use std::sync::Arc;

use near_chain_configs::Genesis;
use near_primitives::hash::CryptoHash;
use sandbox_state::{Snapshot, StateRoot};

use super::database::Database;
use super::disk::Disk;
use super::folder::Folder;
use super::records::{self, Identity};
use super::relief::Budget;
use super::{StoreError, StoreOptions, Writer};
use crate::chain::{Block, Chain, ChainOptions, InvalidImage};

/// An open folder.
#[derive(Debug)]
pub struct Store {
    options: StoreOptions,
    pub(super) database: Arc<Database>,
    identity: Option<Identity>,
    /// Why nothing can be written.
    read_only: Option<String>,
}

/// Whether a chain is kept in this folder.
pub fn holds_chain(folder: &Path) -> bool {
    Folder::has_database(folder)
}

/// What tells one genesis, with its records, from others.
///
/// # Panics
/// Never: each has a JSON form.
pub fn genesis_digest(genesis: &Genesis) -> CryptoHash {
    let json = "a genesis has a JSON form";
    let config = serde_json::to_vec(&genesis.config).expect(json);
    let mut digest = CryptoHash::hash_bytes(&config);
    for record in crate::genesis::records(genesis) {
        let record = CryptoHash::hash_bytes(&serde_json::to_vec(record).expect(json));
        digest = CryptoHash::hash_bytes(&[digest.0, record.0].concat());
    }
    digest
}

impl Store {
    /// Opens a folder, which no other process can open until all that came from it is dropped. One that
    /// cannot be written to is opened for reading, if there is a chain in it.
    pub fn open(options: StoreOptions) -> Result<Self, StoreError> {
        let folder = Folder::take(&options.folder)?;
        let (database, read_only) = match folder.read_only() {
            Some(why) => (Database::open_read_only(folder)?, Some(why)),
            None => Database::open(folder)?,
        };
        let identity = records::identity(&database)?;
        Ok(Self { options, database: Arc::new(database), identity, read_only })
    }

    /// Whether there is no chain in it yet.
    pub fn is_empty(&self) -> bool {
        self.identity.is_none()
    }

    /// Whether the chain in it is the one of the genesis with this digest and name.
    ///
    /// # Errors
    /// If it is another one.
    pub fn check_genesis(&self, digest: CryptoHash, chain_id: &str) -> Result<(), StoreError> {
        match &self.identity {
            Some(Identity { chain_id: found, genesis }) if *genesis != Some(digest) => {
                Err(StoreError::OtherGenesis {
                    path: self.options.folder.clone(),
                    found: found.clone(),
                    given: chain_id.to_owned(),
                })
            }
            _ => Ok(()),
        }
    }

    /// Writes `chain`, which has nothing but its genesis with the digest `genesis`, and keeps it from
    /// now on.
    pub fn begin(
        self,
        mut chain: Chain,
        genesis: Option<CryptoHash>,
    ) -> Result<(Chain, Writer), StoreError> {
        let identity = Identity { chain_id: chain.chain_id().to_owned(), genesis };
        let disk = Disk::begin(&self.database, &chain, &identity)?;
        chain.fetch_states_from(disk.storage());
        let writer = self.writer(disk, &chain)?;
        Ok((chain, writer))
    }

    /// The chain that is in it, which is kept from now on.
    ///
    /// # Errors
    /// If there is none, or not all of it.
    pub fn resume(self, chain: ChainOptions) -> Result<(Chain, Writer), StoreError> {
        let database = &self.database;
        let base = records::base(database)?;
        let tip = records::tip(database)?;
        let mut blocks = Vec::new();
        let mut roots = Vec::new();
        for record in records::blocks(database) {
            let (height, root, image) = record?;
            blocks.push(image);
            roots.push((height, root));
        }
        let disk = Disk::resume(Arc::clone(database), roots)?;
        let state = |block: &Block, _: &_| {
            let root = StateRoot(block.state_root().0);
            Some(Snapshot::stored(root, disk.storage()))
        };
        let chain = Chain::resume(&base, &tip, blocks, state, chain);
        let chain = chain.map_err(|invalid| self.invalid(invalid))?;
        let writer = self.writer(disk, &chain)?;
        Ok((chain, writer))
    }

    fn invalid(&self, invalid: InvalidImage) -> StoreError {
        StoreError::Chain { path: self.options.folder.clone(), source: Box::new(invalid) }
    }

    fn writer(self, disk: Disk, chain: &Chain) -> Result<Writer, StoreError> {
        let StoreOptions { sync, state_memory, folder } = self.options;
        if let Some(why) = self.read_only {
            return Ok(Writer::failed(&why, sync));
        }
        let budget = state_memory.map(|bytes| Budget::new(disk.storage().clone(), bytes));
        let failed = |source: io::Error| StoreError::Folder { path: folder, source };
        Writer::start(disk, Arc::new(chain.clone()), sync, budget).map_err(failed)
    }
}
