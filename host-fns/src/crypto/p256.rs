//! ECDSA signatures over P-256 (secp256r1), the curve of passkeys.

use gas_meter::CostId;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::ecdsa::{Signature, VerifyingKey};

use super::signature::Scheme;
use crate::common::{Primitive, cost};

/// Bytes of a signature: two scalars.
const SIGNATURE_BYTES: usize = 64;

/// Bytes of a compressed public key.
const KEY_BYTES: usize = 33;

/// ECDSA over P-256, of messages that are digests already.
#[derive(Debug)]
pub enum P256 {}

impl Scheme for P256 {
    const PRIMITIVE: Primitive = Primitive::P256;
    const BASE: CostId = cost::P256_VERIFY_BASE;
    const BYTE: CostId = cost::P256_VERIFY_BYTE;

    type Signature<'a> = Signature;
    type Key<'a> = VerifyingKey;

    fn signature(bytes: &[u8]) -> Result<Option<Signature>, String> {
        if bytes.len() != SIGNATURE_BYTES {
            return Err("invalid signature length".to_owned());
        }
        Ok(Signature::from_slice(bytes).ok())
    }

    fn key(bytes: &[u8]) -> Result<Option<VerifyingKey>, String> {
        if bytes.len() != KEY_BYTES {
            return Err("invalid public key length".to_owned());
        }
        Ok(VerifyingKey::from_sec1_bytes(bytes).ok())
    }

    fn verifies(key: &VerifyingKey, digest: &[u8], signature: &Signature) -> bool {
        key.verify_prehash(digest, signature).is_ok()
    }
}
