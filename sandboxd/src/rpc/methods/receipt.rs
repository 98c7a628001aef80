//! `EXPERIMENTAL_receipt`: one receipt by its id.

use near_jsonrpc_primitives::types::receipts::{ReceiptReference, RpcReceiptError};
use near_primitives::views::ReceiptView;
use serde_json::Value;

use super::super::params;
use super::{Answer, Api, Handler, Kind, Member, Method, Takes, written};

pub(super) const RECEIPT: Method = Method {
    names: &["EXPERIMENTAL_receipt"],
    summary: "A receipt by its id.",
    takes: Takes::Params {
        forms: &[&[Member::required("receipt_id", Kind::Hash)]],
        others: &["[receipt_id]"],
    },
    errors: &["UNKNOWN_RECEIPT"],
    handler: Handler::Look(receipt),
};

fn receipt(api: &Api, params: Value) -> Answer {
    let ReceiptReference { receipt_id } = params::parse(params)?;
    let chain = api.chain();
    let Some((receipt, _block)) = chain.receipt(&receipt_id) else {
        return Err(RpcReceiptError::UnknownReceipt { receipt_id }.into());
    };
    written(&ReceiptView::from(receipt.clone()))
}
