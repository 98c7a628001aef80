//! Which signed transactions are valid, and what a valid one takes from its signer.
//!
//! The same checks answer a client that submits a transaction and decide over it in a block: they
//! change nothing, and say what is to be changed. Whether a transaction has expired is for the chain
//! to say, which knows the blocks. Follows nearcore's `runtime/runtime/src/verifier.rs`.

use near_parameters::RuntimeConfig as NearConfig;

use crate::fault::{OrOverflow, RuntimeFault};
use crate::fees::{TransactionCost, transaction_cost};
use crate::near::{
    AccessKey, Account, AccountId, Action, Balance, BlockHeight, DepositCostFailureReason,
    FunctionCallPermission, InvalidAccessKeyError, InvalidTxError, Nonce, NonceIndex, NonceMode,
    SignedTransaction, StorageUsage, Transaction, ValidatedTransaction,
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
    /// What becomes of the key that signed it.
    pub key: KeyUpdate,
}

/// What a transaction does to the key that signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyUpdate {
    /// The key has a new nonce, and may have a new allowance.
    AccessKey(AccessKey),
    /// One of the nonces of a gas key moves, and the key has paid for the gas.
    GasKey {
        /// The key, charged.
        access_key: AccessKey,
        /// Which of its nonces.
        index: NonceIndex,
        /// The new nonce.
        nonce: Nonce,
    },
    /// None: the signer is a universal account that has no keys yet, and installs those that its id
    /// names. The nonce is in the account.
    Bootstrap,
    /// None: the signer is impersonated, and has no such key.
    Impersonated,
}

/// What a block does with a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It becomes a receipt.
    Valid(VerifiedTransaction),
    /// The gas key that signed it pays for the attempt, but the account cannot pay for what the
    /// actions carry: it becomes a failed outcome.
    DepositFailed {
        /// The signer's records, charged for the attempt only.
        charged: VerifiedTransaction,
        /// What the outcome says.
        error: InvalidTxError,
    },
}

impl Verdict {
    /// What a client is told that asks before the transaction is in a block.
    pub fn admission(self) -> Result<VerifiedTransaction, InvalidTxError> {
        match self {
            Verdict::Valid(verified) => Ok(verified),
            Verdict::DepositFailed { error, .. } => Err(error),
        }
    }
}

/// A transaction whose actions, size and signature are good: all that can be said without a state.
/// To check a signature takes as long as to apply the rest of a small transaction, so that it is
/// done once, and by whoever has the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WellFormed {
    transaction: SignedTransaction,
    authority: Authority,
}

/// What a transaction is valid by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Authority {
    /// Its signature, which has been checked, and an access key.
    Key,
    /// Impersonation: nobody looks at the signature, and an access key that the account does not have
    /// is taken for one with full access and any nonce.
    Impersonation,
}

impl WellFormed {
    /// Checks what needs no state.
    pub fn check(
        config: &RuntimeConfig,
        transaction: SignedTransaction,
    ) -> Result<Self, InvalidTxError> {
        verify_without_state(config, &transaction)?;
        Ok(Self { transaction, authority: Authority::Key })
    }

    /// Checks what needs no state, but not the signature: the signer is impersonated. If the signer
    /// has no such key as the transaction names, it is valid as if signed by one with full access,
    /// whatever its nonce.
    pub fn impersonated(
        config: &RuntimeConfig,
        transaction: SignedTransaction,
    ) -> Result<Self, InvalidTxError> {
        verify_actions_and_size(config, &transaction)?;
        Ok(Self { transaction, authority: Authority::Impersonation })
    }

    /// Whether the signature was left unchecked.
    pub fn is_impersonated(&self) -> bool {
        self.authority == Authority::Impersonation
    }

    /// Checks what needs no state, but not the signature: the key that the transaction names is to be
    /// held to what it may, as if it had signed.
    pub fn unsigned(
        config: &RuntimeConfig,
        transaction: SignedTransaction,
    ) -> Result<Self, InvalidTxError> {
        verify_actions_and_size(config, &transaction)?;
        Ok(Self { transaction, authority: Authority::Key })
    }

    /// The transaction.
    pub fn transaction(&self) -> &SignedTransaction {
        &self.transaction
    }

    /// The transaction, without the knowledge that it is well formed.
    pub fn into_transaction(self) -> SignedTransaction {
        self.transaction
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
    state: &mut impl Records,
    gas_price: Balance,
    height: Option<BlockHeight>,
    transaction: &SignedTransaction,
) -> Result<Result<VerifiedTransaction, InvalidTxError>, RuntimeFault> {
    if let Err(error) = verify_without_state(config, transaction) {
        return Ok(Err(error));
    }
    let body = &transaction.transaction;
    let verdict = verdict(config.near(), state, gas_price, height, body, Authority::Key)?;
    Ok(verdict.and_then(Verdict::admission))
}

/// Checks what depends on the state.
///
/// # Errors
/// As [`verify`].
pub fn verify_with_state(
    config: &RuntimeConfig,
    state: &mut impl Records,
    gas_price: Balance,
    height: Option<BlockHeight>,
    transaction: &WellFormed,
) -> Result<Result<Verdict, InvalidTxError>, RuntimeFault> {
    let WellFormed { transaction, authority } = transaction;
    verdict(config.near(), state, gas_price, height, &transaction.transaction, *authority)
}

/// Checks what needs no state: the actions, the size and the signature.
fn verify_without_state(
    config: &RuntimeConfig,
    transaction: &SignedTransaction,
) -> Result<(), InvalidTxError> {
    verify_actions_and_size(config, transaction)?;
    let public_key = transaction.transaction.public_key();
    if transaction.signature.verify(transaction.hash().as_ref(), public_key) {
        Ok(())
    } else {
        Err(InvalidTxError::InvalidSignature)
    }
}

fn verify_actions_and_size(
    config: &RuntimeConfig,
    transaction: &SignedTransaction,
) -> Result<(), InvalidTxError> {
    let body = &transaction.transaction;
    validate::actions(config, body.receiver_id(), body.actions())
        .map_err(InvalidTxError::ActionsValidation)?;
    ValidatedTransaction::check_valid_for_config(
        config.near(),
        transaction,
        config.rules().version(),
    )
}

fn verdict(
    config: &NearConfig,
    state: &mut impl Records,
    gas_price: Balance,
    height: Option<BlockHeight>,
    transaction: &Transaction,
    authority: Authority,
) -> Result<Result<Verdict, InvalidTxError>, RuntimeFault> {
    let Ok(cost) = transaction_cost(config, transaction, gas_price) else {
        return Ok(Err(InvalidTxError::CostOverflow));
    };
    let (signer, public_key) = (transaction.signer_id(), transaction.public_key());
    let Some(account) = tree::account(state, signer)? else {
        return Ok(Err(InvalidTxError::SignerDoesNotExist { signer_id: signer.clone() }));
    };
    let charge = Charge { config, height, transaction, cost, account };
    let Some(access_key) = tree::access_key(state, signer, public_key)? else {
        return match authority {
            Authority::Impersonation if !charge.is_bootstrap() => charge.impersonated(),
            _ => charge.bootstrap(),
        };
    };
    match (transaction.nonce().nonce_index(), access_key.gas_key_info()) {
        (None, None) => charge.access_key(access_key),
        (Some(index), Some(info)) if index < info.num_nonces => {
            let nonce =
                tree::gas_key_nonce(state, signer, public_key, index)?.ok_or_else(|| {
                    RuntimeFault::CorruptState(format!(
                        "{signer}: no nonce {index} of {public_key}"
                    ))
                })?;
            charge.gas_key(&access_key, index, nonce)
        }
        (tx_nonce_index, Some(info)) => {
            let num_nonces = info.num_nonces;
            Ok(Err(InvalidTxError::InvalidNonceIndex { tx_nonce_index, num_nonces }))
        }
        (Some(_), None) => Ok(Err(not_found(transaction))),
    }
}

fn not_found(transaction: &Transaction) -> InvalidTxError {
    InvalidTxError::InvalidAccessKeyError(InvalidAccessKeyError::AccessKeyNotFound {
        account_id: transaction.signer_id().clone(),
        public_key: Box::new(transaction.public_key().clone()),
    })
}

/// A transaction whose signer is to be charged.
struct Charge<'a> {
    config: &'a NearConfig,
    height: Option<BlockHeight>,
    transaction: &'a Transaction,
    cost: TransactionCost,
    account: Account,
}

impl Charge<'_> {
    /// The account pays for everything, and the key's allowance shrinks with it.
    fn access_key(
        self,
        mut access_key: AccessKey,
    ) -> Result<Result<Verdict, InvalidTxError>, RuntimeFault> {
        let Charge { config, height, transaction, cost, mut account } = self;
        let nonce = transaction.nonce().nonce();
        if let Err(error) = check_nonce(nonce, access_key.nonce, height, transaction.nonce_mode()) {
            return Ok(Err(error));
        }
        let rest = match rest_of(&account, transaction, cost.total) {
            Ok(rest) => rest,
            Err(error) => return Ok(Err(error)),
        };
        if let Err(error) = pay_from_allowance(&mut access_key, transaction, cost.total) {
            return Ok(Err(error));
        }
        account.set_amount(rest);
        if let Some(error) = lacks_storage_stake(config, transaction, &account)? {
            return Ok(Err(error));
        }
        if let Err(error) = check_key_permission(&access_key, transaction) {
            return Ok(Err(error));
        }
        access_key.nonce = nonce;
        let key = KeyUpdate::AccessKey(access_key);
        Ok(Ok(Verdict::Valid(VerifiedTransaction { cost, account, key })))
    }

    /// The key pays for the gas, the account for what the actions carry.
    fn gas_key(
        self,
        access_key: &AccessKey,
        index: NonceIndex,
        current: Nonce,
    ) -> Result<Result<Verdict, InvalidTxError>, RuntimeFault> {
        let Charge { config, height, transaction, cost, mut account } = self;
        let nonce = transaction.nonce().nonce();
        if let Err(error) = check_nonce(nonce, current, height, transaction.nonce_mode()) {
            return Ok(Err(error));
        }
        let held = access_key.gas_key_info().map_or(Balance::ZERO, |info| info.balance);
        let (Some(rest), Some(rest_of_attempt)) =
            (held.checked_sub(cost.gas), held.checked_sub(cost.burnt_amount))
        else {
            return Ok(Err(InvalidTxError::NotEnoughGasKeyBalance {
                signer_id: transaction.signer_id().clone(),
                balance: held,
                cost: cost.gas,
            }));
        };
        if let Err(error) = check_key_permission(access_key, transaction) {
            return Ok(Err(error));
        }
        let charged = |account: Account, balance: Balance| {
            let mut access_key = access_key.clone();
            if let Some(info) = access_key.gas_key_info_mut() {
                info.balance = balance;
            }
            let key = KeyUpdate::GasKey { access_key, index, nonce };
            VerifiedTransaction { cost, account, key }
        };
        let not_enough = |balance: Balance, cost: Balance, reason: DepositCostFailureReason| {
            let signer_id = transaction.signer_id().clone();
            InvalidTxError::NotEnoughBalanceForDeposit { signer_id, balance, cost, reason }
        };
        let untouched = account.clone();
        let failed = |error: InvalidTxError| {
            Ok(Ok(Verdict::DepositFailed { charged: charged(untouched, rest_of_attempt), error }))
        };
        let Some(left) = account.amount().checked_sub(cost.deposit) else {
            let reason = DepositCostFailureReason::NotEnoughBalance;
            return failed(not_enough(account.amount(), cost.deposit, reason));
        };
        account.set_amount(left);
        if let Some(missing) = missing_for_storage(config, &account)? {
            let reason = DepositCostFailureReason::LackBalanceForState;
            return failed(not_enough(left, missing, reason));
        }
        Ok(Ok(Verdict::Valid(charged(account, rest))))
    }

    /// The account pays for everything, as with a key of full access.
    fn impersonated(self) -> Result<Result<Verdict, InvalidTxError>, RuntimeFault> {
        let Charge { config, height: _, transaction, cost, mut account } = self;
        match rest_of(&account, transaction, cost.total) {
            Ok(rest) => account.set_amount(rest),
            Err(error) => return Ok(Err(error)),
        }
        if let Some(error) = lacks_storage_stake(config, transaction, &account)? {
            return Ok(Err(error));
        }
        let key = KeyUpdate::Impersonated;
        Ok(Ok(Verdict::Valid(VerifiedTransaction { cost, account, key })))
    }

    /// Whether it is the transaction by which a universal account installs its keys.
    fn is_bootstrap(&self) -> bool {
        self.config.wasm_config.universal_accounts
            && self.account.bootstrap_nonce().is_some()
            && self.transaction.is_state_init_bootstrap()
    }

    /// A universal account without keys may install them itself: its id is the hash of what it
    /// installs, and that names the key that signs. Its nonce is always strict, so that the same
    /// bytes are never valid again under the keys that they install.
    fn bootstrap(self) -> Result<Result<Verdict, InvalidTxError>, RuntimeFault> {
        let is_bootstrap = self.is_bootstrap();
        let Charge { config, height, transaction, cost, mut account } = self;
        let Some(current) = account.bootstrap_nonce().filter(|_| is_bootstrap) else {
            return Ok(Err(not_found(transaction)));
        };
        let nonce = transaction.nonce().nonce();
        if let Err(error) = check_nonce(nonce, current, height, NonceMode::Strict) {
            return Ok(Err(error));
        }
        match rest_of(&account, transaction, cost.total) {
            Ok(rest) => account.set_amount(rest),
            Err(error) => return Ok(Err(error)),
        }
        if let Some(error) = lacks_storage_stake(config, transaction, &account)? {
            return Ok(Err(error));
        }
        account
            .set_bootstrap_nonce(nonce)
            .map_err(|error| RuntimeFault::CorruptState(error.to_string()))?;
        let key = KeyUpdate::Bootstrap;
        Ok(Ok(Verdict::Valid(VerifiedTransaction { cost, account, key })))
    }
}

/// What the signer has left after paying `cost`.
fn rest_of(
    account: &Account,
    transaction: &Transaction,
    cost: Balance,
) -> Result<Balance, InvalidTxError> {
    let balance = account.amount();
    balance.checked_sub(cost).ok_or_else(|| InvalidTxError::NotEnoughBalance {
        signer_id: transaction.signer_id().clone(),
        balance,
        cost,
    })
}

fn lacks_storage_stake(
    config: &NearConfig,
    transaction: &Transaction,
    account: &Account,
) -> Result<Option<InvalidTxError>, RuntimeFault> {
    let missing = missing_for_storage(config, account)?;
    Ok(missing.map(|amount| InvalidTxError::LackBalanceForState {
        signer_id: transaction.signer_id().clone(),
        amount,
    }))
}

fn check_key_permission(
    access_key: &AccessKey,
    transaction: &Transaction,
) -> Result<(), InvalidTxError> {
    let Some(permission) = access_key.permission.function_call_permission() else {
        return Ok(());
    };
    check_permission(permission, transaction.receiver_id(), transaction.actions())
        .map_err(InvalidTxError::InvalidAccessKeyError)
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
