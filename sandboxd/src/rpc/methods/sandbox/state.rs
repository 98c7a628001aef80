//! `sandbox_dump_state` and `sandbox_load_state`: all chains of the node as bytes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{
    Answer, Api, Handler, Kind, Member, Method, Takes, internal_error, params, refused, stopped,
    written,
};
use crate::chain::InvalidImage;
use crate::chain_file::{self, ChainFileFailed, InvalidChainFile};
use crate::home::{DumpRequest, dump};

const INVALID_STATE: &str = "INVALID_STATE";
const FORK: &str = "FORK";

pub(in super::super) const DUMP: Method = Method {
    names: &["sandbox_dump_state"],
    summary: "Answers all that the node has: state, blocks, outcomes, what waits, time and snapshots, \
              as the base64 `state` of the file that `sandboxd state dump` writes; or, as `genesis`, \
              the state after the latest block as another chain can start from it.",
    takes: Takes::Params {
        forms: &[&[Member::optional("format", Kind::One(&["chain", "genesis"]))
            .about("`\"chain\"`, if nothing else is said")]],
        others: &[],
    },
    errors: &[FORK],
    handler: Handler::Wait(|api, params| Box::pin(dump_state(api, params))),
};

pub(in super::super) const LOAD: Method = Method {
    names: &["sandbox_load_state"],
    summary: "Puts what `sandbox_dump_state` answered in the place of all that the node has. Answers \
              the `height` of the latest block.",
    takes: Takes::Params { forms: &[&[Member::required("state", Kind::Base64)]], others: &[] },
    errors: &[INVALID_STATE],
    handler: Handler::Wait(|api, params| Box::pin(load_state(api, params))),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dump {
    #[serde(default)]
    format: Format,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Chain,
    Genesis,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Load {
    state: String,
}

async fn dump_state(api: &Api, params: Value) -> Answer {
    let params = if params.is_null() { json!({}) } else { params };
    if let Format::Genesis = params::parse::<Dump>(params)?.format {
        let mut genesis = Vec::new();
        let chain = api.chain();
        let write = || dump(&chain, &DumpRequest::default())?.write(&mut genesis);
        tokio::task::block_in_place(write).map_err(|error| internal_error(&error.to_string()))?;
        let genesis: &RawValue =
            serde_json::from_slice(&genesis).map_err(|error| internal_error(&error.to_string()))?;
        return written(&BTreeMap::from([("genesis", genesis)]));
    }
    let chains = api.node.chains().await.ok_or_else(|| stopped(api))?;
    let mut state = Vec::new();
    tokio::task::block_in_place(|| chain_file::write(&chains, &mut state)).map_err(|error| {
        match error {
            ChainFileFailed::Image(InvalidImage::Fork) => refused(FORK, &error.to_string()),
            error => internal_error(&error.to_string()),
        }
    })?;
    written(&json!({ "state": BASE64.encode(state) }))
}

async fn load_state(api: &Api, params: Value) -> Answer {
    let Load { state } = params::parse(params)?;
    let invalid = |what: &str| refused(INVALID_STATE, &format!("state: {what}"));
    let file = BASE64.decode(state).map_err(|error| invalid(&error.to_string()))?;
    let options = api.chain().options().clone();
    let chains = tokio::task::block_in_place(|| chain_file::read(&*file, &options));
    let chains = chains.map_err(|error: InvalidChainFile| invalid(&error.to_string()))?;
    let height = chains.current.head().height();
    api.node.put_chains(chains).await.ok_or_else(|| stopped(api))?;
    written(&json!({ "height": height }))
}
