//! The rest of the chain, as both sides see it: storage and validators that behave the same, and
//! a list of effects in words that both sides share.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use near_primitives::types::AccountId;

/// Storage, receipts and what happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) storage: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) receivers: Vec<AccountId>,
    pub(crate) yield_ids: Vec<[u8; 32]>,
    pub(crate) effects: Vec<String>,
    pub(crate) accesses: Cell<u64>,
    entries: BTreeSet<(u64, u64, Vec<u8>)>,
}

/// The chain's name.
pub(crate) const CHAIN_ID: &str = "localnet";

impl World {
    /// Trie nodes that an access visits: touched, cached.
    pub(crate) fn nodes(&self, key: &[u8]) -> [u64; 2] {
        self.accesses.set(self.accesses.get() + 1);
        [key.len() as u64 + 1, self.accesses.get() % 3]
    }

    /// Bytes of state recorded so far.
    pub(crate) fn recorded(&self) -> u64 {
        self.accesses.get() * 1_700_000
    }

    pub(crate) fn create_receipt(&mut self, receiver: AccountId, after: &[u64]) -> u64 {
        self.effects.push(format!("receipt to {receiver} after {after:?}"));
        self.receivers.push(receiver);
        self.receivers.len() as u64 - 1
    }

    /// Adds an action; the place of the action, here among all effects.
    pub(crate) fn append(&mut self, receipt: u64, action: &str) -> u64 {
        self.effects.push(format!("{receipt}: {action}"));
        self.effects.len() as u64 - 1
    }

    /// Adds an entry to an action that initializes a state.
    pub(crate) fn set_entry(
        &mut self,
        receipt: u64,
        action: u64,
        key: Vec<u8>,
        value: &[u8],
    ) -> Result<(), BadEntry> {
        let found = usize::try_from(action).ok().and_then(|at| self.effects.get(at));
        if !found.is_some_and(|effect| effect.starts_with(&format!("{receipt}: state init"))) {
            return Err(BadEntry::NoSuchAction);
        }
        self.effects.push(format!("{receipt}, {action}: {key:?} is {value:?}"));
        if !self.entries.insert((receipt, action, key)) {
            return Err(BadEntry::AlreadySet);
        }
        Ok(())
    }

    /// Whether the initial state of a universal account is written as it must be: here, by its
    /// length.
    pub(crate) fn check_state(state_init: &[u8]) -> Result<(), BadState> {
        match state_init.len() {
            0 => Err(BadState::Malformed),
            500 => Err(BadState::NonCanonical),
            _ => Ok(()),
        }
    }

    /// A yielded receipt and its data id, unless the chosen id is in use.
    pub(crate) fn yield_create(&mut self, chosen: Option<[u8; 32]>) -> Option<(u64, [u8; 32])> {
        if let Some(id) = chosen {
            if self.yield_ids.contains(&id) {
                return None;
            }
            self.yield_ids.push(id);
        }
        let receipt = self.create_receipt("alice.near".parse().unwrap(), &[]);
        Some((receipt, [receipt as u8 + 1; 32]))
    }

    pub(crate) fn yield_resume(&mut self, id: &[u8; 32], payload: &[u8]) -> bool {
        self.effects.push(format!("resume {id:?} with {payload:?}"));
        self.receivers.len() > 1
    }

    /// Entries and keys in the initial state of a universal account: here, by its length.
    pub(crate) fn state_counts(state_init: &[u8]) -> [u64; 2] {
        [state_init.len() as u64 / 2, 3]
    }

    pub(crate) fn validator_stake(account: &str) -> Option<u128> {
        (account == "bob.near").then_some(1_234)
    }
}

/// Why an entry is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BadEntry {
    NoSuchAction,
    AlreadySet,
}

/// Why a state is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BadState {
    Malformed,
    NonCanonical,
}

/// What both sides call an access key's permission.
pub(crate) fn permission(
    allowance: Option<u128>,
    receiver: &str,
    method_names: &[String],
) -> String {
    format!("call {receiver} {method_names:?} for {allowance:?}")
}
