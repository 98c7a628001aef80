//! Host functions that check signatures: all are valid, which takes longest.

use anyhow::Context;
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use sandbox_runtime::near::{KeyType, SecretKey};

use super::Bed;
use super::host::{direct, noise};
use super::scene::Call;
use crate::case::Case;

/// Bytes of a message.
const SIGNED: &[u64] = &[32, 8_192, 65_536];

pub(super) fn cases(bed: &Bed) -> Vec<Case> {
    vec![
        direct(
            bed,
            "ed25519_verify",
            &["wasm_ed25519_verify_base", "wasm_ed25519_verify_byte"],
            SIGNED,
            |n| signed(KeyType::ED25519, &noise(n)),
        ),
        direct(
            bed,
            "ml_dsa_verify",
            &["wasm_ml_dsa_verify_base", "wasm_ml_dsa_verify_byte"],
            SIGNED,
            |n| signed(KeyType::MLDSA65, &noise(n)),
        ),
        direct(
            bed,
            "p256_verify",
            &["wasm_p256_verify_base", "wasm_p256_verify_byte"],
            SIGNED,
            |n| {
                let message = noise(n);
                let key = SigningKey::from_slice(&[7; 32])?;
                let signature: p256::ecdsa::Signature = key.sign_prehash(&message)?;
                let public_key = key.verifying_key().to_encoded_point(true);
                Ok(verified(&signature.to_bytes(), &message, public_key.as_bytes()))
            },
        ),
        direct(bed, "ecrecover", &["wasm_ecrecover_base"], &[], |_| {
            let key = SecretKey::from_seed(KeyType::SECP256K1, "alice");
            let digest = noise(32);
            let signature = bytes_of(&borsh::to_vec(&key.sign(&digest))?)?;
            let (recovery, signature) = signature.split_last().context("it is 65 bytes")?;
            let call = Call::new().bytes(&digest).bytes(signature);
            Ok(call.number(u64::from(*recovery)).number(1).number(0).returns(1))
        }),
    ]
}

fn signed(kind: KeyType, message: &[u8]) -> anyhow::Result<Call> {
    let key = SecretKey::from_seed(kind, "alice");
    let signature = bytes_of(&borsh::to_vec(&key.sign(message))?)?;
    let public_key = bytes_of(&borsh::to_vec(&key.public_key())?)?;
    Ok(verified(&signature, message, &public_key))
}

fn verified(signature: &[u8], message: &[u8], public_key: &[u8]) -> Call {
    Call::new().bytes(signature).bytes(message).bytes(public_key).returns(1)
}

/// What stands behind the tag.
fn bytes_of(borsh: &[u8]) -> anyhow::Result<Vec<u8>> {
    Ok(borsh.split_first().context("a tag")?.1.to_vec())
}
