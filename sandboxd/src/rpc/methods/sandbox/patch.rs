//! `sandbox_patch_state`: records written over the state, and taken out of it.

use near_crypto::PublicKeyHandle;
use near_jsonrpc_primitives::errors::RpcParseError;
use near_jsonrpc_primitives::types::sandbox::RpcSandboxPatchStateResponse;
use near_primitives::account::{AccessKey, Account};
use near_primitives::hash::CryptoHash;
use near_primitives::receipt::Receipt;
use near_primitives::state_record::{DelayedReceipt, StateRecord};
use near_primitives::types::{AccountId, Nonce, NonceIndex, StoreKey, StoreValue};
use sandbox_runtime::patch::{Deletion, InvalidPatch, PatchRecord};
use serde::Deserialize;
use serde_json::Deserializer;

use super::super::super::body::beside_others;
use super::super::super::near_error::RpcFailure;
use super::{
    Answer, Api, Handler, Kind, Member, Method, Takes, internal_error, refused, stopped, written,
};
use crate::chain::PatchFailed;

pub(in super::super) const PATCH_STATE: Method = Method {
    names: &["sandbox_patch_state"],
    summary: "Writes records (`Account`, `AccessKey`, `GasKeyNonce`, `Contract`, `Data`) into the \
              state and takes others out (`DeleteAccount`, `DeleteAccessKey`, `DeleteContract`, \
              `DeleteData`, `DeleteDataPrefix`), in their order, all or none. They are visible, \
              at every finality, when the call returns.",
    takes: Takes::Params {
        forms: &[&[Member::required("records", Kind::Records)]],
        others: &["[records]"],
    },
    errors: &["INVALID_RECORD", "BALANCE_OVERFLOW", "AT_STAKE"],
    handler: Handler::Bulk(|api, params| Box::pin(patch_state(api, params))),
};

async fn patch_state(api: &Api, params: &str) -> Answer {
    let Request { records } = beside_others(params.len(), || read(params))?;
    match api.node.patch(records.into_iter().map(PatchRecord::from)).await {
        Some(Ok(())) => written(&RpcSandboxPatchStateResponse {}),
        Some(Err(error)) => Err(failure(&error)),
        None => Err(stopped(api)),
    }
}

/// Why a patch was refused, for every method that writes one.
pub(super) fn failure(error: &PatchFailed) -> RpcFailure {
    let name = match error {
        PatchFailed::Records(InvalidPatch::Record { .. }) => "INVALID_RECORD",
        PatchFailed::Records(InvalidPatch::BalanceOverflow) => "BALANCE_OVERFLOW",
        PatchFailed::AtStake { .. } => "AT_STAKE",
        PatchFailed::Fault(fault) => return internal_error(&fault.to_string()),
    };
    refused(name, &error.to_string())
}

/// The params. They are read once, and once more only to find out where a mistake is.
fn read(params: &str) -> Result<Request, RpcParseError> {
    serde_json::from_str(params).map_err(|error| {
        let again = &mut Deserializer::from_str(params);
        let place = match serde_path_to_error::deserialize::<_, Request>(again) {
            Err(error) if error.path().iter().next().is_some() => format!("{}: ", error.path()),
            _ => String::new(),
        };
        RpcParseError(format!("Failed parsing args: {place}{error}"))
    })
}

#[derive(Deserialize)]
struct Request {
    records: Vec<Record>,
}

/// neard's records, and what takes them away.
#[derive(Deserialize)]
pub(super) enum Record {
    Account {
        account_id: AccountId,
        account: Account,
    },
    Data {
        account_id: AccountId,
        data_key: StoreKey,
        value: StoreValue,
    },
    Contract {
        account_id: AccountId,
        code: StoreValue,
    },
    AccessKey {
        account_id: AccountId,
        public_key: PublicKeyHandle,
        access_key: AccessKey,
    },
    PostponedReceipt(Box<Receipt>),
    ReceivedData {
        account_id: AccountId,
        data_id: CryptoHash,
        data: Option<StoreValue>,
    },
    DelayedReceipt(DelayedReceipt),
    GasKeyNonce {
        account_id: AccountId,
        public_key: PublicKeyHandle,
        index: NonceIndex,
        nonce: Nonce,
    },
    DeleteAccount {
        account_id: AccountId,
    },
    DeleteAccessKey {
        account_id: AccountId,
        public_key: PublicKeyHandle,
    },
    DeleteContract {
        account_id: AccountId,
    },
    DeleteData {
        account_id: AccountId,
        data_key: StoreKey,
    },
    DeleteDataPrefix {
        account_id: AccountId,
        prefix: StoreKey,
    },
}

impl From<Record> for PatchRecord {
    fn from(record: Record) -> Self {
        Self::Write(match record {
            Record::Account { account_id, account } => StateRecord::Account { account_id, account },
            Record::Data { account_id, data_key, value } => {
                StateRecord::Data { account_id, data_key, value }
            }
            Record::Contract { account_id, code } => {
                StateRecord::Contract { account_id, code: code.into() }
            }
            Record::AccessKey { account_id, public_key, access_key } => {
                StateRecord::AccessKey { account_id, public_key, access_key }
            }
            Record::PostponedReceipt(receipt) => StateRecord::PostponedReceipt(receipt),
            Record::ReceivedData { account_id, data_id, data } => {
                StateRecord::ReceivedData { account_id, data_id, data: data.map(Vec::from) }
            }
            Record::DelayedReceipt(receipt) => StateRecord::DelayedReceipt(receipt),
            Record::GasKeyNonce { account_id, public_key, index, nonce } => {
                StateRecord::GasKeyNonce { account_id, public_key, index, nonce }
            }
            Record::DeleteAccount { account_id } => {
                return Deletion::Account { account_id }.into();
            }
            Record::DeleteAccessKey { account_id, public_key } => {
                return Deletion::AccessKey { account_id, public_key }.into();
            }
            Record::DeleteContract { account_id } => {
                return Deletion::Contract { account_id }.into();
            }
            Record::DeleteData { account_id, data_key } => {
                return Deletion::Data { account_id, data_key: data_key.into() }.into();
            }
            Record::DeleteDataPrefix { account_id, prefix } => {
                return Deletion::DataPrefix { account_id, prefix: prefix.into() }.into();
            }
        })
    }
}
