//! How the circumstances of a call are written down: bytes in base64, amounts as decimal strings,
//! as JSON's numbers hold neither.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gas_meter::Gas;
use host_fns::near::{AccountContract, Context, Mode, PromiseResult};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes, in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Bytes(#[serde(with = "base64_text")] pub(super) Vec<u8>);

mod base64_text {
    use super::{Deserialize, Deserializer, Engine, STANDARD, Serializer};
    use serde::de::Error;

    pub(super) fn serialize<S: Serializer>(
        bytes: &impl AsRef<[u8]>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'d, T: From<Vec<u8>>, D: Deserializer<'d>>(
        from: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map(T::from).map_err(D::Error::custom)
    }
}

/// 128 bits as a decimal string.
pub(super) mod decimal {
    use super::{Deserialize, Deserializer, Serializer};
    use serde::de::Error;

    pub(crate) fn serialize<S: Serializer>(amount: &u128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(amount)
    }

    pub(crate) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<u128, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// Gas as a number.
pub(super) mod gas {
    use super::{Deserialize, Deserializer, Gas, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
    pub(crate) fn serialize<S: Serializer>(gas: &Gas, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(gas.units())
    }

    pub(crate) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Gas, D::Error> {
        u64::deserialize(from).map(Gas::new)
    }
}

mod results {
    use super::{
        Arc, Bytes, Deserialize, Deserializer, PromiseResult, PromiseResultData, Serialize,
        Serializer,
    };

    pub(super) fn serialize<S: Serializer>(
        results: &Arc<[PromiseResult]>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let data = results.iter().map(|result| match result {
            PromiseResult::NotReady => PromiseResultData::NotReady,
            PromiseResult::Successful(value) => {
                PromiseResultData::Successful(Bytes(value.to_vec()))
            }
            PromiseResult::Failed => PromiseResultData::Failed,
        });
        data.collect::<Vec<_>>().serialize(to)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(
        from: D,
    ) -> Result<Arc<[PromiseResult]>, D::Error> {
        let results = Vec::<PromiseResultData>::deserialize(from)?.into_iter();
        let results = results.map(|data| match data {
            PromiseResultData::NotReady => PromiseResult::NotReady,
            PromiseResultData::Successful(Bytes(value)) => PromiseResult::Successful(value.into()),
            PromiseResultData::Failed => PromiseResult::Failed,
        });
        Ok(results.collect())
    }
}

#[derive(Serialize, Deserialize)]
enum PromiseResultData {
    NotReady,
    Successful(Bytes),
    Failed,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Context", deny_unknown_fields)]
pub(super) struct ContextData {
    current_account_id: String,
    signer_account_id: String,
    #[serde(with = "base64_text")]
    signer_public_key: Vec<u8>,
    predecessor_account_id: String,
    refund_to_account_id: String,
    #[serde(with = "base64_text")]
    input: Arc<[u8]>,
    #[serde(with = "results")]
    promise_results: Arc<[PromiseResult]>,
    block_height: u64,
    block_timestamp_ns: u64,
    epoch_height: u64,
    #[serde(with = "decimal")]
    account_balance: u128,
    #[serde(with = "decimal")]
    account_locked_balance: u128,
    storage_usage: u64,
    #[serde(with = "AccountContractData")]
    account_contract: AccountContract,
    #[serde(with = "decimal")]
    attached_deposit: u128,
    #[serde(with = "gas")]
    prepaid_gas: Gas,
    #[serde(with = "base64_text")]
    random_seed: Vec<u8>,
    #[serde(with = "ModeData")]
    mode: Mode,
    output_data_receivers: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Mode")]
enum ModeData {
    Call,
    View {
        #[serde(with = "gas")]
        max_gas_burnt: Gas,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "AccountContract")]
enum AccountContractData {
    None,
    Local([u8; 32]),
    Global([u8; 32]),
    GlobalByAccount(String),
}
