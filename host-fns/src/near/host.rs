//! [`NearHost`]: the state that NEAR's host functions work on. It owns everything, is moved into
//! the virtual machine, and comes back to be taken apart by the runtime.

use std::sync::Arc;

use gas_meter::{Cost, CostId, Gas, GasCounter, OutOfGas};

use super::config::Receiver;
use super::{Config, Context, External, Mode, NearError, ReceiptIndex, cost};
use crate::abi::{Abort, Effects, Fault, Host, HostFn, Memory};
use crate::common::{Core, cost as neutral, len_u64};

/// What a host function of NEAR gives back.
pub(super) type NearResult<T = ()> = Result<T, Abort<NearError>>;

/// The state of one execution on NEAR.
#[derive(Debug)]
pub struct NearHost<X> {
    /// Gas, registers, logs, output.
    pub core: Core,
    pub(super) external: X,
    pub(super) context: Context,
    pub(super) config: Arc<Config>,
    /// The promises, numbered as the contract sees them.
    pub(super) promises: Vec<Promise>,
    /// The promise that stands for the result, unless a value was returned after it.
    pub(super) returned_receipt: Option<ReceiptIndex>,
    pub(super) balance: u128,
    pub(super) subsidized: u128,
    pub(super) storage_usage: u64,
}

/// A moment in the life of a [`NearHost`]. What an execution does not change is not in it.
#[derive(Debug)]
pub struct Checkpoint<X: External> {
    core: Core,
    external: X::Checkpoint,
    promises: Vec<Promise>,
    returned_receipt: Option<ReceiptIndex>,
    balance: u128,
    subsidized: u128,
    storage_usage: u64,
}

/// A promise: a receipt, or a set of receipts to wait for.
#[derive(Clone, Debug)]
pub(super) enum Promise {
    Receipt(ReceiptIndex),
    Joint(Vec<ReceiptIndex>),
}

/// What an execution returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReturnData {
    /// Nothing.
    None,
    /// A value.
    Value(Vec<u8>),
    /// The result of a receipt that it made.
    ReceiptIndex(ReceiptIndex),
}

/// What is left of an execution.
#[derive(Debug)]
pub struct Parts<X> {
    /// The port, with all effects.
    pub external: X,
    /// What was burnt and attached, and on what.
    pub gas: GasCounter,
    /// The logs.
    pub logs: Vec<String>,
    /// What was returned.
    pub return_data: ReturnData,
    /// The account's balance in yoctoNEAR, with the attached deposit and less what promises took.
    pub balance: u128,
    /// What promises got, in yoctoNEAR, without the account having them: nearcore's
    /// `one_yocto_on_promise`.
    pub subsidized: u128,
    /// Bytes of storage that the account uses.
    pub storage_usage: u64,
}

impl<X: External> NearHost<X> {
    /// The state at the start of an execution. Faults when the balance with the deposit is not a
    /// balance.
    pub fn new(external: X, context: Context, config: Arc<Config>) -> Result<Self, Fault> {
        let (prepaid, limit) = match context.mode {
            Mode::Call => (context.prepaid_gas, config.limits.max_gas_burnt),
            Mode::View { max_gas_burnt } => (max_gas_burnt, max_gas_burnt),
        };
        let gas = GasCounter::new(Arc::clone(&config.costs), prepaid, limit);
        let balance = context
            .account_balance
            .checked_add(context.attached_deposit)
            .ok_or_else(|| Fault::new("an account's balance and deposit exceed 128 bits"))?;
        Ok(NearHost {
            core: Core::new(gas, config.common_limits),
            promises: Vec::new(),
            returned_receipt: None,
            balance,
            subsidized: 0,
            storage_usage: context.storage_usage,
            external,
            context,
            config,
        })
    }

    /// Takes the state apart at the end of an execution.
    pub fn into_parts(self) -> Parts<X> {
        let return_data = match (self.returned_receipt, self.core.output) {
            (Some(receipt), _) => ReturnData::ReceiptIndex(receipt),
            (None, Some(value)) => ReturnData::Value(value),
            (None, None) => ReturnData::None,
        };
        Parts {
            external: self.external,
            gas: self.core.gas,
            logs: self.core.logs,
            return_data,
            balance: self.balance,
            subsidized: self.subsidized,
            storage_usage: self.storage_usage,
        }
    }

    /// The port, for the runtime to look at.
    pub fn external(&self) -> &X {
        &self.external
    }

    /// The port.
    pub fn external_mut(&mut self) -> &mut X {
        &mut self.external
    }

    /// The circumstances.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Prices and limits.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Pays for entering a host function.
    pub(super) fn enter(&mut self) -> NearResult {
        Ok(self.core.gas.pay(neutral::BASE)?)
    }

    /// Pays for entering a host function that views must not call.
    pub(super) fn enter_call_only(&mut self, method_name: &str) -> NearResult {
        self.enter()?;
        self.refuse_in_view(method_name)
    }

    /// Refuses a host function in views.
    pub(super) fn refuse_in_view(&self, method_name: &str) -> NearResult {
        match self.context.mode {
            Mode::Call => Ok(()),
            Mode::View { .. } => {
                Err(NearError::ProhibitedInView { method_name: method_name.to_owned() }.into())
            }
        }
    }

    /// Reads an account id that the guest passed.
    pub(super) fn read_account_id(
        &mut self,
        memory: &Memory<'_>,
        ptr: u64,
        len: u64,
    ) -> NearResult<String> {
        let bytes = self.core.read_vec(memory, ptr, len)?;
        self.core.gas.pay(neutral::UTF8_DECODING_BASE)?;
        self.core.gas.pay_per(neutral::UTF8_DECODING_BYTE, len_u64(&bytes))?;
        let id = String::from_utf8(bytes).map_err(|_| NearError::BadUTF8)?;
        if !super::account_id::is_valid(&id) {
            return Err(NearError::InvalidAccountId.into());
        }
        Ok(id)
    }

    /// Takes `amount` yoctoNEAR from the account for a promise.
    pub(super) fn take_balance(&mut self, amount: u128) -> NearResult {
        self.balance = self.balance.checked_sub(amount).ok_or(NearError::BalanceExceeded)?;
        Ok(())
    }

    /// Pays for `units` of the action `id` sent to `to`: sending at once, executing attached.
    pub(super) fn pay_action(&mut self, id: CostId, units: u64, to: Receiver) -> NearResult {
        let fee = self.config.fees.get(id);
        let burn = fee.send(to).checked_mul(units).ok_or(NearError::IntegerOverflow)?;
        let exec = fee.exec.gas.checked_mul(units).ok_or(NearError::IntegerOverflow)?;
        self.pay_split(id, burn, exec)
    }

    /// Burns `burn` and attaches `exec`, booked under `id`.
    pub(super) fn pay_split(&mut self, id: CostId, burn: Cost, exec: Gas) -> NearResult {
        let used = burn.gas.checked_add(exec).ok_or(NearError::IntegerOverflow)?;
        Ok(self.core.gas.pay_action(id, burn, used)?)
    }

    /// Pays for the trie nodes of a storage access.
    pub(super) fn pay_nodes(&mut self, nodes: super::TrieNodes) -> NearResult {
        self.core.gas.pay_per(cost::TOUCHING_TRIE_NODE, nodes.touched)?;
        self.core.gas.pay_per(cost::READ_CACHED_TRIE_NODE, nodes.cached)?;
        Ok(())
    }

    /// Refuses to go on when the receipt has touched too much state.
    pub(super) fn check_storage_proof(&self) -> NearResult {
        let limit = self.config.limits.max_storage_proof_bytes;
        let recorded = self.external.recorded_storage_bytes();
        if recorded > limit {
            return Err(NearError::RecordedStorageExceeded { limit }.into());
        }
        Ok(())
    }
}

impl<X: External> Host for NearHost<X> {
    type Error = NearError;

    const FUNCTIONS: &'static [HostFn<Self>] = super::table::functions::<X>();

    fn gas(&mut self) -> &mut GasCounter {
        &mut self.core.gas
    }

    type Checkpoint = Checkpoint<X>;

    fn checkpoint(&self) -> Checkpoint<X> {
        Checkpoint {
            core: self.core.clone(),
            external: self.external.checkpoint(),
            promises: self.promises.clone(),
            returned_receipt: self.returned_receipt,
            balance: self.balance,
            subsidized: self.subsidized,
            storage_usage: self.storage_usage,
        }
    }

    fn revert_to(&mut self, at: Checkpoint<X>) {
        let Checkpoint {
            core,
            external,
            promises,
            returned_receipt,
            balance,
            subsidized,
            storage_usage,
        } = at;
        self.core = core;
        self.external.revert_to(external);
        self.promises = promises;
        self.returned_receipt = returned_receipt;
        self.balance = balance;
        self.subsidized = subsidized;
        self.storage_usage = storage_usage;
    }

    fn effects(&self) -> Vec<Effects> {
        let mut effects = self.external.effects();
        let logs =
            self.core.logs.iter().flat_map(|log| {
                len_u64(log.as_bytes()).to_le_bytes().into_iter().chain(log.bytes())
            });
        let returned = format!("{:?} {:?}", self.returned_receipt, self.core.output);
        let account = format!("{} {} {}", self.balance, self.subsidized, self.storage_usage);
        effects.extend([
            ("logs", logs.collect()),
            ("result", returned.into_bytes()),
            ("balance and storage usage", account.into_bytes()),
        ]);
        effects
    }

    fn out_of_gas(why: OutOfGas) -> NearError {
        why.into()
    }

    fn stack_exhausted() -> NearError {
        NearError::MemoryAccessViolation
    }
}
