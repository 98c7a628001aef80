//! The data of contracts: a small contract's at once and with a proof, that of others by pages or by
//! single keys.

use near_primitives::serialize::to_base64;
use near_primitives::types::AccountId;
use near_primitives::views::ViewStateResult;
use serde_json::{Value, json};

use super::Remote;
use super::client::Unread;
use super::error::RemoteError;
use super::pinned::read;
use super::proof::check;
/// How a contract's data was asked for at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmallData {
    /// All of it: keys and values in the order of the keys.
    All(Vec<(Vec<u8>, Vec<u8>)>),
    /// It is more than the endpoints show at once.
    TooLarge,
}

/// A page of a contract's data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataPage {
    /// Keys and values in the order of the keys.
    pub records: Vec<(Vec<u8>, Vec<u8>)>,
    /// The last key, if more follow.
    pub last_key: Option<Vec<u8>>,
}

const NOTHING: ViewStateResult =
    ViewStateResult { values: Vec::new(), proof: Vec::new(), last_key: None };

const TOO_LARGE: &str = "TOO_LARGE_CONTRACT_STATE";

impl Remote {
    /// All data of the contract of `id`, proven if the endpoint can, unless it is too much to be shown
    /// at once.
    pub fn small_data(&self, id: &AccountId) -> Result<SmallData, RemoteError> {
        if self.large.lock().contains(id) {
            return Ok(SmallData::TooLarge);
        }
        if self.account(id)?.is_none() {
            return Ok(SmallData::All(Vec::new()));
        }
        let root = match self.roots()? {
            Some(roots) => roots.of(self.shard_of(id)?),
            None => None,
        };
        let mut params = view_state(id, &[]);
        if let Some(params) = params.as_object_mut() {
            params.insert("include_proof".to_owned(), json!(root.is_some()));
        }
        let listed = self.query(params, TOO_LARGE, |result| {
            let listed: ViewStateResult = read(result)?;
            if let Some(root) = root.filter(|_| !listed.proof.is_empty()) {
                check(root, id, &listed).map_err(|error| {
                    Unread::Wrong(format!("its proof does not fit the state root: {error}"))
                })?;
            }
            Ok(listed)
        })?;
        let Some(listed) = listed else {
            self.large.lock().insert(id.clone());
            return Ok(SmallData::TooLarge);
        };
        Ok(SmallData::All(records_of(listed)))
    }

    /// A page of the data of the contract of `id`: keys that begin with `prefix` and come behind
    /// `after`, which begins with it too; as many as an endpoint shows at once, or `limit`.
    ///
    /// # Errors
    /// [`RemoteError::TooLarge`] from nodes that know no pages.
    pub fn data_page(
        &self,
        id: &AccountId,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: u32,
    ) -> Result<DataPage, RemoteError> {
        let mut params = view_state(id, prefix);
        if let Some(params) = params.as_object_mut() {
            params.insert("limit".to_owned(), json!(limit));
            if let Some(after) = after {
                params.insert("after_key_base64".to_owned(), json!(to_base64(after)));
            }
        }
        let page = self.query(params, "", |result| {
            let page: ViewStateResult = read(result)?;
            let fits =
                |key: &[u8]| key.starts_with(prefix) && after.is_none_or(|after| key > after);
            let ascend = page.values.is_sorted_by(|a, b| a.key.as_slice() < b.key.as_slice());
            if !ascend || !page.values.iter().all(|item| fits(&item.key)) {
                return Err(Unread::Wrong("it has other keys than were asked for".into()));
            }
            let last = page.values.last().map(|item| item.key.as_slice());
            if page.last_key.is_some() && page.last_key.as_ref().map(|key| key.as_slice()) != last {
                return Err(Unread::Wrong("its last_key is not its last key".into()));
            }
            Ok(page)
        });
        match page {
            Ok(page) => {
                let page = page.unwrap_or(NOTHING);
                let last_key = page.last_key.as_ref().map(|key| key.to_vec());
                Ok(DataPage { records: records_of(page), last_key })
            }
            Err(error) if error.declined_as(TOO_LARGE) => {
                Err(RemoteError::TooLarge { account_id: id.clone() })
            }
            Err(error) => Err(error),
        }
    }

    /// What the contract of `id` holds at `key`.
    ///
    /// # Errors
    /// [`RemoteError::TooLarge`] from nodes that show nothing of large accounts.
    pub fn datum(&self, id: &AccountId, key: &[u8]) -> Result<Option<Vec<u8>>, RemoteError> {
        if self.account(id)?.is_none() {
            return Ok(None);
        }
        let page = self.data_page(id, key, None, 1)?;
        Ok(page.records.into_iter().find(|(found, _)| found == key).map(|(_, value)| value))
    }
}

fn view_state(id: &AccountId, prefix: &[u8]) -> Value {
    json!({ "request_type": "view_state", "account_id": id, "prefix_base64": to_base64(prefix) })
}

fn records_of(listed: ViewStateResult) -> Vec<(Vec<u8>, Vec<u8>)> {
    listed.values.into_iter().map(|item| (item.key.into(), item.value.into())).collect()
}
