//! Single changes of accounts: what they hold, their keys, their code and their data; accounts that
//! are made and removed.

use near_crypto::{PublicKey, SecretKey};
use near_jsonrpc_primitives::errors::RpcParseError;
use near_primitives::account::AccessKeyPermission;
use near_primitives::action::GlobalContractIdentifier;
use near_primitives::hash::CryptoHash;
use near_primitives::types::{AccountId, Balance, Nonce, StoreKey, StoreValue};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::super::super::near_error::RpcFailure;
use super::super::row::{ACCOUNT_ID, PUBLIC_KEY};
use super::patch;
use super::{Answer, Api, Handler, Kind, Member, Method, Takes, params, refused, stopped, written};
use crate::chain::{Code, EditFailed, NEW_ACCOUNT_BALANCE, NewAccount};

const GLOBAL_HASH: Member = Member::required("global_contract_hash", Kind::Hash);
const GLOBAL_ACCOUNT: Member = Member::required("global_contract_account_id", Kind::AccountId);

pub(in super::super) const SET_BALANCE: Method = Method {
    names: &["sandbox_set_balance"],
    summary: "Lets an account hold as many tokens, beside what it has staked. The supply of the \
              chain follows.",
    takes: Takes::Params {
        forms: &[&[ACCOUNT_ID, Member::required("balance", Kind::Amount)]],
        others: &[],
    },
    errors: &["UNKNOWN_ACCOUNT", "BALANCE_OVERFLOW"],
    handler: Handler::Wait(|api, params| Box::pin(set_balance(api, params))),
};

#[derive(Deserialize)]
struct SetBalance {
    account_id: AccountId,
    balance: Balance,
}

async fn set_balance(api: &Api, params: Value) -> Answer {
    let SetBalance { account_id, balance } = params::parse(params)?;
    done(api, api.node.set_balance(account_id, balance).await)
}

pub(in super::super) const FAUCET: Method = Method {
    names: &["sandbox_faucet", "sandbox_fund"],
    summary: "Gives an account tokens that nobody had before, and answers what it holds then.",
    takes: Takes::Params {
        forms: &[&[ACCOUNT_ID, Member::required("amount", Kind::Amount)]],
        others: &[],
    },
    errors: &["UNKNOWN_ACCOUNT", "BALANCE_OVERFLOW"],
    handler: Handler::Wait(|api, params| Box::pin(faucet(api, params))),
};

#[derive(Deserialize)]
struct Faucet {
    account_id: AccountId,
    amount: Balance,
}

async fn faucet(api: &Api, params: Value) -> Answer {
    let Faucet { account_id, amount } = params::parse(params)?;
    let balance = answered(api, api.node.fund(account_id.clone(), amount).await)?;
    written(&json!({ "account_id": account_id, "balance": balance }))
}

pub(in super::super) const SET_CODE: Method = Method {
    names: &["sandbox_set_code"],
    summary: "Gives an account another contract: wasm of its own, a global contract, or none.",
    takes: Takes::Params {
        forms: &[
            &[ACCOUNT_ID, Member::required("code", Kind::MaybeBase64).about("null for none")],
            &[ACCOUNT_ID, GLOBAL_HASH],
            &[ACCOUNT_ID, GLOBAL_ACCOUNT],
        ],
        others: &[],
    },
    errors: &["UNKNOWN_ACCOUNT", "UNKNOWN_GLOBAL_CONTRACT", "NOT_INITIALIZED"],
    handler: Handler::Wait(|api, params| Box::pin(set_code(api, params))),
};

#[derive(Deserialize)]
struct SetCode {
    account_id: AccountId,
    #[serde(flatten)]
    code: CodeMembers,
}

/// The members that say which contract an account is to have.
#[derive(Deserialize)]
struct CodeMembers {
    #[serde(default, deserialize_with = "own_code")]
    code: Option<Code>,
    global_contract_hash: Option<CryptoHash>,
    global_contract_account_id: Option<AccountId>,
}

/// The member `code`: null takes the contract away.
fn own_code<'de, D: Deserializer<'de>>(member: D) -> Result<Option<Code>, D::Error> {
    let code = Option::<StoreValue>::deserialize(member)?;
    Ok(Some(code.map_or(Code::Removed, |code| Code::Own(code.into()))))
}

/// A member that may be null, but has to be there.
fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    member: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(member)
}

impl CodeMembers {
    /// The contract, if one of the members is there.
    fn read(self) -> Result<Option<Code>, RpcParseError> {
        let Self { code, global_contract_hash, global_contract_account_id } = self;
        match (code, global_contract_hash, global_contract_account_id) {
            (None, None, None) => Ok(None),
            (code @ Some(_), None, None) => Ok(code),
            (None, Some(hash), None) => {
                Ok(Some(Code::Global(GlobalContractIdentifier::CodeHash(hash))))
            }
            (None, None, Some(id)) => {
                Ok(Some(Code::Global(GlobalContractIdentifier::AccountId(id))))
            }
            _ => Err(unclear_code("only one of them")),
        }
    }
}

fn unclear_code(what: &str) -> RpcParseError {
    RpcParseError(format!(
        "Failed parsing args: code, global_contract_hash, global_contract_account_id: give {what}"
    ))
}

async fn set_code(api: &Api, params: Value) -> Answer {
    let SetCode { account_id, code } = params::parse(params)?;
    let code = code.read()?.ok_or_else(|| unclear_code("one of them"))?;
    done(api, api.node.set_code(account_id, code).await)
}

pub(in super::super) const SET_ACCESS_KEY: Method = Method {
    names: &["sandbox_set_access_key"],
    summary: "Gives an account an access key, in place of the same key with another permission, or \
              takes it away.",
    takes: Takes::Params {
        forms: &[&[
            ACCOUNT_ID,
            PUBLIC_KEY,
            Member::required("permission", Kind::Permission).about("null for no such key"),
            Member::optional("nonce", Kind::Number)
                .about("that of the key before or of one just added, if it is left out"),
        ]],
        others: &[],
    },
    errors: &["UNKNOWN_ACCOUNT", "NOT_INITIALIZED", "BALANCE_OVERFLOW"],
    handler: Handler::Wait(|api, params| Box::pin(set_access_key(api, params))),
};

#[derive(Deserialize)]
struct SetAccessKey {
    account_id: AccountId,
    public_key: PublicKey,
    #[serde(deserialize_with = "nullable")]
    permission: Option<AccessKeyPermission>,
    nonce: Option<Nonce>,
}

async fn set_access_key(api: &Api, params: Value) -> Answer {
    let SetAccessKey { account_id, public_key, permission, nonce } = params::parse(params)?;
    let edited = match permission {
        Some(permission) => {
            api.node.set_access_key(account_id, public_key, permission, nonce).await
        }
        None => api.node.delete_access_key(account_id, public_key).await,
    };
    done(api, edited)
}

pub(in super::super) const SET_DATA: Method = Method {
    names: &["sandbox_set_data"],
    summary: "Writes what the contract of an account has stored under a key, or removes it.",
    takes: Takes::Params {
        forms: &[&[
            ACCOUNT_ID,
            Member::required("key", Kind::Base64),
            Member::required("value", Kind::MaybeBase64).about("null to remove it"),
        ]],
        others: &[],
    },
    errors: &["UNKNOWN_ACCOUNT", "NOT_INITIALIZED"],
    handler: Handler::Wait(|api, params| Box::pin(set_data(api, params))),
};

#[derive(Deserialize)]
struct SetData {
    account_id: AccountId,
    key: StoreKey,
    #[serde(deserialize_with = "nullable")]
    value: Option<StoreValue>,
}

async fn set_data(api: &Api, params: Value) -> Answer {
    let SetData { account_id, key, value } = params::parse(params)?;
    done(api, api.node.set_data(account_id, key.into(), value.map(Vec::from)).await)
}

pub(in super::super) const CREATE_ACCOUNT: Method = Method {
    names: &["sandbox_create_account"],
    summary: "Makes an account out of nothing, of whatever name, with full access keys. Without any \
              it gets the key that its name is the seed of, and the answer has its `secret_key`.",
    takes: Takes::Params {
        forms: &[&[
            ACCOUNT_ID,
            Member::optional("balance", Kind::Amount).about("100 NEAR if it is left out"),
            Member::optional("public_key", Kind::PublicKey),
            Member::optional("public_keys", Kind::PublicKeys).about("for more than one"),
            Member::optional("code", Kind::MaybeBase64),
            Member::optional("global_contract_hash", Kind::Hash).about("in place of `code`"),
            Member::optional("global_contract_account_id", Kind::AccountId)
                .about("in place of `code`"),
        ]],
        others: &[],
    },
    errors: &["ACCOUNT_EXISTS", "UNKNOWN_GLOBAL_CONTRACT", "BALANCE_OVERFLOW"],
    handler: Handler::Wait(|api, params| Box::pin(create_account(api, params))),
};

#[derive(Deserialize)]
struct CreateAccount {
    account_id: AccountId,
    balance: Option<Balance>,
    public_key: Option<PublicKey>,
    #[serde(default)]
    public_keys: Vec<PublicKey>,
    #[serde(flatten)]
    code: CodeMembers,
}

async fn create_account(api: &Api, params: Value) -> Answer {
    let CreateAccount { account_id, balance, public_key, public_keys, code } =
        params::parse(params)?;
    let balance = balance.unwrap_or(NEW_ACCOUNT_BALANCE);
    let mut keys: Vec<_> = public_key.into_iter().chain(public_keys).collect();
    let code = code.read()?.unwrap_or(Code::Removed);
    let new = NewAccount { account_id: account_id.clone(), balance, keys: keys.clone(), code };
    let derived = answered(api, api.node.create_account(new).await)?;
    keys.extend(derived.as_ref().map(SecretKey::public_key));
    written(&json!({
        "account_id": account_id,
        "balance": balance,
        "public_keys": keys,
        "secret_key": derived.map(|key| key.to_string()),
    }))
}

pub(in super::super) const DELETE_ACCOUNT: Method = Method {
    names: &["sandbox_delete_account"],
    summary: "Removes an account with its keys, its code and its data. What it held is gone.",
    takes: Takes::Params { forms: &[&[ACCOUNT_ID]], others: &[] },
    errors: &["UNKNOWN_ACCOUNT", "AT_STAKE"],
    handler: Handler::Wait(|api, params| Box::pin(delete_account(api, params))),
};

#[derive(Deserialize)]
struct DeleteAccount {
    account_id: AccountId,
}

async fn delete_account(api: &Api, params: Value) -> Answer {
    let DeleteAccount { account_id } = params::parse(params)?;
    done(api, api.node.delete_account(account_id).await)
}

/// What came of a change that answers nothing but that it was made.
fn done(api: &Api, edited: Option<Result<(), EditFailed>>) -> Answer {
    answered(api, edited)?;
    written(&json!({}))
}

fn answered<T>(api: &Api, edited: Option<Result<T, EditFailed>>) -> Result<T, RpcFailure> {
    match edited {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(error)) => Err(failure(&error)),
        None => Err(stopped(api)),
    }
}

/// Why an account was not changed.
pub(super) fn failure(error: &EditFailed) -> RpcFailure {
    let name = match error {
        EditFailed::UnknownAccount { .. } => "UNKNOWN_ACCOUNT",
        EditFailed::AccountExists { .. } => "ACCOUNT_EXISTS",
        EditFailed::Uninitialized { .. } => "NOT_INITIALIZED",
        EditFailed::UnknownGlobalContract { .. } => "UNKNOWN_GLOBAL_CONTRACT",
        EditFailed::Patch(error) => return patch::failure(error),
    };
    refused(name, &error.to_string())
}
