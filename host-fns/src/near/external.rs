//! [`External`]: the port to the rest of the chain. It has a method for each kind of effect;
//! actions are data. Implementations report work in trie nodes, never in gas, and need not check
//! anything a contract passed: that has been done.

use std::sync::Arc;

use gas_meter::Gas;

use crate::abi::{Effects, Fault};

/// Names a receipt that the execution makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptIndex(pub u64);

/// Keys and values.
pub type StoredRecords = Vec<(Vec<u8>, Vec<u8>)>;

/// Storage, outgoing receipts and validators, as one execution sees them.
///
/// Every [`Fault`] ends the block, not the execution.
pub trait External: Send + 'static {
    /// A moment to go back to.
    type Checkpoint: Send;

    /// This moment. Cheap: it is taken before each execution, and seldom needed.
    fn checkpoint(&self) -> Self::Checkpoint;

    /// Takes back every effect since `at`, and that nodes were touched.
    fn revert_to(&mut self, at: Self::Checkpoint);

    /// The value under `key`.
    fn read(&mut self, key: &[u8]) -> Result<Found, Fault>;

    /// Whether there is a value under `key`, and the nodes that finding out takes.
    fn contains(&mut self, key: &[u8]) -> Result<(bool, TrieNodes), Fault>;

    /// Puts `value` under `key`.
    fn write(&mut self, key: &[u8], value: &[u8]) -> Result<Displaced, Fault>;

    /// Removes what is under `key`.
    fn remove(&mut self, key: &[u8]) -> Result<Displaced, Fault>;

    /// Bytes of state that the receipt has touched so far, all its actions together.
    fn recorded_storage_bytes(&self) -> u64;

    /// Starts a receipt to `receiver`, a valid account id, to run after the receipts `after`,
    /// whose results it gets in that order.
    fn create_receipt(
        &mut self,
        receiver: &str,
        after: &[ReceiptIndex],
    ) -> Result<ReceiptIndex, Fault>;

    /// The receiver of a receipt made by this execution.
    fn receiver(&self, receipt: ReceiptIndex) -> &str;

    /// Adds an action to a receipt; gives its place among the receipt's actions.
    fn append(&mut self, receipt: ReceiptIndex, action: Action) -> u64;

    /// Puts `value` under `key` into the data of the [`Action::DeterministicStateInit`] that is
    /// at place `action` of a receipt.
    fn set_state_init_entry(
        &mut self,
        receipt: ReceiptIndex,
        action: u64,
        key: Vec<u8>,
        value: Vec<u8>,
    ) -> Result<(), InvalidEntry>;

    /// Whether `state_init` is the canonical borsh of a universal account's initial state.
    fn check_universal_state(&self, state_init: &[u8]) -> Result<(), InvalidStateInit>;

    /// What is charged for the bytes of a universal account's initial state. For bytes that
    /// [`External::check_universal_state`] refuses: as much as they could have contained.
    fn universal_state_counts(&self, state_init: &[u8]) -> StateCounts;

    /// Sends refunds of balance from a receipt to `account`, a valid account id.
    fn set_refund_to(&mut self, receipt: ReceiptIndex, account: &str);

    /// Starts a receipt to the current account that waits to be resumed, under the id that the
    /// contract chose or none. Gives the receipt and the id of the data that it waits for;
    /// nothing when the chosen id is already in use by the account.
    fn yield_create(
        &mut self,
        chosen_id: Option<[u8; 32]>,
    ) -> Result<Option<(ReceiptIndex, [u8; 32])>, Fault>;

    /// Resumes a yielded receipt of the current account with `payload`. False when there is none
    /// that waits.
    fn yield_resume(&mut self, yielded: YieldRef, payload: Vec<u8>) -> Result<bool, Fault>;

    /// The stake of a validator in yoctoNEAR; `None` when `account` is not one.
    fn validator_stake(&self, account: &str) -> Result<Option<u128>, Fault>;

    /// The stake of all validators in yoctoNEAR.
    fn validator_total_stake(&self) -> Result<u128, Fault>;

    /// The chain's name.
    fn chain_id(&self) -> &str;

    /// What the execution has changed so far, by topic, see
    /// [`Host::effects`](crate::abi::Host::effects).
    fn effects(&self) -> Vec<Effects> {
        Vec::new()
    }

    /// All that the account has stored now, to run the execution again elsewhere. It may change what
    /// the execution has read: nothing is done with it afterwards.
    fn stored(&mut self) -> Result<StoredRecords, Fault> {
        Ok(Vec::new())
    }
}

/// Trie nodes that an access visited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrieNodes {
    /// Read for the first time in this chunk.
    pub touched: u64,
    /// Read again.
    pub cached: u64,
}

/// What a read found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The value.
    pub value: Option<Arc<[u8]>>,
    /// The nodes of the lookup that are charged: none where reads come from flat state, as on
    /// NEAR. Those of fetching the value itself are never charged.
    pub nodes: TrieNodes,
}

/// What a write or removal replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Displaced {
    /// The value that was there.
    pub value: Option<Arc<[u8]>>,
    /// The nodes on the way to it, fetching the value included.
    pub nodes: TrieNodes,
}

/// How a contract names a yielded receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum YieldRef {
    /// By the id that [`External::yield_create`] gave.
    DataId([u8; 32]),
    /// By the id that the contract chose.
    ChosenId([u8; 32]),
}

/// Why an entry cannot become a part of a deterministic account's initial data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidEntry {
    /// The receipt has no action at that place that initializes a deterministic account.
    NoSuchAction,
    /// The key has a value.
    AlreadySet,
}

/// Why bytes are not the initial state of a universal account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidStateInit {
    /// They do not decode.
    Malformed,
    /// They decode, but encoding the result gives other bytes.
    NonCanonical,
}

/// What the initial state of a universal account is charged by, besides its length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateCounts {
    /// Storage entries.
    pub entries: u64,
    /// Access keys.
    pub keys: u64,
}

/// A public key in borsh: a tag, then the key. Tag and length are checked, the curve is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(pub(super) Vec<u8>);

impl PublicKey {
    /// Bytes of a key by its tag: Ed25519, secp256k1, ML-DSA-65.
    const KEY_BYTES: [usize; 3] = [32, 64, 1952];

    /// The key in `bytes`, if tag and length are those of a key.
    pub(super) fn parse(bytes: Vec<u8>) -> Option<Self> {
        let (tag, key) = bytes.split_first()?;
        let key_bytes = Self::KEY_BYTES.get(usize::from(*tag))?;
        (key.len() == *key_bytes).then_some(PublicKey(bytes))
    }

    /// The borsh bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// An action of an outgoing receipt. Account ids are valid, amounts are in yoctoNEAR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Creates the receiver.
    CreateAccount,
    /// Deploys code to the receiver.
    DeployContract {
        /// The code.
        code: Vec<u8>,
    },
    /// Calls a function of the receiver.
    FunctionCall {
        /// The function.
        method_name: String,
        /// Its arguments.
        args: Vec<u8>,
        /// What it gets.
        deposit: u128,
        /// The gas it gets in any case, already reserved.
        gas: Gas,
        /// Its share in the gas that is left when the execution ends.
        gas_weight: u64,
    },
    /// Transfers tokens to the receiver.
    Transfer {
        /// How much.
        deposit: u128,
    },
    /// Stakes tokens of the receiver.
    Stake {
        /// How much.
        stake: u128,
        /// The validator's key.
        public_key: PublicKey,
    },
    /// Adds a key to the receiver.
    AddKey {
        /// The key.
        public_key: PublicKey,
        /// The nonce it starts with.
        nonce: u64,
        /// What it may do.
        permission: Permission,
    },
    /// Removes a key from the receiver.
    DeleteKey {
        /// The key.
        public_key: PublicKey,
    },
    /// Deletes the receiver.
    DeleteAccount {
        /// The account that gets the rest.
        beneficiary_id: String,
    },
    /// Deploys code for everybody to use.
    DeployGlobalContract {
        /// The code.
        code: Vec<u8>,
        /// How users name it.
        mode: DeployMode,
    },
    /// Uses a global contract as the receiver's code.
    UseGlobalContract {
        /// Which one.
        contract: ContractId,
    },
    /// Initializes the receiver, a deterministic account, with a global contract and no data yet.
    DeterministicStateInit {
        /// The contract.
        contract: ContractId,
        /// What the account gets.
        deposit: u128,
    },
    /// Initializes the receiver, a universal account.
    UniversalStateInit {
        /// Its initial state as the contract passed it, not checked.
        state_init: Vec<u8>,
        /// What the account gets.
        deposit: u128,
    },
    /// Transfers tokens to a gas key of the receiver.
    TransferToGasKey {
        /// The key.
        public_key: PublicKey,
        /// How much.
        deposit: u128,
    },
    /// Adds a gas key to the receiver.
    AddGasKey {
        /// The key.
        public_key: PublicKey,
        /// How many nonces it has.
        num_nonces: u16,
        /// What it may do.
        permission: Permission,
    },
}

/// What an access key may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Everything.
    FullAccess,
    /// Call functions.
    FunctionCall {
        /// What it may spend on gas in total; `None` for no bound.
        allowance: Option<u128>,
        /// The contract.
        receiver_id: String,
        /// The functions; empty for all.
        method_names: Vec<String>,
    },
}

/// How users of a global contract name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeployMode {
    /// By the hash of its code: it can never change.
    CodeHash,
    /// By the account that deployed it, which can change it.
    AccountId,
}

/// The name of a global contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContractId {
    /// The hash of its code.
    CodeHash([u8; 32]),
    /// The account that deployed it.
    AccountId(String),
}
