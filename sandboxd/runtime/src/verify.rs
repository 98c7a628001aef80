//! Which signed transactions are valid, and what a valid one takes from its signer.
//!
//! The same checks answer a client that submits a transaction and decide over it in a block: they
//! change nothing, and say what is to be changed. Whether a transaction has expired is for the chain
//! to say, which knows the blocks. Follows nearcore's `runtime/runtime/src/verifier.rs`.

use near_parameters::RuntimeConfig as NearConfig;

use crate::fault::{OrOverflow, RuntimeFault};
use crate::fees::{TransactionCost, transaction_cost};
use crate::near::{
    AccessKey, Account, AccountId, Action, Balance, BlockHeight, FunctionCallPermission,
    InvalidAccessKeyError, InvalidTxError, Nonce, NonceMode, SignedTransaction, StorageUsage,
    Transaction, ValidatedTransaction,
};
use crate::tree::{self, Records};
use crate::{config::RuntimeConfig, validate};

/// Bytes that an account may use without holding tokens for them (NEP-448).
pub const ZERO_BALANCE_ACCOUNT_STORAGE_LIMIT: StorageUsage = 770;

/// A transaction that is valid on a state, and what applying it does to the signer's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedTransaction {
    /// What it costs.
    pub cost: TransactionCost,
    /// The signer's account, charged.
    pub account: Account,
    /// The signer's access key, with the new nonce and allowance.
    pub access_key: AccessKey,
}

/// A transaction whose actions, size and signature are good: all that can be said without a state.
/// To check a signature takes as long as to apply the rest of a small transaction, so that it is
/// done once, and by whoever has the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WellFormed(SignedTransaction);

impl WellFormed {
    /// Checks what needs no state.
    pub fn check(
        config: &RuntimeConfig,
        transaction: SignedTransaction,
    ) -> Result<Self, InvalidTxError> {
        verify_without_state(config, &transaction)?;
        Ok(Self(transaction))
    }

    /// The transaction.
    pub fn transaction(&self) -> &SignedTransaction {
        &self.0
    }

    /// The transaction, without the knowledge that it is well formed.
    pub fn into_transaction(self) -> SignedTransaction {
        self.0
    }
}

/// Checks `transaction` against `state`.
///
/// `gas_price` is the price of the block that it would be in. With a `height`, the nonce must also be
/// below the bound that NEAR sets for a block of that height.
///
/// # Errors
/// A fault when the state does not decode; the inner error when the transaction is not valid.
pub fn verify(
    config: &RuntimeConfig,
    state: &impl Records,
    gas_price: Balance,
    height: Option<BlockHeight>,
    transaction: &SignedTransaction,
) -> Result<Result<VerifiedTransaction, InvalidTxError>, RuntimeFault> {
    if let Err(error) = verify_without_state(config, transaction) {
        return Ok(Err(error));
    }
    charged(config, state, gas_price, height, &transaction.transaction)
}

/// Checks what depends on the state.
///
/// # Errors
/// As [`verify`].
pub fn verify_with_state(
    config: &RuntimeConfig,
    state: &impl Records,
    gas_price: Balance,
    height: Option<BlockHeight>,
    transaction: &WellFormed,
) -> Result<Result<VerifiedTransaction, InvalidTxError>, RuntimeFault> {
    charged(config, state, gas_price, height, &transaction.0.transaction)
}

/// Checks what needs no state: the actions, the size and the signature.
fn verify_without_state(
    config: &RuntimeConfig,
    transaction: &SignedTransaction,
) -> Result<(), InvalidTxError> {
    let body = &transaction.transaction;
    validate::actions(&config.near().wasm_config.limit_config, body.actions())
        .map_err(InvalidTxError::ActionsValidation)?;
    ValidatedTransaction::check_valid_for_config(
        config.near(),
        transaction,
        config.rules().version(),
    )?;
    if transaction.signature.verify(transaction.hash().as_ref(), body.public_key()) {
        Ok(())
    } else {
        Err(InvalidTxError::InvalidSignature)
    }
}

fn charged(
    config: &RuntimeConfig,
    state: &impl Records,
    gas_price: Balance,
    height: Option<BlockHeight>,
    transaction: &Transaction,
) -> Result<Result<VerifiedTransaction, InvalidTxError>, RuntimeFault> {
    let Ok(cost) = transaction_cost(config.near(), transaction, gas_price) else {
        return Ok(Err(InvalidTxError::CostOverflow));
    };
    let signer = transaction.signer_id();
    let Some(account) = tree::account(state, signer)? else {
        return Ok(Err(InvalidTxError::SignerDoesNotExist { signer_id: signer.clone() }));
    };
    let Some(access_key) = tree::access_key(state, signer, transaction.public_key())? else {
        let error = InvalidAccessKeyError::AccessKeyNotFound {
            account_id: signer.clone(),
            public_key: Box::new(transaction.public_key().clone()),
        };
        return Ok(Err(InvalidTxError::InvalidAccessKeyError(error)));
    };
    charge(config.near(), height, transaction, cost, account, access_key)
}

/// The signer's records after paying `cost`, if they can.
fn charge(
    config: &NearConfig,
    height: Option<BlockHeight>,
    transaction: &Transaction,
    cost: TransactionCost,
    mut account: Account,
    mut access_key: AccessKey,
) -> Result<Result<VerifiedTransaction, InvalidTxError>, RuntimeFault> {
    if let Err(error) = check_key_and_nonce(&access_key, height, transaction) {
        return Ok(Err(error));
    }
    let signer_id = transaction.signer_id();
    let balance = account.amount();
    let Some(rest) = balance.checked_sub(cost.total) else {
        let signer_id = signer_id.clone();
        return Ok(Err(InvalidTxError::NotEnoughBalance { signer_id, balance, cost: cost.total }));
    };
    if let Err(error) = pay_from_allowance(&mut access_key, transaction, cost.total) {
        return Ok(Err(error));
    }
    account.set_amount(rest);
    if let Some(amount) = missing_for_storage(config, &account)? {
        let signer_id = signer_id.clone();
        return Ok(Err(InvalidTxError::LackBalanceForState { signer_id, amount }));
    }
    if let Some(permission) = access_key.permission.function_call_permission()
        && let Err(error) =
            check_permission(permission, transaction.receiver_id(), transaction.actions())
    {
        return Ok(Err(InvalidTxError::InvalidAccessKeyError(error)));
    }
    access_key.nonce = transaction.nonce().nonce();
    Ok(Ok(VerifiedTransaction { cost, account, access_key }))
}

/// Tokens that `account` lacks to stake for its storage; `None` when it has enough, or is small.
pub(crate) fn missing_for_storage(
    config: &NearConfig,
    account: &Account,
) -> Result<Option<Balance>, RuntimeFault> {
    let required = config
        .storage_amount_per_byte()
        .checked_mul(u128::from(account.storage_usage()))
        .or_overflow("the storage stake of an account")?;
    let held =
        account.amount().checked_add(account.locked()).or_overflow("the balance of an account")?;
    match required.checked_sub(held) {
        Some(missing)
            if !missing.is_zero()
                && account.storage_usage() > ZERO_BALANCE_ACCOUNT_STORAGE_LIMIT =>
        {
            Ok(Some(missing))
        }
        _ => Ok(None),
    }
}

fn check_key_and_nonce(
    access_key: &AccessKey,
    height: Option<BlockHeight>,
    transaction: &Transaction,
) -> Result<(), InvalidTxError> {
    let nonce = transaction.nonce();
    let num_nonces = access_key.gas_key_info().map_or(0, |info| info.num_nonces);
    if nonce.nonce_index().is_some() || num_nonces > 0 {
        let tx_nonce_index = nonce.nonce_index();
        return Err(InvalidTxError::InvalidNonceIndex { tx_nonce_index, num_nonces });
    }
    check_nonce(nonce.nonce(), access_key.nonce, height, transaction.nonce_mode())
}

fn check_nonce(
    tx_nonce: Nonce,
    ak_nonce: Nonce,
    height: Option<BlockHeight>,
    mode: NonceMode,
) -> Result<(), InvalidTxError> {
    let follows = match mode {
        NonceMode::Monotonic => tx_nonce > ak_nonce,
        NonceMode::Strict => ak_nonce.checked_add(1) == Some(tx_nonce),
    };
    if !follows {
        return Err(InvalidTxError::InvalidNonce { tx_nonce, ak_nonce });
    }
    if let Some(height) = height {
        let upper_bound = height.saturating_mul(AccessKey::ACCESS_KEY_NONCE_RANGE_MULTIPLIER);
        if tx_nonce >= upper_bound {
            return Err(InvalidTxError::NonceTooLarge { tx_nonce, upper_bound });
        }
    }
    Ok(())
}

fn pay_from_allowance(
    access_key: &mut AccessKey,
    transaction: &Transaction,
    cost: Balance,
) -> Result<(), InvalidTxError> {
    let permission = access_key.permission.function_call_permission_mut();
    let Some(allowance) = permission.and_then(|permission| permission.allowance.as_mut()) else {
        return Ok(());
    };
    let Some(rest) = allowance.checked_sub(cost) else {
        let error = InvalidAccessKeyError::NotEnoughAllowance {
            account_id: transaction.signer_id().clone(),
            public_key: Box::new(transaction.public_key().clone()),
            allowance: *allowance,
            cost,
        };
        return Err(InvalidTxError::InvalidAccessKeyError(error));
    };
    *allowance = rest;
    Ok(())
}

/// A function-call key signs one call, without a deposit, of what it is for.
pub(crate) fn check_permission(
    permission: &FunctionCallPermission,
    receiver: &AccountId,
    actions: &[Action],
) -> Result<(), InvalidAccessKeyError> {
    let [Action::FunctionCall(call)] = actions else {
        return Err(InvalidAccessKeyError::RequiresFullAccess);
    };
    if !call.deposit.is_zero() {
        return Err(InvalidAccessKeyError::DepositWithFunctionCall);
    }
    if receiver.as_str() != permission.receiver_id {
        return Err(InvalidAccessKeyError::ReceiverMismatch {
            tx_receiver: receiver.clone(),
            ak_receiver: permission.receiver_id.clone(),
        });
    }
    if !permission.method_names.is_empty() && !permission.method_names.contains(&call.method_name) {
        let method_name = call.method_name.clone();
        return Err(InvalidAccessKeyError::MethodNameMismatch { method_name });
    }
    Ok(())
}
