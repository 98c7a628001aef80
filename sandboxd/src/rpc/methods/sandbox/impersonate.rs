//! Transactions without the signer's key.

use near_jsonrpc_primitives::errors::RpcParseError;
use near_primitives::action::Action;
use near_primitives::types::AccountId;
use near_primitives::views::{ActionView, TxExecutionStatus};
use sandbox_runtime::view::InvalidQuery;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::row::ACCOUNT_ID;
use super::super::tx::{self, WAIT_UNTIL};
use super::params::Params;
use super::{
    Answer, Api, Handler, Kind, Member, Method, Takes, internal_error, params, refused, stopped,
    written,
};
use crate::chain::QueryFailed;

const UNKNOWN_ACCOUNT: &str = "UNKNOWN_ACCOUNT";

const ACCOUNT: Takes = Takes::Params { forms: &[&[ACCOUNT_ID]], others: &["[account_id]"] };

pub(in super::super) const IMPERSONATE: Method = Method {
    names: &["sandbox_impersonate"],
    summary: "Takes transactions of an account without its signature from now on. An access key that \
              the account does not have is as good as one with full access.",
    takes: ACCOUNT,
    errors: &[UNKNOWN_ACCOUNT],
    handler: Handler::Wait(|api, params| Box::pin(impersonate(api, params))),
};

pub(in super::super) const STOP_IMPERSONATING: Method = Method {
    names: &["sandbox_stop_impersonating"],
    summary: "Ends what `sandbox_impersonate` began. One that was not impersonated is no error.",
    takes: ACCOUNT,
    errors: &[],
    handler: Handler::Wait(|api, params| Box::pin(stop_impersonating(api, params))),
};

pub(in super::super) const AUTO_IMPERSONATE: Method = Method {
    names: &["sandbox_auto_impersonate"],
    summary: "Takes transactions of every account without its signature, or ends that.",
    takes: Takes::Params {
        forms: &[&[Member::required("enabled", Kind::Flag)]],
        others: &["[enabled]"],
    },
    errors: &[],
    handler: Handler::Wait(|api, params| Box::pin(auto_impersonate(api, params))),
};

pub(in super::super) const SEND_TRANSACTION: Method = Method {
    names: &["sandbox_send_transaction"],
    summary: "Sends actions of any account without a signature, whether it is impersonated or not. \
              Answers as `send_tx`; with `NONE` also the `transaction_hash`.",
    takes: Takes::Params {
        forms: &[&[
            Member::required("signer_id", Kind::AccountId),
            Member::required("receiver_id", Kind::AccountId),
            Member::required("actions", Kind::Actions),
            WAIT_UNTIL,
        ]],
        others: &[],
    },
    errors: &["INVALID_TRANSACTION", "UNKNOWN_TRANSACTION", "TIMEOUT_ERROR"],
    handler: Handler::Wait(|api, params| Box::pin(send_transaction(api, params))),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    account_id: AccountId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Everyone {
    enabled: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unsigned {
    signer_id: AccountId,
    receiver_id: AccountId,
    actions: Vec<ActionView>,
    #[serde(default)]
    wait_until: TxExecutionStatus,
}

fn account(params: Value) -> Result<AccountId, RpcParseError> {
    let account = Params::<Account>::new(params).singleton(|account_id| Ok(Account { account_id }));
    Ok(account.named()?.account_id)
}

async fn impersonate(api: &Api, params: Value) -> Answer {
    let account_id = account(params)?;
    let name = account_id.clone();
    match api.node.impersonate(account_id).await.ok_or_else(|| stopped(api))? {
        Ok(()) => written(&json!({})),
        Err(QueryFailed::Invalid(InvalidQuery::UnknownAccount { .. })) => {
            let why = format!("account_id: there is no account {name}; create it first");
            Err(refused(UNKNOWN_ACCOUNT, &why))
        }
        Err(error) => Err(internal_error(&error.to_string())),
    }
}

async fn stop_impersonating(api: &Api, params: Value) -> Answer {
    api.node.stop_impersonating(account(params)?).await.ok_or_else(|| stopped(api))?;
    written(&json!({}))
}

async fn auto_impersonate(api: &Api, params: Value) -> Answer {
    let request = Params::<Everyone>::new(params).singleton(|enabled| Ok(Everyone { enabled }));
    api.node.impersonate_everyone(request.named()?.enabled).await.ok_or_else(|| stopped(api))?;
    written(&json!({}))
}

async fn send_transaction(api: &Api, params: Value) -> Answer {
    let Unsigned { signer_id, receiver_id, actions, wait_until } = params::parse(params)?;
    let read = actions.into_iter().enumerate().map(|(place, view)| {
        Action::try_from(view).map_err(|error| {
            RpcParseError(format!("Failed parsing args: actions[{place}]: {error}"))
        })
    });
    let actions = read.collect::<Result<Vec<_>, _>>()?;
    let none = wait_until == TxExecutionStatus::None;
    let taken = api.node.submit_unsigned(signer_id, receiver_id, actions, wait_until);
    let (hash, landed) = taken.await.ok_or_else(|| stopped(api))?;
    if none {
        landed.await.ok_or_else(|| stopped(api))?.map_err(|refusal| tx::refused(refusal, &hash))?;
        return written(&json!({ "final_execution_status": "NONE", "transaction_hash": hash }));
    }
    tx::sent(api, &hash, landed).await
}
