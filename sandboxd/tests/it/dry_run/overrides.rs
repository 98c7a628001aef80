//! Overrides of each kind, and those that do not fit.

use std::collections::BTreeMap;

use near_crypto::{KeyType, SecretKey};
use near_primitives::account::{
    AccessKey, AccessKeyPermission, Account, AccountContract, FunctionCallPermission,
};
use near_primitives::action::{
    Action, DeployGlobalContractAction, GlobalContractDeployMode, GlobalContractIdentifier,
    TransferAction, UseGlobalContractAction,
};
use near_primitives::errors::InvalidTxError;
use near_primitives::hash::hash;
use near_primitives::state_record::StateRecord;
use near_primitives::types::Balance;
use near_primitives::views::FinalExecutionStatus;
use sandbox_runtime::overrides::{InvalidOverride, StateOverrides};
use sandbox_runtime::patch::Deletion;
use sandboxd::chain::{
    Chain, DryRun, DryRunFailed, DryTransaction, InvalidOverrides, Overrides, Refusal,
    UnsignedTransaction,
};
use serde_json::{Value, json};

use super::{ALICE, BOB, CAROL, SHARER, call, deploy, really, say, seen, stage, unsigned};
use crate::support::{account, chain, id, near, sign, signer};

fn over(state: StateOverrides) -> Overrides {
    Overrides { state, ..Overrides::default() }
}

fn with_code(name: &str, code: Vec<u8>) -> Overrides {
    let code = BTreeMap::from([(id(name), code)]);
    over(StateOverrides { code, ..StateOverrides::default() })
}

fn with_keys(name: &str, key: near_crypto::PublicKey, access_key: Option<AccessKey>) -> Overrides {
    let access_keys = BTreeMap::from([(id(name), BTreeMap::from([(key, access_key)]))]);
    over(StateOverrides { access_keys, ..StateOverrides::default() })
}

fn run(
    chain: &Chain,
    to: &str,
    action: Action,
    overrides: &Overrides,
) -> Result<DryRun, DryRunFailed> {
    let before = seen(chain);
    let run = chain.dry_run(unsigned(ALICE, to, vec![action]), overrides, true);
    assert_eq!(seen(chain), before);
    run
}

fn value(run: &DryRun) -> Vec<u8> {
    match run.execution().status() {
        FinalExecutionStatus::SuccessValue(value) => value,
        status => panic!("{status:?}"),
    }
}

#[test]
fn code_takes_the_place_of_what_was_there_as_if_it_was_deployed() {
    let code = fixtures::wasm("status").to_vec();
    let mut deployed = chain();
    deploy(&mut deployed, BOB, 1, code.clone());
    let real = really(&deployed, sign(&deployed, ALICE, BOB, 1, vec![say("hello")]));
    let dry = run(&chain(), BOB, say("hello"), &with_code(BOB, code)).unwrap();
    let gas = |at: usize| dry.execution().outcomes[at].outcome.outcome.gas_burnt;
    assert_eq!(gas(1), real.receipts_outcome[0].outcome.gas_burnt);
    let [usage, after] = [&deployed, &dry.after].map(|chain| account(chain, BOB).storage_usage());
    assert!(after > usage, "the message takes some more");
    let bob = dry.changes.iter().find(|changes| changes.account_id == BOB).unwrap();
    assert_eq!(bob.code, None, "the override is no change of the transaction");
}

#[test]
fn code_takes_the_place_of_a_global_contract() {
    let mut chain = chain();
    let code = fixtures::wasm("tiny").to_vec();
    let identifier = GlobalContractIdentifier::CodeHash(hash(&code));
    let deploy_mode = GlobalContractDeployMode::CodeHash;
    let deploy =
        Action::DeployGlobalContract(DeployGlobalContractAction { code: code.into(), deploy_mode });
    chain.submit(sign(&chain, ALICE, ALICE, 1, vec![deploy])).unwrap();
    chain.settle().unwrap();
    let contract_identifier = identifier;
    let used = Action::UseGlobalContract(Box::new(UseGlobalContractAction { contract_identifier }));
    chain.submit(sign(&chain, BOB, BOB, 1, vec![used])).unwrap();
    chain.settle().unwrap();
    let dry = run(&chain, BOB, say("hello"), &with_code(BOB, fixtures::wasm("status").to_vec()));
    assert_eq!(value(&dry.unwrap()), b"null");
}

#[test]
fn a_contract_in_the_middle_of_a_tree_can_be_another() {
    let chain = stage();
    let args = json!({ "account_id": CAROL });
    let failed = run(&chain, ALICE, call("call_other", &args), &Overrides::default()).unwrap();
    assert_eq!(value(&failed), br#""carol.test.near failed""#);
    let other = with_code(CAROL, fixtures::wasm("status").to_vec());
    let dry = run(&chain, ALICE, call("call_other", &args), &other).unwrap();
    assert_eq!(value(&dry), br#""carol.test.near counted 1, together 1""#);
}

#[test]
fn balances_records_and_keys_make_a_transaction_valid_or_not() {
    let chain = stage();
    let rich = |amount| Action::Transfer(TransferAction { deposit: near(amount) });
    let poor = run(&chain, BOB, rich(5_000_000), &Overrides::default()).unwrap_err();
    assert!(matches!(
        poor,
        DryRunFailed::Refused(Refusal::Invalid(InvalidTxError::NotEnoughBalance { .. }))
    ));
    let balances = BTreeMap::from([(id(ALICE), near(6_000_000))]);
    let with = over(StateOverrides { balances, ..StateOverrides::default() });
    assert_eq!(value(&run(&chain, BOB, rich(5_000_000), &with).unwrap()), b"");

    let new = Account::new(near(7), Balance::ZERO, AccountContract::None, 182);
    let record = StateRecord::Account { account_id: id("new.test.near"), account: new };
    let with = over(StateOverrides { records: vec![record.into()], ..StateOverrides::default() });
    let transaction = unsigned("new.test.near", BOB, vec![rich(1)]);
    let dry = chain.dry_run(transaction, &with, false).unwrap();
    assert!(account(&dry.after, "new.test.near").amount() < near(6));

    let key = signer(ALICE).public_key();
    let gone = run(&chain, BOB, rich(1), &with_keys(ALICE, key.clone(), None)).unwrap();
    assert_eq!(value(&gone), b"", "nobody asks for a key that is not named");
    let signed = DryTransaction::Signed(sign(&chain, ALICE, BOB, 2, vec![rich(1)]));
    let refused = chain.dry_run(signed, &with_keys(ALICE, key, None), false).unwrap_err();
    assert!(refused.to_string().contains("doesn't have access key"), "{refused}");
}

#[test]
fn an_overridden_key_has_its_permission_and_its_nonce() {
    let chain = stage();
    let key = SecretKey::from_seed(KeyType::ED25519, "narrow").public_key();
    let permission = AccessKeyPermission::FunctionCall(FunctionCallPermission {
        allowance: None,
        receiver_id: BOB.to_owned(),
        method_names: vec!["set_status".to_owned()],
    });
    let overrides = with_keys(ALICE, key.clone(), Some(AccessKey { nonce: 41, permission }));
    let with = |action| {
        let transaction = UnsignedTransaction {
            signer_id: id(ALICE),
            receiver_id: id(BOB),
            actions: vec![action],
            public_key: Some(key.clone()),
            nonce: None,
        };
        chain.dry_run(DryTransaction::Unsigned(transaction), &overrides, false)
    };
    let dry = with(say("hello")).unwrap();
    assert_eq!(dry.execution().transaction.transaction.nonce().nonce(), 42);
    assert!(with(call("increment", &Value::Null)).is_err());
}

#[test]
fn height_time_and_gas_price_are_those_of_the_block() {
    let chain = stage();
    let head = chain.head().header().raw_timestamp();
    let block = |run: &DryRun| {
        let seen = value(run);
        let number = |at: usize| u64::from_le_bytes(seen[at..at + 8].try_into().unwrap());
        (number(0), number(8))
    };
    let first = run(&chain, CAROL, call("block", &Value::Null), &Overrides::default()).unwrap();
    let next = chain.head().height() + 1;
    assert_eq!(block(&first), (next + 1, head + 2), "the receipt runs in the block after");
    for at in [1_000, head, head + 1_000_000_000] {
        let overrides = Overrides {
            height: Some(1_000),
            timestamp_ns: Some(at),
            gas_price: Some(Balance::from_yoctonear(1_000_000_000)),
            ..Overrides::default()
        };
        let dry = run(&chain, CAROL, call("block", &Value::Null), &overrides).unwrap();
        assert_eq!(block(&dry), (1_001, at + 1));
        for at in &dry.execution().outcomes {
            let outcome = &at.outcome.outcome;
            let is_refund = outcome.tokens_burnt.is_zero();
            let price = u128::from(outcome.gas_burnt.as_gas()) * 1_000_000_000;
            assert!(is_refund || outcome.tokens_burnt.as_yoctonear() == price, "{outcome:?}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_by_its_name() {
    let chain = stage();
    let refused = |overrides: &Overrides| match run(&chain, BOB, say("hello"), overrides)
        .map(|_| ())
        .unwrap_err()
    {
        DryRunFailed::Override(error) => (error.to_string(), error),
        DryRunFailed::Refused(refusal) => panic!("{refusal}"),
    };
    let unknown = |field: &'static str| {
        let account_id = id("no.near");
        InvalidOverrides::State(InvalidOverride::UnknownAccount { field, account_id })
    };
    let key = signer(ALICE).public_key();
    assert_eq!(refused(&with_code("no.near", vec![1])).1, unknown("code"));
    assert_eq!(refused(&with_keys("no.near", key, None)).1, unknown("access_keys"));
    let balances = BTreeMap::from([(id("no.near"), near(1))]);
    let (text, error) = refused(&over(StateOverrides { balances, ..StateOverrides::default() }));
    assert_eq!(error, unknown("balances"));
    assert!(text.starts_with("balances[\"no.near\"]: there is no such account"), "{text}");

    let large = vec![0; 5 << 20];
    assert!(
        refused(&with_code(BOB, large)).0.starts_with("code[\"bob.test.near\"]: 5242880 bytes")
    );
    let all = Balance::from_yoctonear(u128::MAX);
    let balances = BTreeMap::from([(id(ALICE), all), (id(BOB), all)]);
    let (text, _) = refused(&over(StateOverrides { balances, ..StateOverrides::default() }));
    assert!(text.starts_with("the patched balances overflow"), "{text}");

    let head = chain.head().height();
    let at = |height| Overrides { height: Some(height), ..Overrides::default() };
    let height = head;
    assert_eq!(refused(&at(height)).1, InvalidOverrides::HeightNotAboveHead { height, head });
    let height = u64::MAX;
    assert_eq!(refused(&at(height)).1, InvalidOverrides::HeightTooLarge { height });
    let at = u64::MAX;
    let late = Overrides { timestamp_ns: Some(at), ..Overrides::default() };
    assert_eq!(refused(&late).1, InvalidOverrides::TimeTooLate { at });
    let dear = Overrides { gas_price: Some(all), ..Overrides::default() };
    assert!(refused(&dear).0.starts_with("gas_price: "));
}

#[test]
fn records_can_be_taken_away() {
    let chain = stage();
    let account_id = id(BOB);
    let gone = Deletion::Contract { account_id };
    let records = vec![gone.into()];
    let with = over(StateOverrides { records, ..StateOverrides::default() });
    let dry = run(&chain, BOB, say("hello"), &with).unwrap();
    let FinalExecutionStatus::Failure(failure) = dry.execution().status() else {
        panic!("{:?}", dry.execution().status())
    };
    assert!(format!("{failure:?}").contains("CodeDoesNotExist"), "{failure:?}");
}

#[test]
fn whoever_is_impersonated_needs_no_signature_here_either() {
    let mut chain = stage();
    let mut forged = sign(&chain, ALICE, BOB, 2, vec![say("hello")]);
    forged.signature = signer(BOB).sign(b"something else");
    let forged = DryTransaction::Signed(forged);
    assert!(chain.dry_run(forged.clone(), &Overrides::default(), true).is_err());
    chain.impersonate(&id(ALICE)).unwrap();
    let dry = chain.dry_run(forged, &Overrides::default(), true).unwrap();
    assert_eq!(value(&dry), b"null");
    assert!(dry.least.unwrap()[0].exact);
}

#[test]
fn extremes_are_answered() {
    let chain = stage();
    let max = chain.genesis_config().max_gas_price;
    let balances = BTreeMap::from([(id(ALICE), Balance::from_yoctonear(u128::MAX >> 1))]);
    let overrides = Overrides {
        state: StateOverrides { balances, ..StateOverrides::default() },
        height: Some(u64::MAX - 10_000),
        timestamp_ns: Some(0),
        gas_price: Some(max),
    };
    // Tokens and heights are at their ends: an answer, whatever it is.
    drop(run(&chain, BOB, say("hello"), &overrides));
    let free = Overrides { gas_price: Some(Balance::ZERO), ..Overrides::default() };
    assert_eq!(value(&run(&chain, BOB, say("hello"), &free).unwrap()), b"null");
    let code = wat::parse_str(SHARER).unwrap();
    assert!(run(&chain, BOB, say("hello"), &with_code(BOB, code)).unwrap().least.is_none());
}
