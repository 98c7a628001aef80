//! The table of methods: one row for each, one file for each family.
//!
//! A row says what a client has to know, and points to the function that answers. `docs/rpc.md` is
//! written from the rows by [`markdown()`], and `/openapi.json` by [`openapi()`].

mod block;
mod changes;
mod client_config;
mod gas_price;
mod genesis;
mod indexer;
mod legacy;
mod light_client;
mod markdown;
mod network;
mod openapi;
mod query;
mod receipt;
mod row;
mod sandbox;
mod status;
mod tx;
mod validators;
mod views;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use near_crypto::PublicKey;
use near_jsonrpc_primitives::errors::RpcError;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::config::{NodeSettings, RpcConfig};
use super::envelope::Request;
use super::kept_answers::Moment;
use super::metrics::Metrics;
use super::near_error::RpcFailure;
use super::quick_views::QuickViews;
use crate::chain::{Chain, Node};
use crate::remote::RemoteSource;

use row::{Kind, Member, Method, Takes};

pub use markdown::markdown;
pub use openapi::openapi;

/// The result of a method, written as JSON.
pub(super) type Answer = Result<Box<RawValue>, RpcFailure>;

/// An answer that is waited for.
type Pending<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// What the handlers work with.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) node: Node,
    /// Whether part of the state is elsewhere.
    pub(super) is_fork: bool,
    pub(super) address: SocketAddr,
    pub(super) wait_timeout: Duration,
    pub(super) node_key: Option<PublicKey>,
    pub(super) settings: NodeSettings,
    /// What the chain is a fork of.
    pub(super) origin: Option<Arc<RemoteSource>>,
    pub(super) started: Instant,
    pub(super) metrics: Metrics,
    pub(super) quick_views: QuickViews,
}

impl Api {
    pub(super) fn new(node: Node, address: SocketAddr, config: &RpcConfig) -> Self {
        Self {
            is_fork: node.view().forked_from().is_some(),
            node,
            address,
            wait_timeout: config.wait_timeout,
            node_key: config.node_key.clone(),
            settings: config.node,
            origin: config.origin.clone(),
            started: Instant::now(),
            metrics: Metrics::new(METHODS.iter().map(|method| method.names[0])),
            quick_views: QuickViews::default(),
        }
    }

    /// The chain as it was last published. It does not change while a handler reads it.
    pub(super) fn chain(&self) -> Arc<Chain> {
        self.node.view()
    }

    /// What the answers to reads depend on now.
    pub(super) fn moment(&self) -> Moment {
        let at = Instant::now();
        let second = at.saturating_duration_since(self.started).as_secs();
        Moment { version: self.node.version(), second, at }
    }
}

/// How a method comes to its answer.
#[derive(Clone, Copy)]
enum Handler {
    /// By a look at the chain.
    Look(fn(&Api, Value) -> Answer),
    /// By something that takes a while: blocks to come, or a contract to run.
    Wait(fn(&Api, Value) -> Pending<'_>),
    /// As the one above, from params that may be so long that they are read but once.
    Bulk(for<'a> fn(&'a Api, &'a str) -> Pending<'a>),
}

/// The params of a request, as its method takes them.
#[derive(Debug)]
pub(super) enum Params<'a> {
    Read(Value),
    Text(&'a str),
}

/// The params of `request`. It is an error if they are not JSON.
pub(super) fn params<'a>(request: &Request<'a>) -> serde_json::Result<Params<'a>> {
    match handler(place(&request.method)) {
        Some(Handler::Bulk(_)) => Ok(Params::Text(request.params_text())),
        _ => request.params_value().map(Params::Read),
    }
}

/// All methods, by family.
const METHODS: &[Method] = &[
    status::STATUS,
    status::HEALTH,
    network::NETWORK_INFO,
    network::SPLIT_STORAGE_INFO,
    client_config::CLIENT_CONFIG,
    block::BLOCK,
    block::CHUNK,
    block::CONGESTION_LEVEL,
    changes::CHANGES,
    changes::BLOCK_EFFECTS,
    gas_price::GAS_PRICE,
    validators::VALIDATORS,
    validators::VALIDATORS_ORDERED,
    validators::MAINTENANCE_WINDOWS,
    query::QUERY,
    views::VIEW_ACCOUNT,
    views::VIEW_CODE,
    views::VIEW_STATE,
    views::VIEW_ACCESS_KEY,
    views::VIEW_ACCESS_KEY_LIST,
    views::VIEW_GAS_KEY_NONCES,
    views::CALL_FUNCTION,
    tx::SEND_TX,
    tx::BROADCAST_TX_ASYNC,
    tx::BROADCAST_TX_COMMIT,
    tx::TX,
    tx::TX_STATUS,
    receipt::RECEIPT,
    indexer::RECEIPT_TO_TX,
    indexer::INDEXER_BLOCK,
    light_client::NEXT_BLOCK,
    light_client::PROOF,
    light_client::BLOCK_PROOF,
    light_client::CHUNK_EXECUTION_PROOF,
    light_client::EXECUTION_OUTCOME_PROOF,
    light_client::STATE_PROOF,
    genesis::GENESIS_CONFIG,
    genesis::PROTOCOL_CONFIG,
    sandbox::patch::PATCH_STATE,
    sandbox::accounts::SET_BALANCE,
    sandbox::accounts::SET_CODE,
    sandbox::accounts::SET_ACCESS_KEY,
    sandbox::accounts::SET_DATA,
    sandbox::accounts::CREATE_ACCOUNT,
    sandbox::accounts::DELETE_ACCOUNT,
    sandbox::accounts::FAUCET,
    sandbox::deal::DEAL,
    sandbox::time::FAST_FORWARD,
    sandbox::snapshots::SNAPSHOT,
    sandbox::snapshots::REVERT,
    sandbox::snapshots::SNAPSHOTS,
    sandbox::snapshots::DROP_SNAPSHOT,
    sandbox::snapshots::ROLLBACK,
    sandbox::state::DUMP,
    sandbox::state::LOAD,
    sandbox::impersonate::IMPERSONATE,
    sandbox::impersonate::STOP_IMPERSONATING,
    sandbox::impersonate::AUTO_IMPERSONATE,
    sandbox::impersonate::SEND_TRANSACTION,
    sandbox::time::SET_TIME,
    sandbox::time::INCREASE_TIME,
    sandbox::time::SET_NEXT_BLOCK_TIME,
    sandbox::time::FREEZE_TIME,
    sandbox::time::RESUME_TIME,
    sandbox::time::SET_BLOCK_INTERVAL,
    sandbox::time::REMOVE_BLOCK_INTERVAL,
    sandbox::blocks::SET_BLOCK_MODE,
    sandbox::blocks::BLOCK_MODE,
    sandbox::blocks::MINE,
    sandbox::receipts::HOLD,
    sandbox::receipts::RELEASE,
    sandbox::receipts::HELD,
    sandbox::dry_run::DRY_RUN,
    sandbox::dry_run::DRY_RUN_VIEW,
    sandbox::import::IMPORT_ACCOUNT,
    sandbox::replay::REPLAY,
];

/// Calls the method that goes by `name`.
pub(super) async fn call(api: &Api, name: &str, params: Params<'_>) -> Answer {
    let found = place(name);
    let label = api.metrics.request(found);
    let started = Instant::now();
    let answer = match (handler(found), params) {
        (Some(Handler::Look(look)), Params::Read(params)) if api.is_fork => {
            // It may have to fetch what it looks at, and the thread serves other connections.
            tokio::task::block_in_place(|| look(api, params))
        }
        (Some(Handler::Look(look)), Params::Read(params)) => look(api, params),
        (Some(Handler::Wait(wait)), Params::Read(params)) => wait(api, params).await,
        (Some(Handler::Bulk(bulk)), Params::Text(params)) => bulk(api, params).await,
        // Params are read as the method says.
        _ => Err(RpcError::method_not_found(name.to_owned()).into()),
    };
    api.metrics.answered(found, started.elapsed());
    if let Err(failure) = &answer {
        api.metrics.error(label, failure.name());
        tracing::debug!(target: "rpc", method = label, error = failure.name(), "answered an error");
    }
    answer
}

/// Counts a request that was answered without its method.
pub(super) fn count(api: &Api, name: &str, took: Duration) {
    let found = place(name);
    api.metrics.request(found);
    api.metrics.answered(found, took);
}

fn handler(place: Option<usize>) -> Option<Handler> {
    place.map(|place| METHODS[place].handler)
}

/// Where in the table the method is that goes by `name`.
fn place(name: &str) -> Option<usize> {
    METHODS.iter().position(|method| method.names.contains(&name))
}

/// Writes the result of a method.
fn written(result: &impl Serialize) -> Answer {
    to_raw_value(result).map_err(|error| RpcError::serialization_error(error.to_string()).into())
}

/// An error that is the node's and not the caller's.
fn internal_error(text: &str) -> RpcFailure {
    RpcError::new_internal_error(Some(Value::String(text.to_owned())), text.to_owned()).into()
}

/// The answer that nobody gives: the node has stopped, or does not go on.
fn stopped(api: &Api) -> RpcFailure {
    let why = api.node.failure().map(|failed| failed.to_string());
    internal_error(why.as_deref().unwrap_or("the node has stopped"))
}
