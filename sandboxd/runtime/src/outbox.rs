//! [`Outbox`]: the receipts that a contract makes with promises, before they are sent.
//!
//! Knows no state and no gas but the one thing that depends on all of them: what is left of the gas
//! when the call ends goes to the calls that asked for a share. Follows nearcore's
//! `runtime/runtime/src/receipt_manager.rs`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use host_fns::abi::Fault;
use host_fns::near::{
    Action as HostAction, ContractId, DeployMode, InvalidEntry, Permission, PublicKey as HostKey,
    ReceiptIndex,
};

use crate::near::{
    AccessKey, AccessKeyPermission, AccountId, Action, ActionReceiptV2, AddKeyAction, Balance,
    CreateAccountAction, CryptoHash, DataReceipt, DataReceiver, DeleteAccountAction,
    DeleteKeyAction, DeployContractAction, DeployGlobalContractAction,
    DeterministicAccountStateInit, DeterministicAccountStateInitV1, DeterministicStateInitAction,
    FunctionCallAction, FunctionCallPermission, Gas, GasKeyInfo, GlobalContractDeployMode,
    GlobalContractIdentifier, PublicKey, RawStateInit, Receipt, ReceiptEnum, ReceiptV0,
    StakeAction, TransferAction, TransferToGasKeyAction, UniversalStateInitAction,
    UseGlobalContractAction, VersionedActionReceipt,
};

/// Receipts under construction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    receipts: Vec<Draft>,
    /// Data for yields that the call resumed.
    resumed: Vec<DataReceipt>,
    shares: Vec<Share>,
    /// The first thing that went wrong in a method that cannot say so.
    fault: Option<Fault>,
}

/// A receipt that is not complete yet.
#[derive(Clone, Debug)]
struct Draft {
    receiver: AccountId,
    refund_to: Option<AccountId>,
    output_data_receivers: Vec<DataReceiver>,
    input_data_ids: Vec<CryptoHash>,
    actions: Vec<Action>,
    waits_for_resume: bool,
}

/// A call that gets a part of the gas that is left.
#[derive(Clone, Debug)]
struct Share {
    receipt: usize,
    action: usize,
    weight: u64,
}

impl Outbox {
    /// Starts a receipt to `receiver`, which waits for the receipts `after`; `data_ids` are the names
    /// of their results, one each.
    pub(crate) fn create(
        &mut self,
        receiver: AccountId,
        after: &[ReceiptIndex],
        data_ids: Vec<CryptoHash>,
    ) -> Result<ReceiptIndex, Fault> {
        for (before, data_id) in after.iter().zip(&data_ids) {
            let receiver_id = receiver.clone();
            let draft = self.draft(*before).ok_or_else(|| Fault::new("no such receipt"))?;
            draft.output_data_receivers.push(DataReceiver { data_id: *data_id, receiver_id });
        }
        Ok(self.push(receiver, data_ids, false))
    }

    /// Starts a receipt of the account to itself that waits to be resumed with `data_id`.
    pub(crate) fn create_yield(&mut self, account: AccountId, data_id: CryptoHash) -> ReceiptIndex {
        self.push(account, vec![data_id], true)
    }

    /// Sends `payload` to the yield that waits for `data_id`.
    pub(crate) fn resume(&mut self, data_id: CryptoHash, payload: Vec<u8>) {
        self.resumed.push(DataReceipt { data_id, data: Some(payload) });
    }

    /// The receiver of a receipt.
    pub(crate) fn receiver(&self, receipt: ReceiptIndex) -> &str {
        usize::try_from(receipt.0)
            .ok()
            .and_then(|index| self.receipts.get(index))
            .map_or("", |draft| draft.receiver.as_str())
    }

    pub(crate) fn set_refund_to(&mut self, receipt: ReceiptIndex, account: &str) {
        match (self.draft(receipt), account.parse()) {
            (Some(draft), Ok(account)) => draft.refund_to = Some(account),
            _ => self.report("a refund receiver that is not valid"),
        }
    }

    /// Adds an action to a receipt; gives its place there, and any place after a fault.
    pub(crate) fn append(&mut self, receipt: ReceiptIndex, action: HostAction) -> u64 {
        let weight = match &action {
            HostAction::FunctionCall { gas_weight, .. } => *gas_weight,
            _ => 0,
        };
        let Some(action) = near_action(action) else {
            self.report("an action that does not decode");
            return 0;
        };
        let Some(draft) = self.draft(receipt) else {
            self.report("an action for a receipt that does not exist");
            return 0;
        };
        let index = draft.actions.len();
        draft.actions.push(action);
        if weight > 0
            && let Ok(receipt) = usize::try_from(receipt.0)
        {
            self.shares.push(Share { receipt, action: index, weight });
        }
        u64::try_from(index).unwrap_or(u64::MAX)
    }

    /// Adds an entry to the data of a deterministic account's state init.
    pub(crate) fn set_state_init_entry(
        &mut self,
        receipt: ReceiptIndex,
        action: u64,
        key: Vec<u8>,
        value: Vec<u8>,
    ) -> Result<(), InvalidEntry> {
        let index = usize::try_from(action).map_err(|_| InvalidEntry::NoSuchAction)?;
        let action = self.draft(receipt).and_then(|draft| draft.actions.get_mut(index));
        let Some(Action::DeterministicStateInit(init)) = action else {
            return Err(InvalidEntry::NoSuchAction);
        };
        match init.state_init.data_mut().entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(value);
                Ok(())
            }
            Entry::Occupied(_) => Err(InvalidEntry::AlreadySet),
        }
    }

    /// Gives `unused` gas to the calls that asked for a share, by their weights; what rounding leaves
    /// goes to the last. Says how much was given: all or nothing.
    pub(crate) fn distribute(&mut self, unused: Gas) -> Result<Gas, Fault> {
        let total: u128 = self.shares.iter().map(|share| u128::from(share.weight)).sum();
        if total == 0 || unused == Gas::ZERO {
            return Ok(Gas::ZERO);
        }
        let overflow = || Fault::new("the gas of a promise overflows");
        let mut left = unused;
        let last = self.shares.len().saturating_sub(1);
        for (index, share) in self.shares.iter().enumerate() {
            let part = if index == last {
                left
            } else {
                let part = u128::from(unused.as_gas())
                    .checked_mul(u128::from(share.weight))
                    .and_then(|product| product.checked_div(total))
                    .ok_or_else(overflow)?;
                Gas::from_gas(u64::try_from(part).map_err(|_| overflow())?)
            };
            left = left.checked_sub(part).ok_or_else(overflow)?;
            let draft = self.receipts.get_mut(share.receipt);
            let action = draft.and_then(|draft| draft.actions.get_mut(share.action));
            let Some(Action::FunctionCall(call)) = action else {
                return Err(Fault::new("a share of gas for something that is not a call"));
            };
            call.gas = call.gas.checked_add(part).ok_or_else(overflow)?;
        }
        Ok(unused)
    }

    /// The data that the yields of this call wait for, in the order in which they were made.
    pub(crate) fn yielded(&self) -> Vec<CryptoHash> {
        let yields = self.receipts.iter().filter(|draft| draft.waits_for_resume);
        yields.filter_map(|draft| draft.input_data_ids.first().copied()).collect()
    }

    /// The finished receipts, sent by `account` on behalf of the signer of `parent`. Those with
    /// actions come first, in the order in which they were made.
    pub(crate) fn into_receipts(
        self,
        account: &AccountId,
        parent: &VersionedActionReceipt<'_>,
    ) -> Result<Vec<Receipt>, Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let receipt = |receiver_id: AccountId, receipt: ReceiptEnum| {
            Receipt::V0(ReceiptV0 {
                predecessor_id: account.clone(),
                receiver_id,
                receipt_id: CryptoHash::default(),
                receipt,
            })
        };
        let with_actions = self.receipts.into_iter().map(|draft| {
            let action = ActionReceiptV2 {
                signer_id: parent.signer_id().clone(),
                refund_to: draft.refund_to,
                signer_public_key: parent.signer_public_key().clone(),
                gas_price: parent.gas_price(),
                output_data_receivers: draft.output_data_receivers,
                input_data_ids: draft.input_data_ids,
                actions: draft.actions,
            };
            let kind = if draft.waits_for_resume {
                ReceiptEnum::PromiseYieldV2(action)
            } else {
                ReceiptEnum::ActionV2(action)
            };
            receipt(draft.receiver, kind)
        });
        let resumed = self
            .resumed
            .into_iter()
            .map(|data| receipt(account.clone(), ReceiptEnum::PromiseResume(data)));
        Ok(with_actions.chain(resumed).collect())
    }

    fn push(
        &mut self,
        receiver: AccountId,
        input_data_ids: Vec<CryptoHash>,
        waits_for_resume: bool,
    ) -> ReceiptIndex {
        let index = u64::try_from(self.receipts.len()).unwrap_or(u64::MAX);
        self.receipts.push(Draft {
            receiver,
            refund_to: None,
            output_data_receivers: Vec::new(),
            input_data_ids,
            actions: Vec::new(),
            waits_for_resume,
        });
        ReceiptIndex(index)
    }

    fn draft(&mut self, receipt: ReceiptIndex) -> Option<&mut Draft> {
        self.receipts.get_mut(usize::try_from(receipt.0).ok()?)
    }

    fn report(&mut self, what: &str) {
        self.fault.get_or_insert_with(|| Fault::new(what));
    }
}

/// NEAR's form of an action; `None` for what does not decode, though the host checked it. Actions that
/// this runtime cannot run become receipts all the same: `validate` refuses those.
fn near_action(action: HostAction) -> Option<Action> {
    Some(match action {
        HostAction::CreateAccount => Action::CreateAccount(CreateAccountAction {}),
        HostAction::DeployContract { code } => {
            Action::DeployContract(DeployContractAction { code })
        }
        HostAction::FunctionCall { method_name, args, deposit, gas, .. } => {
            Action::FunctionCall(Box::new(FunctionCallAction {
                method_name,
                args,
                gas: Gas::from_gas(gas.units()),
                deposit: Balance::from_yoctonear(deposit),
            }))
        }
        HostAction::Transfer { deposit } => {
            Action::Transfer(TransferAction { deposit: Balance::from_yoctonear(deposit) })
        }
        HostAction::Stake { stake, public_key } => Action::Stake(Box::new(StakeAction {
            stake: Balance::from_yoctonear(stake),
            public_key: near_key(&public_key)?,
        })),
        HostAction::AddKey { public_key, nonce, permission } => {
            add_key(&public_key, nonce, near_permission(permission))?
        }
        HostAction::DeleteKey { public_key } => {
            Action::DeleteKey(Box::new(DeleteKeyAction { public_key: near_key(&public_key)? }))
        }
        HostAction::DeleteAccount { beneficiary_id } => {
            let beneficiary_id = beneficiary_id.parse().ok()?;
            Action::DeleteAccount(DeleteAccountAction { beneficiary_id })
        }
        HostAction::DeployGlobalContract { code, mode } => {
            let deploy_mode = match mode {
                DeployMode::CodeHash => GlobalContractDeployMode::CodeHash,
                DeployMode::AccountId => GlobalContractDeployMode::AccountId,
            };
            Action::DeployGlobalContract(DeployGlobalContractAction {
                code: code.into(),
                deploy_mode,
            })
        }
        HostAction::UseGlobalContract { contract } => {
            let contract_identifier = near_contract(contract)?;
            Action::UseGlobalContract(Box::new(UseGlobalContractAction { contract_identifier }))
        }
        HostAction::DeterministicStateInit { contract, deposit } => {
            let (code, data) = (near_contract(contract)?, BTreeMap::new());
            let state_init =
                DeterministicAccountStateInit::V1(DeterministicAccountStateInitV1 { code, data });
            let deposit = Balance::from_yoctonear(deposit);
            Action::DeterministicStateInit(Box::new(DeterministicStateInitAction {
                state_init,
                deposit,
            }))
        }
        HostAction::UniversalStateInit { state_init, deposit } => {
            Action::UniversalStateInit(Box::new(UniversalStateInitAction {
                state_init: RawStateInit(state_init),
                deposit: Balance::from_yoctonear(deposit),
            }))
        }
        HostAction::TransferToGasKey { public_key, deposit } => {
            Action::TransferToGasKey(Box::new(TransferToGasKeyAction {
                public_key: near_key(&public_key)?,
                deposit: Balance::from_yoctonear(deposit),
            }))
        }
        HostAction::AddGasKey { public_key, num_nonces, permission } => {
            let info = GasKeyInfo { balance: Balance::ZERO, num_nonces };
            let permission = match near_permission(permission) {
                AccessKeyPermission::FunctionCall(calls) => {
                    AccessKeyPermission::GasKeyFunctionCall(info, calls)
                }
                _ => AccessKeyPermission::GasKeyFullAccess(info),
            };
            add_key(&public_key, 0, permission)?
        }
    })
}

fn add_key(key: &HostKey, nonce: u64, permission: AccessKeyPermission) -> Option<Action> {
    let access_key = AccessKey { nonce, permission };
    Some(Action::AddKey(Box::new(AddKeyAction { public_key: near_key(key)?, access_key })))
}

fn near_contract(contract: ContractId) -> Option<GlobalContractIdentifier> {
    Some(match contract {
        ContractId::CodeHash(hash) => GlobalContractIdentifier::CodeHash(CryptoHash(hash)),
        ContractId::AccountId(id) => GlobalContractIdentifier::AccountId(id.parse().ok()?),
    })
}

fn near_key(key: &HostKey) -> Option<PublicKey> {
    borsh::from_slice(key.as_bytes()).ok()
}

fn near_permission(permission: Permission) -> AccessKeyPermission {
    match permission {
        Permission::FullAccess => AccessKeyPermission::FullAccess,
        Permission::FunctionCall { allowance, receiver_id, method_names } => {
            AccessKeyPermission::FunctionCall(FunctionCallPermission {
                allowance: allowance.map(Balance::from_yoctonear),
                receiver_id,
                method_names,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state_init(outbox: &mut Outbox, receipt: ReceiptIndex) -> u64 {
        let contract = ContractId::AccountId("code.near".to_owned());
        outbox.append(receipt, HostAction::DeterministicStateInit { contract, deposit: 7 })
    }

    #[test]
    fn data_goes_to_the_state_init_that_is_named_and_only_once() {
        let mut outbox = Outbox::default();
        let receiver: AccountId = "bob.near".parse().expect("an id");
        let receipt = outbox.create(receiver, &[], Vec::new()).expect("nothing to wait for");
        outbox.append(receipt, HostAction::CreateAccount);
        let (first, second) = (state_init(&mut outbox, receipt), state_init(&mut outbox, receipt));
        assert_eq!((first, second), (1, 2));
        let mut set = |receipt, action| {
            outbox.set_state_init_entry(receipt, action, b"key".to_vec(), b"value".to_vec())
        };
        assert_eq!(set(receipt, second), Ok(()));
        assert_eq!(set(receipt, second), Err(InvalidEntry::AlreadySet));
        for action in [0, 3, u64::MAX] {
            assert_eq!(set(receipt, action), Err(InvalidEntry::NoSuchAction));
        }
        assert_eq!(set(ReceiptIndex(1), second), Err(InvalidEntry::NoSuchAction));

        let data: Vec<usize> = outbox.receipts[0]
            .actions
            .iter()
            .filter_map(|action| match action {
                Action::DeterministicStateInit(init) => Some(init.state_init.data().len()),
                _ => None,
            })
            .collect();
        assert_eq!(data, [0, 1]);
    }
}
