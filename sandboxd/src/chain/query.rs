//! Questions about the state after the head, for programs that hold the chain themselves. The RPC
//! asks the runtime directly, since it answers for older blocks and with proofs too.

use near_primitives::account::Account;
use near_primitives::types::AccountId;
use sandbox_runtime::RuntimeFault;
use sandbox_runtime::view::{self, CallResult, InvalidQuery};

use super::Chain;

/// A question without an answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryFailed {
    /// What was asked for is not there, or the contract failed.
    #[error(transparent)]
    Invalid(#[from] InvalidQuery),
    /// The state cannot be read.
    #[error(transparent)]
    Fault(#[from] RuntimeFault),
}

impl Chain {
    /// The account `id`.
    pub fn account(&self, id: &AccountId) -> Result<Account, QueryFailed> {
        Ok(view::account(self.state(), id)??)
    }

    /// What `method` of the contract of `id` returns as a view, and what it logs.
    pub fn call_view(
        &self,
        id: &AccountId,
        method: &str,
        args: &[u8],
    ) -> Result<CallResult, QueryFailed> {
        let env = self.env_after(self.head());
        Ok(view::call_function(self.runtime(), self.state(), &env, id, method, args)??)
    }
}
