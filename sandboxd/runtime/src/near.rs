//! NEAR's own types, re-exported from one place.
//!
//! The `near-*` crates are pinned to one protocol version; everything above this crate names their
//! types through here, so that a new version is one change.

pub use near_crypto::{
    InMemorySigner, KeyType, PublicKey, PublicKeyHandle, SecretKey, Signature, Signer,
};
pub use near_parameters::{ActionCosts, ExtCosts, ParameterCost, RuntimeConfigStore};
pub use near_primitives::account::{
    AccessKey, AccessKeyPermission, Account, AccountContract, FunctionCallPermission, GasKeyInfo,
};
pub use near_primitives::action::delegate::{
    DelegateAction, DelegateActionV2, NonDelegateAction, SignedDelegateAction,
    VersionedDelegateActionRef, VersionedSignedDelegateAction, VersionedSignedDelegateActionRef,
};
pub use near_primitives::action::{
    Action, AddKeyAction, CreateAccountAction, DeleteAccountAction, DeleteKeyAction,
    DeployContractAction, DeployGlobalContractAction, DeterministicStateInitAction,
    FunctionCallAction, GlobalContractDeployMode, GlobalContractIdentifier, StakeAction,
    TransferAction, TransferToGasKeyAction, UniversalStateInitAction, UseGlobalContractAction,
    WithdrawFromGasKeyAction,
};
pub use near_primitives::deterministic_account_id::{
    DeterministicAccountStateInit, DeterministicAccountStateInitV1,
};
pub use near_primitives::errors::{
    ActionError, ActionErrorKind, ActionsValidationError, CompilationError,
    DepositCostFailureReason, FunctionCallError, IntegerOverflowError, InvalidAccessKeyError,
    InvalidTxError, MethodResolveError, PrepareError, ReceiptValidationError, TxExecutionError,
};
pub use near_primitives::hash::{CryptoHash, YieldId};
pub use near_primitives::profile_data_v3::ProfileDataV3;
pub use near_primitives::receipt::{
    ActionReceipt, ActionReceiptV2, DataReceipt, DataReceiver, DelayedReceiptIndices,
    GlobalContractDistributionReceipt, PromiseYieldIndices, PromiseYieldTimeout, Receipt,
    ReceiptEnum, ReceiptOrStateStoredReceipt, ReceiptV0, ReceivedData, VersionedActionReceipt,
    VersionedReceiptEnum,
};
pub use near_primitives::state_record::StateRecord;
pub use near_primitives::transaction::{
    ExecutionMetadata, ExecutionMetadataV4, ExecutionOutcome, ExecutionOutcomeWithId,
    ExecutionStatus, NonceMode, SignedTransaction, Transaction, TransactionNonce, TransactionV0,
    TransactionV1, ValidatedTransaction,
};
pub use near_primitives::trie_key::{TrieKey, trie_key_parsers};
pub use near_primitives::types::validator_stake::ValidatorStake;
pub use near_primitives::types::{
    AccountId, Balance, BlockHeight, EpochHeight, EpochId, Gas, Nonce, NonceIndex,
    PromiseYieldStatus, ShardId, StateChangeCause, StorageUsage,
};
pub use near_primitives::universal_state_init::{
    DecodeMode, RawStateInit, StateInitError, UniversalStateInit, UniversalStateInitV1,
    state_init_counts, state_init_send_counts,
};
pub use near_primitives::utils::{
    derive_near_deterministic_account_id, derive_universal_account_id,
};
pub use near_primitives::version::{
    MIN_SUPPORTED_PROTOCOL_VERSION, PROTOCOL_VERSION, ProtocolVersion,
};
