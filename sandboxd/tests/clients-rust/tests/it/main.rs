//! Each client does what its users do.

mod jsonrpc;
mod near_api;
mod sandbox;
mod workspaces;
