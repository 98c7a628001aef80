//! Records written over a state from outside of any transaction, as `sandbox_patch_state` does.
//!
//! All of the records take effect, in their order, or none. An account whose own record is among them
//! is taken as that record says. Of another account, what follows from its changed records is computed:
//! which code it has, and how much storage it uses.

mod edits;

use near_parameters::RuntimeConfig as NearConfig;
use sandbox_state::{ChangeSet, Snapshot};

use crate::fault::RuntimeFault;
use crate::near::{
    Account, AccountId, Balance, CryptoHash, NonceIndex, PublicKeyHandle, StateRecord,
};
use crate::tree;

pub use crate::actions::initial_nonce;
pub use edits::Edits;

/// One step of a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatchRecord {
    /// Writes a record, in place of the one that is there.
    Write(StateRecord),
    /// Takes records away. Does no harm if they are not there.
    Delete(Deletion),
}

/// Records that a patch takes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// What a contract stored under a key.
    Data {
        /// The account of the contract.
        account_id: AccountId,
        /// The key.
        data_key: Vec<u8>,
    },
    /// What a contract stored under all keys that begin alike.
    DataPrefix {
        /// The account of the contract.
        account_id: AccountId,
        /// What the keys begin with. All keys begin with the empty one.
        prefix: Vec<u8>,
    },
    /// An access key; of a gas key its nonces too.
    AccessKey {
        /// The account.
        account_id: AccountId,
        /// The key.
        public_key: PublicKeyHandle,
    },
    /// The code of an account, or its use of a global contract.
    Contract {
        /// The account.
        account_id: AccountId,
    },
    /// An account with its keys, its code and its data.
    Account {
        /// The account.
        account_id: AccountId,
    },
}

impl From<StateRecord> for PatchRecord {
    fn from(record: StateRecord) -> Self {
        Self::Write(record)
    }
}

impl From<&StateRecord> for PatchRecord {
    fn from(record: &StateRecord) -> Self {
        Self::Write(record.clone())
    }
}

impl From<Deletion> for PatchRecord {
    fn from(deletion: Deletion) -> Self {
        Self::Delete(deletion)
    }
}

impl PatchRecord {
    /// The name of the record's kind, as `sandbox_patch_state` has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Write(record) => kind_of(record),
            Self::Delete(Deletion::Data { .. }) => "DeleteData",
            Self::Delete(Deletion::DataPrefix { .. }) => "DeleteDataPrefix",
            Self::Delete(Deletion::AccessKey { .. }) => "DeleteAccessKey",
            Self::Delete(Deletion::Contract { .. }) => "DeleteContract",
            Self::Delete(Deletion::Account { .. }) => "DeleteAccount",
        }
    }
}

/// The name of a record's kind, as a genesis has it.
pub(crate) fn kind_of(record: &StateRecord) -> &'static str {
    match record {
        StateRecord::Account { .. } => "Account",
        StateRecord::Data { .. } => "Data",
        StateRecord::Contract { .. } => "Contract",
        StateRecord::AccessKey { .. } => "AccessKey",
        StateRecord::PostponedReceipt(_) => "PostponedReceipt",
        StateRecord::ReceivedData { .. } => "ReceivedData",
        StateRecord::DelayedReceipt(_) => "DelayedReceipt",
        StateRecord::GasKeyNonce { .. } => "GasKeyNonce",
    }
}

/// The account that a record is part of, if it is not the account itself.
pub(crate) fn owner(record: &StateRecord) -> Option<&AccountId> {
    match record {
        StateRecord::Data { account_id, .. }
        | StateRecord::Contract { account_id, .. }
        | StateRecord::AccessKey { account_id, .. }
        | StateRecord::GasKeyNonce { account_id, .. } => Some(account_id),
        StateRecord::Account { .. }
        | StateRecord::PostponedReceipt(_)
        | StateRecord::ReceivedData { .. }
        | StateRecord::DelayedReceipt(_) => None,
    }
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRecord {
    /// Receipts, and data for them.
    #[error(
        "a {kind} record cannot be written: receipts, and data for them, come from transactions only"
    )]
    UnsupportedRecord {
        /// The kind of record.
        kind: &'static str,
    },
    /// Code for an account that neither the state nor a record has.
    #[error("code for account {account_id}, which does not exist")]
    CodeWithoutAccount {
        /// The account.
        account_id: AccountId,
    },
    /// A universal account owns nothing but tokens before its state init.
    #[error("a {kind} record for account {account_id}, which is not initialized")]
    Uninitialized {
        /// The account.
        account_id: AccountId,
        /// The kind of record.
        kind: &'static str,
    },
    /// The account's record names other code.
    #[error(
        "the code of account {account_id} has hash {found}, its account record says {expected}"
    )]
    CodeHashMismatch {
        /// The account.
        account_id: AccountId,
        /// The hash in the account's record.
        expected: CryptoHash,
        /// The hash of the code.
        found: CryptoHash,
    },
    /// A gas key has each of its nonces in a record of its own.
    #[error("the gas key {public_key} of account {account_id} has no GasKeyNonce record {index}")]
    MissingNonce {
        /// The account.
        account_id: AccountId,
        /// The key.
        public_key: PublicKeyHandle,
        /// The number of the nonce.
        index: NonceIndex,
    },
}

/// Why records cannot be written over a state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPatch {
    /// A record that cannot be written.
    #[error("records[{index}].{kind}: {source}")]
    Record {
        /// Its place among the records, from 0.
        index: usize,
        /// The name of its kind.
        kind: &'static str,
        /// What is wrong with it.
        source: InvalidRecord,
    },
    /// All balances together do not fit 128 bits.
    #[error("the patched balances overflow: all tokens together have to fit into 128 bits")]
    BalanceOverflow,
}

/// What a patch writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The records.
    pub changes: ChangeSet,
    /// The accounts that it writes or, where there is none, removes.
    pub accounts: Vec<(AccountId, Option<Account>)>,
    /// What the records that it replaces held, in yoctoNEAR.
    pub removed: Balance,
    /// What its records hold. The supply of the chain grows by this and shrinks by `removed`.
    pub added: Balance,
}

impl Patch {
    /// Has the `account` that it writes lock at least `staked`, which it has at stake: without its
    /// stake no next epoch could begin.
    ///
    /// # Panics
    /// Never: writing into a vector cannot fail.
    pub fn lock(
        &mut self,
        id: &AccountId,
        mut account: Account,
        staked: Balance,
    ) -> Result<(), InvalidPatch> {
        let missing = staked.saturating_sub(account.locked());
        self.added = self.added.checked_add(missing).ok_or(InvalidPatch::BalanceOverflow)?;
        account.set_locked(staked).map_err(|_| InvalidPatch::BalanceOverflow)?;
        let record = borsh::to_vec(&account).expect("writing into a vector cannot fail");
        self.changes.set(tree::account_key(id).to_vec(), record);
        Ok(())
    }
}

/// The changes that write `records` over `state`, in their order.
pub fn patch(
    config: &NearConfig,
    state: &Snapshot,
    records: impl IntoIterator<Item: Into<PatchRecord>>,
) -> Result<Result<Patch, InvalidPatch>, RuntimeFault> {
    let mut edits = Edits::new(config, state);
    for record in records {
        if let Err(error) = edits.write(record.into())? {
            return Ok(Err(error));
        }
    }
    edits.finish()
}
