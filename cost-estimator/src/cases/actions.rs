//! Actions, by real transactions and receipts: *sending* is checking a transaction, its signature
//! among it, and turning it into a receipt; *executing* is what the receipt does, up to the last
//! receipt that follows from it and the new root of the state.

mod make;

use sandbox_runtime::near::{Action, DataReceiver, KeyType, Receipt};
use sandbox_runtime::verify::WellFormed;

use super::Bed;
use super::ledger::{Ledger, actor, id, name, receipt, transaction};
use crate::case::{Case, Prepared, Size, units};

pub(super) use make::call;
use make::{
    add_call_key, add_gas_key, add_key, create, delegate, delete, delete_key, deploy, deploy_echo,
    deploy_global, deploy_nothing, deploy_shared, fund_gas_key, stake, transfer, use_global,
};

/// What an action is made from: whose it is, and how much it carries.
type Make = fn(u64, u64) -> anyhow::Result<Action>;

/// Who receives the receipts.
#[derive(Clone, Copy)]
enum To {
    /// The actor itself, before whom other actions are done.
    Itself(Option<Make>),
    /// The next actor.
    Next,
    /// An account that is not there yet.
    New,
}

/// The fee of a byte, and how many bytes of it there are.
type PerByte = (&'static str, fn(u64) -> u64);

/// An action: its fee, that of its bytes and how many units of it one byte of `each` is, who
/// receives it, how it is made, and what else runs with it.
struct Row {
    base: &'static str,
    byte: Option<PerByte>,
    each: &'static [u64],
    to: To,
    make: Make,
    minus: &'static [&'static str],
}

const NONE: &[u64] = &[];
const BYTES: &[u64] = &[64, 20_000, 100_000];

fn same(each: u64) -> u64 {
    each
}

/// The bytes of `each` method names: of two hundred letters, and one more.
fn method_names(each: u64) -> u64 {
    each * 201
}

/// The bytes of a method's name and its arguments.
fn call_bytes(each: u64) -> u64 {
    each + 4
}

const ROWS: &[Row] = &[
    Row {
        base: "action_create_account",
        byte: None,
        each: NONE,
        to: To::New,
        make: create,
        minus: &[],
    },
    Row {
        base: "action_delete_account",
        byte: None,
        each: NONE,
        to: To::Itself(None),
        make: delete,
        minus: &[],
    },
    Row {
        base: "action_deploy_contract",
        byte: Some(("action_deploy_contract_per_byte", same)),
        each: BYTES,
        to: To::Itself(None),
        make: deploy,
        minus: &[],
    },
    Row {
        base: "action_function_call",
        byte: Some(("action_function_call_per_byte", call_bytes)),
        each: BYTES,
        to: To::Itself(Some(deploy_nothing)),
        make: call,
        minus: &[],
    },
    Row {
        base: "action_transfer",
        byte: None,
        each: NONE,
        to: To::Next,
        make: transfer,
        minus: &[],
    },
    Row {
        base: "action_stake",
        byte: None,
        each: NONE,
        to: To::Itself(None),
        make: stake,
        minus: &[],
    },
    Row {
        base: "action_add_full_access_key",
        byte: None,
        each: NONE,
        to: To::Itself(None),
        make: add_key,
        minus: &[],
    },
    Row {
        base: "action_add_function_call_key",
        byte: Some(("action_add_function_call_key_per_byte", method_names)),
        each: &[1, 4, 9],
        to: To::Itself(None),
        make: add_call_key,
        minus: &[],
    },
    Row {
        base: "action_delete_key",
        byte: None,
        each: NONE,
        to: To::Itself(None),
        make: delete_key,
        minus: &[],
    },
    Row {
        base: "action_delegate",
        byte: None,
        each: NONE,
        to: To::Itself(None),
        make: delegate,
        minus: &["action_receipt_creation.execution", "action_transfer.execution"],
    },
    Row {
        base: "action_deploy_global_contract",
        byte: Some(("action_deploy_global_contract_per_byte", same)),
        each: BYTES,
        to: To::Itself(None),
        make: deploy_global,
        minus: &[],
    },
    Row {
        base: "action_use_global_contract",
        byte: None,
        each: NONE,
        to: To::Itself(Some(deploy_shared)),
        make: use_global,
        minus: &[],
    },
    Row {
        base: "action_gas_key_transfer",
        byte: None,
        each: NONE,
        to: To::Itself(Some(add_gas_key)),
        make: fund_gas_key,
        minus: &[],
    },
];

const RECEIPT: &str = "action_receipt_creation";

pub(super) fn cases(bed: &Bed) -> Vec<Case> {
    let mut cases = vec![
        case(
            bed,
            format!("send: {RECEIPT}"),
            &[&format!("{RECEIPT}.send_not_sir")],
            NONE,
            |bed, size| {
                sending(
                    bed,
                    size,
                    KeyType::ED25519,
                    None,
                    &[(&format!("{RECEIPT}.send_not_sir"), size.calls)],
                )
            },
        ),
        case(
            bed,
            format!("execute: {RECEIPT}"),
            &[&format!("{RECEIPT}.execution")],
            NONE,
            |bed, size| {
                let receipts = (0..size.calls)
                    .map(|at| receipt(at, actor(at), actor(at + 1), Vec::new(), Vec::new()));
                executing(
                    bed,
                    None,
                    size,
                    receipts.collect(),
                    &[(&format!("{RECEIPT}.execution"), size.calls)],
                )
            },
        ),
    ];
    // What others subtract comes first.
    for row in ROWS
        .iter()
        .filter(|row| row.minus.is_empty())
        .chain(ROWS.iter().filter(|row| !row.minus.is_empty()))
    {
        cases.push(send(bed, row));
        cases.push(execute(bed, row));
    }
    cases.extend(signatures(bed));
    cases.extend(nonces(bed));
    cases.extend(data(bed));
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
    let mut sizes = Vec::new();
    for calls in if each.is_empty() { vec![4, 10, 20] } else { vec![2, 8] } {
        let each = if each.is_empty() { &[0] } else { each };
        sizes.extend(each.iter().map(|each| Size { calls, each: *each }));
    }
    Case::new(title, prices, sizes, move |size| prepare(&bed, size))
}

fn staged(row: &Row, stage: &str) -> (String, Option<String>) {
    (format!("{}.{stage}", row.base), row.byte.map(|(byte, _)| format!("{byte}.{stage}")))
}

/// What `size` is of the costs of `row`, and of those that come with it.
fn worth(row: &Row, stage: &str, size: Size) -> crate::case::Units {
    let (base, byte) = staged(row, stage);
    let mut worth = units(&[(&base, size.calls), (&format!("{RECEIPT}.{stage}"), size.calls)]);
    if let (Some(byte), Some((_, bytes))) = (byte, row.byte) {
        worth.insert(byte, crate::real(bytes(size.each) * size.calls));
    }
    worth
}

fn send(bed: &Bed, row: &'static Row) -> Case {
    let (base, byte) = staged(row, "send_not_sir");
    let prices: Vec<&str> = [base.as_str()].into_iter().chain(byte.as_deref()).collect();
    case(bed, format!("send: {}", row.base), &prices, row.each, |bed, size| {
        let worth: Vec<(String, f64)> = worth(row, "send_not_sir", size).into_iter().collect();
        let mut prepared = sending(bed, size, KeyType::ED25519, Some(row.make), &[])?;
        prepared.units.extend(worth);
        Ok(prepared)
    })
    .minus(&[&format!("{RECEIPT}.send_not_sir")])
}

fn execute(bed: &Bed, row: &'static Row) -> Case {
    let (base, byte) = staged(row, "execution");
    let prices: Vec<&str> = [base.as_str()].into_iter().chain(byte.as_deref()).collect();
    let own = format!("{RECEIPT}.execution");
    let minus: Vec<&str> = row
        .minus
        .iter()
        .copied()
        .chain((!row.minus.contains(&own.as_str())).then_some(own.as_str()))
        .collect();
    case(bed, format!("execute: {}", row.base), &prices, row.each, |bed, size| {
        let receipts = (0..size.calls).map(|at| {
            let (predecessor, receiver) = match row.to {
                To::Itself(_) => (actor(at), actor(at)),
                To::Next => (actor(at), actor(at + 1)),
                To::New => (actor(at), name(&format!("new.{}", actor(at)))),
            };
            let actions = vec![(row.make)(at, size.each)?];
            Ok(receipt(at, predecessor, receiver, actions, Vec::new()))
        });
        let receipts = receipts.collect::<anyhow::Result<Vec<_>>>()?;
        let before = match row.to {
            To::Itself(before) => before,
            To::Next | To::New => None,
        };
        let mut prepared = executing(bed, before, size, receipts, &[])?;
        prepared.units.extend(worth(row, "execution", size));
        for other in row.minus {
            *prepared.units.entry((*other).to_owned()).or_default() += crate::real(size.calls);
        }
        Ok(prepared)
    })
    .minus(&minus)
}

/// Transactions of one action, or of none.
pub(super) fn sending(
    bed: &Bed,
    size: Size,
    kind: KeyType,
    make: Option<Make>,
    worth: &[(&str, u64)],
) -> anyhow::Result<Prepared> {
    let mut ledger = Ledger::new(&bed.near, bed.vm)?;
    let transactions = (0..size.calls).map(|at| {
        let actions = make.map(|make| make(at, size.each)).transpose()?;
        Ok(transaction(kind, at, actor(at + 1), actions.into_iter().collect()))
    });
    let transactions = transactions.collect::<anyhow::Result<Vec<_>>>()?;
    ledger.clone().send(transactions.clone())?;
    Ok(Prepared::new(units(worth), move || {
        let sent = ledger.send(transactions);
        (ledger, sent.is_ok())
    }))
}

/// Receipts, after each actor has done what comes before.
fn executing(
    bed: &Bed,
    before: Option<Make>,
    size: Size,
    receipts: Vec<Receipt>,
    worth: &[(&str, u64)],
) -> anyhow::Result<Prepared> {
    let mut ledger = Ledger::new(&bed.near, bed.vm)?;
    if let Some(make) = before {
        let own = |at| {
            Ok(receipt(at + 1_000, actor(at), actor(at), vec![make(at, size.each)?], Vec::new()))
        };
        let receipts = (0..size.calls).map(own).collect::<anyhow::Result<Vec<_>>>()?;
        ledger.execute(receipts)?;
    }
    ledger.clone().execute(receipts.clone())?;
    Ok(Prepared::new(units(worth), move || {
        let done = ledger.execute(receipts);
        (ledger, done.is_ok())
    }))
}

/// Signatures of transactions by kind of key. Those of the classical kinds are part of what sending
/// a receipt costs.
fn signatures(bed: &Bed) -> Vec<Case> {
    let kinds = [
        (KeyType::ED25519, "signature_check/ed25519"),
        (KeyType::SECP256K1, "signature_check/secp256k1"),
        (KeyType::MLDSA65, "ml_dsa_65_verification_cost"),
    ];
    let of = |(kind, cost): (KeyType, &'static str)| {
        case(bed, format!("check: {kind}"), &[cost], NONE, move |bed, size| {
            let signed = |at| transaction(kind, at, actor(at + 1), Vec::new());
            let signed: Vec<_> = (0..size.calls).map(signed).collect();
            let near = bed.near.clone();
            let check = move || {
                let checked: Vec<_> =
                    signed.iter().map(|each| WellFormed::check(&near, each.clone())).collect();
                checked
            };
            if let Some(Err(error)) = check().into_iter().find(Result::is_err) {
                anyhow::bail!("a transaction is not valid: {error:?}");
            }
            Ok(Prepared::new(units(&[(cost, size.calls)]), check))
        })
    };
    kinds.into_iter().map(of).collect()
}

/// Gas keys: what each of their nonces takes.
fn nonces(bed: &Bed) -> Vec<Case> {
    const NONCE: &str = "action_gas_key_nonce_write_base.execution";
    const OWN: &str = "action_add_full_access_key.execution";
    let own = format!("{RECEIPT}.execution");
    vec![
        case(
            bed,
            "execute: gas key nonces".to_owned(),
            &[NONCE],
            &[1, 16, 64],
            move |bed, size| {
                let receipts = (0..size.calls).map(|at| {
                    let actions = vec![add_gas_key(at, size.each)?];
                    Ok(receipt(at, actor(at), actor(at), actions, Vec::new()))
                });
                let receipts = receipts.collect::<anyhow::Result<Vec<_>>>()?;
                let own = format!("{RECEIPT}.execution");
                let worth =
                    [(NONCE, size.calls * size.each), (OWN, size.calls), (&own, size.calls)];
                executing(bed, None, size, receipts, &worth)
            },
        )
        .minus(&[OWN, &own]),
    ]
}

/// Results that go to other accounts.
fn data(bed: &Bed) -> Vec<Case> {
    const BASE: &str = "data_receipt_creation_base.execution";
    const BYTE: &str = "data_receipt_creation_per_byte.execution";
    const CALL: &str = "action_function_call.execution";
    let own = format!("{RECEIPT}.execution");
    vec![
        case(
            bed,
            "execute: data receipts".to_owned(),
            &[BASE, BYTE],
            &[64, 5_000, 20_000],
            move |bed, size| {
                // One call, whose result goes to as many accounts as there are calls.
                let to =
                    |at: u64| DataReceiver { data_id: id("data", at), receiver_id: actor(at + 1) };
                let receivers = (0..size.calls).map(to).collect();
                let receipts =
                    vec![receipt(0, actor(0), actor(0), vec![call(0, size.each)?], receivers)];
                let own = format!("{RECEIPT}.execution");
                let worth =
                    [(BASE, size.calls), (BYTE, size.calls * size.each), (CALL, 1), (&own, 1)];
                executing(bed, Some(deploy_echo), size, receipts, &worth)
            },
        )
        .minus(&[CALL, &own]),
    ]
}
