//! What only a test chain can do, a file for each kind of it.

pub(super) mod accounts;
pub(super) mod blocks;
pub(super) mod deal;
pub(super) mod dry_run;
pub(super) mod impersonate;
pub(super) mod import;
mod nanos;
pub(super) mod patch;
pub(super) mod receipts;
pub(super) mod replay;
pub(super) mod snapshots;
pub(super) mod state;
pub(super) mod time;

use near_jsonrpc_primitives::errors::RpcError;
use serde_json::{Value, json};

use super::super::near_error::RpcFailure;
use super::super::params;
use super::{Answer, Api, Handler, Kind, Member, Method, Takes, internal_error, stopped, written};

/// An error of a method that neard does not have, in the shape of neard's: `name` goes into `cause`,
/// and `why` says what was wrong, where, and what to do.
fn refused(name: &str, why: &str) -> RpcFailure {
    let cause = json!({ "name": name, "info": { "error_message": why } });
    RpcError::new_internal_or_handler_error(Some(Value::String(why.to_owned())), cause).into()
}
