//! How two executions of a transaction, or of a receipt, differ: what a node recorded and what came of it here, say.
//!
//! Receipts are named by their way from the transaction, because their ids depend on the block.

use std::collections::BTreeMap;

use near_primitives::hash::CryptoHash;
use near_primitives::types::{AccountId, Balance, Gas};
use near_primitives::views::{
    ExecutionOutcomeView, ExecutionOutcomeWithIdView, ExecutionStatusView,
    FinalExecutionOutcomeView,
};
use serde::Serialize;

/// One thing in which two executions differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where: `transaction` or `receipt`, whichever was run, or a receipt by its place among those that
    /// the one before it made, as in `transaction.receipts[0].receipts[1]`.
    pub at: String,
    /// In what.
    #[serde(flatten)]
    pub what: Differs,
}

/// In what two outcomes differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "differs", rename_all = "snake_case")]
pub enum Differs {
    /// Only one of the executions has the outcome: the account that it ran on, where it ran.
    Outcome(Two<Option<AccountId>>),
    /// The accounts that it ran on.
    Executor(Two<AccountId>),
    /// The results. One that is in a receipt is told there.
    Status(Box<Two<ExecutionStatusView>>),
    /// What was logged.
    Logs(Two<Vec<String>>),
    /// The gas.
    GasBurnt(Two<Gas>),
    /// The tokens, in yoctoNEAR.
    TokensBurnt(Two<Balance>),
    /// The gas of one cost.
    Profile {
        /// NEAR's name of the cost.
        cost: String,
        /// The gas.
        #[serde(flatten)]
        gas: Two<Gas>,
    },
}

/// The same of both executions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Two<T> {
    /// Of the first.
    pub first: T,
    /// Of the second.
    pub second: T,
}

/// In what `first` and `second` differ, in the order in which their receipts were made.
pub fn compare(
    first: &FinalExecutionOutcomeView,
    second: &FinalExecutionOutcomeView,
) -> Vec<Difference> {
    let sides = [first, second].map(|side| {
        Side::of(std::iter::once(&side.transaction_outcome).chain(&side.receipts_outcome))
    });
    let ids = [first, second].map(|side| Some(side.transaction_outcome.id));
    compare_from("transaction", ids, &sides)
}

/// The same of the receipt `id` and of the receipts that it made.
pub fn compare_receipts(
    id: &CryptoHash,
    first: &[ExecutionOutcomeWithIdView],
    second: &[ExecutionOutcomeWithIdView],
) -> Vec<Difference> {
    compare_from("receipt", [Some(*id); 2], &[first, second].map(Side::of))
}

fn compare_from(
    root: &str,
    ids: [Option<CryptoHash>; 2],
    sides: &[Side<'_>; 2],
) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut todo = vec![(root.to_owned(), ids)];
    while let Some((at, [first, second])) = todo.pop() {
        let outcomes = [
            first.and_then(|id| sides[0].outcome(&id)),
            second.and_then(|id| sides[1].outcome(&id)),
        ];
        let mut add = |what| differences.push(Difference { at: at.clone(), what });
        match outcomes {
            [Some(first), Some(second)] => compare_outcomes(first, second, &mut add),
            [None, None] => {}
            [first, second] => {
                let executor = |side: Option<&ExecutionOutcomeView>| {
                    side.map(|outcome| outcome.executor_id.clone())
                };
                add(Differs::Outcome(Two { first: executor(first), second: executor(second) }));
            }
        }
        let made = outcomes.map(|side| side.map_or(&[][..], |outcome| &outcome.receipt_ids));
        let most = made[0].len().max(made[1].len());
        // The last is the next to be taken.
        todo.extend((0..most).rev().map(|place| {
            (format!("{at}.receipts[{place}]"), made.map(|ids| ids.get(place).copied()))
        }));
    }
    differences
}

/// The outcomes of an execution by their ids.
struct Side<'a>(BTreeMap<CryptoHash, &'a ExecutionOutcomeView>);

impl<'a> Side<'a> {
    fn of(all: impl IntoIterator<Item = &'a ExecutionOutcomeWithIdView>) -> Self {
        let all = all.into_iter();
        Self(all.map(|ExecutionOutcomeWithIdView { id, outcome, .. }| (*id, outcome)).collect())
    }

    fn outcome(&self, id: &CryptoHash) -> Option<&'a ExecutionOutcomeView> {
        self.0.get(id).copied()
    }
}

fn compare_outcomes(
    first: &ExecutionOutcomeView,
    second: &ExecutionOutcomeView,
    add: &mut impl FnMut(Differs),
) {
    if let Some(two) = differing(&first.executor_id, &second.executor_id) {
        add(Differs::Executor(two));
    }
    if result(first) != result(second) {
        let two = Two { first: first.status.clone(), second: second.status.clone() };
        add(Differs::Status(Box::new(two)));
    }
    if let Some(two) = differing(&first.logs, &second.logs) {
        add(Differs::Logs(two));
    }
    if let Some(two) = differing(&first.gas_burnt, &second.gas_burnt) {
        add(Differs::GasBurnt(two));
    }
    if let Some(two) = differing(&first.tokens_burnt, &second.tokens_burnt) {
        add(Differs::TokensBurnt(two));
    }
    compare_profiles(first, second, add);
}

fn differing<T: Clone + PartialEq>(first: &T, second: &T) -> Option<Two<T>> {
    (first != second).then(|| Two { first: first.clone(), second: second.clone() })
}

/// What an outcome results in. That of a receipt is named by its place, not by its id.
#[derive(PartialEq)]
enum Outcome<'a> {
    Here(&'a ExecutionStatusView),
    InReceipt(Option<usize>),
}

fn result(outcome: &ExecutionOutcomeView) -> Outcome<'_> {
    match &outcome.status {
        ExecutionStatusView::SuccessReceiptId(id) => {
            Outcome::InReceipt(outcome.receipt_ids.iter().position(|made| made == id))
        }
        status => Outcome::Here(status),
    }
}

/// Compares what both have a profile of: a transaction has none, and older nodes tell none.
fn compare_profiles(
    first: &ExecutionOutcomeView,
    second: &ExecutionOutcomeView,
    add: &mut impl FnMut(Differs),
) {
    let profiles = [first, second].map(|outcome| outcome.metadata.gas_profile.as_ref());
    let [Some(first), Some(second)] = profiles else { return };
    let mut costs: BTreeMap<&str, [Gas; 2]> = BTreeMap::new();
    for cost in first {
        costs.entry(&cost.cost).or_default()[0] = cost.gas_used;
    }
    for cost in second {
        costs.entry(&cost.cost).or_default()[1] = cost.gas_used;
    }
    for (cost, [first, second]) in costs {
        if let Some(gas) = differing(&first, &second) {
            add(Differs::Profile { cost: cost.to_owned(), gas });
        }
    }
}
