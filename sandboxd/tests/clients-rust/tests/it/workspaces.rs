//! near-workspaces: what a contract's own tests do, each on a node of its own.

use near_workspaces::network::Sandbox;
use near_workspaces::operations::Function;
use near_workspaces::types::{Gas, KeyType, NearToken, SecretKey};
use near_workspaces::{AccessKey, Account, AccountDetailsPatch, Contract, Worker};
use rust_clients::fixture;
use serde_json::json;

async fn sandbox() -> Worker<Sandbox> {
    near_workspaces::sandbox().await.expect("a sandbox")
}

async fn status(worker: &Worker<Sandbox>) -> Contract {
    worker.dev_deploy(&fixture("status")).await.expect("a contract")
}

async fn count(contract: &Contract) -> u64 {
    contract.view("get_count").await.expect("a view").json().expect("a number")
}

async fn balance(account: &Account) -> NearToken {
    account.view_account().await.expect("an account").balance
}

#[tokio::test]
async fn accounts_are_created_funded_and_deleted() {
    let worker = sandbox().await;
    let root = worker.root_account().expect("root");
    assert_eq!(root.id(), "test.near");
    let dev = worker.dev_create_account().await.expect("an account below root");
    assert!(dev.id().is_sub_account_of(root.id()));
    assert_eq!(balance(&dev).await, NearToken::from_near(100));
    let top = worker.dev_create_tla().await.expect("a top level account, by the registrar");
    assert!(top.id().is_top_level());

    let sub = dev.create_subaccount("sub").initial_balance(NearToken::from_near(10));
    let sub = sub.transact().await.expect("an answer").into_result().expect("an account");
    assert_eq!(sub.id().as_str(), format!("sub.{}", dev.id()));
    let sent = dev.transfer_near(sub.id(), NearToken::from_near(3)).await.expect("an answer");
    assert!(sent.is_success());
    assert_eq!(balance(&sub).await, NearToken::from_near(13));
    let fees = NearToken::from_near(100 - 13).saturating_sub(balance(&dev).await);
    assert!(NearToken::ZERO < fees && fees < NearToken::from_millinear(10), "{fees}");

    let again = dev.create_subaccount("sub").transact().await.expect("an answer");
    assert!(again.is_failure(), "the account exists");

    let (id, before) = (sub.id().clone(), balance(&dev).await);
    let deleted = sub.delete_account(dev.id()).await.expect("an answer");
    assert!(deleted.is_success());
    assert!(balance(&dev).await > before);
    let gone = worker.view_account(&id).await.expect_err("the account is deleted");
    assert!(format!("{gone:?}").contains("UnknownAccount"), "{gone:?}");
}

#[tokio::test]
async fn a_contract_is_deployed_called_and_viewed() {
    let worker = sandbox().await;
    let contract = status(&worker).await;
    let alice = worker.dev_create_account().await.expect("an account");
    let message = json!({"message": "hello"});
    let outcome = alice.call(contract.id(), "set_status").args_json(&message);
    let outcome = outcome.transact().await.expect("an answer");
    assert_eq!(outcome.logs(), [format!("{} says hello", alice.id())]);
    assert_eq!(outcome.json::<Option<String>>().expect("the status before"), None);
    let view = contract.view("get_status").args_json(json!({"account_id": alice.id()}));
    assert_eq!(view.await.expect("a view").json::<String>().expect("text"), "hello");
    assert_eq!(contract.view_code().await.expect("code"), fixture("status"));

    let pending = contract.call("increment").max_gas().transact_async().await.expect("a hash");
    assert_eq!(pending.await.expect("an outcome").json::<u64>().expect("a number"), 1);
    let payment = alice.call(contract.id(), "donate").deposit(NearToken::from_near(2));
    let total: String = payment.transact().await.expect("an answer").json().expect("text");
    assert_eq!(total, NearToken::from_near(2).as_yoctonear().to_string());
}

#[tokio::test]
async fn what_fails_in_a_contract_is_told() {
    let worker = sandbox().await;
    let contract = status(&worker).await;
    let failed = contract.call("fail").args_json(json!({"message": "on purpose"}));
    let failed = failed.transact().await.expect("an answer");
    assert!(failed.is_failure());
    assert_eq!(failed.failures().len(), 1);
    let error = format!("{:?}", failed.into_result().expect_err("a failure"));
    assert!(error.contains("Smart contract panicked: on purpose"), "{error}");
    assert_eq!(count(&contract).await, 0, "what the call had done is undone");

    let missing = contract.view("no_such_method").await.expect_err("no view");
    assert!(format!("{missing:?}").contains("MethodResolveError(MethodNotFound)"), "{missing:?}");
    let little = contract.call("burn").args_json(json!({"rounds": 100_000_000}));
    let little = little.gas(Gas::from_tgas(5)).transact().await.expect("an answer");
    let error = format!("{:?}", little.into_result().expect_err("a failure"));
    assert!(error.contains("Exceeded the prepaid gas"), "{error}");
}

#[tokio::test]
async fn a_batch_happens_as_a_whole_or_not_at_all() {
    let worker = sandbox().await;
    let root = worker.root_account().expect("root");
    let key = SecretKey::from_random(KeyType::ED25519);
    let id: near_workspaces::AccountId = format!("batch.{}", root.id()).parse().expect("a name");
    let batch = root
        .batch(&id)
        .create_account()
        .transfer(NearToken::from_near(20))
        .add_key(key.public_key(), AccessKey::full_access())
        .deploy(&fixture("status"))
        .call(Function::new("increment").gas(Gas::from_tgas(20)))
        .call(Function::new("increment").gas(Gas::from_tgas(20)));
    let outcome = batch.transact().await.expect("an answer").into_result().expect("success");
    assert_eq!(outcome.json::<u64>().expect("what the last call answers"), 2);
    let contract = Contract::from_secret_key(id, key, &worker);

    let second = SecretKey::from_random(KeyType::SECP256K1).public_key();
    let fails = contract
        .batch()
        .add_key(second.clone(), AccessKey::full_access())
        .call(Function::new("fail").args_json(json!({"message": "no"})));
    let error = fails.transact().await.expect("an answer").into_result().expect_err("a failure");
    assert!(format!("{error:?}").contains("index: Some(1)"), "{error:?}");
    contract.view_access_key(&second).await.expect_err("the key was not added");
    assert_eq!(count(&contract).await, 2);

    let stake = NearToken::from_near(1_000_000);
    let public_key = root.secret_key().public_key();
    let staked = root.batch(root.id()).stake(stake, public_key).transact().await;
    assert!(staked.expect("an answer").is_success());
}

#[tokio::test]
async fn contracts_call_each_other() {
    let worker = sandbox().await;
    let (first, second) = tokio::join!(status(&worker), status(&worker));
    let call = first.call("call_other").args_json(json!({"account_id": second.id()}));
    let outcome = call.gas(Gas::from_tgas(100)).transact().await.expect("an answer");
    assert!(outcome.receipt_failures().is_empty());
    let executors: Vec<_> = outcome.receipt_outcomes().iter().map(|it| &it.executor_id).collect();
    assert!(executors.starts_with(&[first.id(), second.id()]), "{executors:?}");
    let answer: String = outcome.json().expect("text");
    assert_eq!(answer, format!("{} counted 1, together 1", second.id()));

    let call = first.call("call_failing").args_json(json!({"account_id": second.id()}));
    let outcome = call.gas(Gas::from_tgas(100)).transact().await.expect("an answer");
    assert_eq!(outcome.receipt_failures().len(), 1);
    assert_eq!(outcome.json::<String>().expect("text"), format!("{} failed", second.id()));

    let accounts = json!({"first": first.id(), "second": second.id()});
    let call = first.call("join_counts").args_json(accounts).gas(Gas::from_tgas(100));
    let sum: u64 = call.transact().await.expect("an answer").json().expect("a number");
    assert_eq!(sum, 2);
}

#[tokio::test]
async fn access_keys_allow_what_they_say() {
    let worker = sandbox().await;
    let contract = status(&worker).await;
    let alice = worker.dev_create_account().await.expect("an account");
    let key = SecretKey::from_random(KeyType::ED25519);
    let allowance = NearToken::from_near(1);
    let permission =
        AccessKey::function_call_access(contract.id(), &["increment"], Some(allowance));
    let added = alice.batch(alice.id()).add_key(key.public_key(), permission).transact().await;
    assert!(added.expect("an answer").is_success());
    assert_eq!(alice.view_access_keys().await.expect("keys").len(), 2);

    let limited = Account::from_secret_key(alice.id().clone(), key.clone(), &worker);
    let allowed = limited.call(contract.id(), "increment").transact().await.expect("an answer");
    assert!(allowed.is_success());
    let used = format!("{:?}", alice.view_access_key(&key.public_key()).await.expect("a key"));
    assert!(used.contains("FunctionCall") && used.contains("increment"), "{used}");
    let other = limited.call(contract.id(), "donate").transact().await.expect_err("refused");
    assert!(format!("{other:?}").contains("MethodNameMismatch"), "{other:?}");
    let paid = limited.transfer_near(contract.id(), NearToken::from_yoctonear(1)).await;
    let paid = paid.expect_err("refused");
    assert!(format!("{paid:?}").contains("RequiresFullAccess"), "{paid:?}");

    let deleted = alice.batch(alice.id()).delete_key(key.public_key()).transact().await;
    assert!(deleted.expect("an answer").is_success());
    let unknown = alice.view_access_key(&key.public_key()).await.expect_err("no key");
    assert!(format!("{unknown:?}").contains("UnknownAccessKey"), "{unknown:?}");
    let late = limited.call(contract.id(), "increment").transact().await.expect_err("refused");
    assert!(format!("{late:?}").contains("AccessKeyNotFound"), "{late:?}");
}

#[tokio::test]
async fn state_is_patched() {
    let worker = sandbox().await;
    let (source, target) = tokio::join!(status(&worker), status(&worker));
    source.call("increment").transact().await.expect("an answer").unwrap();
    let state = source.view_state().await.expect("state");
    let (key, value) = state.iter().next().expect("the counter");
    worker.patch_state(target.id(), key, value).await.expect("a patch");
    assert_eq!(count(&target).await, 1);
    assert_eq!(target.view_state().prefix(key).await.expect("state"), state);

    let (id, key) = worker.generate_dev_account_credentials();
    let rich = NearToken::from_near(1_000_000);
    let patch = worker
        .patch(&id)
        .account(AccountDetailsPatch::default().balance(rich))
        .access_key(key.public_key(), AccessKey::full_access())
        .code(&fixture("status"))
        .states(state.iter().map(|(key, value)| (key.as_slice(), value.as_slice())));
    patch.transact().await.expect("a patch");
    let made = Contract::from_secret_key(id, key, &worker);
    assert_eq!(balance(made.as_account()).await, rich);
    let next: u64 = made.call("increment").transact().await.expect("an answer").json().unwrap();
    assert_eq!(next, 2, "the patched contract counts on from the patched state");
}

#[tokio::test]
async fn time_moves_on() {
    let worker = sandbox().await;
    let contract = status(&worker).await;
    let before = worker.view_block().await.expect("a block");
    worker.fast_forward(1_000).await.expect("to move on");
    let after = worker.view_block().await.expect("a block");
    assert!(after.height() >= before.height() + 1_000);
    assert_ne!(after.epoch_id(), before.epoch_id());
    // The mean of the block delays that `init --fast` writes is 310 ms.
    assert!(after.timestamp() >= before.timestamp() + 1_000 * 310_000_000);
    let seen: serde_json::Value = contract.view("surroundings").await.unwrap().json().unwrap();
    let height: u64 =
        seen["block_height"].as_str().and_then(|it| it.parse().ok()).expect("a height");
    assert!(height >= after.height());
    assert_ne!(seen["epoch_height"], "1");
    contract.call("increment").transact().await.expect("an answer").unwrap();
}

#[tokio::test]
async fn a_contract_is_imported_from_another_chain() {
    let (there, here) = tokio::join!(sandbox(), sandbox());
    let original = status(&there).await;
    original.call("increment").transact().await.expect("an answer").unwrap();
    let import = here.import_contract(original.id(), &there).with_data();
    let copy = import.initial_balance(NearToken::from_near(50)).transact().await.expect("a copy");
    assert_eq!(copy.id(), original.id());
    assert_eq!(balance(copy.as_account()).await, NearToken::from_near(50));
    let next: u64 = copy.call("increment").transact().await.expect("an answer").json().unwrap();
    assert_eq!(next, 2);
    assert_eq!(count(&original).await, 1, "the chains share nothing");
}

#[tokio::test]
async fn blocks_and_chunks_are_viewed() {
    let worker = sandbox().await;
    let block = worker.view_block().await.expect("a block");
    let by_hash = worker.view_block().block_hash(*block.hash()).await.expect("the block");
    assert_eq!(by_hash, block);
    let chunk = worker.view_chunk().block_hash_and_shard(*block.hash(), 0).await.expect("a chunk");
    assert_eq!(chunk.header.chunk_hash, block.chunks()[0].chunk_hash);
    assert_eq!(worker.gas_price().await.expect("a price"), block.header().gas_price());
    let status = worker.status().await.expect("a status");
    assert!(status.sync_info.latest_block_height >= block.height());
}

#[tokio::test]
async fn tokens_move_between_accounts_that_are_registered() {
    let worker = sandbox().await;
    let token = worker.dev_deploy(&fixture("token")).await.expect("a contract");
    let alice = worker.dev_create_account().await.expect("an account");
    let new = json!({"owner_id": token.id(), "total_supply": "1000"});
    token.call("new").args_json(new).transact().await.expect("an answer").unwrap();
    let transfer = || {
        let arguments = json!({"receiver_id": alice.id(), "amount": "30"});
        let call = token.call("ft_transfer").args_json(arguments);
        call.deposit(NearToken::from_yoctonear(1)).transact()
    };
    let early = transfer().await.expect("an answer").into_result().expect_err("a failure");
    assert!(format!("{early:?}").contains("is not registered"), "{early:?}");
    let register = alice.call(token.id(), "storage_deposit").args_json(json!({}));
    register.deposit(NearToken::from_millinear(10)).transact().await.expect("an answer").unwrap();
    transfer().await.expect("an answer").unwrap();
    for (account, amount) in [(alice.id(), "30"), (token.id(), "970")] {
        let view = token.view("ft_balance_of").args_json(json!({"account_id": account}));
        assert_eq!(view.await.expect("a view").json::<String>().expect("text"), amount);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn transactions_of_one_account_can_be_sent_at_once() {
    let worker = sandbox().await;
    let contract = status(&worker).await;
    let alice = worker.dev_create_account().await.expect("an account");
    let messages = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    // Each says something else: calls that are equal, of the same nonce, are one transaction.
    let calls = messages.map(|message| {
        let call = alice.call(contract.id(), "set_status");
        tokio::spawn(call.args_json(json!({"message": message})).transact())
    });
    for call in calls {
        assert!(call.await.expect("no panic").expect("an answer").is_success());
    }
    let view = contract.view("get_status").args_json(json!({"account_id": alice.id()}));
    let last: String = view.await.expect("a view").json().expect("text");
    assert!(messages.contains(&last.as_str()), "{last}");
}
