//! Actions, by real transactions and receipts: *sending* is reading a transaction as it comes from the
//! network, checking it, and turning it into a receipt; *executing* is what the receipt does, up to the
//! last receipt that follows from it, the hash of each outcome and the new root of the state.
//!
//! An action is what a transaction or receipt takes more than one without it. Signatures are left out
//! of both: checking one takes as long as many actions, and another time for each message.

mod keys;
mod make;
mod results;
mod state_init;
mod table;

use sandbox_runtime::near::{Action, KeyType, Receipt};
use sandbox_runtime::verify::WellFormed;

use super::Bed;
use super::ledger::{Check, FEW, Ledger, actor, bytes, maker, newcomer, receipt, transaction};
use crate::case::{Case, Prepared, Size, Units, grid, units};

use make::Make;
pub(super) use make::call;
pub(super) use state_init::KINDS as STATE_INITS;
use table::{ROWS, Row, To};

const RECEIPT_SEND: &str = "action_receipt_creation.send_not_sir";
const RECEIPT_EXECUTION: &str = "action_receipt_creation.execution";

pub(super) fn cases(bed: &Bed) -> Vec<Case> {
    let mut cases = vec![
        case(bed, "send: receipt".to_owned(), &[RECEIPT_SEND], &[], |bed, size| {
            let sent = (0..size.calls)
                .map(|at| bytes(&transaction(KeyType::ED25519, at, actor(at + 1), Vec::new())));
            let sent = Sent { check: WellFormed::check, transactions: sent.collect() };
            Ok(sent.prepared(bed)?.worth(units(&[(RECEIPT_SEND, size.calls)])))
        }),
        case(bed, "execute: receipt".to_owned(), &[RECEIPT_EXECUTION], &[], |bed, size| {
            let receipts = (0..size.calls)
                .map(|at| receipt(at, actor(at), actor(at + 1), Vec::new(), Vec::new()));
            let executed = Executed { before: None, receipts: receipts.collect() };
            let worth = units(&[(RECEIPT_EXECUTION, size.calls)]);
            Ok(executed.prepared(bed, size)?.worth(worth))
        }),
    ];
    for row in ROWS {
        cases.push(send(bed, row));
        cases.push(execute(bed, row));
    }
    cases.extend(keys::cases(bed));
    cases.extend(results::cases(bed));
    cases.extend(state_init::cases(bed));
    cases
}

fn case(
    bed: &Bed,
    title: String,
    prices: &[&str],
    each: &[u64],
    prepare: impl Fn(&Bed, Size) -> anyhow::Result<Prepared> + Send + Sync + 'static,
) -> Case {
    let bed = bed.clone();
    let sizes = if each.is_empty() { grid(&FEW, &[0]) } else { grid(&[2, 8], each) };
    Case::new(title, prices, sizes, move |size| prepare(&bed, size))
}

/// What `size` is of the costs of `row` at a stage.
fn worth(row: &Row, stage: &str, size: Size) -> Units {
    let mut worth = units(&[(&format!("{}.{stage}", row.base), size.calls)]);
    if let Some((byte, bytes)) = row.byte {
        worth.insert(format!("{byte}.{stage}"), crate::real(bytes(size.each) * size.calls));
    }
    worth
}

fn prices(row: &Row, stage: &str) -> Vec<String> {
    let byte = row.byte.map(|(byte, _)| format!("{byte}.{stage}"));
    [format!("{}.{stage}", row.base)].into_iter().chain(byte).collect()
}

fn send(bed: &Bed, row: &'static Row) -> Case {
    const STAGE: &str = "send_not_sir";
    let prices = prices(row, STAGE);
    let prices: Vec<&str> = prices.iter().map(String::as_str).collect();
    case(bed, format!("send: {}", row.base), &prices, row.each, |bed, size| {
        let actions = (0..size.calls).map(|at| (row.make)(at, size.each));
        let actions = actions.collect::<anyhow::Result<Vec<_>>>()?;
        let to = (0..size.calls).map(|at| actor(at + 1));
        Ok(sending(bed, actions.into_iter().zip(to))?.worth(worth(row, STAGE, size)))
    })
}

fn execute(bed: &Bed, row: &'static Row) -> Case {
    const STAGE: &str = "execution";
    let prices = prices(row, STAGE);
    let prices: Vec<&str> = prices.iter().map(String::as_str).collect();
    case(bed, format!("execute: {}", row.base), &prices, row.each, |bed, size| {
        let receipts = |with_action: bool| {
            let receipts = (0..size.calls).map(|at| {
                let actions = if with_action { vec![(row.make)(at, size.each)?] } else { vec![] };
                let (from, to) = match row.to {
                    To::Itself(_) => (actor(at), actor(at)),
                    To::Next => (actor(at), actor(at + 1)),
                    To::New if with_action => (maker(), newcomer(at)),
                    To::New => (maker(), actor(at)),
                };
                Ok(receipt(at, from, to, actions, Vec::new()))
            });
            receipts.collect::<anyhow::Result<Vec<_>>>()
        };
        let before = match row.to {
            To::Itself(before) => before,
            To::Next | To::New => None,
        };
        let executed = Executed { before, receipts: receipts(true)? };
        let rest = Executed { before, receipts: receipts(false)? };
        let mut worth = worth(row, STAGE, size);
        worth.extend(row.minus.iter().map(|cost| ((*cost).to_owned(), crate::real(size.calls))));
        Ok(executed.beside(bed, size, &rest)?.worth(worth))
    })
    .minus(row.minus)
}

/// Transactions of one action each and their receivers, beside the same without actions.
fn sending(
    bed: &Bed,
    actions: impl Iterator<Item = (Action, sandbox_runtime::near::AccountId)>,
) -> anyhow::Result<Prepared> {
    let kind = KeyType::ED25519;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for (at, (action, to)) in (0..).zip(actions) {
        with.push(bytes(&transaction(kind, at, to.clone(), vec![action])));
        without.push(bytes(&transaction(kind, at, to, Vec::new())));
    }
    let sent = |transactions| Sent { check: WellFormed::unsigned, transactions };
    Ok(sent(with).prepared(bed)?.without(sent(without).prepared(bed)?))
}

/// Transactions as they come from the network.
struct Sent {
    check: Check,
    transactions: Vec<Vec<u8>>,
}

impl Sent {
    fn prepared(self, bed: &Bed) -> anyhow::Result<Prepared> {
        let mut ledger = Ledger::new(&bed.near, bed.vm)?;
        ledger.clone().send(&self.transactions, self.check)?;
        Ok(Prepared::new(Units::new(), move || {
            ledger.send(&self.transactions, self.check)?;
            Ok(ledger)
        }))
    }
}

/// Receipts, after each actor has done what comes before.
struct Executed {
    before: Option<Make>,
    receipts: Vec<Receipt>,
}

impl Executed {
    fn prepared(&self, bed: &Bed, size: Size) -> anyhow::Result<Prepared> {
        let mut ledger = Ledger::new(&bed.near, bed.vm)?;
        if let Some(make) = self.before {
            let own = |at| {
                let actions = vec![make(at, size.each)?];
                Ok(receipt(at + 1_000, actor(at), actor(at), actions, Vec::new()))
            };
            let receipts = (0..size.calls).map(own).collect::<anyhow::Result<Vec<_>>>()?;
            ledger.execute(receipts)?;
        }
        let receipts = self.receipts.clone();
        ledger.clone().execute(receipts.clone())?;
        Ok(Prepared::new(Units::new(), move || {
            ledger.execute(receipts)?;
            Ok(ledger)
        }))
    }

    /// The same beside `rest`.
    fn beside(&self, bed: &Bed, size: Size, rest: &Executed) -> anyhow::Result<Prepared> {
        Ok(self.prepared(bed, size)?.without(rest.prepared(bed, size)?))
    }
}
