//! What differs between the protocol versions, each on both sides of its border. Expected amounts are
//! computed from the fee table of the version.

use sandbox_runtime::near::{
    AccessKey, AccessKeyPermission, Account, AccountContract, Action, ActionCosts, ActionErrorKind,
    ActionsValidationError as E, AddKeyAction, CryptoHash, DelegateAction, DelegateActionV2,
    DeleteAccountAction, DeployGlobalContractAction, ExecutionMetadata, ExecutionStatus,
    FunctionCallPermission, GlobalContractDeployMode, InvalidAccessKeyError, InvalidTxError,
    NonDelegateAction, NonceMode, ProtocolVersion, RawStateInit, SignedDelegateAction, StateRecord,
    TransactionNonce, TransferToGasKeyAction, TxExecutionError, UniversalStateInitAction,
    VersionedSignedDelegateAction, WithdrawFromGasKeyAction, derive_universal_account_id,
};
use sandbox_runtime::patch::patch;
use sandbox_runtime::tree;

use crate::accounts::create;
use crate::contracts::{READER, execution_error};
use crate::invalid::with_mode;
use crate::world::{
    PRICE, PURCHASE_PRICE, Story, TGAS, World, call, deploy, id, key, near, signer, signer_of_key,
    transfer, yocto,
};

/// A world where `bob.near` has the contract that `text` describes.
fn wat_world(version: ProtocolVersion, text: &str) -> World {
    let mut world = World::at(version, &[]);
    let code = wat::parse_str(text).expect("text");
    world.run("bob.near", "bob.near", vec![deploy(code)]);
    world
}

fn burnt(story: &Story) -> u128 {
    let receipts = story.receipts.iter().map(|outcome| outcome.tokens_burnt.as_yoctonear());
    story.transaction.tokens_burnt.as_yoctonear() + receipts.sum::<u128>()
}

#[test]
fn gas_is_bought_at_the_block_price_before_85() {
    for (version, receipts) in [(84, 1), (85, 2), (88, 2)] {
        let mut world = World::at(version, &[]);
        let alice = world.balance("alice.near");
        let story = world.run("alice.near", "bob.near", vec![transfer(near(3))]);
        assert_eq!(story.receipts.len(), receipts, "{version}: the transfer, and a refund if any");
        let gas = world.send(ActionCosts::new_action_receipt)
            + world.send(ActionCosts::transfer)
            + world.exec(ActionCosts::new_action_receipt)
            + world.exec(ActionCosts::transfer);
        assert_eq!(burnt(&story), gas * PRICE, "{version}");
        assert_eq!(world.balance("alice.near"), alice - near(3).as_yoctonear() - gas * PRICE);
    }
}

#[test]
fn a_price_that_rises_on_the_way_is_paid_from_85() {
    // Gas is bought at one price; when it is burnt, the block has three times as high a price.
    for (version, bought_at, burnt_at) in
        [(84, PRICE, PRICE), (85, PURCHASE_PRICE, 3 * PRICE), (88, PURCHASE_PRICE, 3 * PRICE)]
    {
        let mut world = World::at(version, &[]);
        let alice = world.balance("alice.near");
        let transaction = world.sign(&signer("alice.near"), "bob.near", vec![transfer(near(3))]);
        world.block(vec![transaction]);
        let send = world.send(ActionCosts::new_action_receipt) + world.send(ActionCosts::transfer);
        let exec = world.exec(ActionCosts::new_action_receipt) + world.exec(ActionCosts::transfer);
        let paid = alice - near(3).as_yoctonear() - world.balance("alice.near");
        assert_eq!(paid, send * PRICE + exec * bought_at, "{version}");
        world.env.gas_price = yocto(3 * PRICE);
        let effects = world.block(Vec::new());
        let outcome = &effects.outcomes[0].outcome;
        assert_eq!(outcome.tokens_burnt.as_yoctonear(), exec * burnt_at, "{version}");
        world.block(Vec::new());
        world.assert_supply();
        let back = exec * (bought_at - burnt_at);
        assert_eq!(world.balance("alice.near"), alice - near(3).as_yoctonear() - paid + back);
    }
}

#[test]
fn a_new_account_costs_what_its_gas_costs_before_85() {
    // 0.007 NEAR since then.
    for (version, price) in [
        (84, None),
        (85, Some(7_000_000_000_000_000_000_000)),
        (88, Some(7_000_000_000_000_000_000_000)),
    ] {
        let mut world = World::at(version, &[]);
        let actions = vec![create(), transfer(near(1))];
        let story = world.run("alice.near", "app.alice.near", actions);
        let exec = |cost| world.exec(cost) * PRICE;
        let creation = price.unwrap_or(exec(ActionCosts::create_account));
        let expected =
            creation + exec(ActionCosts::new_action_receipt) + exec(ActionCosts::transfer);
        assert_eq!(story.first().tokens_burnt.as_yoctonear(), expected, "{version}");
    }
}

#[test]
fn the_metadata_name_the_contract_from_85() {
    let text = r#"(module (func (export "main")))"#;
    for version in 84..=88 {
        let mut world = wat_world(version, text);
        let story = world.run("alice.near", "bob.near", vec![call("main", b"", TGAS, yocto(0))]);
        let (profile, contracts) = match &story.first().metadata {
            ExecutionMetadata::V3(profile) if version == 84 => (profile.as_ref(), None),
            ExecutionMetadata::V4(metadata) if version > 84 => {
                (&metadata.profile, Some(metadata.contracts.len()))
            }
            metadata => panic!("{version} has {metadata:?}"),
        };
        assert!(profile.get_wasm_cost().as_gas() > 0, "{version}");
        assert_eq!(contracts, (version > 84).then_some(1), "{version}");
    }
}

#[test]
fn a_contract_earns_three_tenths_of_the_gas_that_it_burns_before_87() {
    let text = r#"(module
        (func (export "main"))
        (func (export "fail") unreachable))"#;
    for (version, tenths) in [(84, 3), (85, 3), (86, 3), (87, 0), (88, 0)] {
        let mut world = wat_world(version, text);
        // A contract that fails earns as much.
        for method in ["main", "fail"] {
            let (alice, bob) = (world.balance("alice.near"), world.balance("bob.near"));
            let action = call(method, b"", 10 * TGAS, yocto(0));
            let story = world.run("alice.near", "bob.near", vec![action]);
            let gas = u128::from(story.first().gas_burnt.as_gas());
            let fees = world.exec(ActionCosts::new_action_receipt)
                + world.exec(ActionCosts::function_call_base)
                + 4 * world.exec(ActionCosts::function_call_byte);
            assert!(gas > fees, "the contract burns gas of its own");
            let earned = (gas - fees) * tenths / 10 * PRICE;
            assert_eq!(world.balance("bob.near") - bob, earned, "{version} {method}");
            // What the contract earns is shown as burnt, and paid by the caller.
            assert_eq!(story.first().tokens_burnt.as_yoctonear(), gas * PRICE);
            assert_eq!(alice - world.balance("alice.near"), burnt(&story), "{version} {method}");
        }
    }
}

#[test]
fn an_account_that_is_gone_earns_nothing() {
    let mut world = wat_world(86, r#"(module (func (export "main")))"#);
    let delete = Action::DeleteAccount(DeleteAccountAction { beneficiary_id: id("alice.near") });
    let actions = vec![call("main", b"", 10 * TGAS, yocto(0)), delete];
    let story = world.run("bob.near", "bob.near", actions);
    assert_eq!(story.value(), b"");
    assert!(!world.exists("bob.near"));
}

#[test]
fn the_storage_proof_is_limited_by_call_before_86_and_by_receipt_since() {
    let records: Vec<_> = (0..6u8)
        .map(|index| StateRecord::Data {
            account_id: id("bob.near"),
            data_key: vec![index].into(),
            value: vec![index; 1_000_000].into(),
        })
        .collect();
    let read = |from, end| call("main", &[from, end], 300 * TGAS, yocto(0));
    let limit = "Size of the recorded trie storage proof has exceeded the allowed limit (4.0 MB)";
    for version in 84..=88 {
        let mut world = World::at(version, &records);
        world.run("bob.near", "bob.near", vec![deploy(wat::parse_str(READER).expect("text"))]);
        let story = world.run("alice.near", "bob.near", vec![read(0, 5)]);
        assert_eq!(execution_error(&story), limit, "{version}");
        let story = world.run("alice.near", "bob.near", vec![read(0, 3), read(3, 6)]);
        if version < 86 {
            assert_eq!(story.value(), b"", "{version}");
        } else {
            assert_eq!(story.error().0, Some(1), "{version}");
            assert_eq!(execution_error(&story), limit, "{version}");
        }
    }
}

#[test]
fn transactions_of_version_1_came_with_85() {
    for (version, expected) in
        [(84, Err(InvalidTxError::InvalidTransactionVersion)), (85, Ok(())), (88, Ok(()))]
    {
        let world = World::at(version, &[]);
        let transaction = with_mode(1, NonceMode::Strict);
        assert_eq!(world.check(&transaction), expected, "{version}");
    }
}

#[test]
fn host_functions_came_one_after_the_other() {
    let import = |name: &str, params: &str| {
        format!(
            r#"(module (import "env" "{name}" (func (param {params}))) (func (export "main")))"#
        )
    };
    for (name, params, since) in [
        ("chain_id", "i64", 85),
        ("sha3_256", "i64 i64 i64", 87),
        ("promise_batch_action_transfer_to_gas_key", "i64 i64 i64 i64", 85),
    ] {
        for version in 84..=88 {
            let mut world = wat_world(version, &import(name, params));
            let action = call("main", b"", 10 * TGAS, yocto(0));
            let story = world.run("alice.near", "bob.near", vec![action]);
            let linked = matches!(story.first().status, ExecutionStatus::SuccessValue(_));
            assert_eq!(linked, version >= since, "{name} at {version}: {:?}", story.first().status);
        }
    }
}

#[test]
fn the_locals_of_a_contract_are_bounded_by_its_size_from_87() {
    // A function with 2,000 locals in a module of far less than twice as many bytes.
    let text = format!(r#"(module (func (export "main") (local {})))"#, "i32 ".repeat(2_000));
    for version in 84..=88 {
        let mut world = wat_world(version, &text);
        let action = call("main", b"", 100 * TGAS, yocto(0));
        let story = world.run("alice.near", "bob.near", vec![action]);
        match &story.first().status {
            ExecutionStatus::SuccessValue(_) => assert!(version < 87, "{version}"),
            ExecutionStatus::Failure(TxExecutionError::ActionError(error)) => {
                assert!(version >= 87, "{version}: {error:?}");
                let text = format!("{:?}", error.kind);
                assert!(text.contains("TooManyLocals"), "{text}");
            }
            status => panic!("{version}: {status:?}"),
        }
    }
}

/// What a client is told that submits the action to `receiver`.
fn checked(version: ProtocolVersion, receiver: &str, action: Action) -> Result<(), E> {
    let world = World::at(version, &[]);
    match world.check(&world.sign(&signer("alice.near"), receiver, vec![action])) {
        Ok(()) => Ok(()),
        Err(InvalidTxError::ActionsValidation(error)) => Err(error),
        Err(error) => panic!("{version}: {error:?}"),
    }
}

fn unsupported(version: ProtocolVersion, feature: &str) -> E {
    E::UnsupportedProtocolFeature { protocol_feature: feature.into(), version }
}

#[test]
fn gas_keys_came_with_85_and_universal_accounts_with_88() {
    const UNIVERSAL: &str = "0u0123456789abcdefghjkmnpqrstvwxyz0123456789abcdefghj0";
    let public_key = || key("gas");
    let actions = [
        Action::AddKey(Box::new(AddKeyAction {
            public_key: public_key(),
            access_key: AccessKey::gas_key_full_access(1),
        })),
        Action::TransferToGasKey(Box::new(TransferToGasKeyAction {
            public_key: public_key(),
            deposit: near(1),
        })),
        Action::WithdrawFromGasKey(Box::new(WithdrawFromGasKeyAction {
            public_key: public_key(),
            amount: near(1),
        })),
    ];
    for action in actions {
        let refused = Err(unsupported(84, "GasKeys"));
        assert_eq!(checked(84, "alice.near", action.clone()), refused);
        assert_eq!(checked(85, "alice.near", action), Ok(()));
    }
    let state_init = RawStateInit(vec![0; 10]);
    let name = derive_universal_account_id(&state_init).to_string();
    let deposit = yocto(0);
    let init =
        Action::UniversalStateInit(Box::new(UniversalStateInitAction { state_init, deposit }));
    assert_eq!(checked(87, &name, init.clone()), Err(unsupported(87, "UniversalAccounts")));
    assert_eq!(checked(88, &name, init), Ok(()));
    // Nobody should lose tokens to such an id shortly before it means something.
    let account_id = id(UNIVERSAL);
    let refused = Err(E::TransferToUniversalAccountNotAllowed { account_id: account_id.clone() });
    assert_eq!(checked(87, UNIVERSAL, transfer(near(1))), refused);
    for version in [86, 88] {
        assert_eq!(checked(version, UNIVERSAL, transfer(near(1))), Ok(()));
    }
    let mut world = World::at(86, &[]);
    let story = world.run("alice.near", UNIVERSAL, vec![transfer(near(1))]);
    assert_eq!(story.error(), (Some(0), ActionErrorKind::AccountDoesNotExist { account_id }));
}

#[test]
fn calls_without_a_method_are_refused_from_87() {
    let empty = || call("", b"", TGAS, yocto(0));
    assert_eq!(checked(86, "bob.near", empty()), Ok(()));
    assert_eq!(checked(87, "bob.near", empty()), Err(E::FunctionCallEmptyMethodName));
}

/// What `alice.near` wants done by a relayer, with one of the nonces of a gas key.
fn wish_with_gas_key(nonce: u64, actions: &[Action]) -> Action {
    let delegate_action = DelegateActionV2 {
        sender_id: id("alice.near"),
        receiver_id: id("bob.near"),
        actions: actions
            .iter()
            .map(|action| NonDelegateAction::try_from(action.clone()).expect("no delegate action"))
            .collect(),
        nonce: TransactionNonce::from_nonce_and_index(nonce, 1),
        max_block_height: 1_000,
        public_key: key("gas"),
    };
    let key_of_gas = signer_of_key("alice.near", "gas");
    let signed = VersionedSignedDelegateAction::sign(&key_of_gas, delegate_action.into());
    Action::DelegateV2(Box::new(signed))
}

#[test]
fn relayers_served_gas_keys_in_85_and_86() {
    let refused = Err(unsupported(84, "DelegateV2"));
    assert_eq!(checked(84, "alice.near", wish_with_gas_key(1, &[])), refused);
    let (protocol_feature, version) = ("DelegateV2".into(), 87);
    let refused = Err(E::RemovedProtocolFeature { protocol_feature, version });
    assert_eq!(checked(87, "alice.near", wish_with_gas_key(1, &[])), refused);

    let mut world = World::at(85, &[]);
    let access_key = AccessKey::gas_key_full_access(2);
    let add = Action::AddKey(Box::new(AddKeyAction { public_key: key("gas"), access_key }));
    world.run("alice.near", "alice.near", vec![add]);
    let nonce = |world: &World| {
        tree::gas_key_nonce(&mut &world.state, &id("alice.near"), &key("gas"), 1).expect("no fault")
    };
    let start = nonce(&world).expect("a nonce");
    let (relayer, bob) = (world.balance("near"), world.balance("bob.near"));
    let wish = wish_with_gas_key(start + 1, &[transfer(near(2))]);
    let story = world.run("near", "alice.near", vec![wish.clone()]);
    assert_eq!(story.value(), b"");
    assert_eq!(world.balance("bob.near"), bob + near(2).as_yoctonear());
    assert_eq!(world.balance("near"), relayer - near(2).as_yoctonear() - burnt(&story));
    assert_eq!(nonce(&world), Some(start + 1));

    let story = world.run("near", "alice.near", vec![wish]);
    let (delegate_nonce, ak_nonce) = (start + 1, start + 1);
    let error = ActionErrorKind::DelegateActionInvalidNonce { delegate_nonce, ak_nonce };
    assert_eq!(story.error(), (Some(0), error));
}

#[test]
fn the_error_of_a_delegated_deposit_came_last_before_85() {
    let permission = AccessKeyPermission::FunctionCall(FunctionCallPermission {
        allowance: None,
        receiver_id: "bob.near".into(),
        method_names: vec!["hello".into()],
    });
    for version in [84, 85] {
        let mut world = World::at(version, &[]);
        let access_key = AccessKey { nonce: 0, permission: permission.clone() };
        let add = Action::AddKey(Box::new(AddKeyAction { public_key: key("app"), access_key }));
        world.run("alice.near", "alice.near", vec![add]);
        let nonce = world.access_key("alice.near", "app").expect("a key").nonce + 1;
        let app = signer_of_key("alice.near", "app");
        for (method, named) in [("other", version == 84), ("hello", false)] {
            let action = call(method, b"", TGAS, near(1));
            let delegate_action = DelegateAction {
                sender_id: id("alice.near"),
                receiver_id: id("bob.near"),
                actions: vec![NonDelegateAction::try_from(action).expect("no delegate action")],
                nonce,
                max_block_height: 1_000,
                public_key: key("app"),
            };
            let signed = SignedDelegateAction::sign(&app, delegate_action);
            let story = world.run("near", "alice.near", vec![Action::Delegate(Box::new(signed))]);
            let error = if named {
                InvalidAccessKeyError::MethodNameMismatch { method_name: method.into() }
            } else {
                InvalidAccessKeyError::DepositWithFunctionCall
            };
            let error = ActionErrorKind::DelegateActionAccessKeyError(error);
            assert_eq!(story.error(), (Some(0), error), "{version} {method}");
        }
    }
}

#[test]
fn the_name_of_a_global_contract_counted_against_deletion_before_85() {
    for version in [84, 85] {
        let mut world = World::at(version, &[]);
        let code = wat::parse_str("(module)").expect("text");
        let hash = CryptoHash::hash_bytes(&code);
        let deploy = Action::DeployGlobalContract(DeployGlobalContractAction {
            code: code.into(),
            deploy_mode: GlobalContractDeployMode::CodeHash,
        });
        world.run("near", "near", vec![deploy]);
        // As much storage as may be deleted, and 32 bytes more for the name.
        let account = Account::new(near(5), yocto(0), AccountContract::Global(hash), 10_032);
        let record = StateRecord::Account { account_id: id("bob.near"), account };
        let patched = patch(world.config(), &world.state, &[record]).expect("no fault");
        world.state =
            world.state.apply(&patched.expect("a valid patch").changes).expect("a state in memory");
        let delete = Action::DeleteAccount(DeleteAccountAction { beneficiary_id: id("near") });
        let transaction = world.sign(&signer("bob.near"), "bob.near", vec![delete]);
        let effects = world.block(vec![transaction]);
        let failed = matches!(effects.outcomes[1].outcome.status, ExecutionStatus::Failure(_));
        assert_eq!(failed, version == 84, "{version}");
    }
}
