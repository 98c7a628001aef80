//! `sandbox_replay`: a transaction that another chain recorded, run again.

use std::collections::BTreeMap;
use std::sync::Arc;

use near_jsonrpc_primitives::errors::RpcParseError;
use near_primitives::hash::CryptoHash;
use near_primitives::types::{AccountId, StoreValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::import::{ENDPOINT, Urls, remote_error};
use super::{Answer, Api, Handler, Kind, Member, Method, Takes, params, refused, written};
use super::{RpcFailure, internal_error};
use crate::chain::{DryRunFailed, Refusal};
use crate::remote::{Client, ClientOptions, Recorded, RecordedId, RemoteError, ReplayFailed};

const CODE: Member = Member::optional("code", Kind::Object)
    .about("wasm in base64 by account, in the place of what they have there");

pub(in super::super) const REPLAY: Method = Method {
    names: &["sandbox_replay"],
    summary: "Runs a transaction that another chain recorded again, on the state from before its \
              block, perhaps with other code, and tells how the outcomes differ. Nothing changes.",
    takes: Takes::Params {
        forms: &[
            &[
                Member::required("transaction_hash", Kind::Hash),
                Member::required("sender_id", Kind::AccountId),
                ENDPOINT,
                CODE,
            ],
            &[
                Member::required("receipt_id", Kind::Hash)
                    .about("the transaction that it goes back to is run"),
                ENDPOINT,
                CODE,
            ],
        ],
        others: &[],
    },
    errors: &[
        "INVALID_ENDPOINT",
        "REMOTE_FAILED",
        "REMOTE_UNKNOWN_TRANSACTION",
        "REMOTE_GARBAGE_COLLECTED",
        "INVALID_REPLAY",
    ],
    handler: Handler::Wait(|api, params| Box::pin(replay(api, params))),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplayRequest {
    transaction_hash: Option<CryptoHash>,
    sender_id: Option<AccountId>,
    receipt_id: Option<CryptoHash>,
    endpoint: Option<Urls>,
    #[serde(default)]
    code: BTreeMap<AccountId, StoreValue>,
}

async fn replay(api: &Api, params: Value) -> Answer {
    let ReplayRequest { transaction_hash, sender_id, receipt_id, endpoint, code } =
        params::parse(params)?;
    let id = match (transaction_hash, sender_id, receipt_id) {
        (Some(hash), Some(sender_id), None) => RecordedId::Transaction { hash, sender_id },
        (None, None, Some(receipt_id)) => RecordedId::Receipt(receipt_id),
        _ => {
            let why = "give either transaction_hash and sender_id, or receipt_id";
            return Err(RpcParseError(format!("Failed parsing args: {why}")).into());
        }
    };
    let origin = api.origin.clone();
    let code = code.into_iter().map(|(id, code)| (id, code.into())).collect();
    let replayed = tokio::task::spawn_blocking(move || {
        let (client, cache) = match (endpoint, &origin) {
            (Some(urls), _) => {
                (Arc::new(Client::new(urls.list(), ClientOptions::default())?), None)
            }
            (None, Some(origin)) => (Arc::clone(origin.remote().client()), origin.cache()),
            (None, None) => {
                let why = "this chain is no fork: name it in endpoint".to_owned();
                return Err(RemoteError::InvalidEndpoint { why }.into());
            }
        };
        let Some(recorded) = Recorded::fetch(&client, &id)? else { return Ok(None) };
        let replay = recorded.replay(client, cache, code)?;
        Ok::<_, ReplayFailed>(Some((recorded, replay)))
    });
    let replayed = replayed.await.map_err(|_| internal_error("the replay failed in the node"))?;
    let Some((recorded, replay)) = replayed.map_err(|failed| not_replayed(&failed))? else {
        let why = "the transaction or receipt is unknown there";
        return Err(refused("REMOTE_UNKNOWN_TRANSACTION", why));
    };
    written(&json!({
        "block_height": recorded.block.height,
        "block_hash": recorded.block.hash,
        "recorded": recorded.outcome,
        "replayed": replay.outcome,
        "differences": replay.differences,
    }))
}

fn not_replayed(failed: &ReplayFailed) -> RpcFailure {
    match failed {
        ReplayFailed::Remote(error) => remote_error(error),
        // What a run cannot read ends it.
        ReplayFailed::Run(DryRunFailed::Refused(Refusal::Fault(_))) => {
            refused("REMOTE_FAILED", &failed.to_string())
        }
        ReplayFailed::Chain(_) | ReplayFailed::Run(_) => {
            refused("INVALID_REPLAY", &failed.to_string())
        }
    }
}
