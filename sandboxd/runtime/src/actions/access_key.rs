//! Access keys are added and removed.

use near_parameters::StorageUsageConfig;

use super::{ActionResult, Running, add_storage, remove_storage};
use crate::apply::Application;
use crate::fault::RuntimeFault;
use crate::near::{
    AccessKey, ActionErrorKind, AddKeyAction, BlockHeight, DeleteKeyAction, Nonce, NonceIndex,
    PublicKey,
};
use crate::tree;

/// The nonce of a key that a block of this height adds. It lies above all nonces of a key that was
/// deleted before, so that no old transaction becomes valid again.
pub fn initial_nonce(height: BlockHeight) -> Nonce {
    height.saturating_sub(1).saturating_mul(AccessKey::ACCESS_KEY_NONCE_RANGE_MULTIPLIER)
}

/// Bytes of storage that an access key takes, with the nonces of a gas key.
pub(crate) fn key_storage(
    config: &StorageUsageConfig,
    public_key: &PublicKey,
    access_key: &AccessKey,
) -> u64 {
    let size = borsh::object_length(access_key).unwrap_or(usize::MAX);
    let nonces = access_key.gas_key_info().map_or(0, |info| info.num_nonces);
    let nonce = record_storage(
        config,
        public_key.trie_id_len().saturating_add(size_of::<NonceIndex>()),
        AccessKey::NONCE_VALUE_LEN,
    );
    record_storage(config, public_key.trie_id_len(), size)
        .saturating_add(nonce.saturating_mul(u64::from(nonces)))
}

/// Bytes of storage that a record of the account takes: what names it there, its value, and NEAR's
/// allowance for the rest.
pub(crate) fn record_storage(config: &StorageUsageConfig, name: usize, value: usize) -> u64 {
    let bytes = u64::try_from(name.saturating_add(value)).unwrap_or(u64::MAX);
    config.num_extra_bytes_record.saturating_add(bytes)
}

impl Application<'_> {
    pub(super) fn add_key(
        &mut self,
        running: &mut Running<'_>,
        add: &AddKeyAction,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let account_id = running.account_id().clone();
        let AddKeyAction { public_key, access_key } = add;
        if tree::access_key(&mut self.state, &account_id, public_key)?.is_some() {
            let public_key = Box::new(public_key.clone());
            result.fail(ActionErrorKind::AddKeyAlreadyExists { account_id, public_key });
            return Ok(());
        }
        let mut access_key = access_key.clone();
        let nonce = initial_nonce(self.env.height);
        let nonces = access_key.gas_key_info().map_or(0, |info| info.num_nonces);
        // A gas key has its nonces in records of their own.
        access_key.nonce = if nonces == 0 { nonce } else { 0 };
        for index in 0..nonces {
            tree::set_gas_key_nonce(&mut self.state, &account_id, public_key, index, nonce);
        }
        let storage = &self.runtime.config().near().fees.storage_usage_config;
        add_storage(running.existing(), key_storage(storage, public_key, &access_key));
        tree::set_access_key(&mut self.state, &account_id, public_key, &access_key);
        Ok(())
    }

    pub(super) fn delete_key(
        &mut self,
        running: &mut Running<'_>,
        delete: &DeleteKeyAction,
        result: &mut ActionResult,
    ) -> Result<(), RuntimeFault> {
        let account_id = running.account_id().clone();
        let public_key = &delete.public_key;
        let Some(access_key) = tree::access_key(&mut self.state, &account_id, public_key)? else {
            let public_key = Box::new(public_key.clone());
            result.fail(ActionErrorKind::DeleteKeyDoesNotExist { account_id, public_key });
            return Ok(());
        };
        if let Some(info) = access_key.gas_key_info()
            && !self.delete_nonces(&account_id, public_key, info, result)?
        {
            return Ok(());
        }
        let storage = &self.runtime.config().near().fees.storage_usage_config;
        remove_storage(running.existing(), key_storage(storage, public_key, &access_key));
        tree::remove_access_key(&mut self.state, &account_id, public_key);
        Ok(())
    }
}
