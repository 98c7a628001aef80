//! Access keys are added and removed.

use near_parameters::StorageUsageConfig;

use super::{ActionResult, Running, add_storage, remove_storage};
use crate::apply::Application;
use crate::fault::RuntimeFault;
use crate::near::{
    AccessKey, ActionErrorKind, AddKeyAction, BlockHeight, DeleteKeyAction, Nonce, PublicKey,
};
use crate::tree;

/// The nonce of a key that a block of this height adds. It lies above all nonces of a key that was
/// deleted before, so that no old transaction becomes valid again.
pub(crate) fn initial_nonce(height: BlockHeight) -> Nonce {
    height.saturating_sub(1).saturating_mul(AccessKey::ACCESS_KEY_NONCE_RANGE_MULTIPLIER)
}

/// Bytes of storage that an access key takes.
pub(crate) fn key_storage(
    config: &StorageUsageConfig,
    public_key: &PublicKey,
    access_key: &AccessKey,
) -> u64 {
    let size = borsh::object_length(access_key).unwrap_or(usize::MAX);
    let bytes = public_key.trie_id_len().saturating_add(size);
    config.num_extra_bytes_record.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX))
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
        if tree::access_key(&self.state, &account_id, public_key)?.is_some() {
            let public_key = Box::new(public_key.clone());
            result.fail(ActionErrorKind::AddKeyAlreadyExists { account_id, public_key });
            return Ok(());
        }
        let mut access_key = access_key.clone();
        access_key.nonce = initial_nonce(self.env.height);
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
        let Some(access_key) = tree::access_key(&self.state, &account_id, public_key)? else {
            let public_key = Box::new(public_key.clone());
            result.fail(ActionErrorKind::DeleteKeyDoesNotExist { account_id, public_key });
            return Ok(());
        };
        let storage = &self.runtime.config().near().fees.storage_usage_config;
        remove_storage(running.existing(), key_storage(storage, public_key, &access_key));
        tree::remove_access_key(&mut self.state, &account_id, public_key);
        Ok(())
    }
}
