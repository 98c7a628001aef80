//! What a sandbox can do beside transactions, on a fork as on the chain itself.

use near_crypto::{KeyType, Signature};
use near_primitives::action::{Action, TransferAction};
use near_primitives::transaction::{SignedTransaction, Transaction};
use sandbox_runtime::view::{self, StateQuery};
use sandboxd::chain::{Chain, Code, EditFailed, NewAccount, Progress, Rollback};

use super::remote::{Answers, Remote, fork};
use super::{ALICE, BOB, CAROL, call_transaction, original, succeeded};
use crate::support::{account, id, near, transfer};

type Edit = fn(&mut Chain) -> Result<(), EditFailed>;

/// Changes of what the remote has, and what they are called.
const EDITS: [(&str, Edit); 6] = [
    ("more data", |chain| chain.set_data(&id(BOB), b"STATE".to_vec(), Some(vec![7; 99])).map(drop)),
    ("less data", |chain| chain.set_data(&id(BOB), b"STATE".to_vec(), None).map(drop)),
    ("no code", |chain| chain.set_code(&id(BOB), Code::Removed).map(drop)),
    ("other code", |chain| chain.set_code(&id(ALICE), Code::Own(vec![1; 50])).map(drop)),
    ("a balance", |chain| chain.set_balance(&id(CAROL), near(5)).map(drop)),
    ("no account", |chain| chain.delete_account(&id(BOB)).map(drop)),
];

fn seen(chain: &Chain) -> String {
    let each = [ALICE, BOB, CAROL].map(|name| {
        let (state, id) = (chain.state(), id(name));
        let account = chain.account(&id).ok();
        let code = view::code(state, &id).unwrap().ok();
        let keys = view::access_keys(state, &id, None).unwrap();
        let data = view::state(state, &id, &StateQuery::default()).unwrap();
        format!("{account:?} {code:?} {keys:?} {:?}", data.ok())
    });
    each.join("\n")
}

#[test]
fn records_of_the_remote_are_changed_as_those_of_the_chain_itself() {
    for answers in [Answers::Whole, Answers::Pages(1)] {
        let mut same = original();
        let mut forked = fork(&Remote::of(&same, answers));
        for (name, edit) in EDITS {
            let [of_same, of_fork] = [&mut same, &mut forked].map(|chain| {
                let supply = |chain: &Chain| chain.head().header().total_supply().as_yoctonear();
                let before = supply(chain);
                edit(chain).unwrap();
                supply(chain).abs_diff(before)
            });
            assert_eq!(of_fork, of_same, "{name}");
            assert_eq!(seen(&forked), seen(&same), "{name}");
        }
        let new = NewAccount {
            account_id: id(CAROL),
            balance: near(1),
            keys: Vec::new(),
            code: Code::Removed,
        };
        let exists = forked.create_account(new).map(drop);
        assert!(matches!(exists, Err(EditFailed::AccountExists { .. })), "{exists:?}");
    }
}

#[test]
fn a_change_of_what_is_out_of_reach_leaves_the_chain_as_it_was() {
    for (name, edit) in EDITS {
        let remote = Remote::of(&original(), Answers::Whole);
        let mut forked = fork(&remote);
        remote.go();
        let head = *forked.head().hash();
        let failed = edit(&mut forked).unwrap_err().to_string();
        assert!(failed.contains("connection refused"), "{name}: {failed}");
        assert_eq!(*forked.head().hash(), head);
        remote.come_back();
        edit(&mut forked).unwrap();
    }
}

#[test]
fn a_rollback_takes_back_what_waits_for_the_remote_too() {
    let remote = Remote::of(&original(), Answers::Whole);
    let mut forked = fork(&remote);
    let start = forked.head().height();
    let waits = forked.submit(call_transaction(&forked, ALICE, 3, BOB)).unwrap();
    forked.produce().unwrap();
    remote.go();
    forked.settle().unwrap();
    forked.produce().unwrap();
    assert!(forked.waits_for_source());
    forked.roll_back(Rollback::ByBlocks(1)).unwrap();
    forked.settle().unwrap();
    assert_eq!(forked.execution(&waits).unwrap().progress(), Progress::Included);
    let mut first = forked.clone();
    first.roll_back(Rollback::ToHeight(start)).unwrap();
    assert!(!first.waits_for_source() && !first.has_work() && !first.knows(&waits));
    remote.come_back();
    forked.produce().unwrap();
    forked.settle().unwrap();
    assert!(succeeded(&forked, &waits));
}

#[test]
fn accounts_of_the_remote_are_impersonated() {
    let remote = Remote::of(&original(), Answers::Whole);
    let mut forked = fork(&remote);
    forked.impersonate(&id(CAROL)).unwrap();
    let SignedTransaction { transaction, .. } = transfer(&forked, CAROL, ALICE, 1, near(3));
    let Transaction::V0(mut transaction) = transaction else { panic!("it is one") };
    transaction.public_key = near_crypto::PublicKey::empty(KeyType::ED25519);
    transaction.actions = vec![Action::Transfer(TransferAction { deposit: near(3) })];
    let before = account(&forked, ALICE).amount();
    let unsigned = Signature::empty(KeyType::ED25519);
    let sent = SignedTransaction::new(unsigned, Transaction::V0(transaction));
    let sent = forked.submit(sent).unwrap();
    forked.settle().unwrap();
    assert!(succeeded(&forked, &sent));
    assert_eq!(account(&forked, ALICE).amount().checked_sub(before), Some(near(3)));
}
