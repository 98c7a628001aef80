//! What a client can subscribe to, and what it is told of a block. No socket is known here.

use std::sync::Arc;

use near_jsonrpc_primitives::errors::RpcError;
use near_primitives::hash::CryptoHash;
use near_primitives::types::{AccountId, BlockHeight};
use near_primitives::views::{BlockView, ExecutionOutcomeWithIdView};
use serde::{Deserialize, Serialize};

use super::envelope::notification;
use crate::chain::{Block, Chain, Cursor, OutcomeAt};

/// The params of `subscribe`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscribe {
    topic: Topic,
    #[serde(default)]
    account_id: Option<AccountId>,
}

/// The params of `unsubscribe`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unsubscribe {
    pub(super) subscription: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Topic {
    /// Each block, as `block` answers it.
    Blocks,
    /// Each outcome of a transaction or receipt, of one account or of all.
    Outcomes,
    /// The logs of each receipt that has some, of one account or of all.
    Logs,
}

/// A topic, of whom, and which blocks are from before it.
#[derive(Debug)]
pub(super) struct Subscription {
    topic: Topic,
    account_id: Option<AccountId>,
    before: Cursor,
}

#[derive(Serialize)]
struct Told<'a, T> {
    subscription: u64,
    result: &'a T,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Notice {
    Block(Box<BlockView>),
    Outcome {
        block_height: BlockHeight,
        #[serde(flatten)]
        outcome: Box<ExecutionOutcomeWithIdView>,
    },
    Logs {
        block_height: BlockHeight,
        block_hash: CryptoHash,
        /// The receipt that logged.
        id: CryptoHash,
        account_id: AccountId,
        logs: Vec<String>,
    },
}

impl Subscription {
    /// What was asked for, of the blocks that `before` has not read.
    pub(super) fn new(request: Subscribe, before: Cursor) -> Result<Self, RpcError> {
        let Subscribe { topic, account_id } = request;
        if topic == Topic::Blocks && account_id.is_some() {
            return Err(RpcError::parse_error("blocks are of no account_id".to_owned()));
        }
        Ok(Self { topic, account_id, before })
    }

    /// The messages about `block`, which is of `chain`, in the order of execution.
    pub(super) fn notices(
        &self,
        id: u64,
        block: &Arc<Block>,
        chain: &Chain,
    ) -> Vec<serde_json::Result<String>> {
        let notices = if block.height() <= self.before.height_in(chain) {
            Vec::new()
        } else if self.topic == Topic::Blocks {
            vec![Notice::Block(Box::new(block.view(chain.signer())))]
        } else {
            self.of_outcomes(block)
        };
        let told = |notice| Told { subscription: id, result: notice };
        notices.iter().map(|notice| notification("subscription", told(notice))).collect()
    }

    fn of_outcomes(&self, block: &Arc<Block>) -> Vec<Notice> {
        let block_height = block.height();
        let outcomes = block.outcomes().iter().enumerate().filter(|(_, executed)| {
            let executor = &executed.outcome.executor_id;
            self.account_id.as_ref().is_none_or(|account| account == executor)
        });
        if self.topic == Topic::Outcomes {
            let view = |index, outcome| OutcomeAt { outcome, block, index }.view();
            return outcomes
                .map(|(index, outcome)| Notice::Outcome {
                    block_height,
                    outcome: Box::new(view(index, outcome)),
                })
                .collect();
        }
        outcomes
            .filter(|(_, executed)| !executed.outcome.logs.is_empty())
            .map(|(_, executed)| Notice::Logs {
                block_height,
                block_hash: *block.hash(),
                id: executed.id,
                account_id: executed.outcome.executor_id.clone(),
                logs: executed.outcome.logs.clone(),
            })
            .collect()
    }
}
