//! Cryptographic host functions over [`Core`](crate::common::Core), one primitive a module:
//! charge, parse, compute. They know no chain.

pub mod bls12381;
pub mod bn254;
pub mod ed25519;
mod elements;
pub mod hash;
pub mod ml_dsa;
pub mod p256;
pub mod secp256k1;
pub mod signature;
