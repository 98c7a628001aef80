//! Meta transactions (NEP-366): an account's signed wish, sent and paid for by another one.
//!
//! The action checks the wish and makes a receipt of it; that receipt runs like any other.

use super::{ActionResult, Running};
use crate::apply::Application;
use crate::fault::{OrOverflow, RuntimeFault};
use crate::fees;
use crate::near::{
    AccessKey, ActionErrorKind, ActionReceipt, CryptoHash, DelegateAction, Gas,
    InvalidAccessKeyError, Receipt, ReceiptEnum, ReceiptV0, SignedDelegateAction,
};
use crate::tree;
use crate::verify::check_permission;

impl Application<'_> {
    pub(super) fn delegate(
        &mut self,
        running: &Running<'_>,
        signed: &SignedDelegateAction,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let wish = &signed.delegate_action;
        let account_id = running.account_id();
        if !signed.verify() {
            result.fail(ActionErrorKind::DelegateActionInvalidSignature);
            return Ok(());
        }
        if self.env.height > wish.max_block_height {
            result.fail(ActionErrorKind::DelegateActionExpired);
            return Ok(());
        }
        if &wish.sender_id != account_id {
            let (sender_id, receiver_id) = (wish.sender_id.clone(), account_id.clone());
            result.fail(ActionErrorKind::DelegateActionSenderDoesNotMatchTxReceiver {
                sender_id,
                receiver_id,
            });
            return Ok(());
        }
        if let Err(kind) = self.use_key(wish)? {
            result.fail(kind);
            return Ok(());
        }
        self.pay_for_delegated(running, wish, result)?;
        let sent = running.action_receipt;
        result.new_receipts.push(Receipt::V0(ReceiptV0 {
            predecessor_id: account_id.clone(),
            receiver_id: wish.receiver_id.clone(),
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
        wish: &DelegateAction,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let near = self.runtime.config().near();
        let send = fees::delegated_send_fee(near, running.action_receipt.actions())?;
        let bound = fees::gas_of_actions(near, &wish.get_actions(), &wish.receiver_id)?;
        let add = |sum: Gas, gas: Gas| sum.checked_add(gas).or_overflow("the gas of an action");
        result.gas_burnt = add(result.gas_burnt, send.gas)?;
        result.gas_used = add(add(result.gas_used, send.gas)?, bound)?;
        result.compute =
            result.compute.checked_add(send.compute).or_overflow("the compute of an action")?;
        Ok(())
    }

    /// Checks that the key may ask for this, and moves its nonce.
    fn use_key(
        &mut self,
        wish: &DelegateAction,
    ) -> Result<Result<(), ActionErrorKind>, RuntimeFault> {
        let refused = |error| Ok(Err(ActionErrorKind::DelegateActionAccessKeyError(error)));
        let (sender, public_key) = (&wish.sender_id, &wish.public_key);
        let Some(mut key) = tree::access_key(&self.state, sender, public_key)? else {
            return refused(InvalidAccessKeyError::AccessKeyNotFound {
                account_id: sender.clone(),
                public_key: Box::new(public_key.clone()),
            });
        };
        let (delegate_nonce, ak_nonce) = (wish.nonce, key.nonce);
        if delegate_nonce <= ak_nonce {
            return Ok(Err(ActionErrorKind::DelegateActionInvalidNonce {
                delegate_nonce,
                ak_nonce,
            }));
        }
        let upper_bound =
            self.env.height.saturating_mul(AccessKey::ACCESS_KEY_NONCE_RANGE_MULTIPLIER);
        if delegate_nonce >= upper_bound {
            return Ok(Err(ActionErrorKind::DelegateActionNonceTooLarge {
                delegate_nonce,
                upper_bound,
            }));
        }
        if let Some(permission) = key.permission.function_call_permission()
            && let Err(error) = check_permission(permission, &wish.receiver_id, &wish.get_actions())
        {
            return refused(error);
        }
        key.nonce = delegate_nonce;
        tree::set_access_key(&mut self.state, sender, public_key, &key);
        Ok(Ok(()))
    }
}
