//! A folder with a chain in it, or for one.

use std::collections::{BTreeMap, BTreeSet};
#[cfg(unix)]
use std::fs::Metadata;
use std::io;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use near_chain_configs::Genesis;
use near_primitives::hash::CryptoHash;
use sandbox_runtime::{Engines, StateChanges};
use sandbox_state::{Snapshot, StateRoot, Storage};

use super::database::Database;
use super::disk::{CURRENT, Disk, Kept};
use super::folder::Folder;
use super::lines::{Lines, Place};
use super::modules::Modules;
use super::records::{self, ChainRecord, Identity, LineRecord};
use super::relief::Budget;
use super::{StoreError, StoreOptions, Writer};
use crate::chain::{
    Block, Chain, ChainOptions, Chains, InvalidImage, Resuming, SavedChain, SnapshotId, Snapshots,
    TimestampNs,
};
use crate::genesis::{InvalidGenesis, for_each_record};

/// An open folder.
#[derive(Debug)]
pub struct Store {
    options: StoreOptions,
    pub(super) database: Arc<Database>,
    identity: Option<Identity>,
    /// Why nothing can be written.
    read_only: Option<String>,
    modules: Option<Arc<Modules>>,
}

/// A chain that was read.
struct ReadChain {
    chain: Chain,
    place: Place,
    time_ns: TimestampNs,
}

/// Whether a chain is kept in this folder.
pub fn holds_chain(folder: &Path) -> bool {
    Folder::has_database(folder)
}

/// Whether nobody can write to `folder` who may not: what was compiled is executed.
fn may_keep_compiled(folder: &Path) -> bool {
    #[cfg(unix)]
    {
        let mode = |metadata: Metadata| PermissionsExt::mode(&metadata.permissions());
        let is_open = std::fs::metadata(folder).is_ok_and(|metadata| mode(metadata) & 0o002 != 0);
        if is_open {
            tracing::warn!(
                target: "vm", folder = %folder.display(),
                "compiled contracts are not kept here: everybody may write to the folder"
            );
        }
        !is_open
    }
    #[cfg(not(unix))]
    folder.exists()
}

/// What tells one genesis, with its records, from others.
///
/// # Errors
/// If its records are in a file and cannot be read.
///
/// # Panics
/// Never: each has a JSON form.
pub fn genesis_digest(genesis: &Genesis) -> Result<CryptoHash, InvalidGenesis> {
    let json = "a genesis has a JSON form";
    let config = serde_json::to_vec(&genesis.config).expect(json);
    let mut digest = CryptoHash::hash_bytes(&config);
    for_each_record(genesis, |record| {
        let record = CryptoHash::hash_bytes(&serde_json::to_vec(record).expect(json));
        digest = CryptoHash::hash_bytes(&[digest.0, record.0].concat());
        Ok::<_, InvalidGenesis>(())
    })??;
    Ok(digest)
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
        let database = Arc::new(database);
        let modules = options.compiled_bytes.filter(|_| may_keep_compiled(&options.folder));
        let modules = modules.map(|bytes| {
            // Those that are there are of use also where none can be added.
            let bytes = if read_only.is_some() { 0 } else { bytes };
            Arc::new(Modules::new(Arc::clone(&database), bytes))
        });
        Ok(Self { options, database, identity, read_only, modules })
    }

    /// The same engines, whose compiled contracts are kept here if the options say so.
    #[must_use]
    pub fn keep_compiled(&self, engines: Engines) -> Engines {
        match &self.modules {
            Some(modules) => engines.stored_in(Arc::<Modules>::clone(modules)),
            None => engines,
        }
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
        chain: Chain,
        genesis: Option<CryptoHash>,
    ) -> Result<(Chain, Writer), StoreError> {
        let identity = Identity { chain_id: chain.chain_id().to_owned(), genesis };
        let (disk, chain) = Disk::begin(&self.database, chain, &identity)?;
        Ok((chain, self.writer(disk)?))
    }

    /// The chain that is in it and its snapshots, which are kept from now on.
    ///
    /// # Errors
    /// If there is none, or not all of it.
    pub fn resume(self, options: &ChainOptions) -> Result<(Chains, Writer), StoreError> {
        let mut disk = Disk::over(Arc::clone(&self.database));
        let (lines, chains) = self.read(disk.storage(), options)?;
        let mut current = None;
        let (mut saved, mut kept) = (Vec::new(), BTreeMap::new());
        for (id, ReadChain { chain, place, time_ns }) in chains {
            kept.insert(id, Kept { chain: chain.clone(), place });
            match id {
                CURRENT => current = Some(chain),
                id => saved.push(SavedChain { id, chain, time_ns }),
            }
        }
        let current = current.ok_or_else(|| self.missing("the current chain"))?;
        let last_snapshot = records::last_snapshot(&self.database)?;
        disk.knows(lines, kept, Snapshots::new(saved.clone(), last_snapshot));
        Ok((Chains { current, saved, last_snapshot }, self.writer(disk)?))
    }

    /// Builds all chains of the blocks that are there.
    fn read(
        &self,
        storage: &Storage,
        options: &ChainOptions,
    ) -> Result<(Lines, BTreeMap<SnapshotId, ReadChain>), StoreError> {
        let stored = |block: &Block, _: &StateChanges| {
            Some(Snapshot::stored(StateRoot(block.state_root().0), storage))
        };
        let invalid = |invalid| self.invalid(invalid);
        let (records, chains) = (records::lines(&self.database)?, records::chains(&self.database)?);
        let froms = records.values().filter_map(LineRecord::built_on);
        let wanted: BTreeSet<_> = froms.chain(chains.values().map(ChainRecord::place)).collect();
        let (mut lines, mut reached) = (Lines::default(), BTreeMap::new());
        for (id, record) in records {
            let (mut line, lowest) = (record.line(), record.lowest());
            let mut resuming = if let Some(from) = record.built_on() {
                reached.get(&from).cloned().ok_or_else(|| self.missing("a line"))?
            } else {
                let base = records::base(&self.database, id)?;
                Resuming::new(&base, lowest, options.clone(), stored).map_err(invalid)?
            };
            let mut arrive = |resuming: &Resuming| {
                let place = Place { line: id, height: resuming.head().height() };
                if wanted.contains(&place) {
                    reached.insert(place, resuming.clone());
                }
            };
            arrive(&resuming);
            for block in records::blocks(&self.database, id) {
                let (height, root, image) = block?;
                resuming.push(&image, stored).map_err(invalid)?;
                if height >= lowest {
                    line.states.push_back((height, root));
                }
                arrive(&resuming);
            }
            lines.0.insert(id, line);
        }
        let finish = |(id, record): (SnapshotId, ChainRecord)| {
            let place = record.place();
            let resuming = reached.get(&place).cloned().ok_or_else(|| self.missing("a block"))?;
            let chain = resuming.finish(&record.tip).map_err(invalid)?;
            Ok((id, ReadChain { chain, place, time_ns: record.time_ns }))
        };
        let chains = chains.into_iter().map(finish).collect::<Result<_, StoreError>>()?;
        Ok((lines, chains))
    }

    /// The error of something that has to be there.
    fn missing(&self, what: &str) -> StoreError {
        self.database.refused(&format_args!("{what} is missing"))
    }

    fn invalid(&self, invalid: InvalidImage) -> StoreError {
        StoreError::Chain { path: self.options.folder.clone(), source: Box::new(invalid) }
    }

    fn writer(self, disk: Disk) -> Result<Writer, StoreError> {
        let StoreOptions { sync, state_memory, folder, .. } = self.options;
        if let Some(why) = self.read_only {
            return Ok(Writer::failed(&why, sync, self.modules));
        }
        let budget = state_memory.map(|bytes| Budget::new(disk.storage().clone(), bytes));
        let failed = |source: io::Error| StoreError::Folder { path: folder, source };
        Writer::start(disk, sync, budget, self.modules).map_err(failed)
    }
}
