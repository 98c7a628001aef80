//! Cryptographic host functions over [`Core`](crate::common::Core), one primitive a module:
//! charge, parse, compute. They know no chain.

pub mod ed25519;
pub mod hash;
