//! What is written over the state from outside of any transaction: lists of records, and single
//! changes of accounts. Each makes a block of its own: what waits for a block goes on waiting.

use near_crypto::{KeyType, PublicKey, SecretKey};
use near_primitives::account::{AccessKey, AccessKeyPermission, Account, AccountContract};
use near_primitives::action::GlobalContractIdentifier;
use near_primitives::state_record::StateRecord;
use near_primitives::types::validator_stake::ValidatorStake;
use near_primitives::types::{AccountId, Balance, Nonce, NonceIndex};
use sandbox_runtime::patch::{
    Deletion, Edits, InvalidPatch, InvalidRecord, Patch, PatchRecord, initial_nonce,
};
use sandbox_runtime::{BlockEnv, RuntimeFault, tree, view};

use super::produce::Step;
use super::{Answer, Chain, EditFailed, Node, PatchFailed, Produced};

/// What [`Chain::create_account`] gives an account if nothing else is said.
pub const NEW_ACCOUNT_BALANCE: Balance = Balance::from_near(100);

/// Which contract an account has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// None.
    Removed,
    /// One of its own: this wasm.
    Own(Vec<u8>),
    /// One that is deployed for everybody.
    Global(GlobalContractIdentifier),
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its name.
    pub account_id: AccountId,
    /// What it holds.
    pub balance: Balance,
    /// Its full access keys. Without any it gets the one that [`SecretKey::from_seed`] derives from
    /// its name, as the accounts of a localnet have it.
    pub keys: Vec<PublicKey>,
    /// Its contract.
    pub code: Code,
}

impl Chain {
    /// Writes `records` over the state, all or none, by the end of a block that is made for them.
    pub fn patch(
        &mut self,
        records: impl IntoIterator<Item: Into<PatchRecord>>,
    ) -> Result<Produced, PatchFailed> {
        let write = |edits: &mut Edits<'_>| -> Result<(), PatchFailed> {
            for record in records {
                edits.write(record.into())??;
            }
            Ok(())
        };
        let ((), produced) = self.edit(|edits, _| write(edits))?;
        Ok(produced)
    }

    /// Lets the account `id` hold `amount`, beside what it has staked.
    pub fn set_balance(&mut self, id: &AccountId, amount: Balance) -> Result<Produced, EditFailed> {
        self.edit_account(id, |account| {
            account.set_amount(amount);
            Ok(())
        })
    }

    /// Gives the account `id` tokens that nobody had before, and returns what it holds then.
    pub fn fund(
        &mut self,
        id: &AccountId,
        amount: Balance,
    ) -> Result<(Balance, Produced), EditFailed> {
        let mut held = Balance::ZERO;
        let produced = self.edit_account(id, |account| {
            let sum = account.amount().checked_add(amount);
            held = sum.ok_or(PatchFailed::Records(InvalidPatch::BalanceOverflow))?;
            account.set_amount(held);
            Ok(())
        })?;
        Ok((held, produced))
    }

    /// Gives the account `id` another contract, or none.
    pub fn set_code(&mut self, id: &AccountId, code: Code) -> Result<Produced, EditFailed> {
        let ((), produced) = self.edit(|edits, _| {
            existing(edits, id)?;
            put_code(edits, id, code)
        })?;
        Ok(produced)
    }

    /// Gives the account `id` an access key, in place of the same key with other permissions. Without
    /// a `nonce` that of the key it replaces stays, and a new key has that which adding it by a
    /// transaction would give it. A gas key has it as each of its nonces.
    pub fn set_access_key(
        &mut self,
        id: &AccountId,
        public_key: &PublicKey,
        permission: AccessKeyPermission,
        nonce: Option<Nonce>,
    ) -> Result<Produced, EditFailed> {
        let ((), produced) = self.edit(|edits, env| {
            existing(edits, id)?;
            let before = tree::access_key(&mut edits.state(), id, public_key)?;
            let kept = before.map(|key| key.nonce).filter(|nonce| *nonce > 0);
            let nonce = nonce.or(kept).unwrap_or_else(|| initial_nonce(env.height));
            put_key(edits, id, public_key, AccessKey { nonce, permission })
        })?;
        Ok(produced)
    }

    /// Takes an access key from the account `id`. Does no harm if it has no such key.
    pub fn delete_access_key(
        &mut self,
        id: &AccountId,
        public_key: &PublicKey,
    ) -> Result<Produced, EditFailed> {
        let (account_id, public_key) = (id.clone(), public_key.into());
        self.edit_record(id, Deletion::AccessKey { account_id, public_key }.into())
    }

    /// Writes what the contract of the account `id` has stored under `key`, or removes it.
    pub fn set_data(
        &mut self,
        id: &AccountId,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
    ) -> Result<Produced, EditFailed> {
        let account_id = id.clone();
        let record = match value {
            Some(value) => {
                StateRecord::Data { account_id, data_key: key.into(), value: value.into() }.into()
            }
            None => Deletion::Data { account_id, data_key: key }.into(),
        };
        self.edit_record(id, record)
    }

    /// Makes an account out of nothing, of whatever name. Returns the key that was derived for it, if
    /// it was given none.
    pub fn create_account(
        &mut self,
        new: NewAccount,
    ) -> Result<(Option<SecretKey>, Produced), EditFailed> {
        let NewAccount { account_id: id, balance, mut keys, code } = new;
        let derived = keys.is_empty().then(|| SecretKey::from_seed(KeyType::ED25519, id.as_str()));
        keys.extend(derived.as_ref().map(SecretKey::public_key));
        let ((), produced) = self.edit(|edits, env| {
            if edits.account(&id)?.is_some() {
                return Err(EditFailed::AccountExists { account_id: id.clone() });
            }
            edits
                .set_account(&id, Account::new(balance, Balance::ZERO, AccountContract::None, 0))?;
            for key in &keys {
                let permission = AccessKeyPermission::FullAccess;
                let nonce = initial_nonce(env.height);
                put_key(edits, &id, key, AccessKey { nonce, permission })?;
            }
            if code == Code::Removed { Ok(()) } else { put_code(edits, &id, code) }
        })?;
        Ok((derived, produced))
    }

    /// Removes the account `id` with its keys, its code and its data. What it held is gone.
    pub fn delete_account(&mut self, id: &AccountId) -> Result<Produced, EditFailed> {
        self.edit_record(id, Deletion::Account { account_id: id.clone() }.into())
    }

    /// Writes a record of the account `id`, which has to exist.
    fn edit_record(&mut self, id: &AccountId, record: PatchRecord) -> Result<Produced, EditFailed> {
        let ((), produced) = self.edit(|edits, _| {
            existing(edits, id)?;
            put(edits, record)
        })?;
        Ok(produced)
    }

    fn edit_account(
        &mut self,
        id: &AccountId,
        change: impl FnOnce(&mut Account) -> Result<(), EditFailed>,
    ) -> Result<Produced, EditFailed> {
        let ((), produced) = self.edit(|edits, _| {
            let mut account = existing(edits, id)?;
            change(&mut account)?;
            edits.set_account(id, account)?;
            Ok::<_, EditFailed>(())
        })?;
        Ok(produced)
    }

    /// Makes a block that has nothing but what `edit` writes, and is told of the block. What waits for
    /// a block goes on waiting: when it runs is the caller's choice.
    pub(super) fn edit<T, E: From<PatchFailed>>(
        &mut self,
        edit: impl FnOnce(&mut Edits<'_>, &BlockEnv) -> Result<T, E>,
    ) -> Result<(T, Produced), E> {
        let step = self.step_without_work().map_err(PatchFailed::from)?;
        let mut edits = Edits::new(self.runtime.config().near(), &step.state);
        let result = edit(&mut edits, &step.env)?;
        let patch = edits.finish().map_err(PatchFailed::from)?.map_err(PatchFailed::from)?;
        let step = patched(step, patch)?;
        Ok((result, self.commit(step)))
    }
}

/// The same on a running chain: what is answered is done and can be seen.
impl Node {
    /// As [`Chain::patch`].
    pub fn patch<R: Into<PatchRecord>>(
        &self,
        records: impl IntoIterator<Item = R> + Send + 'static,
    ) -> Answer<Result<(), PatchFailed>> {
        self.change(move |chain| chain.patch(records).map(|made| ((), vec![made])))
    }

    /// As [`Chain::set_balance`].
    pub fn set_balance(&self, id: AccountId, amount: Balance) -> Answer<Result<(), EditFailed>> {
        self.change(move |chain| chain.set_balance(&id, amount).map(only))
    }

    /// As [`Chain::fund`].
    pub fn fund(&self, id: AccountId, amount: Balance) -> Answer<Result<Balance, EditFailed>> {
        self.change(move |chain| chain.fund(&id, amount).map(|(held, made)| (held, vec![made])))
    }

    /// As [`Chain::set_code`].
    pub fn set_code(&self, id: AccountId, code: Code) -> Answer<Result<(), EditFailed>> {
        self.change(move |chain| chain.set_code(&id, code).map(only))
    }

    /// As [`Chain::set_access_key`].
    pub fn set_access_key(
        &self,
        id: AccountId,
        public_key: PublicKey,
        permission: AccessKeyPermission,
        nonce: Option<Nonce>,
    ) -> Answer<Result<(), EditFailed>> {
        self.change(move |chain| {
            chain.set_access_key(&id, &public_key, permission, nonce).map(only)
        })
    }

    /// As [`Chain::delete_access_key`].
    pub fn delete_access_key(
        &self,
        id: AccountId,
        public_key: PublicKey,
    ) -> Answer<Result<(), EditFailed>> {
        self.change(move |chain| chain.delete_access_key(&id, &public_key).map(only))
    }

    /// As [`Chain::set_data`].
    pub fn set_data(
        &self,
        id: AccountId,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
    ) -> Answer<Result<(), EditFailed>> {
        self.change(move |chain| chain.set_data(&id, key, value).map(only))
    }

    /// As [`Chain::create_account`].
    pub fn create_account(&self, new: NewAccount) -> Answer<Result<Option<SecretKey>, EditFailed>> {
        self.change(|chain| chain.create_account(new).map(|(key, made)| (key, vec![made])))
    }

    /// As [`Chain::delete_account`].
    pub fn delete_account(&self, id: AccountId) -> Answer<Result<(), EditFailed>> {
        self.change(move |chain| chain.delete_account(&id).map(only))
    }
}

/// The answer to a change that made this block and has nothing else to tell.
fn only(made: Produced) -> ((), Vec<Produced>) {
    ((), vec![made])
}

/// The block of `step` with `patch` over its state.
fn patched(mut step: Step, mut patch: Patch) -> Result<Step, PatchFailed> {
    for (account_id, account) in std::mem::take(&mut patch.accounts) {
        let locked = account.as_ref().map(Account::locked).unwrap_or_default();
        let proposed = step.effects.proposals.iter().rev();
        let proposed = proposed.filter(|stake| *stake.account_id() == account_id);
        let proposed = proposed.map(ValidatorStake::stake).next().unwrap_or_default();
        let staked = step.staking.at_stake(&account_id).max(proposed);
        match account {
            Some(account) if locked < staked => patch.lock(&account_id, account, staked)?,
            None if locked < staked => return Err(PatchFailed::AtStake { account_id, staked }),
            _ => {}
        }
    }
    let supply = step.total_supply.checked_add(patch.added);
    let supply = supply.and_then(|supply| supply.checked_sub(patch.removed));
    step.total_supply = supply.ok_or(InvalidPatch::BalanceOverflow)?;
    step.state = step.state.apply(&patch.changes).map_err(RuntimeFault::from)?;
    step.patch = patch.changes;
    Ok(step)
}

fn existing(edits: &mut Edits<'_>, id: &AccountId) -> Result<Account, EditFailed> {
    let account = edits.account(id)?.cloned();
    account.ok_or_else(|| EditFailed::UnknownAccount { account_id: id.clone() })
}

/// Writes a record of a change that has no list of them.
fn put(edits: &mut Edits<'_>, record: PatchRecord) -> Result<(), EditFailed> {
    edits.write(record)?.map_err(|error| match error {
        InvalidPatch::Record {
            source: InvalidRecord::Uninitialized { account_id, .. }, ..
        } => EditFailed::Uninitialized { account_id },
        other => PatchFailed::from(other).into(),
    })
}

fn put_code(edits: &mut Edits<'_>, id: &AccountId, code: Code) -> Result<(), EditFailed> {
    let account_id = id.clone();
    let global = match code {
        Code::Own(code) => return put(edits, StateRecord::Contract { account_id, code }.into()),
        Code::Removed => return put(edits, Deletion::Contract { account_id }.into()),
        Code::Global(identifier) => identifier,
    };
    if view::global_code(edits.state(), &global)?.is_none() {
        return Err(EditFailed::UnknownGlobalContract { identifier: global });
    }
    put(edits, Deletion::Contract { account_id }.into())?;
    let mut account = existing(edits, id)?;
    let contract = match global {
        GlobalContractIdentifier::CodeHash(hash) => AccountContract::Global(hash),
        GlobalContractIdentifier::AccountId(owner) => AccountContract::GlobalByAccount(owner),
    };
    if account.set_contract(contract).is_err() {
        return Err(EditFailed::Uninitialized { account_id: id.clone() });
    }
    edits.set_account(id, account)?;
    Ok(())
}

fn put_key(
    edits: &mut Edits<'_>,
    id: &AccountId,
    public_key: &PublicKey,
    mut access_key: AccessKey,
) -> Result<(), EditFailed> {
    let (account_id, handle) = (id.clone(), public_key.into());
    // The nonces of another gas key in its place must not stay.
    put(
        edits,
        Deletion::AccessKey { account_id: id.clone(), public_key: public_key.into() }.into(),
    )?;
    if let Some(info) = access_key.gas_key_info() {
        let nonce = access_key.nonce;
        for index in 0..info.num_nonces {
            put(edits, gas_key_nonce(id, public_key, index, nonce).into())?;
        }
        access_key.nonce = 0;
    }
    put(edits, StateRecord::AccessKey { account_id, public_key: handle, access_key }.into())
}

fn gas_key_nonce(
    id: &AccountId,
    public_key: &PublicKey,
    index: NonceIndex,
    nonce: Nonce,
) -> StateRecord {
    let (account_id, public_key) = (id.clone(), public_key.into());
    StateRecord::GasKeyNonce { account_id, public_key, index, nonce }
}
