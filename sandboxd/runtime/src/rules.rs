//! [`Rules`]: what NEAR's protocol decides by its version and not by a parameter.
//!
//! Every question that depends on the version is asked here, so that no other file compares
//! versions. What nearcore also switches between 84 and 88 and does not matter to a chain of one
//! node and one shard has no question: a chunk never names a transaction twice, nothing is
//! resharded or congested, code that was just distributed is found.

use near_primitives::version::ProtocolFeature;

use crate::near::{MIN_SUPPORTED_PROTOCOL_VERSION, PROTOCOL_VERSION, ProtocolVersion};

/// The rules of a protocol version, to be asked one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    version: ProtocolVersion,
}

/// The protocol version is not one that this runtime knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "protocol version {0} is not supported, only {MIN_SUPPORTED_PROTOCOL_VERSION} to \
     {PROTOCOL_VERSION}"
)]
pub struct UnsupportedProtocolVersion(pub ProtocolVersion);

/// Which storage proof the limit per receipt is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageProofLimit {
    /// That of each call alone.
    PerCall,
    /// That of the receipt so far, whenever a call reads or writes.
    PerReceipt,
    /// That of the receipt so far, also after each action of any kind.
    AllActions,
}

/// What becomes of a `DelegateV2` action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DelegateV2 {
    /// It is not known yet: `UnsupportedProtocolFeature`.
    Unknown,
    /// It is executed.
    Allowed,
    /// It was taken away again: `RemovedProtocolFeature`.
    Removed,
}

impl Rules {
    /// The rules of `version`.
    ///
    /// # Errors
    /// When the version is older or newer than those that near-parameters knows.
    pub fn new(version: ProtocolVersion) -> Result<Self, UnsupportedProtocolVersion> {
        if (MIN_SUPPORTED_PROTOCOL_VERSION..=PROTOCOL_VERSION).contains(&version) {
            Ok(Rules { version })
        } else {
            Err(UnsupportedProtocolVersion(version))
        }
    }

    /// The newest rules.
    pub fn latest() -> Self {
        Rules { version: PROTOCOL_VERSION }
    }

    /// The protocol version, as errors name it.
    pub fn version(self) -> ProtocolVersion {
        self.version
    }

    /// Whether gas is burnt at the block's price, so that what it was bought for beyond that goes
    /// back, less the charge for a new account. Before, all of what was paid for it is burnt.
    pub fn gas_burns_at_block_price(self) -> bool {
        self.has(ProtocolFeature::AccountCostIncrease)
    }

    /// Whether the metadata of outcomes say which contract the account had (version 4).
    pub fn metadata_name_contracts(self) -> bool {
        self.has(ProtocolFeature::ExecutionMetadataV4)
    }

    /// What the limit of a receipt's storage proof holds for.
    pub fn storage_proof_limit(self) -> StorageProofLimit {
        if self.has(ProtocolFeature::EnforceStorageProofLimitForAllActions) {
            StorageProofLimit::AllActions
        } else if self.has(ProtocolFeature::EnforcePerReceiptStorageProofLimit) {
            StorageProofLimit::PerReceipt
        } else {
            StorageProofLimit::PerCall
        }
    }

    /// Whether there are gas keys and transactions that name one of their nonces.
    pub fn gas_keys(self) -> bool {
        self.has(ProtocolFeature::GasKeys)
    }

    /// Whether there are post-quantum keys.
    pub fn post_quantum_keys(self) -> bool {
        self.has(ProtocolFeature::PostQuantumSignatures)
    }

    /// What becomes of `DelegateV2`.
    pub fn delegate_v2(self) -> DelegateV2 {
        if self.has(ProtocolFeature::RejectDelegateV2) {
            DelegateV2::Removed
        } else if self.has(ProtocolFeature::DelegateV2) {
            DelegateV2::Allowed
        } else {
            DelegateV2::Unknown
        }
    }

    /// Whether `DepositWithFunctionCall` is the error of a delegate action that attaches a deposit
    /// with a function-call key. Before, a wrong receiver or method is told in its place.
    pub fn delegated_deposit_error_is_first(self) -> bool {
        self.has(ProtocolFeature::FixDelegateActionDepositWithFunctionCallError)
    }

    /// Whether a state init within a delegate action is checked against the receiver of the delegate
    /// action. Before, it is checked against the receiver of the transaction.
    pub fn delegated_state_init_has_own_receiver(self) -> bool {
        self.has(ProtocolFeature::FixDelegatedDeterministicStateInit)
    }

    /// Whether `WithdrawFromGasKey` is refused in a new delegate action.
    pub fn delegated_withdrawal_is_refused(self) -> bool {
        self.has(ProtocolFeature::RejectWithdrawFromGasKeyInDelegate)
    }

    /// Whether the storage of a global contract's name does not count against deleting an account.
    /// Before, only the code of a local contract does not count.
    pub fn deletion_ignores_global_contract(self) -> bool {
        self.has(ProtocolFeature::FixDeleteAccountGlobalContractStorageUsage)
    }

    /// Whether a new call without a method name is refused.
    pub fn empty_method_name_is_refused(self) -> bool {
        self.has(ProtocolFeature::RejectEmptyMethodName)
    }

    /// Whether there are universal accounts.
    pub fn universal_accounts(self) -> bool {
        self.has(ProtocolFeature::UniversalAccounts)
    }

    /// Whether new transfers to ids of universal accounts are refused, which cannot exist yet.
    pub fn universal_transfer_is_refused(self) -> bool {
        self.has(ProtocolFeature::RejectUniversalAccountTransfers) && !self.universal_accounts()
    }

    /// Whether a universal state init of an account that has a state gives all of its deposit back.
    pub fn repeated_state_init_is_refunded(self) -> bool {
        self.has(ProtocolFeature::RefundRepeatedUniversalStateInitDeposit)
    }

    fn has(self, feature: ProtocolFeature) -> bool {
        feature.enabled(self.version)
    }
}
