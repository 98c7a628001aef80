//! View calls on a state that differs from what is there.

use near_primitives::hash::CryptoHash;
use near_primitives::types::{AccountId, BlockHeight, Gas};
use sandbox_runtime::RuntimeFault;
use sandbox_runtime::view::{self, InvalidQuery};

use super::super::Chain;
use super::{CallGas, InvalidOverrides, Overrides};

/// The answer of a view call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryView {
    /// What the contract returned.
    pub result: Vec<u8>,
    /// What it logged.
    pub logs: Vec<String>,
    /// The block height that it saw.
    pub block_height: BlockHeight,
    /// The block on whose state it ran.
    pub block_hash: CryptoHash,
    /// The gas that it burnt,
    pub gas_burnt: Gas,
    /// and for what.
    pub gas: CallGas,
}

/// Why a view call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum DryViewFailed {
    /// The chain cannot be overridden so.
    #[error("overrides.{0}")]
    Override(#[from] InvalidOverrides),
    /// There is no such contract, or it failed.
    #[error(transparent)]
    Query(#[from] InvalidQuery),
    /// The state cannot be read.
    #[error(transparent)]
    Fault(#[from] RuntimeFault),
}

impl Chain {
    /// What `method` of the contract of `id` returns as a view after the latest block, if `overrides`
    /// held. It sees any height and time that they name; a price of gas it does not see.
    ///
    /// # Errors
    /// [`DryViewFailed`], as its cases say.
    pub fn dry_run_view(
        &self,
        id: &AccountId,
        method: &str,
        args: &[u8],
        overrides: &Overrides,
    ) -> Result<DryView, DryViewFailed> {
        let config = self.runtime().config();
        let patch = overrides.state.over(config, self.state())?.map_err(InvalidOverrides::from)?;
        let state = self.state().apply(&patch.changes).map_err(RuntimeFault::from)?;
        let mut env = self.env_after(self.head());
        env.height = overrides.height.unwrap_or(env.height);
        env.timestamp_ns = overrides.timestamp_ns.unwrap_or(env.timestamp_ns);
        let called = view::call_function(self.runtime(), &state, &env, id, method, args)??;
        Ok(DryView {
            result: called.value,
            logs: called.logs,
            block_height: env.height,
            block_hash: *self.head().hash(),
            gas_burnt: called.gas_burnt,
            gas: CallGas::of(&config.near_profile(&called.profile)),
        })
    }
}
