//! `sandbox_import_account`: an account of another chain.

use std::sync::Arc;

use near_primitives::types::AccountId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Api, Handler, Kind, Member, Method, Takes, params, refused, stopped, written};
use super::{RpcFailure, internal_error};
use crate::chain::PatchFailed;
use crate::remote::{BlockPin, Client, ClientOptions, Parts, Remote, RemoteError};

/// Who is asked.
pub(super) const ENDPOINT: Member = Member::optional("endpoint", Kind::Urls)
    .about("the RPC of the other chain; by default that of the chain that this one is a fork of");

pub(in super::super) const IMPORT_ACCOUNT: Method = Method {
    names: &["sandbox_import_account"],
    summary: "Copies an account of another chain, as it is after one block there, over the account \
              of that name here: all of it, or nothing. Stakes become balance, and a global \
              contract that it uses becomes its own.",
    takes: Takes::Params {
        forms: &[&[
            Member::required("account_id", Kind::AccountId),
            Member::required("endpoint", Kind::Urls)
                .about("the RPC of the other chain; of several the next is asked if one fails"),
            Member::optional("block", Kind::BlockId).about("`\"final\"`, if nothing else is said"),
            Member::optional("with", Kind::Object)
                .about("`{state, code, keys}`, each true or false: what to leave out"),
        ]],
        others: &[],
    },
    errors: &[
        "INVALID_ENDPOINT",
        "REMOTE_FAILED",
        "REMOTE_UNKNOWN_BLOCK",
        "REMOTE_GARBAGE_COLLECTED",
        "REMOTE_UNKNOWN_ACCOUNT",
        "INVALID_IMPORT",
    ],
    handler: Handler::Wait(|api, params| Box::pin(import_account(api, params))),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportRequest {
    account_id: AccountId,
    endpoint: Urls,
    #[serde(default)]
    block: Option<BlockPin>,
    #[serde(default)]
    with: With,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Urls {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct With {
    state: bool,
    code: bool,
    keys: bool,
}

impl Default for With {
    fn default() -> Self {
        Self { state: true, code: true, keys: true }
    }
}

impl Urls {
    pub(super) fn list(self) -> Vec<String> {
        match self {
            Self::One(url) => vec![url],
            Self::Several(urls) => urls,
        }
    }
}

async fn import_account(api: &Api, params: Value) -> Answer {
    let ImportRequest { account_id, endpoint, block, with } = params::parse(params)?;
    let With { state, code, keys } = with;
    let (id, chain) = (account_id.clone(), api.chain());
    if !chain.head().staking().at_stake(&account_id).is_zero() {
        let why = format!("account_id: {account_id} is a validator here and cannot be replaced");
        return Err(refused("INVALID_IMPORT", &why));
    }
    // The other side may take long.
    let fetched = tokio::task::spawn_blocking(move || {
        let client = Client::new(endpoint.list(), ClientOptions::default())?;
        let remote = Remote::at(Arc::new(client), block.unwrap_or_default())?;
        let records = remote.import(&id, Parts { state, code, keys }, &chain)?;
        let header = &remote.block().header;
        Ok::<_, RemoteError>((records, header.height, header.hash))
    });
    let fetched = fetched.await.map_err(|_| internal_error("reading the other chain failed"))?;
    let (records, block_height, block_hash) = fetched.map_err(|error| remote_error(&error))?;
    let Some(records) = records else {
        let why = format!("account_id: {account_id} does not exist there at block {block_hash}");
        return Err(refused("REMOTE_UNKNOWN_ACCOUNT", &why));
    };
    let patched = api.node.patch(records).await.ok_or_else(|| stopped(api))?;
    patched.map_err(|failed| match failed {
        PatchFailed::Fault(fault) => internal_error(&fault.to_string()),
        refusal => refused("INVALID_IMPORT", &refusal.to_string()),
    })?;
    written(&json!({
        "account_id": account_id, "block_height": block_height, "block_hash": block_hash,
    }))
}

/// What could not be read elsewhere, as the error of a method.
pub(super) fn remote_error(error: &RemoteError) -> RpcFailure {
    let why = error.to_string();
    match error {
        RemoteError::InvalidEndpoint { .. } => refused("INVALID_ENDPOINT", &why),
        RemoteError::UnknownBlock { .. } => refused("REMOTE_UNKNOWN_BLOCK", &why),
        RemoteError::GarbageCollected { .. } => refused("REMOTE_GARBAGE_COLLECTED", &why),
        RemoteError::Failed { .. }
        | RemoteError::NoMethod { .. }
        | RemoteError::TooLarge { .. }
        | RemoteError::Unsupported { .. } => refused("REMOTE_FAILED", &why),
    }
}
