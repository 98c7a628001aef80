//! `sandbox_deal`: tokens of a contract.

use near_primitives::serialize::dec_format;
use near_primitives::types::AccountId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::super::near_error::RpcFailure;
use super::super::row::ACCOUNT_ID;
use super::accounts;
use super::{Answer, Api, Handler, Kind, Member, Method, Takes, params, refused, stopped, written};
use crate::chain::DealFailed;

pub(in super::super) const DEAL: Method = Method {
    names: &["sandbox_deal"],
    summary: "Lets an account have as many tokens of a contract (NEP-141). The contract registers it \
              first, if it wants that (NEP-145). The token's supply follows; `total_supply` is null \
              where it does not.",
    takes: Takes::Params {
        forms: &[&[
            Member::required("token_id", Kind::AccountId),
            ACCOUNT_ID,
            Member::required("amount", Kind::Amount),
        ]],
        others: &[],
    },
    errors: &[
        "UNKNOWN_ACCOUNT",
        "NOT_A_TOKEN",
        "STORAGE_DEPOSIT_FAILED",
        "TOKEN_BALANCE_NOT_FOUND",
        "TOKEN_SUPPLY_OVERFLOW",
    ],
    handler: Handler::Wait(|api, params| Box::pin(deal(api, params))),
};

#[derive(Deserialize)]
struct Deal {
    token_id: AccountId,
    account_id: AccountId,
    #[serde(with = "dec_format")]
    amount: u128,
}

async fn deal(api: &Api, params: Value) -> Answer {
    let Deal { token_id, account_id, amount } = params::parse(params)?;
    let dealt = match api.node.deal(token_id.clone(), account_id.clone(), amount).await {
        Some(Ok(dealt)) => dealt,
        Some(Err(error)) => return Err(failure(&error)),
        None => return Err(stopped(api)),
    };
    written(&json!({
        "token_id": token_id,
        "account_id": account_id,
        "balance": dealt.balance.to_string(),
        "total_supply": dealt.total_supply.map(|supply| supply.to_string()),
    }))
}

fn failure(error: &DealFailed) -> RpcFailure {
    let name = match error {
        DealFailed::NoToken { .. } => "NOT_A_TOKEN",
        DealFailed::NotRegistered { .. } => "STORAGE_DEPOSIT_FAILED",
        DealFailed::BalanceNotFound { .. } => "TOKEN_BALANCE_NOT_FOUND",
        DealFailed::SupplyOverflow { .. } => "TOKEN_SUPPLY_OVERFLOW",
        DealFailed::Edit(error) => return accounts::failure(error),
    };
    refused(name, &error.to_string())
}
