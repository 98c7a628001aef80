//! The [`Source`] of a fork: a chain elsewhere, behind what is kept of it on disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use near_crypto::PublicKeyHandle;
use near_primitives::account::{AccessKey, Account};
use near_primitives::action::GlobalContractIdentifier;
use near_primitives::types::{AccountId, Nonce};

use super::cache::Cache;
use super::client::Client;
use super::contract_data::SmallData;
use super::error::RemoteError;
use super::pinned::{BlockPin, Origin, Remote};
use crate::chain::{Fetched, PinnedBlock, Source, SourceFailure, Stretch};

/// As many records as nodes give in a page at most.
const PAGE: u32 = 10_000;

/// A chain elsewhere at one block, as a fork needs it.
#[derive(Debug)]
pub struct RemoteSource {
    remote: Remote,
    pinned: PinnedBlock,
    cache: Option<Cache>,
    folder: Option<PathBuf>,
}

impl RemoteSource {
    /// The chain that `client` asks, at the block that `pin` names, with its answers kept in the folder
    /// `cache`, if there is to be one. If no endpoint can be reached, a block that was pinned in the
    /// same way before is taken from there: a fork whose state is all in the folder needs no network.
    pub fn open(
        client: Arc<Client>,
        pin: BlockPin,
        cache: Option<&Path>,
    ) -> Result<Self, RemoteError> {
        let origins = cache.map(|folder| Cache::new(folder.join("origins")));
        let first = client.endpoints().first().map(|endpoint| endpoint.url().to_string());
        let name = format!("{}@{pin}", first.unwrap_or_default());
        let connected =
            Remote::at(Arc::clone(&client), pin).and_then(|remote| Ok((remote.origin()?, remote)));
        let (origin, remote) = match (connected, &origins) {
            (Ok(connected), Some(origins)) => {
                if let Ok(text) = serde_json::to_vec(&connected.0) {
                    origins.put(&name, &text);
                }
                connected
            }
            (Ok(connected), None) => connected,
            (Err(error @ RemoteError::Failed { .. }), Some(origins)) => {
                let stored = origins.get(&name).filter(|_| pin != BlockPin::Final);
                let stored = stored.and_then(|text| serde_json::from_slice::<Origin>(&text).ok());
                let Some(origin) = stored else { return Err(error) };
                tracing::warn!(target: "remote", %error, "going on with what is on disk");
                let remote = Remote::from_origin(client, &origin);
                (origin, remote)
            }
            (Err(error), _) => return Err(error),
        };
        let pinned = origin.pinned();
        let blocks = cache.map(|folder| Cache::of_block(folder, &pinned.chain_id, &pinned.hash));
        Ok(Self { remote, pinned, cache: blocks, folder: cache.map(Path::to_owned) })
    }

    /// The state that is read.
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// The folder where answers are kept.
    pub fn cache(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// What is on disk under `name`, or what `fetch` gives.
    fn cached<T: BorshSerialize + BorshDeserialize>(
        &self,
        name: &str,
        fetch: impl FnOnce(&Remote) -> Result<T, RemoteError>,
    ) -> Fetched<T> {
        if let Some(stored) = self.stored(name) {
            return Ok(stored);
        }
        let fetched = fetch(&self.remote).map_err(|error| self.failure(&error))?;
        self.store(name, &fetched);
        Ok(fetched)
    }

    fn stored<T: BorshDeserialize>(&self, name: &str) -> Option<T> {
        let stored = self.cache.as_ref()?.get(name)?;
        borsh::from_slice(&stored).ok()
    }

    fn store(&self, name: &str, value: &impl BorshSerialize) {
        if let (Some(cache), Ok(bytes)) = (&self.cache, borsh::to_vec(value)) {
            cache.put(name, &bytes);
        }
    }

    fn failure(&self, error: &RemoteError) -> SourceFailure {
        let first = || self.remote.client().endpoints().first().map(|one| one.name().to_owned());
        let endpoint = error.endpoint().map(str::to_owned).or_else(first).unwrap_or_default();
        SourceFailure { endpoint: endpoint.into(), why: error.to_string().into() }
    }

    /// All data of `id`, if it is not too much.
    fn small(&self, id: &AccountId) -> Fetched<Option<Records>> {
        self.cached(&format!("data {id}"), |remote| match remote.small_data(id)? {
            SmallData::TooLarge => Ok(None),
            SmallData::All(records) => Ok(Some(records)),
        })
    }

    fn single(&self, id: &AccountId, key: &[u8]) -> Fetched<Option<Vec<u8>>> {
        self.cached(&datum(id, key), |remote| remote.datum(id, key))
    }
}

type Records = Vec<(Vec<u8>, Vec<u8>)>;

fn datum(id: &AccountId, key: &[u8]) -> String {
    format!("datum {id} {}", bs58::encode(key).into_string())
}

impl Source for RemoteSource {
    fn pinned(&self) -> &PinnedBlock {
        &self.pinned
    }

    fn account(&self, id: &AccountId) -> Fetched<Option<Account>> {
        self.cached(&format!("account {id}"), |remote| remote.account(id))
    }

    fn access_key(&self, id: &AccountId, key: &PublicKeyHandle) -> Fetched<Option<AccessKey>> {
        self.cached(&format!("key {id} {key}"), |remote| remote.access_key(id, key))
    }

    fn access_keys(&self, id: &AccountId) -> Fetched<Vec<(PublicKeyHandle, AccessKey)>> {
        self.cached(&format!("keys {id}"), |remote| remote.access_keys(id))
    }

    fn gas_key_nonces(&self, id: &AccountId, key: &PublicKeyHandle) -> Fetched<Vec<Nonce>> {
        self.cached(&format!("nonces {id} {key}"), |remote| remote.gas_key_nonces(id, key))
    }

    fn code(&self, id: &AccountId) -> Fetched<Option<Vec<u8>>> {
        self.cached(&format!("code {id}"), |remote| remote.code(id))
    }

    fn global_code(&self, identifier: &GlobalContractIdentifier) -> Fetched<Option<Vec<u8>>> {
        let name = match identifier {
            GlobalContractIdentifier::CodeHash(hash) => format!("global code of hash {hash}"),
            GlobalContractIdentifier::AccountId(id) => format!("global code of account {id}"),
        };
        self.cached(&name, |remote| remote.global_code(identifier))
    }

    fn data_at(&self, id: &AccountId, key: &[u8]) -> Fetched<Stretch> {
        if let Some(value) = self.stored(&datum(id, key)) {
            return Ok(Stretch::single(key, value));
        }
        if let Some(records) = self.small(id)? {
            return Ok(Stretch::whole(records));
        }
        Ok(Stretch::single(key, self.single(id, key)?))
    }

    fn data_from(&self, id: &AccountId, prefix: &[u8], from: &[u8]) -> Fetched<Stretch> {
        if let Some(mut records) = self.small(id)? {
            records.retain(|(key, _)| key.as_slice() >= from);
            return Ok(Stretch { from: from.to_vec(), to: None, records });
        }
        if from > prefix && !from.starts_with(prefix) {
            return Ok(Stretch { from: from.to_vec(), to: None, records: Vec::new() });
        }
        let from = from.max(prefix);
        // Pages begin behind a key, and a stretch with one.
        let before = from.strip_suffix(&[0]).filter(|before| before.starts_with(prefix));
        let (after, first) = match before {
            _ if from == prefix => (None, None),
            Some(before) => (Some(before), None),
            None => (Some(from), self.single(id, from)?),
        };
        let name = format!(
            "page {id} {} {}",
            bs58::encode(prefix).into_string(),
            bs58::encode(from).into_string()
        );
        let (page, last): (Records, Option<Vec<u8>>) = self.cached(&name, |remote| {
            let page = remote.data_page(id, prefix, after, PAGE)?;
            Ok((page.records, page.last_key))
        })?;
        let to = match last {
            Some(last) => Some([last.as_slice(), &[0]].concat()),
            None => Stretch::prefix(prefix, Vec::new()).to,
        };
        let first = first.map(|value| (from.to_vec(), value));
        let records = first.into_iter().chain(page).collect();
        Ok(Stretch { from: from.to_vec(), to, records })
    }
}
