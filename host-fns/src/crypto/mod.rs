//! Cryptographic host functions over [`Core`](crate::common::Core), one primitive a module:
//! charge, parse, compute. They know no chain.

pub mod bn254;
pub mod ed25519;
pub mod hash;
pub mod p256;
pub mod secp256k1;
