//! Each client does what its users do.

mod jsonrpc;
mod near_api;
mod near_cli;
mod sandbox;
mod workspaces;
