//! Impersonation on a running chain.

use near_primitives::action::Action;
use near_primitives::hash::CryptoHash;
use near_primitives::types::AccountId;
use near_primitives::views::TxExecutionStatus;

use super::super::QueryFailed;
use super::{Answer, Landed, Node, answer};

impl Node {
    /// As [`Chain::impersonate`](super::super::Chain::impersonate).
    pub fn impersonate(&self, account: AccountId) -> Answer<Result<(), QueryFailed>> {
        self.act(move |owner| {
            owner.chain.impersonate(&account)?;
            owner.publish();
            Ok(())
        })
    }

    /// As [`Chain::stop_impersonating`](super::super::Chain::stop_impersonating).
    pub fn stop_impersonating(&self, account: AccountId) -> Answer<bool> {
        self.act(move |owner| {
            let was = owner.chain.stop_impersonating(&account);
            owner.publish();
            was
        })
    }

    /// As [`Chain::impersonate_everyone`](super::super::Chain::impersonate_everyone).
    pub fn impersonate_everyone(&self, enabled: bool) -> Answer<()> {
        self.act(move |owner| {
            owner.chain.impersonate_everyone(enabled);
            owner.publish();
        })
    }

    /// Hands in a transaction without a signature, as
    /// [`Chain::submit_unsigned`](super::super::Chain::submit_unsigned) does. Answers its hash, and
    /// then what [`Node::submit`] answers.
    pub fn submit_unsigned(
        &self,
        signer: AccountId,
        receiver: AccountId,
        actions: Vec<Action>,
        until: TxExecutionStatus,
    ) -> Answer<(CryptoHash, Answer<Landed>)> {
        self.act(move |owner| {
            let transaction = owner.chain.unsigned(&signer, &receiver, actions);
            let hash = transaction.get_hash();
            let (promise, landed) = answer();
            owner.submit(|chain| chain.take_unsigned(transaction), None, until, promise);
            (hash, landed)
        })
    }
}
