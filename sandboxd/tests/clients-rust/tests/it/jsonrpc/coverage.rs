//! Nothing of the crate is left out: its sources say which methods and errors there are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use near_jsonrpc_client::methods;
use near_jsonrpc_primitives::types::query::RpcQueryError;
use near_primitives::types::{BlockId, BlockReference};
use near_primitives::views::QueryRequest;
use serde_json::{Value, json};

use super::rig::Rig;
use super::{errors, methods as answers};

/// Methods that only chains which certify execution (Spice) answer: here they say that a chunk is not certified.
const ALWAYS_REFUSED: &[&str] = &[
    "EXPERIMENTAL_light_client_chunk_execution_proof",
    "EXPERIMENTAL_light_client_execution_outcome_proof",
    "EXPERIMENTAL_light_client_state_proof",
];

/// Errors that a client of a lone node never sees by their type, and why.
const NEVER: &[(&str, &[&str])] = &[
    ("there is a block from the start", &["NotSyncedYet", "NoSyncedBlocks"]),
    ("there are no peers to fall behind", &["NodeIsSyncing", "NoNewBlocks"]),
    (
        "there is one shard, which the node tracks",
        &[
            "UnavailableShard",
            "DoesNotTrackShard",
            "RequestRouted",
            "ShardNotApplied",
            "InconsistentState",
            "ShardNotTracked",
            "TargetShardMismatch",
        ],
    ),
    ("all epochs of the chain are known", &["EpochOutOfBounds"]),
    ("no chunk is certified without Spice", &["StateNotAvailable", "LightClientHeadTooOld"]),
    ("a name that is none does not parse", &["InvalidAccount"]),
    ("its HTTP status hides it", &["InternalError", "TimeoutError"]),
];

#[tokio::test]
async fn every_method_and_error_of_the_crate_is_understood() {
    let old = tokio::spawn(garbage_collected());
    let mut rig = Rig::start(None).await;
    answers::all(&mut rig).await;
    errors::all(&mut rig).await;
    rig.errors.append(&mut old.await.expect("no panic").errors);

    let methods = method_names();
    assert!(methods.len() > 25, "the sources were not read: {methods:?}");
    let mut seen = rig.methods;
    for refused in ALWAYS_REFUSED {
        assert!(seen.insert((*refused).to_owned()), "{refused} answers");
    }
    assert_eq!(seen, methods);

    let never: BTreeSet<&str> = NEVER.iter().flat_map(|(_, cases)| *cases).copied().collect();
    let mut missing = Vec::new();
    for error_type in &rig.error_types {
        for case in cases_of(error_type) {
            let seen = rig.errors.contains(&(error_type.clone(), case.clone()));
            if seen == never.contains(case.as_str()) {
                missing.push(format!("{error_type}::{case}: seen {seen}"));
            }
        }
    }
    assert!(missing.is_empty(), "not as expected:\n{}", missing.join("\n"));
}

/// Queries of a state that is too old to be kept.
async fn garbage_collected() -> Rig {
    const KEPT: u64 = 20_000;
    // All blocks of an epoch this short are real ones.
    let mut rig = Rig::start(Some(json!({"epoch_length": 5}))).await;
    let delta_height = KEPT * 5 / 4 + 100;
    rig.ok(methods::sandbox_fast_forward::RpcSandboxFastForwardRequest { delta_height }).await;
    let request = methods::query::RpcQueryRequest {
        block_reference: BlockReference::BlockId(BlockId::Height(0)),
        request: QueryRequest::ViewAccount { account_id: rig.account.clone() },
    };
    let error = rig.refused(request).await;
    assert!(matches!(error, RpcQueryError::GarbageCollectedBlock { block_height: 0, .. }));
    rig
}

/// The names of the methods that the crate wraps for a node of its users.
fn method_names() -> BTreeSet<String> {
    let folder = source_of("near-jsonrpc-client").join("methods");
    let files = rust_files(&folder).into_iter().filter(|file| {
        // For neards that are built to misbehave.
        !file.starts_with(folder.join("adversarial"))
    });
    let texts = files.map(|file| std::fs::read_to_string(file).expect("a source file"));
    texts.flat_map(|text| names_in(&text)).collect()
}

fn names_in(text: &str) -> Vec<String> {
    let bodies = text.split("fn method_name(&self) -> &str {").skip(1);
    let literals = bodies.filter_map(|body| body.trim_start().strip_prefix('"'));
    literals.filter_map(|literal| Some(literal.split_once('"')?.0.to_owned())).collect()
}

/// The cases of an error that the crates define.
fn cases_of(error_type: &str) -> Vec<String> {
    let folders = ["near-jsonrpc-primitives", "near-jsonrpc-client"].map(source_of);
    let head = format!("pub enum {error_type} {{");
    for file in folders.iter().flat_map(|folder| rust_files(folder)) {
        let text = std::fs::read_to_string(file).expect("a source file");
        let Some((_, body)) = text.split_once(&head) else { continue };
        let body = body.split_once('}').map_or(body, |_| body.split("\n}").next().unwrap_or(body));
        let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
        let cases = lines.filter(|line| line.starts_with(char::is_uppercase));
        let name = |line: &str| line.split([' ', '(', ',']).next().unwrap_or(line).to_owned();
        return cases.map(name).collect();
    }
    panic!("{error_type} is nowhere defined")
}

fn source_of(package: &str) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .output()
        .expect("cargo");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo's metadata");
    let packages = metadata["packages"].as_array().expect("packages");
    let found = packages.iter().find(|it| it["name"] == package).expect("the package");
    let manifest = found["manifest_path"].as_str().expect("a path");
    Path::new(manifest).with_file_name("src")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.append(&mut rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
