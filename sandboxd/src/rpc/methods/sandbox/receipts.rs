//! Receipts that stay out of blocks until they are released.

use near_jsonrpc_primitives::errors::RpcParseError;
use near_primitives::hash::CryptoHash;
use near_primitives::types::AccountId;
use near_primitives::views::ReceiptView;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Answer, Api, Handler, Kind, Member, Method, Takes, params, refused, stopped, written};
use crate::chain::{HoldId, InvalidRelease, ReceiptFilter};

const UNKNOWN_HOLD: &str = "UNKNOWN_HOLD";
const RECEIPT_NOT_HELD: &str = "RECEIPT_NOT_HELD";

pub(in super::super) const HOLD: Method = Method {
    names: &["sandbox_hold_receipts"],
    summary: "Keeps receipts that fit all that is said out of blocks, each receipt if nothing is \
              said, until `sandbox_release_receipts`. Other receipts go on. Answers the `hold_id`.",
    takes: Takes::Params {
        forms: &[&[
            Member::optional("receiver_id", Kind::AccountId),
            Member::optional("predecessor_id", Kind::AccountId),
            Member::optional("receipt_id", Kind::Hash),
            Member::optional("method_name", Kind::Text).about("that the receipt calls"),
        ]],
        others: &[],
    },
    errors: &[],
    handler: Handler::Wait(|api, params| {
        Box::pin(async {
            let filter: Filter = params::parse(params)?;
            let held = api.node.hold_receipts(filter.into()).await;
            written(&json!({ "hold_id": held.ok_or_else(|| stopped(api))? }))
        })
    }),
};

pub(in super::super) const RELEASE: Method = Method {
    names: &["sandbox_release_receipts"],
    summary: "Lets held receipts into the next block. With `hold_id` the hold ends, and all that it \
              caught goes on in the order in which it came, but for what another hold catches. With \
              `receipt_ids` these go on in this order, and holds stay. Answers the ids that were \
              `released`.",
    takes: Takes::Params {
        forms: &[
            &[Member::required("hold_id", Kind::Number)],
            &[Member::required("receipt_ids", Kind::Hashes)],
        ],
        others: &[],
    },
    errors: &[UNKNOWN_HOLD, RECEIPT_NOT_HELD],
    handler: Handler::Wait(|api, params| Box::pin(release(api, params))),
};

pub(in super::super) const HELD: Method = Method {
    names: &["sandbox_held_receipts"],
    summary: "Tells the holds there are, and the receipts that are held, the oldest first.",
    takes: Takes::Ignored,
    errors: &[],
    handler: Handler::Look(held),
};

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    #[serde(skip_serializing_if = "Option::is_none")]
    receiver_id: Option<AccountId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    predecessor_id: Option<AccountId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt_id: Option<CryptoHash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method_name: Option<String>,
}

impl From<Filter> for ReceiptFilter {
    fn from(filter: Filter) -> Self {
        let Filter { receiver_id, predecessor_id, receipt_id, method_name } = filter;
        Self { receipt_id, predecessor_id, receiver_id, method_name }
    }
}

impl From<&ReceiptFilter> for Filter {
    fn from(filter: &ReceiptFilter) -> Self {
        let ReceiptFilter { receipt_id, predecessor_id, receiver_id, method_name } = filter.clone();
        Self { receiver_id, predecessor_id, receipt_id, method_name }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    #[serde(default)]
    hold_id: Option<HoldId>,
    #[serde(default)]
    receipt_ids: Option<Vec<CryptoHash>>,
}

async fn release(api: &Api, params: Value) -> Answer {
    let released = match params::parse(params)? {
        Release { hold_id: Some(hold_id), receipt_ids: None } => api.node.release_hold(hold_id),
        Release { hold_id: None, receipt_ids: Some(ids) } => api.node.release_receipts(ids),
        _ => {
            let why = "Failed parsing args: give either hold_id or receipt_ids";
            return Err(RpcParseError(why.to_owned()).into());
        }
    };
    match released.await {
        Some(Ok(released)) => written(&json!({ "released": released })),
        Some(Err(invalid)) => {
            let name = match invalid {
                InvalidRelease::UnknownHold { .. } => UNKNOWN_HOLD,
                InvalidRelease::NotHeld { .. } => RECEIPT_NOT_HELD,
            };
            Err(refused(name, &invalid.to_string()))
        }
        None => Err(stopped(api)),
    }
}

#[derive(Serialize)]
struct HeldView {
    holds: Vec<HoldView>,
    receipts: Vec<HeldReceiptView>,
}

#[derive(Serialize)]
struct HoldView {
    hold_id: HoldId,
    #[serde(flatten)]
    filter: Filter,
}

#[derive(Serialize)]
struct HeldReceiptView {
    hold_id: HoldId,
    receipt: ReceiptView,
}

fn held(api: &Api, _params: Value) -> Answer {
    let chain = api.chain();
    let hold =
        |(hold_id, filter): (HoldId, &ReceiptFilter)| HoldView { hold_id, filter: filter.into() };
    let receipts = chain.held_receipts().map(|held| HeldReceiptView {
        hold_id: held.hold_id,
        receipt: held.receipt.clone().into(),
    });
    written(&HeldView { holds: chain.holds().map(hold).collect(), receipts: receipts.collect() })
}
