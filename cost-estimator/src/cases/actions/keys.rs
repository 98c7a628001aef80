//! What is priced by kinds of keys: signatures, and the nonces of gas keys.

use anyhow::anyhow;
use sandbox_runtime::near::KeyType;
use sandbox_runtime::verify::WellFormed;

use super::make::{add_gas_key, add_key};
use super::{Bed, Executed, case};
use crate::case::{Case, Prepared, units};
use crate::cases::ledger::{actor, receipt, transaction};

pub(super) fn cases(bed: &Bed) -> Vec<Case> {
    let mut cases = signatures(bed);
    cases.push(nonces(bed));
    cases
}

/// Signatures of transactions by kind of key. Those of the classical kinds are part of what sending
/// a receipt costs.
fn signatures(bed: &Bed) -> Vec<Case> {
    let kinds = [
        (KeyType::ED25519, "signature_check/ed25519"),
        (KeyType::SECP256K1, "signature_check/secp256k1"),
        (KeyType::MLDSA65, "ml_dsa_65_verification_cost"),
    ];
    let of = |(kind, cost): (KeyType, &'static str)| {
        case(bed, format!("check: {kind}"), &[cost], &[], move |bed, size| {
            let signed = |at| transaction(kind, at, actor(at + 1), Vec::new());
            let signed: Vec<_> = (0..size.calls).map(signed).collect();
            let near = bed.near.clone();
            let check = move || {
                let checked = signed.iter().map(|each| {
                    let checked = WellFormed::check(&near, each.clone());
                    checked.map_err(|error| anyhow!("a transaction is not valid: {error:?}"))
                });
                checked.collect::<anyhow::Result<Vec<_>>>()
            };
            Ok(Prepared::new(units(&[(cost, size.calls)]), check))
        })
    };
    kinds.into_iter().map(of).collect()
}

/// Gas keys: what each of their nonces takes, and such a key beside one that has none.
fn nonces(bed: &Bed) -> Case {
    const NONCE: &str = "action_gas_key_nonce_write_base.execution";
    const GAS_KEY: &str = "gas_key";
    let title = "execute: gas key nonces".to_owned();
    case(bed, title, &[NONCE, GAS_KEY], &[1, 16, 64], |bed, size| {
        let adding = |make: super::Make| {
            let receipts = (0..size.calls).map(|at| {
                let actions = vec![make(at, size.each)?];
                Ok(receipt(at, actor(at), actor(at), actions, Vec::new()))
            });
            let receipts = receipts.collect::<anyhow::Result<Vec<_>>>()?;
            anyhow::Ok(Executed { before: None, receipts })
        };
        let worth = units(&[(NONCE, size.calls * size.each), (GAS_KEY, size.calls)]);
        Ok(adding(add_gas_key)?.beside(bed, size, &adding(add_key)?)?.worth(worth))
    })
}
