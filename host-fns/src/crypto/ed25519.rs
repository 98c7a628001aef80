//! Ed25519 signatures.

use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use gas_meter::CostId;

use super::signature::Scheme;
use crate::common::{Primitive, cost};

/// The bits of a signature's last byte that are never set in a reduced scalar.
const UNREDUCED_SCALAR_BITS: u8 = 0b1110_0000;

/// Ed25519 by RFC 8032, without the cofactor.
#[derive(Debug)]
pub enum Ed25519 {}

impl Scheme for Ed25519 {
    const PRIMITIVE: Primitive = Primitive::Ed25519;
    const BASE: CostId = cost::ED25519_VERIFY_BASE;
    const BYTE: CostId = cost::ED25519_VERIFY_BYTE;

    type Signature<'a> = Signature;
    type Key<'a> = VerifyingKey;

    fn signature(bytes: &[u8]) -> Result<Option<Signature>, String> {
        let bytes: &[u8; 64] = bytes.try_into().map_err(|_| "invalid signature length")?;
        let reduced = bytes[63] & UNREDUCED_SCALAR_BITS == 0;
        Ok(reduced.then(|| Signature::from_bytes(bytes)))
    }

    fn key(bytes: &[u8]) -> Result<Option<VerifyingKey>, String> {
        let bytes = bytes.try_into().map_err(|_| "invalid public key length")?;
        Ok(VerifyingKey::from_bytes(bytes).ok())
    }

    fn verifies(key: &VerifyingKey, message: &[u8], signature: &Signature) -> bool {
        key.verify(message, signature).is_ok()
    }
}
