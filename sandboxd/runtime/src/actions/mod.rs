//! Runs the actions of a receipt, each in the file of its family.
//!
//! An action changes the receipt's account in memory and other records in the state. What it may not
//! do is a failure in its [`ActionResult`]; the receipt then takes everything back.

mod access_key;
mod account;
mod delegate;
mod deploy;
mod function_call;
mod gas_key;
mod global_contract;
mod stake;
mod state_init;
mod transfer;

pub use access_key::initial_nonce;
pub(crate) use access_key::record_storage;
pub(crate) use function_call::view_call;

use near_parameters::RuntimeConfig as NearConfig;

use crate::apply::Application;
use crate::execute::PromiseResults;
use crate::fault::RuntimeFault;
use crate::fees::{self, Stage};
use crate::near::{
    Account, AccountContract, AccountId, Action, ActionError, ActionErrorKind, Balance, CryptoHash,
    Gas, ProfileDataV3, Receipt, ValidatorStake, VersionedActionReceipt,
};

/// What an action or a whole receipt returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReturnData {
    /// Nothing: an empty value.
    None,
    /// A value.
    Value(Vec<u8>),
    /// What the receipt of this index, among the new ones, will return.
    Receipt(usize),
}

/// What one action did.
#[derive(Debug)]
pub(crate) struct ActionResult {
    pub(crate) gas_burnt: Gas,
    /// Burnt, and bound in new receipts.
    pub(crate) gas_used: Gas,
    /// Burnt by the contract, without the fee of the action.
    pub(crate) call_gas: Gas,
    pub(crate) compute: u64,
    pub(crate) end: Result<ReturnData, ActionError>,
    pub(crate) logs: Vec<String>,
    pub(crate) new_receipts: Vec<Receipt>,
    pub(crate) proposals: Vec<ValidatorStake>,
    pub(crate) profile: ProfileDataV3,
    /// The contract of the account before the action.
    pub(crate) contract: AccountContract,
    /// Burnt by the action itself, beside its gas.
    pub(crate) tokens_burnt: Balance,
    pub(crate) subsidized: Balance,
    /// See [`crate::ActionGas`].
    pub(crate) spare: Gas,
    pub(crate) shared: Gas,
}

impl ActionResult {
    /// Ends the action as failed.
    pub(crate) fn fail(&mut self, kind: ActionErrorKind) {
        self.end = Err(kind.into());
    }
}

/// The receipt whose actions run, and what they have done so far.
pub(crate) struct Running<'r> {
    pub(crate) receipt: &'r Receipt,
    pub(crate) action_receipt: &'r VersionedActionReceipt<'r>,
    pub(crate) promise_results: PromiseResults,
    /// The receiver; `None` while it does not exist.
    pub(crate) account: Option<Account>,
    /// On whose behalf the actions run: the predecessor, or the receiver once they created it.
    pub(crate) actor: AccountId,
    /// Which action runs.
    pub(crate) index: usize,
    /// The size of the block's storage proof when the receipt began.
    pub(crate) proof_bytes_before: u64,
}

impl Running<'_> {
    pub(crate) fn account_id(&self) -> &AccountId {
        self.receipt.receiver_id()
    }

    pub(crate) fn is_refund(&self) -> bool {
        self.receipt.predecessor_id().is_system()
    }

    /// The receiver, for actions that [`check_existence`] lets through only when it exists.
    pub(crate) fn existing(&mut self) -> &mut Account {
        self.account.as_mut().expect("the action was let through because the account exists")
    }
}

impl Application<'_> {
    /// Runs one action.
    pub(crate) fn run_action(
        &mut self,
        action: &Action,
        running: &mut Running<'_>,
        action_hash: CryptoHash,
    ) -> Result<ActionResult, RuntimeFault> {
        let near = self.runtime.config().near();
        let fee = fees::action_fee(near, action, running.account_id(), Stage::Execute)?;
        let contract = running
            .account
            .as_ref()
            .map_or(AccountContract::None, |account| account.contract().into_owned());
        let mut result = ActionResult {
            gas_burnt: fee.gas,
            gas_used: fee.gas,
            call_gas: Gas::ZERO,
            compute: fee.compute,
            end: Ok(ReturnData::None),
            logs: Vec::new(),
            new_receipts: Vec::new(),
            proposals: Vec::new(),
            profile: ProfileDataV3::default(),
            contract,
            tokens_burnt: Balance::ZERO,
            subsidized: Balance::ZERO,
            spare: Gas::ZERO,
            shared: Gas::ZERO,
        };
        let allowed =
            check_existence(near, action, running).and_then(|()| check_permission(action, running));
        if let Err(kind) = allowed {
            result.fail(kind);
            return Ok(result);
        }
        match action {
            Action::CreateAccount(_) => self.create_account(running, &mut result),
            Action::DeployContract(deploy) => self.deploy_contract(running, deploy)?,
            Action::FunctionCall(call) => {
                self.function_call(running, call, action_hash, &mut result)?;
            }
            Action::Transfer(transfer) => self.transfer(running, transfer.deposit)?,
            Action::TransferToGasKey(transfer) => {
                self.transfer_to_gas_key(running, transfer, &mut result)?;
            }
            Action::WithdrawFromGasKey(withdraw) => {
                self.withdraw_from_gas_key(running, withdraw, &mut result)?;
            }
            Action::Stake(stake) => self.stake(running, stake, &mut result)?,
            Action::AddKey(add) => self.add_key(running, add, &mut result)?,
            Action::DeleteKey(delete) => self.delete_key(running, delete, &mut result)?,
            Action::DeleteAccount(delete) => self.delete_account(running, delete, &mut result)?,
            Action::Delegate(signed) => {
                self.delegate(running, &signed.as_ref().into(), &mut result)?;
            }
            Action::DelegateV2(signed) => {
                self.delegate(running, &signed.as_ref().into(), &mut result)?;
            }
            Action::DeployGlobalContract(deploy) => {
                self.deploy_global_contract(running, deploy, &mut result)?;
            }
            Action::UseGlobalContract(used) => {
                self.use_global_contract(running, used, &mut result)?;
            }
            Action::DeterministicStateInit(init) => {
                self.deterministic_state_init(running, init, &mut result)?;
            }
            Action::UniversalStateInit(init) => {
                self.universal_state_init(running, init, &mut result)?;
            }
        }
        Ok(result)
    }
}

/// Whether the receiver must exist, must not, or is made by the action.
fn check_existence(
    config: &NearConfig,
    action: &Action,
    running: &Running<'_>,
) -> Result<(), ActionErrorKind> {
    let account_id = running.account_id().clone();
    match (action, &running.account) {
        (Action::CreateAccount(_), Some(_)) => {
            Err(ActionErrorKind::AccountAlreadyExists { account_id })
        }
        // Whoever could create it could give it other keys than those that its name stands for.
        (Action::CreateAccount(_), None) if transfer::is_implicit(config, &account_id) => {
            Err(ActionErrorKind::OnlyImplicitAccountCreationAllowed { account_id })
        }
        (Action::Transfer(_), None) => transfer::check_creation(config, running),
        (
            Action::CreateAccount(_)
            | Action::Transfer(_)
            | Action::DeterministicStateInit(_)
            | Action::UniversalStateInit(_),
            _,
        ) => Ok(()),
        (_, None) => Err(ActionErrorKind::AccountDoesNotExist { account_id }),
        // It has neither keys nor code nor data before its state init.
        (_, Some(account)) if !account.is_initialized() => {
            Err(ActionErrorKind::AccountNotInitialized { account_id })
        }
        (_, Some(_)) => Ok(()),
    }
}

/// Whether the actor may do this to the receiver.
fn check_permission(action: &Action, running: &Running<'_>) -> Result<(), ActionErrorKind> {
    let own = matches!(
        action,
        Action::DeployContract(_)
            | Action::Stake(_)
            | Action::AddKey(_)
            | Action::DeleteKey(_)
            | Action::DeleteAccount(_)
            | Action::DeployGlobalContract(_)
            | Action::UseGlobalContract(_)
            | Action::WithdrawFromGasKey(_)
    );
    let account_id = running.account_id();
    if own && &running.actor != account_id {
        let (account_id, actor_id) = (account_id.clone(), running.actor.clone());
        return Err(ActionErrorKind::ActorNoPermission { account_id, actor_id });
    }
    let staked = running.account.as_ref().is_some_and(|account| !account.locked().is_zero());
    if matches!(action, Action::DeleteAccount(_)) && staked {
        return Err(ActionErrorKind::DeleteAccountStaking { account_id: account_id.clone() });
    }
    Ok(())
}

/// Adds to the storage that an account uses. Usage that was patched in may be anything: it stops at
/// what 64 bits hold, which no account can pay for.
fn add_storage(account: &mut Account, bytes: u64) {
    account.set_storage_usage(account.storage_usage().saturating_add(bytes));
}

/// Takes from the storage that an account uses. Usage that was patched in may be too low: it stops
/// at zero.
fn remove_storage(account: &mut Account, bytes: u64) {
    account.set_storage_usage(account.storage_usage().saturating_sub(bytes));
}
