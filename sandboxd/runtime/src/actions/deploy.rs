//! Contracts are deployed to accounts.

use near_primitives::hash::hash;
use sandbox_state::{Overlay, Unavailable};

use super::{Running, add_storage, remove_storage};
use crate::apply::Application;
use crate::fault::RuntimeFault;
use crate::fees::length;
use crate::near::{Account, AccountContract, AccountId, DeployContractAction};
use crate::tree::{self, Records};

/// Bytes of an account's storage that its contract takes: the code of its own, or the name of a
/// global one.
pub(super) fn contract_storage(
    state: &mut Overlay,
    id: &AccountId,
    account: &Account,
) -> Result<u64, Unavailable> {
    Ok(match account.contract().as_ref() {
        AccountContract::None => 0,
        AccountContract::Local(_) => code_storage(state, id)?,
        contract @ (AccountContract::Global(_) | AccountContract::GlobalByAccount(_)) => {
            contract.identifier_storage_usage()
        }
    })
}

/// Bytes of the code that an account has of its own. They are not read for that.
pub(super) fn code_storage(state: &mut Overlay, id: &AccountId) -> Result<u64, Unavailable> {
    let length = state.record_length(&tree::code_key(id).to_vec())?.unwrap_or_default();
    Ok(u64::try_from(length).unwrap_or(u64::MAX))
}

impl Application<'_> {
    /// Puts the code into the state. Whether it is a contract shows when it is called.
    pub(super) fn deploy_contract(
        &mut self,
        running: &mut Running<'_>,
        deploy: &DeployContractAction,
    ) -> Result<(), RuntimeFault> {
        let account_id = running.account_id().clone();
        let account = running.existing();
        remove_storage(account, contract_storage(&mut self.state, &account_id, account)?);
        add_storage(account, length(&deploy.code));
        let code_hash = hash(&deploy.code);
        account
            .set_contract(AccountContract::Local(code_hash))
            .map_err(|error| RuntimeFault::CorruptState(format!("{account_id}: {error}")))?;
        tree::set_code(&mut self.state, &account_id, &deploy.code);
        self.runtime.contracts().warm_later(code_hash, &deploy.code);
        Ok(())
    }
}
