//! ML-DSA-65 signatures (FIPS 204), which a quantum computer cannot forge.

use aws_lc_rs::signature::{ML_DSA_65, UnparsedPublicKey};
use gas_meter::CostId;

use super::signature::Scheme;
use crate::common::{Primitive, cost};

/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 3_309;

/// Bytes of a public key.
const KEY_BYTES: usize = 1_952;

/// ML-DSA-65 with an empty context, of whole messages.
#[derive(Debug)]
pub enum MlDsa65 {}

impl Scheme for MlDsa65 {
    const PRIMITIVE: Primitive = Primitive::MlDsa;
    const BASE: CostId = cost::ML_DSA_VERIFY_BASE;
    const BYTE: CostId = cost::ML_DSA_VERIFY_BYTE;

    type Signature<'a> = &'a [u8; SIGNATURE_BYTES];
    type Key<'a> = &'a [u8; KEY_BYTES];

    fn signature(bytes: &[u8]) -> Result<Option<Self::Signature<'_>>, String> {
        fixed(bytes, "signature").map(Some)
    }

    fn key(bytes: &[u8]) -> Result<Option<Self::Key<'_>>, String> {
        fixed(bytes, "key").map(Some)
    }

    fn verifies(key: &Self::Key<'_>, message: &[u8], signature: &Self::Signature<'_>) -> bool {
        UnparsedPublicKey::new(&ML_DSA_65, key).verify(message, *signature).is_ok()
    }
}

fn fixed<'a, const N: usize>(bytes: &'a [u8], what: &str) -> Result<&'a [u8; N], String> {
    bytes.try_into().map_err(|_| {
        let len = bytes.len();
        format!("invalid {what} length: expected the input of {N} bytes, but {len} was given")
    })
}
