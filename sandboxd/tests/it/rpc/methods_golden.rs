//! A recorded request and response for each result and each error of each method, in
//! `golden/METHOD.json`. What is expected is written from NEAR's types and nearcore's sources.
//!
//! Both are patterns, see [`super::pattern`]; the names in them are those of [`Stage::facts`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use sandboxd::rpc::methods::openapi;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::pattern::{fill, matches};
use super::stage::Stage;

/// One request and what comes back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Golden {
    /// `success`, or the name of the error.
    pub(super) case: String,
    #[serde(default)]
    pub(super) params: Value,
    #[serde(default = "ok")]
    status: u16,
    /// Whether the server is one that does not wait.
    #[serde(default)]
    hasty: bool,
    /// A result may be null.
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    error: Option<Value>,
}

fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

fn ok() -> u16 {
    200
}

/// What the table says of a method, by its first name.
#[derive(Default)]
pub(super) struct Told {
    pub(super) names: Vec<String>,
    errors: BTreeSet<String>,
    takes_params: bool,
}

/// Errors that every method has, and that are in the goldens of some.
const COMMON: [&str; 3] = ["METHOD_NOT_FOUND", "PARSE_ERROR", "INTERNAL_ERROR"];

/// Methods that change the chain come last, in this order.
const CHANGING: &[&str] = &[
    "send_tx",
    "broadcast_tx_async",
    "broadcast_tx_commit",
    "sandbox_patch_state",
    "sandbox_set_balance",
    "sandbox_set_code",
    "sandbox_set_access_key",
    "sandbox_set_data",
    "sandbox_create_account",
    "sandbox_delete_account",
    "sandbox_faucet",
    "sandbox_deal",
    "sandbox_fast_forward",
    "sandbox_snapshot",
    "sandbox_snapshots",
    "sandbox_revert",
    "sandbox_drop_snapshot",
    "sandbox_rollback",
    "sandbox_impersonate",
    "sandbox_stop_impersonating",
    "sandbox_auto_impersonate",
    "sandbox_send_transaction",
    "sandbox_import_account",
    "sandbox_set_time",
    "sandbox_increase_time",
    "sandbox_set_next_block_time",
    "sandbox_freeze_time",
    "sandbox_resume_time",
    "sandbox_set_block_interval",
    "sandbox_remove_block_interval",
    "sandbox_set_block_mode",
    "sandbox_mine",
    "sandbox_hold_receipts",
    "sandbox_release_receipts",
    "sandbox_held_receipts",
    "sandbox_dump_state",
    "sandbox_load_state",
];

pub(super) fn table() -> BTreeMap<String, Told> {
    let document = openapi();
    let mut table: BTreeMap<String, Told> = BTreeMap::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let name = path.trim_start_matches('/');
        let operation = &item["post"];
        let first = operation["x-alias-of"].as_str().unwrap_or(name);
        let told = table.entry(first.to_owned()).or_default();
        told.names.push(name.to_owned());
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        told.takes_params =
            schema["required"].as_array().expect("a list").contains(&json!("params"));
        let schema = &operation["responses"]["default"]["content"]["application/json"]["schema"];
        let errors = &schema["oneOf"][1]["allOf"][1]["properties"]["error"]["properties"]["cause"]
            ["properties"]["name"]["enum"];
        let errors = errors.as_array().expect("a list of names").iter();
        told.errors.extend(errors.filter_map(Value::as_str).map(str::to_owned));
    }
    table
}

pub(super) fn goldens(method: &str) -> Vec<Golden> {
    let folder = PathBuf::from("tests/it/rpc/golden");
    let path = folder.join(format!("{method}.json"));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn each_method_has_a_golden_result_and_each_of_its_errors_a_golden_error() {
    for (method, told) in table() {
        let cases: BTreeSet<_> = goldens(&method).into_iter().map(|golden| golden.case).collect();
        assert!(
            cases.contains("success") || SPICE.contains(&method.as_str()),
            "{method} has no golden result"
        );
        let is_alone = |error: &&String| {
            let error = error.as_str();
            !COMMON.contains(&error) && !OF_TWO_REQUESTS.contains(&(method.as_str(), error))
        };
        for error in told.errors.iter().filter(is_alone) {
            assert!(cases.contains(error), "{method} has no golden {error}");
        }
        for case in cases.iter().filter(|case| *case != "success") {
            let told = told.errors.contains(case) || AS_RESULTS.contains(&case.as_str());
            assert!(told, "{method} does not say that it has {case}");
        }
    }
}

/// Errors that come of another request, or on another chain: see the tests of reverts and of forks.
const OF_TWO_REQUESTS: [(&str, &str); 4] = [
    ("sandbox_dump_state", "FORK"),
    ("send_tx", "UNKNOWN_TRANSACTION"),
    ("broadcast_tx_commit", "UNKNOWN_TRANSACTION"),
    ("sandbox_send_transaction", "UNKNOWN_TRANSACTION"),
];

/// What a chain that does not certify execution cannot prove.
const SPICE: [&str; 3] = [
    "EXPERIMENTAL_light_client_chunk_execution_proof",
    "EXPERIMENTAL_light_client_execution_outcome_proof",
    "EXPERIMENTAL_light_client_state_proof",
];

/// The errors of `query` that come as results.
const AS_RESULTS: [&str; 2] = ["CONTRACT_EXECUTION_ERROR", "UNKNOWN_ACCESS_KEY"];

#[test]
fn requests_are_answered_as_recorded() {
    let stage = Stage::new();
    let table = table();
    let first = table.keys().map(String::as_str).filter(|name| !CHANGING.contains(name));
    let mut wrong = Vec::new();
    for method in first.chain(CHANGING.iter().copied()) {
        for name in &table[method].names {
            for golden in goldens(method) {
                if let Err(text) = check(&stage, name, &golden) {
                    wrong.push(format!("{name}, {}: {text}", golden.case));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn params_that_are_none_are_parse_errors() {
    let stage = Stage::new();
    let mut client = stage.client();
    for told in table().into_values().filter(|told| told.takes_params) {
        for name in told.names {
            let failure = client.error(&name, &json!("nonsense"));
            let error = failure.json();
            let text = error["data"].as_str().unwrap_or_default();
            assert!(text.starts_with("Failed parsing args: "), "{name}: {error}");
            let expected = json!({
                "name": "REQUEST_VALIDATION_ERROR",
                "cause": {"name": "PARSE_ERROR", "info": {"error_message": text}},
                "code": -32_700,
                "message": "Parse error",
                "data": text,
            });
            assert_eq!((failure.status, &error), (400, &expected), "{name}");
        }
    }
}

fn check(stage: &Stage, name: &str, golden: &Golden) -> Result<(), String> {
    let facts = stage.facts();
    let filled = |value: &Option<Value>| value.as_ref().map(|value| fill(value, &facts));
    let mut client = if golden.hasty { stage.hasty_client() } else { stage.client() };
    let reply = client.call(name, &fill(&golden.params, &facts));
    if golden.hasty {
        stage.settle();
    }
    let mut expected =
        Map::from_iter([("jsonrpc".to_owned(), json!("2.0")), ("id".to_owned(), json!("any id"))]);
    expected.extend(filled(&golden.result).map(|result| ("result".to_owned(), result)));
    expected.extend(filled(&golden.error).map(|error| ("error".to_owned(), error)));
    let told = matches(&Value::Object(expected), &reply.json());
    match told {
        Ok(_) if reply.status == golden.status => Ok(()),
        Ok(_) => Err(format!("status {} and not {}", reply.status, golden.status)),
        Err(text) => Err(text),
    }
}

/// What comes back for the request of `golden`.
pub(super) fn outcome(stage: &Stage, name: &str, golden: &Golden) -> Value {
    stage.client().call(name, &fill(&golden.params, &stage.facts())).json()
}
