//! The examples of `docs/sandbox`, each page from top to bottom on a chain of its own.
//!
//! A block that is marked `json` and has a `method` is sent; the next such block is what has to come
//! back. Both are patterns, see [`super::pattern`]; the names are those of [`facts`] and those that
//! answers further up gave.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use near_primitives::serialize::to_base64;
use serde_json::{Value, json};

use super::pattern::{Named, fill, matches};
use super::{Rig, encoded};

fn folder() -> PathBuf {
    std::path::absolute("../docs/sandbox").expect("a folder has a path")
}

/// The pages by their file names, without the index.
fn pages() -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder()).expect("the folder is there");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("a name"));
    let pages = names.filter(|name| name != "README.md").map(|name| {
        let text = std::fs::read_to_string(folder().join(&name)).expect("a text");
        (name, text)
    });
    pages.collect()
}

/// What the names stand for now, beside those that a page gives itself.
fn facts(rig: &Rig) -> Named {
    let alice = rig.account(1);
    let facts = [
        // One NEAR from alice.test.near to bob.test.near, signed, with alice's next nonce.
        ("transfer", json!(encoded(&rig.transfer(rig.next_nonce())))),
        ("public_key", json!(alice.secret_key.public_key())),
        ("contract", json!(to_base64(fixtures::wasm("status")))),
        ("head", json!(rig.head())),
        ("head_height", json!(rig.node.view().head().height())),
        ("genesis", json!(rig.node.view().genesis().hash())),
    ];
    facts.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect()
}

#[test]
fn examples_are_answered_as_documented() {
    let mut wrong = Vec::new();
    for (name, text) in pages() {
        if let Err(text) = run(&text) {
            wrong.push(format!("{name}, {text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs the examples of a page. It ends at the first that is answered differently, because those
/// after it may build on it.
fn run(page: &str) -> Result<(), String> {
    let rig = Rig::new();
    let mut client = rig.client();
    let mut named = Named::new();
    let mut blocks = json_blocks(page).into_iter();
    while let Some((line, text)) = blocks.next() {
        let at = |error: &dyn std::fmt::Display| format!("line {line}: {error}");
        let request: Value = serde_json::from_str(&text).map_err(|error| at(&error))?;
        let method = request["method"].as_str().ok_or_else(|| at(&"an answer without request"))?;
        let (line, text) = blocks.next().ok_or_else(|| at(&"a request without answer"))?;
        let at = |error: &dyn std::fmt::Display| format!("line {line}: {error}");
        let expected: Value = serde_json::from_str(&text).map_err(|error| at(&error))?;
        let mut known = facts(&rig);
        known.extend(named.clone());
        let params = fill(request.get("params").unwrap_or(&json!([])), &known);
        let mut answered = client.call(method, &params).json();
        let members = answered.as_object_mut().expect("an answer is an object");
        members.retain(|name, _| name == "result" || name == "error");
        named.extend(matches(&fill(&expected, &known), &answered).map_err(|error| at(&error))?);
    }
    Ok(())
}

/// The blocks that are marked `json`, each with the line that it starts in.
fn json_blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut lines = (1..).zip(page.lines());
    while let Some((line, text)) = lines.next() {
        let Some(mark) = text.strip_prefix("```") else { continue };
        let inside = lines.by_ref().map(|(_, text)| text).take_while(|text| *text != "```");
        let inside: String = inside.flat_map(|text| [text, "\n"]).collect();
        if mark == "json" {
            blocks.push((line, inside));
        }
    }
    blocks
}

#[test]
fn the_index_names_every_page_with_its_first_sentence() {
    let mut index = String::from(INTRODUCTION);
    for (name, text) in pages() {
        let mut parts = text.split("\n\n");
        let title = parts.next().and_then(|title| title.strip_prefix("# ")).expect("a title");
        let first = parts.next().expect("a first paragraph").replace('\n', " ");
        let end = first.find(". ").unwrap_or_else(|| first.trim_end().trim_end_matches('.').len());
        writeln!(index, "- [{title}]({name}): {}.", &first[..end]).expect("a text");
    }
    expect_test::expect_file![folder().join("README.md")].assert_eq(&index);
}

const INTRODUCTION: &str = "\
# What only a sandbox can do

Each page shows requests and their answers; a test runs every page from top to bottom on a fresh
chain of `sandboxd`. A request is sent as `POST /` with `jsonrpc` and `id` added, as
[rpc.md](../rpc.md) says. In the examples `\"$number\"`, `\"$hash\"` and the like stand for any value of
that kind, `\"...\"` for further members, `\"$hash as block\"` for a value that later examples call
`${block}`, `${transfer}` for a signed transaction (one NEAR from `alice.test.near` to
`bob.test.near`), `${public_key}` for alice's key and `${contract}` for the wasm of a contract.

";

#[test]
fn the_rust_of_every_page_is_compiled() {
    let compiled = include_str!("../../../src/pages.rs");
    for (name, text) in pages() {
        let has_rust = text.contains("\n```rust\n");
        assert!(!has_rust || compiled.contains(&format!("/{name}")), "{name} is not in pages.rs");
    }
}

#[test]
fn an_answer_that_differs_is_told_with_its_line() {
    let page = |answer: &str| {
        let request = "{\"method\": \"gas_price\", \"params\": [null]}";
        format!("# A page\n\n```json\n{request}\n```\n\n```sh\nls\n```\n\n```json\n{answer}\n```\n")
    };
    let right = page("{\"result\": {\"gas_price\": \"$balance as price\"}}");
    assert_eq!(run(&right), Ok(()));
    let named = page("{\"result\": {\"gas_price\": \"${price}\"}}");
    assert_eq!(run(&format!("{right}{named}")), Ok(()));
    let told = run(&page("{\"result\": {\"gas_price\": \"$list\"}}"));
    assert!(told.is_err_and(|told| told.starts_with("line 11: .result.gas_price: ")));
    let unanswered = right.rsplit_once("```json").expect("there are two blocks").0;
    assert_eq!(run(unanswered), Err("line 3: a request without answer".to_owned()));
}
