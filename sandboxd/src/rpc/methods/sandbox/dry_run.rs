//! `dry_run` and `dry_run_view`: what would come of a transaction or a view call, on a chain that
//! may differ from what is there.
//!
//! They read the chain as it was last published, on threads that are there for long work.

use std::collections::BTreeMap;
use std::sync::Arc;

use near_crypto::PublicKey;
use near_jsonrpc_primitives::errors::RpcParseError;
use near_jsonrpc_primitives::types::call_function::{
    RpcCallFunctionError, RpcCallFunctionResponse,
};
use near_jsonrpc_primitives::types::transactions::RpcTransactionResponse;
use near_primitives::account::AccessKey;
use near_primitives::action::Action;
use near_primitives::hash::CryptoHash;
use near_primitives::types::{AccountId, Balance, BlockHeight, FunctionArgs, Nonce, StoreValue};
use near_primitives::views::{ActionView, CallResult};
use sandbox_runtime::overrides::StateOverrides;
use sandbox_runtime::patch::PatchRecord;
use sandbox_runtime::view::InvalidQuery;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::query::{ARGS, METHOD_NAME};
use super::super::row::ACCOUNT_ID;
use super::super::tx::{self, Receipts, SIGNED};
use super::nanos::Nanos;
use super::patch::Record;
use super::{
    Answer, Api, Handler, Kind, Member, Method, RpcFailure, Takes, internal_error, refused, written,
};
use crate::chain::{
    AccountChanges, CallGas, Chain, DryRunFailed, DryTransaction, DryViewFailed, GasBreakdown,
    InvalidOverrides, Least, Overrides, UnsignedTransaction,
};

const OVERRIDES: Member = Member::optional("overrides", Kind::Object)
    .about("`{code, records, balances, access_keys, block, gas_price}`, see `sandbox/dry-run.md`");

const TRANSACTION: Member = Member::required("transaction", Kind::Object)
    .about("`{signer_id, receiver_id, actions, public_key, nonce}`, the last two optional");

const FIND_LEAST: Member = Member::optional("find_least", Kind::Flag).about("by default true");

const WAIT_UNTIL: Member = Member::optional("wait_until", Kind::Text)
    .about("as for `send_tx`, without effect: a dry run goes on until all is done");

const INVALID_OVERRIDES: &str = "INVALID_OVERRIDES";

pub(in super::super) const DRY_RUN: Method = Method {
    names: &["dry_run", "sandbox_dry_run"],
    summary: "What would come of a transaction if it was sent now, as `tx_status` tells it when all \
              is done, with its gas by action, what it would change in the state, and the least gas \
              and deposit with which it does the same. Nothing changes.",
    takes: Takes::Params {
        forms: &[
            &[SIGNED, WAIT_UNTIL, OVERRIDES, FIND_LEAST],
            &[TRANSACTION, OVERRIDES, FIND_LEAST],
        ],
        others: &["[signed_tx_base64]"],
    },
    errors: &["INVALID_TRANSACTION", INVALID_OVERRIDES],
    handler: Handler::Wait(|api, params| Box::pin(dry_run(api, params))),
};

pub(in super::super) const DRY_RUN_VIEW: Method = Method {
    names: &["dry_run_view", "sandbox_dry_run_view"],
    summary: "A view call after the latest block, as `EXPERIMENTAL_call_function` answers it, with \
              its gas.",
    takes: Takes::Params { forms: &[&[ACCOUNT_ID, METHOD_NAME, ARGS, OVERRIDES]], others: &[] },
    errors: &["UNKNOWN_ACCOUNT", "CONTRACT_EXECUTION_ERROR", INVALID_OVERRIDES],
    handler: Handler::Wait(|api, params| Box::pin(dry_run_view(api, params))),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DryRunRequest {
    signed_tx_base64: Option<String>,
    transaction: Option<TransactionRequest>,
    #[serde(default)]
    overrides: OverridesRequest,
    #[serde(default = "yes")]
    find_least: bool,
    #[serde(default, rename = "wait_until")]
    _wait_until: IgnoredAny,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TransactionRequest {
    signer_id: AccountId,
    receiver_id: AccountId,
    actions: Vec<ActionView>,
    public_key: Option<PublicKey>,
    nonce: Option<Nonce>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DryViewRequest {
    account_id: AccountId,
    method_name: String,
    #[serde(rename = "args_base64")]
    args: FunctionArgs,
    #[serde(default)]
    overrides: OverridesRequest,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OverridesRequest {
    code: BTreeMap<AccountId, StoreValue>,
    records: Vec<Record>,
    balances: BTreeMap<AccountId, Balance>,
    access_keys: BTreeMap<AccountId, BTreeMap<PublicKey, Option<AccessKey>>>,
    block: BlockRequest,
    gas_price: Option<Balance>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct BlockRequest {
    height: Option<BlockHeight>,
    timestamp: Option<Nanos>,
}

/// What `tx_status` answers, and more.
#[derive(Serialize)]
struct DryRunResponse<'a> {
    #[serde(flatten)]
    outcome: RpcTransactionResponse,
    open_receipts: &'a [CryptoHash],
    gas_breakdown: &'a GasBreakdown,
    state_changes: &'a [AccountChanges],
    least: Option<&'a [Least]>,
}

/// What `EXPERIMENTAL_call_function` answers, and more.
#[derive(Serialize)]
struct DryViewResponse {
    #[serde(flatten)]
    called: RpcCallFunctionResponse,
    gas_burnt: near_primitives::types::Gas,
    gas_breakdown: CallGas,
}

async fn dry_run(api: &Api, params: Value) -> Answer {
    let request = dry_run_request(params)?;
    let overrides = request.overrides.read();
    let transaction = match (request.signed_tx_base64, request.transaction) {
        (Some(encoded), None) => DryTransaction::Signed(tx::decode(&encoded)?),
        (None, Some(unsigned)) => DryTransaction::Unsigned(unsigned.read()?),
        _ => return Err(invalid("give either signed_tx_base64 or transaction").into()),
    };
    let find_least = request.find_least;
    aside(api.chain(), move |chain| {
        let run = chain.dry_run(transaction, &overrides, find_least).map_err(not_run)?;
        written(&DryRunResponse {
            outcome: tx::response(&run.after, &run.execution(), Receipts::Shown),
            open_receipts: &run.open_receipts,
            gas_breakdown: &run.gas,
            state_changes: &run.changes,
            least: run.least.as_deref(),
        })
    })
    .await
}

async fn dry_run_view(api: &Api, params: Value) -> Answer {
    let DryViewRequest { account_id, method_name, args, overrides } = parse(params)?;
    let overrides = overrides.read();
    aside(api.chain(), move |chain| {
        let viewed = chain.dry_run_view(&account_id, &method_name, &args, &overrides);
        let viewed = viewed.map_err(|error| not_viewed(chain, error))?;
        let result = CallResult { result: viewed.result, logs: viewed.logs };
        let (block_height, block_hash) = (viewed.block_height, viewed.block_hash);
        written(&DryViewResponse {
            called: RpcCallFunctionResponse { result, block_height, block_hash },
            gas_burnt: viewed.gas_burnt,
            gas_breakdown: viewed.gas,
        })
    })
    .await
}

/// Runs `work` on a thread of its own: it may take long, and connections are to be served meanwhile.
async fn aside(chain: Arc<Chain>, work: impl FnOnce(&Chain) -> Answer + Send + 'static) -> Answer {
    tokio::task::spawn_blocking(move || work(&chain))
        .await
        .unwrap_or_else(|_panicked| Err(internal_error("the dry run failed inside the node")))
}

fn dry_run_request(params: Value) -> Result<DryRunRequest, RpcParseError> {
    let Value::Array(list) = params else { return parse(params) };
    let [encoded]: [Value; 1] =
        list.try_into().map_err(|_| invalid("a list has the transaction and nothing else"))?;
    parse(serde_json::json!({ "signed_tx_base64": encoded }))
}

/// Reads params, and says where in them something is wrong.
fn parse<T: DeserializeOwned>(params: Value) -> Result<T, RpcParseError> {
    serde_path_to_error::deserialize(params).map_err(|error| invalid(&error.to_string()))
}

fn invalid(why: &str) -> RpcParseError {
    RpcParseError(format!("Failed parsing args: {why}"))
}

impl TransactionRequest {
    fn read(self) -> Result<UnsignedTransaction, RpcParseError> {
        let actions = self.actions.into_iter().enumerate().map(|(place, action)| {
            Action::try_from(action)
                .map_err(|error| invalid(&format!("transaction.actions[{place}]: {error}")))
        });
        Ok(UnsignedTransaction {
            signer_id: self.signer_id,
            receiver_id: self.receiver_id,
            actions: actions.collect::<Result<_, _>>()?,
            public_key: self.public_key,
            nonce: self.nonce,
        })
    }
}

impl OverridesRequest {
    fn read(self) -> Overrides {
        let code = self.code.into_iter().map(|(id, code)| (id, code.into())).collect();
        let records = self.records.into_iter().map(PatchRecord::from).collect();
        let Self { balances, access_keys, .. } = self;
        Overrides {
            state: StateOverrides { records, balances, code, access_keys },
            height: self.block.height,
            timestamp_ns: self.block.timestamp.map(|at| at.0),
            gas_price: self.gas_price,
        }
    }
}

fn not_run(error: DryRunFailed) -> RpcFailure {
    match error {
        DryRunFailed::Override(error) => not_overridden(&error),
        // What a transaction is called matters where one was lost.
        DryRunFailed::Refused(refusal) => tx::refused(refusal, &CryptoHash::default()),
    }
}

fn not_overridden(error: &InvalidOverrides) -> RpcFailure {
    refused(INVALID_OVERRIDES, &format!("overrides.{error}"))
}

fn not_viewed(chain: &Chain, error: DryViewFailed) -> RpcFailure {
    let (block_height, block_hash) = (chain.head().height(), *chain.head().hash());
    match error {
        DryViewFailed::Override(error) => not_overridden(&error),
        DryViewFailed::Fault(fault) => internal_error(&fault.to_string()),
        DryViewFailed::Query(InvalidQuery::UnknownAccount { account_id }) => {
            let requested_account_id = account_id;
            let error = RpcCallFunctionError::UnknownAccount {
                requested_account_id,
                block_height,
                block_hash,
            };
            error.into()
        }
        DryViewFailed::Query(InvalidQuery::Call { error: vm_error, .. }) => {
            let error =
                RpcCallFunctionError::ContractExecutionError { vm_error, block_height, block_hash };
            error.into()
        }
        DryViewFailed::Query(other) => internal_error(&other.to_string()),
    }
}
