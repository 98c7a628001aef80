//! Transactions at random: valid ones, and ones that are wrong in every way that there is.

use std::collections::BTreeMap;

use sandbox_runtime::near::{
    AccessKey, AccessKeyPermission, AccountId, Action, AddKeyAction, Balance, CreateAccountAction,
    CryptoHash, DelegateAction, DeleteAccountAction, DeleteKeyAction, DeployGlobalContractAction,
    DeterministicAccountStateInit, DeterministicAccountStateInitV1, DeterministicStateInitAction,
    FunctionCallPermission, GasKeyInfo, GlobalContractDeployMode, GlobalContractIdentifier,
    NonDelegateAction, NonceMode, PublicKey, SignedDelegateAction, SignedTransaction, Signer,
    StakeAction, Transaction, TransactionNonce, TransferToGasKeyAction, UniversalStateInit,
    UniversalStateInitAction, UniversalStateInitV1, UseGlobalContractAction,
    WithdrawFromGasKeyAction, derive_near_deterministic_account_id, derive_universal_account_id,
};
use sandbox_runtime::{tree, view};

use super::numbers::Numbers;
use super::weaver::STEPS;
use crate::world::{
    TGAS, World, call, deploy, id, key, near, sign, signer_of_key, transfer, unsigned, yocto,
};

/// The accounts that the transactions are about; few, so that they meet.
fn names() -> Vec<String> {
    let mut names: Vec<String> =
        ["alice.near", "bob.near", "near", "app.alice.near", "nobody.near"]
            .map(str::to_owned)
            .into();
    names.push("0x00000000000000000000000000000000000000aa".into());
    names.push(
        near_primitives::utils::derive_near_implicit_account_id(one().unwrap_as_ed25519())
            .to_string(),
    );
    names.push(derive_near_deterministic_account_id(&deterministic()).to_string());
    names.push(derive_universal_account_id(&universal().to_raw()).to_string());
    names
}

fn one() -> PublicKey {
    key("one")
}

pub(super) fn deterministic() -> DeterministicAccountStateInit {
    let code = GlobalContractIdentifier::AccountId(id("alice.near"));
    let data = BTreeMap::from([(b"k".to_vec(), b"v".to_vec())]);
    DeterministicAccountStateInit::V1(DeterministicAccountStateInitV1 { code, data })
}

pub(super) fn universal() -> UniversalStateInit {
    let access_keys = [(&key("one")).into()].into();
    UniversalStateInit::V1(UniversalStateInitV1 { code: None, data: BTreeMap::new(), access_keys })
}

const SEEDS: [&str; 4] = ["one", "two", "gas", "alice.near"];

fn amount(numbers: &mut Numbers) -> Balance {
    let amounts =
        [yocto(0), yocto(1), yocto(10u128.pow(22)), near(1), near(30), near(600), Balance::MAX];
    let likely = numbers.next(amounts.len() * 2) % amounts.len();
    if likely == 6 && !numbers.one_in(4) { near(2) } else { amounts[likely] }
}

fn permission(numbers: &mut Numbers) -> AccessKeyPermission {
    let calls = FunctionCallPermission {
        allowance: numbers.of(&[None, Some(yocto(0)), Some(near(1))]),
        receiver_id: numbers.of(&names()),
        method_names: numbers.of(&[vec![], vec!["weave".to_owned()], vec!["increment".to_owned()]]),
    };
    let info = GasKeyInfo {
        balance: if numbers.one_in(20) { yocto(1) } else { Balance::ZERO },
        num_nonces: numbers.of(&[1, 2, 3, 1, 2, 3, 1, 2, 3, 0, 2_000]),
    };
    match numbers.next(6) {
        0 | 1 => AccessKeyPermission::FunctionCall(calls),
        2 => AccessKeyPermission::GasKeyFullAccess(info),
        3 => {
            let calls = FunctionCallPermission { allowance: None, ..calls };
            AccessKeyPermission::GasKeyFunctionCall(info, calls)
        }
        _ => AccessKeyPermission::FullAccess,
    }
}

fn function_call(numbers: &mut Numbers) -> Action {
    let gas = if numbers.one_in(25) {
        numbers.of(&[0, 1, 1_001 * TGAS, u64::MAX])
    } else {
        numbers.of(&[2 * TGAS, 30 * TGAS, 100 * TGAS, 300 * TGAS])
    };
    let deposit = if numbers.one_in(3) { amount(numbers) } else { yocto(0) };
    if numbers.one_in(3) {
        let methods = ["increment", "donate", "fail", "call_other", "nothing", "join_counts"];
        let args: [&[u8]; 4] = [
            b"{\"message\":\"x\"}",
            b"{\"account_id\":\"bob.near\"}",
            b"{\"first\":\"bob.near\",\"second\":\"near\"}",
            b"\xff",
        ];
        return call(numbers.of(&methods), numbers.of(&args), gas, deposit);
    }
    let mut steps = vec![0, numbers.byte()];
    for _ in 0..numbers.next(12) {
        steps.push(u8::try_from(numbers.next(STEPS)).expect("few"));
        steps.push(numbers.byte());
    }
    call("weave", &steps, gas, deposit)
}

fn state_init(numbers: &mut Numbers) -> Action {
    let deposit = amount(numbers);
    if numbers.one_in(2) {
        let state_init = deterministic();
        let action = DeterministicStateInitAction { state_init, deposit };
        return Action::DeterministicStateInit(Box::new(action));
    }
    let mut state_init = universal().to_raw();
    if numbers.one_in(4) {
        state_init.0.push(numbers.byte());
    }
    Action::UniversalStateInit(Box::new(UniversalStateInitAction { state_init, deposit }))
}

fn action(numbers: &mut Numbers, world: &World) -> Action {
    let public_key = key(numbers.of(&SEEDS));
    match numbers.next(28) {
        0 => Action::CreateAccount(CreateAccountAction {}),
        1..=3 => transfer(amount(numbers)),
        4 => deploy(numbers.of(&[vec![0; 100], super::weaver::weaver(), vec![0; 3_000]])),
        5 | 6 => {
            let access_key = AccessKey { nonce: 5, permission: permission(numbers) };
            Action::AddKey(Box::new(AddKeyAction { public_key, access_key }))
        }
        7 => Action::DeleteKey(Box::new(DeleteKeyAction { public_key })),
        8 if numbers.one_in(3) => {
            let beneficiary_id = id(&numbers.of(&names()));
            Action::DeleteAccount(DeleteAccountAction { beneficiary_id })
        }
        9 => Action::Stake(Box::new(StakeAction { stake: amount(numbers), public_key })),
        10 => {
            let deploy_mode = numbers
                .of(&[GlobalContractDeployMode::AccountId, GlobalContractDeployMode::CodeHash]);
            let code = super::weaver::weaver().into();
            Action::DeployGlobalContract(DeployGlobalContractAction { code, deploy_mode })
        }
        11 => {
            let by_account = GlobalContractIdentifier::AccountId(id(&numbers.of(&names())));
            let hash = CryptoHash::hash_bytes(&super::weaver::weaver());
            let contract_identifier =
                numbers.of(&[by_account, GlobalContractIdentifier::CodeHash(hash)]);
            Action::UseGlobalContract(Box::new(UseGlobalContractAction { contract_identifier }))
        }
        12 | 13 => {
            let deposit = amount(numbers);
            let action = TransferToGasKeyAction { public_key, deposit };
            Action::TransferToGasKey(Box::new(action))
        }
        14 => {
            let amount = amount(numbers);
            let action = WithdrawFromGasKeyAction { public_key, amount };
            Action::WithdrawFromGasKey(Box::new(action))
        }
        15 | 16 => state_init(numbers),
        17 => delegate(numbers, world),
        _ => function_call(numbers),
    }
}

fn delegate(numbers: &mut Numbers, world: &World) -> Action {
    let (sender, signer) = sender(numbers, world);
    let actions = (0..numbers.next(3))
        .filter_map(|_| NonDelegateAction::try_from(action(numbers, world)).ok())
        .collect();
    let later = if numbers.one_in(10) { u64::MAX >> 8 } else { 0 };
    let delegate_action = DelegateAction {
        sender_id: id(&sender),
        receiver_id: id(&numbers.of(&names())),
        actions,
        nonce: world.nonce(&signer) + later,
        max_block_height: world.env.height + u64::try_from(numbers.next(9)).expect("few"),
        public_key: signer.public_key(),
    };
    let signature = if numbers.one_in(10) {
        signer.sign(b"something else")
    } else {
        signer.sign(delegate_action.get_nep461_hash().as_bytes())
    };
    Action::Delegate(Box::new(SignedDelegateAction { delegate_action, signature }))
}

/// Mostly an account that exists, with a key that it has.
fn sender(numbers: &mut Numbers, world: &World) -> (String, Signer) {
    let mut names = names();
    if !numbers.one_in(12) {
        names.retain(|name| world.exists(name));
    }
    if names.is_empty() {
        names.push("nobody.near".to_owned());
    }
    let from = numbers.of(&names);
    let mut seeds: Vec<&str> = [from.as_str()].into_iter().chain(SEEDS).collect();
    if !numbers.one_in(12) {
        // A universal account has none before its first transaction, which this one of them signs.
        let bootstraps = bootstrap_nonce(world, &id(&from)).is_some();
        seeds.retain(|seed| match world.access_key(&from, seed) {
            Some(_) => true,
            None => bootstraps && *seed == "one",
        });
    }
    if seeds.is_empty() {
        seeds.push("one");
    }
    let seed = numbers.of(&seeds);
    let signer = signer_of_key(&from, seed);
    (from, signer)
}

/// The nonce that the key's next transaction has, mostly.
fn nonce(numbers: &mut Numbers, world: &World, signer: &Signer) -> TransactionNonce {
    let more = if numbers.one_in(12) { numbers.of(&[1, u64::MAX >> 8]) } else { 0 };
    let index = u16::try_from(numbers.next(3)).expect("few");
    let (account_id, public_key) = (signer.get_account_id(), signer.public_key());
    let of_index = tree::gas_key_nonce(&mut &world.state, &account_id, &public_key, index);
    if let Some(nonce) = of_index.expect("no fault")
        && !numbers.one_in(8)
    {
        return TransactionNonce::from_nonce_and_index(nonce + 1 + more, index);
    }
    let bootstrap = bootstrap_nonce(world, &account_id);
    TransactionNonce::from_nonce(bootstrap.map_or(world.nonce(signer), |nonce| nonce + 1) + more)
}

fn bootstrap_nonce(world: &World, account_id: &AccountId) -> Option<u64> {
    let account = view::account(&world.state, account_id).expect("no fault");
    account.ok().and_then(|account| account.bootstrap_nonce())
}

/// A transaction of one of the accounts with one of the keys, whether or not they exist.
pub(super) fn transaction(numbers: &mut Numbers, world: &World) -> SignedTransaction {
    let (from, signer) = sender(numbers, world);
    let actions: Vec<Action> = (0..numbers.next(4)).map(|_| action(numbers, world)).collect();
    let own = numbers.one_in(2);
    let mut receiver_id = id(&if own { from.clone() } else { numbers.of(&names()) });
    for action in &actions {
        let derived = match action {
            Action::DeterministicStateInit(init) => {
                derive_near_deterministic_account_id(&init.state_init)
            }
            Action::UniversalStateInit(init) => derive_universal_account_id(&init.state_init),
            _ => continue,
        };
        if !numbers.one_in(8) {
            receiver_id = derived;
        }
    }
    let nonce = nonce(numbers, world, &signer);
    let mode = (nonce.nonce_index().is_some() || numbers.one_in(4))
        .then(|| numbers.of(&[NonceMode::Strict, NonceMode::Monotonic]));
    sign(unsigned(&signer, nonce, mode, receiver_id, actions), &signer)
}

/// The transaction with some of its bytes changed, if that is still one; signed again, so that it is
/// not only the signature that is wrong.
pub(super) fn mangled(
    numbers: &mut Numbers,
    transaction: &SignedTransaction,
) -> Option<SignedTransaction> {
    let mut bytes = borsh::to_vec(&transaction.transaction).expect("bytes");
    for _ in 0..=numbers.next(3) {
        let at = numbers.next(bytes.len());
        bytes[at] = numbers.byte();
    }
    let changed: Transaction = borsh::from_slice(&bytes).ok()?;
    let signer = signer_of_key("any", transaction.transaction.signer_id().as_str());
    Some(sign(changed, &signer))
}
