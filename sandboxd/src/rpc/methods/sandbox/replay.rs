//! `sandbox_replay`: a transaction or receipt that another chain recorded, run again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use near_jsonrpc_primitives::errors::RpcParseError;
use near_primitives::hash::CryptoHash;
use near_primitives::types::{AccountId, StoreValue};
use serde::Deserialize;
use serde_json::{Value, json};

use super::import::{ENDPOINT, Urls, remote_error};
use super::{Answer, Api, Handler, Kind, Member, Method, Takes, params, refused, written};
use super::{RpcFailure, internal_error};
use crate::chain::{DryReceiptFailed, DryRunFailed, Refusal};
use crate::remote::{
    Client, ClientOptions, ReceiptReplayFailed, Recorded, RecordedId, RecordedReceipt, RemoteError,
    ReplayFailed,
};

const CODE: Member = Member::optional("code", Kind::Object)
    .about("wasm in base64 by account, in the place of what they have there");

pub(in super::super) const REPLAY: Method = Method {
    names: &["sandbox_replay"],
    summary: "Runs a transaction or receipt that another chain recorded again, on the state from \
              before its block, perhaps with other code, and tells how the outcomes differ. Nothing \
              changes.",
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
                    .about("it is run with the receipts that it makes, and not its transaction"),
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
    let recorded = match (transaction_hash, sender_id, receipt_id) {
        (Some(hash), Some(sender_id), None) => Named::Transaction { hash, sender_id },
        (None, None, Some(receipt_id)) => Named::Receipt(receipt_id),
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
        recorded.replay(client, cache, code)
    });
    let replayed = replayed.await.map_err(|_| internal_error("the replay failed in the node"))?;
    let Some(replayed) = replayed.map_err(|failed| not_replayed(&failed))? else {
        let why = "the transaction or receipt is unknown there";
        return Err(refused("REMOTE_UNKNOWN_TRANSACTION", why));
    };
    written(&replayed)
}

/// What a request names.
enum Named {
    Transaction { hash: CryptoHash, sender_id: AccountId },
    Receipt(CryptoHash),
}

impl Named {
    /// The result of the request; `None` if nothing of this name was recorded.
    fn replay(
        self,
        client: Arc<Client>,
        cache: Option<&Path>,
        code: BTreeMap<AccountId, Vec<u8>>,
    ) -> Result<Option<Value>, ReceiptReplayFailed> {
        match self {
            Self::Transaction { hash, sender_id } => {
                let id = RecordedId::Transaction { hash, sender_id };
                let Some(recorded) = Recorded::fetch(&client, &id)? else { return Ok(None) };
                let replay = recorded.replay(client, cache, code)?;
                Ok(Some(json!({
                    "block_height": recorded.block.height,
                    "block_hash": recorded.block.hash,
                    "recorded": recorded.outcome,
                    "replayed": replay.outcome,
                    "differences": replay.differences,
                })))
            }
            Self::Receipt(receipt_id) => {
                let recorded = RecordedReceipt::fetch(&client, &receipt_id)?;
                let Some(recorded) = recorded else { return Ok(None) };
                let replay = recorded.replay(client, cache, code)?;
                Ok(Some(json!({
                    "block_height": recorded.block.height,
                    "block_hash": recorded.block.hash,
                    "recorded": {"receipts_outcome": recorded.outcomes},
                    "replayed": {"receipts_outcome": replay.outcomes},
                    "differences": replay.differences,
                })))
            }
        }
    }
}

fn not_replayed(failed: &ReceiptReplayFailed) -> RpcFailure {
    use ReceiptReplayFailed::{MissingData, NoOutcome, Replay, Run};
    match failed {
        Replay(ReplayFailed::Remote(error)) => remote_error(error),
        // What a run cannot read ends it.
        Replay(ReplayFailed::Run(DryRunFailed::Refused(Refusal::Fault(_))))
        | Run(DryReceiptFailed::Run(DryRunFailed::Refused(Refusal::Fault(_)))) => {
            refused("REMOTE_FAILED", &failed.to_string())
        }
        Replay(_) | Run(_) | NoOutcome { .. } | MissingData { .. } => {
            refused("INVALID_REPLAY", &failed.to_string())
        }
    }
}
