//! NEAR's JSON-RPC over HTTP, as neard serves it.
//!
//! Everything async in this crate is here. A method reads the newest published [`Chain`] or hands
//! a command to the [`Node`]; it holds no state of the chain and takes no decision of the protocol.
//! `docs/rpc.md` is generated from the table in [`methods`].
//!
//! [`Chain`]: crate::chain::Chain
//! [`Node`]: crate::chain::Node

mod body;
mod config;
mod envelope;
mod gate;
mod gzip;
mod histogram;
mod http;
mod kept_answers;
mod metrics;
mod near_error;
mod outgoing;
mod params;
mod places;
mod quick_views;
mod server;
mod socket;
mod subscription;
mod transfer;

pub mod methods;

pub use config::{NodeSettings, RpcConfig, RpcLimits};
pub use server::RpcServer;
