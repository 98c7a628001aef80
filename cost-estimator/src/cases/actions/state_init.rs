//! Accounts whose id is the hash of what they start with.

use std::collections::{BTreeMap, BTreeSet};

use sandbox_runtime::near::{
    AccountId, Action, Balance, DeterministicAccountStateInit, DeterministicAccountStateInitV1,
    DeterministicStateInitAction, GlobalContractIdentifier, UniversalStateInit,
    UniversalStateInitAction, UniversalStateInitV1, derive_near_deterministic_account_id,
    derive_universal_account_id,
};

use super::make::{Make, deploy_shared};
use super::{Bed, Executed, case, sending};
use crate::case::{Case, Size, units};
use crate::cases::host::noise;
use crate::cases::ledger::{actor, receipt};

pub(in crate::cases) type Data = BTreeMap<Vec<u8>, Vec<u8>>;

/// Records of an account, and the bytes of each value. From two on they are below a branch.
const SHAPES: &[(u64, u64)] = &[(2, 50), (2, 2_000), (2, 6_000), (8, 50), (16, 50)];

/// An account, the action that makes it, and the bytes that it is charged for.
type Made = (AccountId, Action, u64);

/// A state to begin with, of an account that a number tells from others.
pub(in crate::cases) struct Kind {
    base: &'static str,
    before: Option<Make>,
    pub(in crate::cases) make: fn(u64, Data) -> Made,
}

pub(in crate::cases) const KINDS: [Kind; 2] = [
    Kind {
        base: "action_deterministic_state_init",
        before: Some(deploy_shared),
        make: deterministic,
    },
    Kind { base: "action_universal_state_init", before: None, make: universal },
];

pub(super) fn cases(bed: &Bed) -> Vec<Case> {
    KINDS.iter().flat_map(|kind| [send(bed, kind), execute(bed, kind)]).collect()
}

fn prices(kind: &Kind, stage: &str) -> [String; 3] {
    ["", "_per_entry", "_per_byte"].map(|part| format!("{}{part}.{stage}", kind.base))
}

fn shaped(
    bed: &Bed,
    kind: &'static Kind,
    stage: &'static str,
    prepare: impl Fn(&Bed, Size, Vec<(AccountId, Action)>) -> anyhow::Result<crate::case::Prepared>
    + Send
    + Sync
    + 'static,
) -> Case {
    let names = prices(kind, stage);
    let names = names.each_ref().map(String::as_str);
    let shapes: Vec<u64> = (0..crate::count(SHAPES.len())).collect();
    let title = format!("{stage}: {}", kind.base);
    case(bed, title, &names, &shapes, move |bed, size| {
        let (entries, value) = SHAPES[usize::try_from(size.each)?];
        let mut bytes = 0;
        let mut made = Vec::new();
        for at in 0..size.calls {
            // Each below a place of its own of one branch.
            let entry = |entry: u64| (vec![u8::try_from(entry * 16).unwrap_or(0); 4], noise(value));
            let mut data: Data = (0..entries).map(entry).collect();
            data.entry(vec![0; 4]).or_default()[..8].copy_from_slice(&at.to_be_bytes());
            let (account, action, own) = (kind.make)(at, data);
            bytes += own;
            made.push((account, action));
        }
        let [base, per_entry, per_byte] = prices(kind, stage);
        let worth = [
            (base.as_str(), size.calls),
            (per_entry.as_str(), size.calls * entries),
            (per_byte.as_str(), bytes),
        ];
        Ok(prepare(bed, size, made)?.worth(units(&worth)))
    })
}

fn send(bed: &Bed, kind: &'static Kind) -> Case {
    shaped(bed, kind, "send_not_sir", |bed, _, made| {
        sending(bed, made.into_iter().map(|(account, action)| (action, account)))
    })
}

fn execute(bed: &Bed, kind: &'static Kind) -> Case {
    shaped(bed, kind, "execution", |bed, size, made| {
        let empty = (0..size.calls)
            .map(|at| receipt(at, actor(at), actor(at), Vec::new(), Vec::new()))
            .collect();
        let receipts = (0..).zip(made).map(|(at, (account, action))| {
            receipt(at, actor(at), account, vec![action], Vec::new())
        });
        let executed = Executed { before: kind.before, receipts: receipts.collect() };
        executed.beside(bed, size, &Executed { before: kind.before, receipts: empty })
    })
}

/// Enough for the storage; the rest comes back, as it does on a chain.
fn deposit() -> Balance {
    Balance::from_near(1)
}

fn deterministic(at: u64, data: Data) -> Made {
    let code = GlobalContractIdentifier::AccountId(actor(at));
    let state_init =
        DeterministicAccountStateInit::V1(DeterministicAccountStateInitV1 { code, data });
    let account = derive_near_deterministic_account_id(&state_init);
    let bytes = crate::count(state_init.len_bytes());
    let deposit = deposit();
    let action = DeterministicStateInitAction { state_init, deposit };
    (account, Action::DeterministicStateInit(Box::new(action)), bytes)
}

fn universal(_: u64, data: Data) -> Made {
    let access_keys = BTreeSet::new();
    let init = UniversalStateInit::V1(UniversalStateInitV1 { code: None, data, access_keys });
    let state_init = init.to_raw();
    let account = derive_universal_account_id(&state_init);
    let bytes = crate::count(state_init.0.len());
    let deposit = deposit();
    let action = UniversalStateInitAction { state_init, deposit };
    (account, Action::UniversalStateInit(Box::new(action)), bytes)
}
