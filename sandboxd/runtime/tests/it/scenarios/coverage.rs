//! Which of NEAR's errors the scenarios show, and why they do not show the others.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{files, read};

/// Every variant of `InvalidTxError`, `InvalidAccessKeyError`, `ActionsValidationError`,
/// `ActionErrorKind`, `ReceiptValidationError`, `FunctionCallError` and what is inside it, that a
/// client can cause.
const SHOWN: &[&str] = &[
    // InvalidTxError
    "InvalidAccessKeyError",
    "SignerDoesNotExist",
    "InvalidNonce",
    "NonceTooLarge",
    "InvalidSignature",
    "NotEnoughBalance",
    "LackBalanceForState",
    "CostOverflow",
    "ActionsValidation",
    "TransactionSizeExceeded",
    "InvalidNonceIndex",
    "NotEnoughGasKeyBalance",
    "NotEnoughBalanceForDeposit",
    // InvalidAccessKeyError
    "AccessKeyNotFound",
    "ReceiverMismatch",
    "MethodNameMismatch",
    "RequiresFullAccess",
    "NotEnoughAllowance",
    "DepositWithFunctionCall",
    "DelegateActionRequiresNonGasKey",
    // ActionsValidationError
    "DeleteActionMustBeFinal",
    "TotalPrepaidGasExceeded",
    "TotalNumberOfActionsExceeded",
    "AddKeyMethodNamesNumberOfBytesExceeded",
    "AddKeyMethodNameLengthExceeded",
    "IntegerOverflow",
    "InvalidAccountId",
    "ContractSizeExceeded",
    "FunctionCallMethodNameLengthExceeded",
    "FunctionCallArgumentsLengthExceeded",
    "UnsuitableStakingKey",
    "FunctionCallZeroAttachedGas",
    "DelegateActionMustBeOnlyOne",
    "InvalidDeterministicStateInitReceiver",
    "DeterministicStateInitKeyLengthExceeded",
    "DeterministicStateInitValueLengthExceeded",
    "GasKeyInvalidNumNonces",
    "AddGasKeyWithNonZeroBalance",
    "GasKeyFunctionCallAllowanceNotAllowed",
    "TotalNumberOfDeployActionsExceeded",
    "FunctionCallEmptyMethodName",
    "InvalidUniversalStateInitReceiver",
    "UniversalStateInitKeyLengthExceeded",
    "UniversalStateInitValueLengthExceeded",
    "MalformedUniversalStateInit",
    "RemovedProtocolFeature",
    "WithdrawFromGasKeyNotAllowedInDelegate",
    "TotalNumberOfStateInitKeysExceeded",
    "TotalNumberOfStateInitEntriesExceeded",
    // of older protocol versions
    "UnsupportedProtocolFeature",
    "TransferToUniversalAccountNotAllowed",
    "MethodEmptyName",
    // ActionErrorKind
    "AccountAlreadyExists",
    "AccountDoesNotExist",
    "CreateAccountOnlyByRegistrar",
    "CreateAccountNotAllowed",
    "ActorNoPermission",
    "DeleteKeyDoesNotExist",
    "AddKeyAlreadyExists",
    "DeleteAccountStaking",
    "TriesToUnstake",
    "TriesToStake",
    "InsufficientStake",
    "FunctionCallError",
    "NewReceiptValidationError",
    "OnlyImplicitAccountCreationAllowed",
    "DeleteAccountWithLargeState",
    "DelegateActionInvalidSignature",
    "DelegateActionSenderDoesNotMatchTxReceiver",
    "DelegateActionExpired",
    "DelegateActionAccessKeyError",
    "DelegateActionInvalidNonce",
    "DelegateActionNonceTooLarge",
    "GlobalContractDoesNotExist",
    "GasKeyDoesNotExist",
    "InsufficientGasKeyBalance",
    "GasKeyBalanceTooHigh",
    "AccountNotInitialized",
    // ReceiptValidationError
    "ReceiptSizeExceeded",
    // FunctionCallError
    "CompilationError",
    "CodeDoesNotExist",
    "PrepareError",
    "MethodResolveError",
    "MethodNotFound",
    "MethodInvalidSignature",
    "ExecutionError",
];

/// The others, and why no transaction of a client leads to one.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("InvalidSignerId", "ids are checked where a transaction is decoded"),
    ("InvalidReceiverId", "ids are checked where a transaction is decoded"),
    ("InvalidChain", "told by the chain, which knows the blocks"),
    ("Expired", "told by the chain, which knows the blocks"),
    ("InvalidTransactionVersion", "both versions are valid"),
    ("StorageError", "a fault of ours"),
    ("ShardCongested", "there is no congestion control"),
    ("ShardStuck", "there is one shard, and no chunk is missed"),
    ("DelegateActionRequiresGasKey", "only the second form of delegate actions, which is removed"),
    ("DelegateActionInvalidNonceIndex", "only the second form of delegate actions"),
    ("TotalPromiseInputSizeExceeded", "a later version"),
    ("InvalidPredecessorId", "receipts are made by contracts, whose ids are checked"),
    ("InvalidDataReceiverId", "receipts are made by contracts, whose ids are checked"),
    ("InvalidRefundTo", "checked by the host function"),
    ("ReturnedValueLengthExceeded", "checked by the host function"),
    ("NumberInputDataDependenciesExceeded", "checked by the host function"),
    ("WasmerCompileError", "of an engine that is gone"),
    ("WasmtimeCompileError", "the module passed the checks before"),
];

/// All words of the errors that the scenarios expect.
fn words() -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for (name, path) in files() {
        let (_, value) = read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        in_errors(&value, false, &mut words);
    }
    words
}

fn in_errors(value: &Value, inside: bool, words: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if inside => {
            words.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| in_errors(item, inside, words)),
        Value::Object(fields) => {
            for (name, field) in fields {
                if inside {
                    words.insert(name.clone());
                }
                let error = ["status", "refused", "told"].contains(&name.as_str());
                in_errors(field, inside || error, words);
            }
        }
        _ => {}
    }
}

#[test]
fn every_error_that_a_client_can_cause_has_a_scenario() {
    let words = words();
    let missing: Vec<_> = SHOWN.iter().filter(|name| !words.contains(**name)).collect();
    assert!(missing.is_empty(), "no scenario shows {missing:?}");
    for (name, why) in NOT_SHOWN {
        assert!(!words.contains(*name), "{name} can be caused after all, though: {why}");
    }
}
