//! Contracts are called.

use super::{ActionResult, Running};
use sandbox_state::Snapshot;

use crate::apply::{Application, Runtime};
use crate::block::BlockEnv;
use crate::fault::RuntimeFault;
use crate::near::{
    Account, AccountId, ActionErrorKind, CompilationError, CryptoHash, FunctionCallAction,
    FunctionCallError,
};
use crate::tree;
use crate::view::{CallResult, InvalidQuery, ViewResult};

impl Application<'_> {
    pub(super) fn function_call(
        &mut self,
        running: &mut Running<'_>,
        _call: &FunctionCallAction,
        _action_hash: CryptoHash,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let account_id = running.account_id().clone();
        let account = running.existing();
        let Some((_hash, _code)) = tree::code(&self.state, &account_id, account)? else {
            let error = CompilationError::CodeDoesNotExist { account_id };
            let error = FunctionCallError::CompilationError(error);
            result.fail(ActionErrorKind::FunctionCallError(error));
            return Ok(());
        };
        Err(RuntimeFault::CorruptState("contracts cannot run yet".into()))
    }
}

/// Calls a contract without changing anything.
pub(crate) fn view_call(
    _runtime: &Runtime,
    state: &Snapshot,
    _env: &BlockEnv,
    id: &AccountId,
    account: &Account,
    _method_name: &str,
    _args: &[u8],
) -> ViewResult<CallResult> {
    let Some((_hash, _code)) = tree::code(state, id, account)? else {
        let error = CompilationError::CodeDoesNotExist { account_id: id.clone() };
        let message = format!("wasm execution failed with error: CompilationError({error:?})");
        let error = FunctionCallError::CompilationError(error);
        return Ok(Err(InvalidQuery::Call { error, message, logs: Vec::new() }));
    };
    Err(RuntimeFault::CorruptState("contracts cannot run yet".into()))
}
