//! What goes wrong with a chain elsewhere.

use std::fmt;

use near_primitives::types::AccountId;

/// Something could not be read from the chain elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// No client can be made of what was given.
    #[error("the endpoint cannot be used: {why}")]
    InvalidEndpoint {
        /// What is wrong with it.
        why: String,
    },
    /// No endpoint gave an answer that can be used.
    #[error("{request}: {}", listed(.failures))]
    Failed {
        /// What was asked for.
        request: String,
        /// How each endpoint failed at last.
        failures: Vec<EndpointFailure>,
    },
    /// No endpoint knows the block.
    #[error("{request}: the block is unknown: {}", listed(.failures))]
    UnknownBlock {
        /// What was asked for.
        request: String,
        /// What each endpoint said.
        failures: Vec<EndpointFailure>,
    },
    /// No endpoint has the state any more.
    #[error("{request}: the state is not kept any more, use an archival endpoint: {}", listed(.failures))]
    GarbageCollected {
        /// What was asked for.
        request: String,
        /// What each endpoint said.
        failures: Vec<EndpointFailure>,
    },
    /// Only nodes that page state show an account as large as this.
    #[error(
        "the state of {account_id} is larger than the nodes show at once, and they do not show it \
         by pages: use an endpoint with nearcore 2.13 or later, or one with a higher limit"
    )]
    TooLarge {
        /// The account.
        account_id: AccountId,
    },
    /// No endpoint has a method that is needed.
    #[error("no endpoint has the method {method}, without which {needed_for}: {}", listed(.failures))]
    NoMethod {
        /// The method.
        method: &'static str,
        /// What cannot be done without it.
        needed_for: &'static str,
        /// What each endpoint said.
        failures: Vec<EndpointFailure>,
    },
    /// The chain elsewhere has something that cannot be had over JSON-RPC, or not here.
    #[error("{what}")]
    Unsupported {
        /// What it is, and what helps.
        what: String,
    },
}

/// How an endpoint failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointFailure {
    /// The endpoint, without what may be secret in its address.
    pub endpoint: String,
    /// In which way.
    pub kind: FailureKind,
    /// What it said, or what happened.
    pub why: String,
}

/// In which way an endpoint failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// It did not answer, or not in time, or asked to be left alone: another time it may.
    Unreachable,
    /// It does not let us in, or there is no JSON-RPC.
    Refused,
    /// It answered the error of this name.
    Declined(String),
    /// It answered what cannot be true.
    Wrong,
}

impl fmt::Display for EndpointFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrong = if self.kind == FailureKind::Wrong { "wrong answer: " } else { "" };
        write!(f, "{}: {wrong}{}", self.endpoint, self.why)
    }
}

fn listed(failures: &[EndpointFailure]) -> String {
    let texts: Vec<String> = failures.iter().map(EndpointFailure::to_string).collect();
    texts.join("; ")
}

impl RemoteError {
    /// What became of a request after the last endpoint failed.
    pub(super) fn after(request: String, failures: Vec<EndpointFailure>) -> Self {
        let declined = |name: &str| {
            failures.iter().any(|one| matches!(&one.kind, FailureKind::Declined(n) if n == name))
        };
        if declined("GARBAGE_COLLECTED_BLOCK") {
            return Self::GarbageCollected { request, failures };
        }
        if declined("UNKNOWN_BLOCK") {
            return Self::UnknownBlock { request, failures };
        }
        Self::Failed { request, failures }
    }

    /// The endpoint that failed last.
    pub(super) fn endpoint(&self) -> Option<&str> {
        let (Self::Failed { failures, .. }
        | Self::UnknownBlock { failures, .. }
        | Self::NoMethod { failures, .. }
        | Self::GarbageCollected { failures, .. }) = self
        else {
            return None;
        };
        failures.last().map(|failure| failure.endpoint.as_str())
    }

    /// The same failure, which says so if an endpoint lacks `method`.
    pub(super) fn of_method(self, method: &'static str, needed_for: &'static str) -> Self {
        if !self.declined_as("METHOD_NOT_FOUND") {
            return self;
        }
        match self {
            Self::Failed { failures, .. } => Self::NoMethod { method, needed_for, failures },
            other => other,
        }
    }

    /// Whether an endpoint answered the error `name`.
    pub(super) fn declined_as(&self, name: &str) -> bool {
        let Self::Failed { failures, .. } = self else { return false };
        failures.iter().any(|one| matches!(&one.kind, FailureKind::Declined(n) if n == name))
    }
}
