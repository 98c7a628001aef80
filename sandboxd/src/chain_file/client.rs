//! A running node that is asked for its chains over HTTP, or given others.

use std::fs::File;
use std::io::{self, Write};
use std::time::Duration;

use serde_json::Value;

use crate::cli::StateFormat;

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

    /// Writes what the node has to `out`, as it comes: all its chains, as [`super::write()`] writes them, or its
    /// latest state as a genesis.
    pub fn dump(&self, format: StateFormat, out: &mut impl Write) -> Result<(), StateClientError> {
        let format = match format {
            StateFormat::Chain => "chain",
            StateFormat::Genesis => "genesis",
        };
        let asked = self.agent.get(format!("{}?format={format}", self.state_url())).call();
        let mut answer = self.accepted(asked)?;
        let mut body = answer.body_mut().with_config().limit(u64::MAX).reader();
        io::copy(&mut body, out).map_err(|error| self.unreachable(&error))?;
        Ok(())
    }

    /// Puts the chains of `file` in the place of the node's, without having them in memory. Returns the height of
    /// the latest block.
    pub fn load(&self, file: File) -> Result<u64, StateClientError> {
        let sent = self.agent.put(self.state_url()).content_type("application/octet-stream");
        let mut answer = self.accepted(sent.send(file))?;
        let answer: Value = serde_json::from_reader(answer.body_mut().as_reader())
            .map_err(|error| self.unreachable(&error))?;
        answer["height"].as_u64().ok_or_else(|| self.unreachable("no height"))
    }

    fn state_url(&self) -> String {
        format!("{}/sandbox/state", self.url.trim_end_matches('/'))
    }

    fn accepted(
        &self,
        answer: Result<http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<http::Response<ureq::Body>, StateClientError> {
        let mut answer = answer.map_err(|error| self.unreachable(&error))?;
        if answer.status() == http::StatusCode::OK {
            return Ok(answer);
        }
        let why = answer.body_mut().read_to_string().map_err(|error| self.unreachable(&error))?;
        Err(StateClientError::Refused { url: self.url.clone(), why })
    }

    fn unreachable(&self, what: &(impl std::fmt::Display + ?Sized)) -> StateClientError {
        StateClientError::Unreachable { url: self.url.clone(), what: what.to_string() }
    }
}
