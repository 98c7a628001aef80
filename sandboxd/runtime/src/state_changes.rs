//! What blocks changed, write by write and with the cause of each, as NEAR's indexers read it.
//!
//! The causes are nearcore's for the records that it shows: accounts, their keys, code and data.
//! A record that one cause writes more than once changes once. Follows nearcore's `TrieUpdate`
//! (`core/store/src/trie/update.rs`) and `Runtime::apply`.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::trie_key::col;
use near_primitives::types::{RawStateChange, RawStateChangesWithTrieKey};
use sandbox_state::{ChangeSet, Checkpoint, Journal, Key, Snapshot, Unavailable, Value};

use crate::near::{StateChangeCause, TrieKey, trie_key_parsers};

/// The order and the causes of a block's writes.
#[derive(Clone, Debug, Default)]
pub struct Causes {
    journal: Journal,
    ends: Vec<(Checkpoint, StateChangeCause)>,
}

impl Causes {
    pub(crate) fn new(journal: Journal, ends: Vec<(Checkpoint, StateChangeCause)>) -> Self {
        Self { journal, ends }
    }
}

/// What a block changed and why. It is cheap to keep and not so cheap to look at.
#[derive(Clone, Debug, Default)]
pub struct StateChanges {
    changes: ChangeSet,
    steps: Steps,
    /// What was written over the state by hand, after the block.
    patch: ChangeSet,
}

/// What was changed by which cause.
#[derive(Clone, Debug)]
enum Steps {
    /// As it was written down while the block was made.
    Recorded(Causes),
    /// Of the records that clients see, as it was found out then.
    Told(Vec<(StateChangeCause, ChangeSet)>),
}

impl Default for Steps {
    fn default() -> Self {
        Self::Told(Vec::new())
    }
}

impl StateChanges {
    /// The `changes` of a block with their `causes`, and of the `patch` that was put over it.
    pub fn new(changes: ChangeSet, causes: Causes, patch: ChangeSet) -> Self {
        Self { changes, steps: Steps::Recorded(causes), patch }
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.patch.is_empty()
    }

    /// The state after the block, of the one before.
    pub fn apply_to(&self, before: &Snapshot) -> Result<Snapshot, Unavailable> {
        let after = before.apply(&self.changes)?;
        if self.patch.is_empty() { Ok(after) } else { after.apply(&self.patch) }
    }

    /// The changes of the records that clients see and whose raw key `is_wanted`, in the order of
    /// the keys, those of a key in the order of time.
    pub fn of(&self, is_wanted: impl Fn(&[u8]) -> bool) -> Vec<RawStateChangesWithTrieKey> {
        let mut steps = self.steps();
        steps.push((StateChangeCause::Migration, self.patch.clone()));
        let mut records: BTreeMap<Key, RawStateChangesWithTrieKey> = BTreeMap::new();
        for (cause, step) in steps {
            for (key, value) in step {
                if !is_wanted(&key) {
                    continue;
                }
                let Some(trie_key) = shown(&key) else { continue };
                let change = RawStateChange {
                    cause: cause.clone(),
                    data: value.map(|value| value.to_vec()),
                };
                let record = records.entry(key);
                let empty = || RawStateChangesWithTrieKey { trie_key, changes: Vec::new() };
                record.or_insert_with(empty).changes.push(change);
            }
        }
        records.into_values().collect()
    }

    /// What the block changed by which cause, in the order of time.
    fn steps(&self) -> Vec<(StateChangeCause, ChangeSet)> {
        match &self.steps {
            Steps::Told(steps) => steps.clone(),
            Steps::Recorded(causes) => {
                let (ends, causes_of): (Vec<_>, Vec<_>) = causes.ends.iter().cloned().unzip();
                let steps = causes.journal.steps(&self.changes, &ends);
                causes_of.into_iter().zip(steps).collect()
            }
        }
    }
}

/// A change of a record by one cause, as it is written: what the block left behind is written once.
#[derive(BorshDeserialize, BorshSerialize)]
enum Written {
    Removed,
    Set(Vec<u8>),
    AsLeft,
}

type WrittenStep = (StateChangeCause, Vec<(Vec<u8>, Written)>);

/// Each change is a key and its value, or that it was removed.
type Records = Vec<(Vec<u8>, Option<Vec<u8>>)>;

impl BorshSerialize for StateChanges {
    /// Only the causes of what clients see are written.
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        write_records(&self.changes, writer)?;
        write_records(&self.patch, writer)?;
        let steps = self.steps().into_iter().map(|(cause, step)| (cause, self.written(&step)));
        let told: Vec<WrittenStep> = steps.filter(|(_, step)| !step.is_empty()).collect();
        told.serialize(writer)
    }
}

impl BorshDeserialize for StateChanges {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let (changes, patch) = (read_records(reader)?, read_records(reader)?);
        let told = Vec::<WrittenStep>::deserialize_reader(reader)?;
        let value = |key: &Key, written: Written| match written {
            Written::Removed => None,
            Written::Set(value) => Some(Value::from(value)),
            Written::AsLeft => changes.get(key).flatten().cloned(),
        };
        let step = |step: Vec<(Vec<u8>, Written)>| -> ChangeSet {
            let keyed = step.into_iter().map(|(key, written)| (Key::from(key), written));
            keyed.map(|(key, written)| (Arc::clone(&key), value(&key, written))).collect()
        };
        let steps = told.into_iter().map(|(cause, changed)| (cause, step(changed))).collect();
        Ok(Self { changes, steps: Steps::Told(steps), patch })
    }
}

impl StateChanges {
    fn written(&self, step: &ChangeSet) -> Vec<(Vec<u8>, Written)> {
        let seen = step.iter().filter(|(key, _)| shown(key).is_some());
        let written = |(key, value): (&Key, Option<&Value>)| {
            let written = match value {
                value if self.changes.get(key) == Some(value) => Written::AsLeft,
                Some(value) => Written::Set(value.to_vec()),
                None => Written::Removed,
            };
            (key.to_vec(), written)
        };
        seen.map(written).collect()
    }
}

fn write_records<W: io::Write>(changes: &ChangeSet, writer: &mut W) -> io::Result<()> {
    let count = u32::try_from(changes.len()).map_err(io::Error::other)?;
    count.serialize(writer)?;
    for (key, value) in changes.iter() {
        (&**key, value.map(|value| &**value)).serialize(writer)?;
    }
    Ok(())
}

fn read_records<R: io::Read>(reader: &mut R) -> io::Result<ChangeSet> {
    let records = Records::deserialize_reader(reader)?;
    Ok(records.into_iter().map(|(key, value)| (key.into(), value.map(Value::from))).collect())
}

/// What a raw key names, if it is one of the records that clients see.
fn shown(raw: &[u8]) -> Option<TrieKey> {
    use trie_key_parsers as parse;
    match *raw.first()? {
        col::ACCOUNT => {
            let account_id = parse::parse_account_id_from_account_key(raw).ok()?;
            Some(TrieKey::Account { account_id })
        }
        col::CONTRACT_CODE => {
            let account_id = parse::parse_account_id_from_contract_code_key(raw).ok()?;
            Some(TrieKey::ContractCode { account_id })
        }
        col::ACCESS_KEY => {
            let account_id = parse::parse_account_id_from_access_key_key(raw).ok()?;
            let key_handle = parse::parse_key_handle_from_access_key_key(raw, &account_id).ok()?;
            let nonce = parse::parse_nonce_index_from_gas_key_key(raw, &account_id, &key_handle);
            Some(match nonce.ok()? {
                None => TrieKey::AccessKey { account_id, key_handle },
                Some(index) => TrieKey::GasKeyNonce { account_id, key_handle, index },
            })
        }
        col::CONTRACT_DATA => {
            let account_id = parse::parse_account_id_from_contract_data_key(raw).ok()?;
            let key = parse::parse_data_key_from_contract_data_key(raw, &account_id).ok()?;
            Some(TrieKey::ContractData { key: key.to_vec(), account_id })
        }
        _ => None,
    }
}
