//! What a comparison came across, and what it must have come across to be worth something.

use std::collections::{BTreeMap, BTreeSet};

use gas_meter::CostKind;
use host_fns::abi::HostFnDecl;
use host_fns::near::{NearError, cost};
use oracle::Outcome;

use super::gas;

/// What calls of a function came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) succeeded: u64,
    /// Though there was gas.
    pub(crate) failed: u64,
}

/// What a comparison has come across.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    pub(crate) functions: BTreeMap<&'static str, Seen>,
    /// Names of failures.
    pub(crate) failures: BTreeSet<String>,
    /// Functions, what they paid for, and how they failed if they did.
    paths: BTreeSet<(&'static str, Vec<String>, Option<String>)>,
    /// Functions and costs, of charges that did not fit by one.
    pub(crate) unpaid: BTreeSet<(&'static str, String)>,
    pub(crate) runs: u64,
}

impl Coverage {
    /// Both together.
    pub(crate) fn and(mut self, other: Coverage) -> Self {
        for (name, seen) in other.functions {
            let mine = self.functions.entry(name).or_default();
            mine.succeeded += seen.succeeded;
            mine.failed += seen.failed;
        }
        self.failures.extend(other.failures);
        self.paths.extend(other.paths);
        self.unpaid.extend(other.unpaid);
        self.runs += other.runs;
        self
    }

    /// Remembers a failure as both sides show it.
    pub(crate) fn failure(&mut self, failure: &str) {
        self.failures.insert(variant(failure));
    }

    /// Remembers how a call went, from what there was before it and after it; whether none of the
    /// same function went so before.
    pub(crate) fn path(&mut self, name: &'static str, before: &Outcome, after: &Outcome) -> bool {
        let costs = gas::differences(before, after).into_iter();
        let costs = costs.map(|(cost, _)| cost.to_owned()).collect();
        self.paths.insert((name, costs, after.failure.as_deref().map(variant)))
    }

    /// What is missing of all that there is to see.
    pub(crate) fn missing<'a>(
        &self,
        functions: impl Iterator<Item = &'a HostFnDecl>,
    ) -> Vec<String> {
        let mut missing = Vec::new();
        for HostFnDecl { name, .. } in functions {
            let seen = self.functions.get(name).cloned().unwrap_or_default();
            if seen.succeeded == 0 && !ONLY_FAIL.contains(name) {
                missing.push(format!("{name} never succeeded"));
            }
            if seen.failed == 0 && !ONLY_SUCCEED.contains(name) {
                missing.push(format!("{name} never failed"));
            }
            if !FREE.contains(name) && !self.unpaid.iter().any(|(function, _)| function == name) {
                missing.push(format!("{name} had always gas"));
            }
        }
        for failure in CAUSED {
            if !self.failures.contains(*failure) {
                missing.push(format!("{failure} was never the failure"));
            }
        }
        for (_, name, kind) in cost::all() {
            let costs = if kind == CostKind::Host { HOST_COSTS_UNPAID } else { ACTIONS_UNPAID };
            if !costs.contains(&name) && !self.unpaid.iter().any(|(_, cost)| cost == name) {
                missing.push(format!("{name} was always paid"));
            }
        }
        missing
    }
}

/// The kind of a failure.
fn variant(failure: &str) -> String {
    let name = failure.strip_prefix("HostError(").unwrap_or(failure);
    name.split([' ', '(', ')', '{']).next().unwrap_or_default().to_owned()
}

/// Functions that end every call.
const ONLY_FAIL: &[&str] = &[
    "panic",
    "panic_utf8",
    "abort",
    "storage_iter_prefix",
    "storage_iter_range",
    "storage_iter_next",
];

/// Functions that need nothing but gas.
const ONLY_SUCCEED: &[&str] = &[
    "register_len",
    "block_index",
    "block_timestamp",
    "epoch_height",
    "storage_usage",
    "used_gas",
    "gas",
];

/// Functions that charge nothing.
const FREE: &[&str] = &["storage_iter_prefix", "storage_iter_range", "storage_iter_next"];

/// Costs of the host that no function charges.
const HOST_COSTS_UNPAID: &[&str] = &[
    // Charged before a contract starts.
    "CONTRACT_LOADING_BASE",
    "CONTRACT_LOADING_BYTES",
    // Of functions that are gone.
    "STORAGE_ITER_CREATE_PREFIX_BASE",
    "STORAGE_ITER_CREATE_PREFIX_BYTE",
    "STORAGE_ITER_CREATE_RANGE_BASE",
    "STORAGE_ITER_CREATE_FROM_BYTE",
    "STORAGE_ITER_CREATE_TO_BYTE",
    "STORAGE_ITER_NEXT_BASE",
    "STORAGE_ITER_NEXT_KEY_BYTE",
    "STORAGE_ITER_NEXT_VALUE_BYTE",
];

/// Costs of actions that burn nothing in a contract.
const ACTIONS_UNPAID: &[&str] = &[
    // Of transactions only.
    "DELEGATE",
    // Booked as part of `NEW_ACTION_RECEIPT`.
    "NEW_DATA_RECEIPT_BASE",
    // Attached to the promise, not burnt.
    "DETERMINISTIC_STATE_INIT_ENTRY",
    "GAS_KEY_NONCE_WRITE_BASE",
];

/// Declares which failures a contract can cause.
macro_rules! failures {
    ($($caused:ident)* ; never: $($(#[doc = $why:literal])+ $never:ident)*) => {
        /// Failures that a comparison must have come across.
        const CAUSED: &[&str] = &[$(stringify!($caused)),*];

        /// Fails to compile where a failure is in neither list.
        #[allow(dead_code, reason = "it is there for the compiler")]
        fn all_are_listed(error: &NearError) {
            match error {
                $(NearError::$caused { .. } => {})*
                $($(#[doc = $why])+ NearError::$never { .. } => {})*
            }
        }
    };
}

failures! {
    BadUTF16 BadUTF8 GasExceeded GasLimitExceeded BalanceExceeded EmptyMethodName GuestPanic
    IntegerOverflow InvalidPromiseIndex CannotAppendActionToJointPromise CannotReturnJointPromise
    CannotSetRefundToOnJointPromise InvalidPromiseResultIndex InvalidRegisterId
    MemoryAccessViolation InvalidAccountId InvalidMethodName InvalidPublicKey ProhibitedInView
    NumberOfLogsExceeded KeyLengthExceeded ValueLengthExceeded TotalLogLengthExceeded
    NumberPromisesExceeded NumberInputDataDependenciesExceeded ReturnedValueLengthExceeded
    ContractSizeExceeded Deprecated ECRecoverError AltBn128InvalidInput Ed25519VerifyInvalidInput
    P256VerifyInvalidInput MlDsaVerifyInvalidInput BLS12381InvalidInput YieldPayloadLength
    DataIdMalformed YieldIdMalformed RecordedStorageExceeded ContractCodeHashMalformed
    InvalidActionIndex DataEntryAlreadyExists;
    never:
}
