//! `gas_price`: what a unit of gas costs.

use near_jsonrpc_primitives::types::gas_price::{RpcGasPriceError, RpcGasPriceRequest};
use near_primitives::types::{BlockReference, Finality};
use near_primitives::views::GasPriceView;
use serde_json::Value;

use super::super::params::Params;
use super::block::{missing, unknown_block};
use super::{Answer, Api, Handler, Kind, Member, Method, Takes, written};

pub(super) const GAS_PRICE: Method = Method {
    names: &["gas_price"],
    summary: "The price of gas, in yoctoNEAR, that follows from a block; null means the newest.",
    takes: Takes::Params {
        forms: &[&[Member::required("block_id", Kind::MaybeBlockId)]],
        others: &["[block_id]"],
    },
    errors: &["UNKNOWN_BLOCK"],
    handler: Handler::Look(gas_price),
};

fn gas_price(api: &Api, params: Value) -> Answer {
    let request = Params::<RpcGasPriceRequest>::new(params)
        .singleton(|block_id| Ok(RpcGasPriceRequest { block_id }))
        .named()?;
    let reference = match request.block_id {
        Some(id) => BlockReference::BlockId(id),
        None => BlockReference::Finality(Finality::None),
    };
    let chain = api.chain();
    let Ok(block) = chain.block(&reference) else {
        let error_message = missing(&reference, "BLOCK HEADER");
        let error = RpcGasPriceError::UnknownBlock { error_message };
        return Err(unknown_block(error, &chain, &reference));
    };
    written(&GasPriceView { gas_price: block.header().next_gas_price() })
}
