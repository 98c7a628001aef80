//! Meta transactions (NEP-366): an account's signed wish, sent and paid for by another one.
//!
//! The action checks the wish and makes a receipt of it; that receipt runs like any other.

use super::{ActionResult, Running};
use crate::apply::Application;
use crate::fault::{OrOverflow, RuntimeFault};
use crate::fees;
use crate::near::{
    AccessKey, AccountId, Action, ActionErrorKind, ActionReceipt, Balance, CryptoHash,
    FunctionCallPermission, Gas, InvalidAccessKeyError, Nonce, NonceIndex, Receipt, ReceiptEnum,
    ReceiptV0, TransactionNonce, VersionedDelegateActionRef as Wish,
    VersionedSignedDelegateActionRef as SignedWish,
};
use crate::tree;
use crate::verify::check_permission;

impl Application<'_> {
    pub(super) fn delegate(
        &mut self,
        running: &Running<'_>,
        signed: &SignedWish<'_>,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let wish = signed.delegate_action();
        let account_id = running.account_id();
        if !self.impersonated.includes(wish.sender_id()) && !signed.verify() {
            result.fail(ActionErrorKind::DelegateActionInvalidSignature);
            return Ok(());
        }
        if self.env.height > wish.max_block_height() {
            result.fail(ActionErrorKind::DelegateActionExpired);
            return Ok(());
        }
        if wish.sender_id() != account_id {
            let (sender_id, receiver_id) = (wish.sender_id().clone(), account_id.clone());
            result.fail(ActionErrorKind::DelegateActionSenderDoesNotMatchTxReceiver {
                sender_id,
                receiver_id,
            });
            return Ok(());
        }
        if let Err(kind) = self.use_key(&wish)? {
            result.fail(kind);
            return Ok(());
        }
        self.pay_for_delegated(running, &wish, result)?;
        let sent = running.action_receipt;
        result.new_receipts.push(Receipt::V0(ReceiptV0 {
            predecessor_id: account_id.clone(),
            receiver_id: wish.receiver_id().clone(),
            receipt_id: CryptoHash::default(),
            receipt: ReceiptEnum::Action(ActionReceipt {
                signer_id: sent.signer_id().clone(),
                signer_public_key: sent.signer_public_key().clone(),
                gas_price: sent.gas_price(),
                output_data_receivers: Vec::new(),
                input_data_ids: Vec::new(),
                actions: wish.get_actions(),
            }),
        }));
        Ok(())
    }

    /// Sending the new receipt is burnt here, its execution is bound in it. Both were bought with the
    /// transaction.
    fn pay_for_delegated(
        &self,
        running: &Running<'_>,
        wish: &Wish<'_>,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let near = self.runtime.config().near();
        let send = fees::delegated_send_fee(near, running.action_receipt.actions())?;
        let bound = fees::gas_of_actions(near, &wish.get_actions(), wish.receiver_id())?;
        let add = |sum: Gas, gas: Gas| sum.checked_add(gas).or_overflow("the gas of an action");
        result.gas_burnt = add(result.gas_burnt, send.gas)?;
        result.gas_used = add(add(result.gas_used, send.gas)?, bound)?;
        result.compute =
            result.compute.checked_add(send.compute).or_overflow("the compute of an action")?;
        Ok(())
    }

    /// Checks that the key may ask for this, and moves its nonce: the key's own, or that one of a gas
    /// key which the wish names.
    fn use_key(&mut self, wish: &Wish<'_>) -> Result<Result<(), ActionErrorKind>, RuntimeFault> {
        let (sender, public_key) = (wish.sender_id(), wish.public_key());
        let Some(mut key) = tree::access_key(&mut self.state, sender, public_key)? else {
            if self.impersonated.includes(sender) {
                return Ok(Ok(()));
            }
            return Ok(Err(refused(InvalidAccessKeyError::AccessKeyNotFound {
                account_id: sender.clone(),
                public_key: Box::new(public_key.clone()),
            })));
        };
        let current = match wish.nonce() {
            TransactionNonce::Nonce { .. } if key.gas_key_info().is_some() => {
                return Ok(Err(refused(InvalidAccessKeyError::DelegateActionRequiresNonGasKey)));
            }
            TransactionNonce::Nonce { .. } => key.nonce,
            TransactionNonce::GasKeyNonce { nonce_index, .. } => {
                match self.numbered_nonce(wish, &key, nonce_index)? {
                    Ok(nonce) => nonce,
                    Err(kind) => return Ok(Err(kind)),
                }
            }
        };
        let nonce = wish.nonce().nonce();
        if let Err(kind) = self.check_nonce(nonce, current) {
            return Ok(Err(kind));
        }
        let permission = key.permission.function_call_permission();
        if let Some(error) = permission.and_then(|permission| self.forbids(permission, wish)) {
            return Ok(Err(refused(error)));
        }
        if let Some(index) = wish.nonce().nonce_index() {
            tree::set_gas_key_nonce(&mut self.state, sender, public_key, index, nonce);
        } else {
            key.nonce = nonce;
            tree::set_access_key(&mut self.state, sender, public_key, &key);
        }
        Ok(Ok(()))
    }

    /// The nonce of a gas key that a wish names by its number.
    fn numbered_nonce(
        &mut self,
        wish: &Wish<'_>,
        key: &AccessKey,
        nonce_index: NonceIndex,
    ) -> Result<Result<Nonce, ActionErrorKind>, RuntimeFault> {
        let Some(info) = key.gas_key_info() else {
            return Ok(Err(refused(InvalidAccessKeyError::DelegateActionRequiresGasKey)));
        };
        let num_nonces = info.num_nonces;
        if nonce_index >= num_nonces {
            let kind = ActionErrorKind::DelegateActionInvalidNonceIndex { nonce_index, num_nonces };
            return Ok(Err(kind));
        }
        let (sender, public_key) = (wish.sender_id(), wish.public_key());
        let nonce = tree::gas_key_nonce(&mut self.state, sender, public_key, nonce_index)?;
        nonce.map(Ok).ok_or_else(|| {
            RuntimeFault::CorruptState(format!("{sender}: no nonce {nonce_index} of {public_key}"))
        })
    }

    fn check_nonce(&self, delegate_nonce: Nonce, ak_nonce: Nonce) -> Result<(), ActionErrorKind> {
        if delegate_nonce <= ak_nonce {
            return Err(ActionErrorKind::DelegateActionInvalidNonce { delegate_nonce, ak_nonce });
        }
        let upper_bound =
            self.env.height.saturating_mul(AccessKey::ACCESS_KEY_NONCE_RANGE_MULTIPLIER);
        if delegate_nonce >= upper_bound {
            return Err(ActionErrorKind::DelegateActionNonceTooLarge {
                delegate_nonce,
                upper_bound,
            });
        }
        Ok(())
    }

    /// Why a function-call key must not ask for this.
    fn forbids(
        &self,
        permission: &FunctionCallPermission,
        wish: &Wish<'_>,
    ) -> Option<InvalidAccessKeyError> {
        let (receiver, actions) = (wish.receiver_id(), wish.get_actions());
        let error = check_permission(permission, receiver, &actions).err()?;
        let deposit_is_first = self.runtime.config().rules().delegated_deposit_error_is_first();
        if error == InvalidAccessKeyError::DepositWithFunctionCall && !deposit_is_first {
            return Some(forbids_without_deposit(permission, receiver, actions).unwrap_or(error));
        }
        Some(error)
    }
}

/// What else a call with a deposit does that the key must not ask for.
fn forbids_without_deposit(
    permission: &FunctionCallPermission,
    receiver: &AccountId,
    mut actions: Vec<Action>,
) -> Option<InvalidAccessKeyError> {
    for action in &mut actions {
        if let Action::FunctionCall(call) = action {
            call.deposit = Balance::ZERO;
        }
    }
    check_permission(permission, receiver, &actions).err()
}

fn refused(error: InvalidAccessKeyError) -> ActionErrorKind {
    ActionErrorKind::DelegateActionAccessKeyError(error)
}
