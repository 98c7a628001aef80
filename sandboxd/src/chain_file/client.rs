//! A running node that is asked for its chains over JSON-RPC, or given others.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Large chains take their time.
const PATIENCE: Duration = Duration::from_mins(10);

/// A node that did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StateClientError {
    /// It cannot be reached, or the answer is none.
    #[error("{url} does not answer as a sandboxd does: {what}")]
    Unreachable {
        /// Where it was asked.
        url: String,
        /// What happened.
        what: String,
    },
    /// It refused.
    #[error("{url} refused: {why}")]
    Refused {
        /// Where it was asked.
        url: String,
        /// What it said.
        why: String,
    },
}

/// Asks one node.
#[derive(Debug)]
pub struct StateClient {
    url: String,
    agent: ureq::Agent,
}

impl StateClient {
    /// Asks the node that answers at `url`.
    pub fn new(url: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .build();
        Self { url: url.to_owned(), agent: agent.into() }
    }

    /// All chains of the node, as [`super::write`] writes them.
    pub fn dump(&self) -> Result<Vec<u8>, StateClientError> {
        let result = self.ask("sandbox_dump_state", &json!({}))?;
        let text = result["state"].as_str().ok_or_else(|| self.unreachable("no state"))?;
        STANDARD.decode(text).map_err(|error| self.unreachable(&error))
    }

    /// The latest state of the node, as a genesis.
    pub fn dump_genesis(&self) -> Result<Value, StateClientError> {
        let mut result = self.ask("sandbox_dump_state", &json!({ "format": "genesis" }))?;
        Ok(result["genesis"].take())
    }

    /// Puts the chains of `file` in the place of the node's. Returns the height of the latest block.
    pub fn load(&self, file: &[u8]) -> Result<u64, StateClientError> {
        let params = json!({ "state": STANDARD.encode(file) });
        let result = self.ask("sandbox_load_state", &params)?;
        result["height"].as_u64().ok_or_else(|| self.unreachable("no height"))
    }

    fn ask(&self, method: &str, params: &Value) -> Result<Value, StateClientError> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let sent = self.agent.post(&self.url).content_type("application/json");
        let mut answer =
            sent.send(request.to_string()).map_err(|error| self.unreachable(&error))?;
        if answer.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
            let why =
                "the file is larger than a request may be: start with --load-state".to_owned();
            return Err(StateClientError::Refused { url: self.url.clone(), why });
        }
        let body = answer.body_mut().with_config().limit(u64::MAX).reader();
        let mut answer: Value =
            serde_json::from_reader(body).map_err(|error| self.unreachable(&error))?;
        if let Some(error) = answer.get("error") {
            let why = error["data"].as_str().map_or_else(|| error.to_string(), str::to_owned);
            return Err(StateClientError::Refused { url: self.url.clone(), why });
        }
        Ok(answer["result"].take())
    }

    fn unreachable(&self, what: &(impl std::fmt::Display + ?Sized)) -> StateClientError {
        StateClientError::Unreachable { url: self.url.clone(), what: what.to_string() }
    }
}
