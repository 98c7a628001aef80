//! What a receipt pays back, and at which price its gas is burnt.
//!
//! Gas is bought at a price of at least the protocol's minimum, and burnt at the block's price. The
//! difference goes back with the gas that was not used, less the charge for a new account. Follows
//! nearcore's `refund_unspent_gas_and_deposits` (`runtime/runtime/src/lib.rs`).

use near_parameters::RuntimeConfig as NearConfig;

use crate::execute::ReceiptResult;
use crate::fault::{OrOverflow, RuntimeFault};
use crate::fees;
use crate::near::{
    AccountId, ActionCosts, Balance, Gas, VersionedActionReceipt, VersionedReceiptEnum,
};
use crate::rules::Rules;

/// The gas of a receipt, settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GasRefund {
    /// The price at which the receipt's gas is burnt.
    pub(crate) burn_price: Balance,
    /// What goes back to the signer.
    pub(crate) amount: Balance,
    /// What is burnt beside the gas: for a new account, and for gas that was not used.
    pub(crate) charge: Balance,
    /// What is neither paid back nor booked as burnt.
    pub(crate) lost: Balance,
}

impl GasRefund {
    pub(crate) fn none(burn_price: Balance) -> Self {
        GasRefund { burn_price, amount: Balance::ZERO, charge: Balance::ZERO, lost: Balance::ZERO }
    }
}

/// The price at which a receipt burns gas: the block's, but never more than it was bought for.
/// Older protocol versions burn all that it was bought for.
pub(crate) fn burn_price(
    rules: Rules,
    gas_price: Balance,
    action_receipt: &VersionedActionReceipt<'_>,
) -> Balance {
    let purchase_price = action_receipt.gas_price();
    if rules.gas_burns_at_block_price() { purchase_price.min(gas_price) } else { purchase_price }
}

/// The part of the gas that calls burnt which the contract earns.
pub(crate) fn reward(
    config: &NearConfig,
    burn_price: Balance,
    call_gas: Gas,
) -> Result<Balance, RuntimeFault> {
    let share = config.fees.burnt_gas_reward;
    let part = |part: &i32| u64::try_from(*part).unwrap_or_default();
    let gas = call_gas
        .checked_mul(part(share.numer()))
        .and_then(|gas| gas.checked_div(part(share.denom())))
        .or_overflow("the reward of a contract")?;
    Ok(fees::price(burn_price, gas)?)
}

/// What a receipt that did `result` pays back of its gas.
pub(crate) fn gas_refund(
    config: &NearConfig,
    burn_price: Balance,
    receiver: &AccountId,
    action_receipt: &VersionedActionReceipt<'_>,
    result: &ReceiptResult,
    created_account: bool,
) -> Result<GasRefund, RuntimeFault> {
    let bought = fees::gas_of_actions(config, action_receipt.actions(), receiver)?;
    // A receipt that failed sends nothing, so what it had bound in new receipts comes back too.
    let spent = if result.end.is_err() { result.gas_burnt } else { result.gas_used };
    let unused = bought.checked_sub(spent).or_overflow("the gas of a receipt")?;
    let purchase_price = action_receipt.gas_price();
    let penalty = fees::price(burn_price, config.fees.gas_penalty_for_gas_refund(unused))?;
    let unused_amount = fees::price(purchase_price, unused)?.saturating_sub(penalty);
    let surplus = fees::price(purchase_price.saturating_sub(burn_price), result.gas_burnt)?;
    let creation = if created_account {
        creation_charge(config, burn_price)?.min(surplus)
    } else {
        Balance::ZERO
    };
    Ok(GasRefund {
        burn_price,
        amount: fees::sum(unused_amount, surplus.saturating_sub(creation))?,
        charge: fees::sum(penalty, creation)?,
        lost: lost(config, action_receipt, result)?,
    })
}

/// What the gas was bought for that neither was burnt, nor came back, nor goes with a new receipt.
///
/// Up to protocol version 88, a promise about a post-quantum gas key binds gas for the whole key, and
/// its receipt needs only that for the key's hash. The difference is nobody's, and not booked as
/// burnt either.
fn lost(
    config: &NearConfig,
    action_receipt: &VersionedActionReceipt<'_>,
    result: &ReceiptResult,
) -> Result<Balance, RuntimeFault> {
    if result.end.is_err() {
        return Ok(Balance::ZERO);
    }
    let mut carried = Gas::ZERO;
    for new in result.new_receipts.iter().filter(|new| !new.predecessor_id().is_system()) {
        if let VersionedReceiptEnum::Action(actions) | VersionedReceiptEnum::PromiseYield(actions) =
            new.versioned_receipt()
        {
            let gas = fees::gas_of_actions(config, actions.actions(), new.receiver_id())?;
            carried = carried.checked_add(gas).or_overflow("the gas of new receipts")?;
        }
    }
    let bound = result.gas_used.saturating_sub(result.gas_burnt);
    Ok(fees::price(action_receipt.gas_price(), bound.saturating_sub(carried))?)
}

/// What a new account costs beside the gas that making it burns.
fn creation_charge(config: &NearConfig, burn_price: Balance) -> Result<Balance, RuntimeFault> {
    let gas = config.fees.fee(ActionCosts::create_account).exec_fee().gas;
    Ok(config.account_creation_charge.saturating_sub(fees::price(burn_price, gas)?))
}
