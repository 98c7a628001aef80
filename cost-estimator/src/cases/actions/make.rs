//! How an action of the actor `at` is made, which carries `each`.

#![allow(clippy::unnecessary_wraps, reason = "all have one type, and some can fail")]

use std::sync::Arc;

use sandbox_runtime::near::{
    AccessKey, AccessKeyPermission, AccountId, Action, AddKeyAction, Balance, CreateAccountAction,
    DelegateAction, DeleteAccountAction, DeleteKeyAction, DeployContractAction,
    DeployGlobalContractAction, FunctionCallAction, FunctionCallPermission, Gas, GasKeyInfo,
    GlobalContractDeployMode, GlobalContractIdentifier, KeyType, NonDelegateAction,
    SignedDelegateAction, StakeAction, TransferAction, TransferToGasKeyAction,
    UseGlobalContractAction,
};

use crate::cases::host::noise;
use crate::cases::ledger::{actor, key, name};

/// How an action is made: by whose it is, and how much it carries.
pub(super) type Make = fn(u64, u64) -> anyhow::Result<Action>;

pub(super) fn create(_: u64, _: u64) -> anyhow::Result<Action> {
    Ok(Action::CreateAccount(CreateAccountAction {}))
}

pub(super) fn delete(_: u64, _: u64) -> anyhow::Result<Action> {
    Ok(Action::DeleteAccount(DeleteAccountAction { beneficiary_id: name("other-1.near") }))
}

pub(super) fn deploy(_: u64, each: u64) -> anyhow::Result<Action> {
    Ok(Action::DeployContract(DeployContractAction { code: noise(each) }))
}

pub(super) fn deploy_nothing(_: u64, _: u64) -> anyhow::Result<Action> {
    let code = wat::parse_str(r#"(module (memory 1) (func (export "main")))"#)?;
    Ok(Action::DeployContract(DeployContractAction { code }))
}

/// A contract that returns as many bytes as its arguments have.
pub(super) fn deploy_echo(_: u64, _: u64) -> anyhow::Result<Action> {
    let code = wat::parse_str(
        r#"(module (import "env" "input" (func $input (param i64)))
            (import "env" "value_return" (func $return (param i64 i64)))
            (memory 1)
            (func (export "main") (call $input (i64.const 0))
                (call $return (i64.const -1) (i64.const 0))))"#,
    )?;
    Ok(Action::DeployContract(DeployContractAction { code }))
}

pub(in crate::cases) fn call(_: u64, each: u64) -> anyhow::Result<Action> {
    Ok(Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: "main".into(),
        args: noise(each),
        gas: Gas::from_teragas(300),
        deposit: Balance::ZERO,
    })))
}

pub(super) fn transfer(_: u64, _: u64) -> anyhow::Result<Action> {
    Ok(Action::Transfer(TransferAction { deposit: Balance::from_yoctonear(1) }))
}

pub(super) fn stake(at: u64, _: u64) -> anyhow::Result<Action> {
    let public_key = key(KeyType::ED25519, at).public_key();
    Ok(Action::Stake(Box::new(StakeAction { stake: Balance::from_near(10), public_key })))
}

fn adding(at: u64, permission: AccessKeyPermission) -> Action {
    let public_key = key(KeyType::ED25519, at + 2_000).public_key();
    Action::AddKey(Box::new(AddKeyAction {
        public_key,
        access_key: AccessKey { nonce: 0, permission },
    }))
}

pub(super) fn add_key(at: u64, _: u64) -> anyhow::Result<Action> {
    Ok(adding(at, AccessKeyPermission::FullAccess))
}

pub(super) fn add_call_key(at: u64, each: u64) -> anyhow::Result<Action> {
    let method_names = (0..each).map(|number| format!("{number:m>200}")).collect();
    Ok(adding(
        at,
        AccessKeyPermission::FunctionCall(FunctionCallPermission {
            allowance: None,
            receiver_id: "other-1.near".into(),
            method_names,
        }),
    ))
}

pub(super) fn add_gas_key(at: u64, each: u64) -> anyhow::Result<Action> {
    let num_nonces = u16::try_from(each.max(1))?;
    let info = GasKeyInfo { balance: Balance::ZERO, num_nonces };
    Ok(adding(at, AccessKeyPermission::GasKeyFullAccess(info)))
}

pub(super) fn fund_gas_key(at: u64, _: u64) -> anyhow::Result<Action> {
    let public_key = key(KeyType::ED25519, at + 2_000).public_key();
    let deposit = Balance::from_yoctonear(1);
    Ok(Action::TransferToGasKey(Box::new(TransferToGasKeyAction { public_key, deposit })))
}

pub(super) fn delete_key(at: u64, _: u64) -> anyhow::Result<Action> {
    let public_key = key(KeyType::ED25519, at + 1_000).public_key();
    Ok(Action::DeleteKey(Box::new(DeleteKeyAction { public_key })))
}

pub(super) fn delegate(at: u64, _: u64) -> anyhow::Result<Action> {
    let key = key(KeyType::ED25519, at);
    let inner = NonDelegateAction::try_from(transfer(at, 0)?)
        .map_err(|_| anyhow::anyhow!("a transfer can be delegated"))?;
    let delegate_action = DelegateAction {
        sender_id: actor(at),
        receiver_id: actor(at + 1),
        actions: vec![inner],
        nonce: 1,
        max_block_height: 1_000_000,
        public_key: key.public_key(),
    };
    let signature = key.sign(delegate_action.get_nep461_hash().as_bytes());
    Ok(Action::Delegate(Box::new(SignedDelegateAction { delegate_action, signature })))
}

pub(super) fn deploy_global(at: u64, each: u64) -> anyhow::Result<Action> {
    let mut code = noise(each);
    // Another one for each: what is there already is not written again.
    code.extend(at.to_le_bytes());
    code.drain(..8);
    let deploy_mode = GlobalContractDeployMode::CodeHash;
    Ok(Action::DeployGlobalContract(DeployGlobalContractAction {
        code: Arc::from(code),
        deploy_mode,
    }))
}

pub(super) fn deploy_shared(_: u64, _: u64) -> anyhow::Result<Action> {
    let deploy_mode = GlobalContractDeployMode::AccountId;
    let code = Arc::from(noise(1_000));
    Ok(Action::DeployGlobalContract(DeployGlobalContractAction { code, deploy_mode }))
}

pub(super) fn use_global(at: u64, _: u64) -> anyhow::Result<Action> {
    let owner: AccountId = actor(at);
    let contract_identifier = GlobalContractIdentifier::AccountId(owner);
    Ok(Action::UseGlobalContract(Box::new(UseGlobalContractAction { contract_identifier })))
}
