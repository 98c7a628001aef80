//! The table of methods: one row for each, one file for each family.
//!
//! A row says what a client has to know, and points to the function that answers. `docs/rpc.md` is
//! written from the rows by [`markdown`].

mod block;
mod gas_price;
mod genesis;
mod network;
mod query;
mod receipt;
mod sandbox;
mod status;
mod tx;
mod validators;

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

use super::config::RpcConfig;
use super::kept_answers::Moment;
use super::metrics::Metrics;
use super::near_error::RpcFailure;
use crate::chain::{Chain, Node};

/// The result of a method, written as JSON.
pub(super) type Answer = Result<Box<RawValue>, RpcFailure>;

/// An answer that is waited for.
type Pending<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// What the handlers work with.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) node: Node,
    pub(super) address: SocketAddr,
    pub(super) wait_timeout: Duration,
    pub(super) node_key: Option<PublicKey>,
    pub(super) started: Instant,
    pub(super) metrics: Metrics,
}

impl Api {
    pub(super) fn new(node: Node, address: SocketAddr, config: &RpcConfig) -> Self {
        Self {
            node,
            address,
            wait_timeout: config.wait_timeout,
            node_key: config.node_key.clone(),
            started: Instant::now(),
            metrics: Metrics::new(METHODS.iter().map(|method| method.names[0])),
        }
    }

    /// The chain as it was last published. It does not change while a handler reads it.
    pub(super) fn chain(&self) -> Arc<Chain> {
        self.node.view()
    }

    /// What the answers to reads depend on now.
    pub(super) fn moment(&self) -> Moment {
        Moment { chain: self.chain(), second: self.started.elapsed().as_secs() }
    }
}

/// How a method comes to its answer.
#[derive(Clone, Copy)]
enum Handler {
    /// By a look at the chain.
    Look(fn(&Api, Value) -> Answer),
    /// By something that takes a while: blocks to come, or a contract to run.
    Wait(fn(&Api, Value) -> Pending<'_>),
}

/// One row of the table.
#[derive(Clone, Copy)]
struct Method {
    /// The name, and then other names for the same.
    names: &'static [&'static str],
    /// What it does, in a sentence or two.
    summary: &'static str,
    /// The members of the params object.
    named: &'static str,
    /// The arrays that are understood as well.
    positional: &'static str,
    /// The `cause.name` of its errors beside those that every method has.
    errors: &'static [&'static str],
    handler: Handler,
}

/// All methods, by family.
const METHODS: &[Method] = &[
    status::STATUS,
    status::HEALTH,
    network::NETWORK_INFO,
    block::BLOCK,
    block::CHUNK,
    gas_price::GAS_PRICE,
    validators::VALIDATORS,
    query::QUERY,
    tx::SEND_TX,
    tx::BROADCAST_TX_ASYNC,
    tx::BROADCAST_TX_COMMIT,
    tx::TX,
    tx::TX_STATUS,
    receipt::RECEIPT,
    genesis::GENESIS_CONFIG,
    genesis::PROTOCOL_CONFIG,
    sandbox::PATCH_STATE,
    sandbox::FAST_FORWARD,
];

/// Calls the method that goes by `name`.
pub(super) async fn call(api: &Api, name: &str, params: Value) -> Answer {
    let found = place(name);
    let label = api.metrics.request(found);
    let started = Instant::now();
    let answer = match found.map(|place| METHODS[place].handler) {
        None => Err(RpcError::method_not_found(name.to_owned()).into()),
        Some(Handler::Look(look)) => look(api, params),
        Some(Handler::Wait(wait)) => wait(api, params).await,
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

/// The table as the text of `docs/rpc.md`.
pub fn markdown() -> String {
    let mut text = include_str!("intro.md").to_owned();
    for method in METHODS {
        text.push_str(&section(method));
    }
    text
}

fn section(method: &Method) -> String {
    let Method { names, summary, named, positional, errors, .. } = method;
    let [name, aliases @ ..] = names else { return String::new() };
    let mut lines = vec![format!("\n## {name}\n\n{summary}\n")];
    lines.extend(aliases.iter().map(|alias| format!("- also called `{alias}`")));
    lines.push(format!("- named: {named}"));
    lines.push(format!("- positional: {positional}"));
    if !errors.is_empty() {
        lines.push(format!("- errors: `{}`", errors.join("`, `")));
    }
    lines.push(String::new());
    lines.join("\n")
}
