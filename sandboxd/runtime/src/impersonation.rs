//! [`Impersonated`]: accounts that are acted for without their keys, which no NEAR chain has.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::near::AccountId;

/// Accounts whose transactions and delegated actions need no signature and no key. Nobody, unless
/// somebody says so. A clone shares the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impersonated {
    everyone: bool,
    accounts: Arc<BTreeSet<AccountId>>,
}

impl Impersonated {
    /// Whether `account` is acted for.
    pub fn includes(&self, account: &AccountId) -> bool {
        self.everyone || self.accounts.contains(account)
    }

    /// Whether every account is acted for, also those that are not in the list.
    pub fn is_everyone(&self) -> bool {
        self.everyone
    }

    /// Lets every account be acted for, or only those in the list.
    pub fn set_everyone(&mut self, everyone: bool) {
        self.everyone = everyone;
    }

    /// Puts `account` in the list.
    pub fn insert(&mut self, account: AccountId) {
        Arc::make_mut(&mut self.accounts).insert(account);
    }

    /// Takes `account` from the list. Whether it was in it.
    pub fn remove(&mut self, account: &AccountId) -> bool {
        self.accounts.contains(account) && Arc::make_mut(&mut self.accounts).remove(account)
    }

    /// The accounts in the list, in the order of their names.
    pub fn accounts(&self) -> impl Iterator<Item = &AccountId> {
        self.accounts.iter()
    }
}
