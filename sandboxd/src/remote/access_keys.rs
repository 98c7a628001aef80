//! The access keys of an account, and the nonces of its gas keys.

use near_crypto::PublicKeyHandle;
use near_primitives::account::AccessKey;
use near_primitives::types::{AccountId, Nonce};
use near_primitives::views::{AccessKeyList, AccessKeyView, GasKeyNoncesView};
use serde::Deserialize;
use serde_json::json;

use super::Remote;
use super::client::Unread;
use super::error::RemoteError;
use super::pinned::read;

/// As many as nodes list at once.
const PAGE: u32 = 100;

/// A key, or the error that nodes tell as a result.
#[derive(Deserialize)]
#[serde(untagged)]
enum MaybeKey {
    Key(AccessKeyView),
    Absent { error: String },
}

impl Remote {
    /// The access key of `id` with this handle, if there is one.
    pub fn access_key(
        &self,
        id: &AccountId,
        key: &PublicKeyHandle,
    ) -> Result<Option<AccessKey>, RemoteError> {
        if matches!(key, PublicKeyHandle::MlDsa65(_)) {
            // Such a key is asked for as a whole, of which the handle is a hash.
            let keys = self.access_keys(id)?;
            return Ok(keys.into_iter().find(|(found, _)| found == key).map(|(_, key)| key));
        }
        let params = json!({
            "request_type": "view_access_key", "account_id": id, "public_key": key,
        });
        let found = self.query(params, "UNKNOWN_ACCESS_KEY", |result| match read(result)? {
            MaybeKey::Key(key) => Ok(Some(key)),
            MaybeKey::Absent { error } if error.contains("does not exist") => Ok(None),
            MaybeKey::Absent { error } => Err(Unread::Wrong(error)),
        })?;
        Ok(found.flatten().map(AccessKey::from))
    }

    /// All access keys of `id`.
    pub fn access_keys(
        &self,
        id: &AccountId,
    ) -> Result<Vec<(PublicKeyHandle, AccessKey)>, RemoteError> {
        let mut keys: Vec<(PublicKeyHandle, AccessKey)> = Vec::new();
        let mut after: Option<PublicKeyHandle> = None;
        loop {
            let mut params = json!({
                "request_type": "view_access_key_list", "account_id": id, "limit": PAGE,
            });
            if let (Some(after), Some(params)) = (&after, params.as_object_mut()) {
                params.insert("after_key".to_owned(), json!(after));
            }
            let page = self.query(params, "UNKNOWN_ACCOUNT", |result| {
                let page: AccessKeyList = read(result)?;
                let last = page.keys.last().map(|info| &info.public_key);
                if page.last_key.is_some()
                    && (page.last_key.as_ref() != last || page.last_key == after)
                {
                    return Err(Unread::Wrong("its last_key is not its last key".into()));
                }
                Ok(page)
            })?;
            let Some(page) = page else { return Ok(keys) };
            let page_keys = page.keys.into_iter();
            keys.extend(page_keys.map(|info| (info.public_key, info.access_key.into())));
            match page.last_key {
                None => return Ok(keys),
                last => after = last,
            }
        }
    }

    /// The nonces of the gas key of `id` with this handle, by their index; none, if it is no gas key.
    ///
    /// # Errors
    /// [`RemoteError::Unsupported`] for a key of which the chain stores only a hash.
    pub fn gas_key_nonces(
        &self,
        id: &AccountId,
        key: &PublicKeyHandle,
    ) -> Result<Vec<Nonce>, RemoteError> {
        if matches!(key, PublicKeyHandle::MlDsa65(_)) {
            let what = format!(
                "the nonces of the gas key {key} of {id} cannot be asked for: nodes want the whole \
                 key, and the chain has its hash only"
            );
            return Err(RemoteError::Unsupported { what });
        }
        let params = json!({
            "request_type": "view_gas_key_nonces", "account_id": id, "public_key": key,
        });
        let nonces: Option<GasKeyNoncesView> = self.query(params, "UNKNOWN_GAS_KEY", read)?;
        Ok(nonces.map(|view| view.nonces).unwrap_or_default())
    }
}
