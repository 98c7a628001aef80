//! near-jsonrpc-client: each method that it wraps and each error that it types, parsed by its types.

mod coverage;
mod errors;
mod methods;
mod rig;
