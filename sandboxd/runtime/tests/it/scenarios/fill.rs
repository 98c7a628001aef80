//! Fills in what a scenario names: keys by their seeds, code and hashes of contracts, formulas.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use near_primitives::utils::{derive_eth_implicit_account_id, derive_near_implicit_account_id};
use near_primitives::views::ActionView;
use sandbox_runtime::near::{
    Action, Balance, CryptoHash, DelegateAction, DeterministicAccountStateInit,
    DeterministicAccountStateInitV1, DeterministicStateInitAction, GlobalContractIdentifier,
    InMemorySigner, KeyType, NonDelegateAction, PublicKey, RawStateInit, SignedDelegateAction,
    Signer, UniversalStateInit, UniversalStateInitAction, UniversalStateInitV1,
    derive_near_deterministic_account_id, derive_universal_account_id,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::format::{Contract, StateInit};
use super::formula::Scope;
use super::script;

pub(super) struct Filler<'a> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) contracts: &'a BTreeMap<String, Contract>,
    pub(super) state_inits: &'a BTreeMap<String, StateInit>,
}

impl Filler<'_> {
    pub(super) fn formula(&self, formula: &str) -> Result<u128, String> {
        self.scope.evaluate(formula)
    }

    /// `text` with each `${…}` replaced.
    pub(super) fn text(&self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            let (inside, after) = behind.split_once('}').ok_or("a } is missing")?;
            filled.push_str(before);
            filled.push_str(&self.value_of(inside)?);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn value_of(&self, inside: &str) -> Result<String, String> {
        let (kind, rest) = inside.split_once(' ').ok_or_else(|| format!("no value {inside:?}"))?;
        Ok(match kind {
            "key" => self.key(rest)?.public_key().to_string(),
            "code" => to_base64(&self.code(rest)?),
            "hash" => CryptoHash::hash_bytes(&self.code(rest)?).to_string(),
            "base64" => to_base64(rest.as_bytes()),
            "repeat" => {
                let (text, times) = rest.split_once(' ').ok_or("repeat what?")?;
                let times = usize::try_from(self.formula(times)?).map_err(|_| "too often")?;
                text.repeat(times)
            }
            "implicit" => match self.key(rest)?.public_key() {
                PublicKey::ED25519(key) => derive_near_implicit_account_id(&key).to_string(),
                key => return Err(format!("{key} names no account")),
            },
            "eth" => match self.key(&format!("secp256k1:{rest}"))?.public_key() {
                PublicKey::SECP256K1(key) => derive_eth_implicit_account_id(&key).to_string(),
                key => return Err(format!("{key} names no account")),
            },
            "account" => match self.state_init(rest)? {
                Init::Deterministic(init) => {
                    derive_near_deterministic_account_id(&init).to_string()
                }
                Init::Universal(raw) => derive_universal_account_id(&raw).to_string(),
            },
            "=" => self.formula(rest)?.to_string(),
            _ => return Err(format!("no value {inside:?}")),
        })
    }

    /// `value` with all texts filled; `"= formula"` becomes decimal digits, `"# formula"` a number.
    pub(super) fn value(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => {
                if let Some(formula) = text.strip_prefix("= ") {
                    Value::String(self.formula(formula)?.to_string())
                } else if let Some(formula) = text.strip_prefix("# ") {
                    let number = self.formula(formula)?;
                    Value::from(u64::try_from(number).map_err(|error| error.to_string())?)
                } else {
                    Value::String(self.text(text)?)
                }
            }
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => {
                let mut filled = Map::new();
                for (name, field) in fields {
                    filled.insert(self.text(name)?, self.value(field)?);
                }
                Value::Object(filled)
            }
            other => other.clone(),
        })
    }

    /// The key that a seed gives: ed25519, unless the seed names another kind before a colon.
    pub(super) fn key(&self, seed: &str) -> Result<Signer, String> {
        self.signer("any", seed)
    }

    pub(super) fn signer(&self, account: &str, seed: &str) -> Result<Signer, String> {
        let seed = self.text(seed)?;
        let (kind, seed) = match seed.split_once(':') {
            Some(("secp256k1", seed)) => (KeyType::SECP256K1, seed),
            Some(("ml-dsa-65", seed)) => (KeyType::MLDSA65, seed),
            Some(_) => return Err(format!("no key {seed:?}")),
            None => (KeyType::ED25519, seed.as_str()),
        };
        let account = self.text(account)?.parse().map_err(|error| format!("{error}"))?;
        Ok(InMemorySigner::from_seed(account, kind, seed))
    }

    /// The code of a contract of the scenario.
    pub(super) fn code(&self, name: &str) -> Result<Vec<u8>, String> {
        match self.contracts.get(name).ok_or_else(|| format!("no contract {name:?}"))? {
            Contract::Script(methods) => script::wasm(methods, self),
            Contract::Wat(text) => wat::parse_str(text).map_err(|error| error.to_string()),
            Contract::Fixture(name) => Ok(fixtures::wasm(name).to_vec()),
            Contract::Bytes(length) => Ok(vec![0; *length]),
        }
    }

    /// The actions of a transaction, as neard shows them; `{"Wish": …}` is a delegate action that is
    /// signed here, `{"Repeat": [n, action]}` is an action n times, and `{"StateInit": [name, deposit]}`
    /// installs a state of the scenario.
    pub(super) fn actions(&self, actions: &[Value]) -> Result<Vec<Action>, String> {
        let mut filled = Vec::new();
        for action in actions {
            if let Some(wish) = action.get("Wish") {
                let wish = Wish::deserialize(wish).map_err(|error| error.to_string())?;
                filled.push(self.delegate(&wish)?);
            } else if let Some(init) = action.get("StateInit") {
                let (name, deposit) =
                    <(String, String)>::deserialize(init).map_err(|error| error.to_string())?;
                filled.push(self.install(&name, &deposit)?);
            } else if let Some(repeat) = action.get("Repeat") {
                let (times, action) =
                    <(usize, Value)>::deserialize(repeat).map_err(|error| error.to_string())?;
                let action = self.actions(&[action])?;
                filled.extend(std::iter::repeat_n(action, times).flatten());
            } else {
                let action = self.value(action)?;
                let view = ActionView::deserialize(&action)
                    .map_err(|error| format!("action {action}: {error}"))?;
                filled.push(Action::try_from(view).map_err(|error| error.to_string())?);
            }
        }
        Ok(filled)
    }

    fn state_init(&self, name: &str) -> Result<Init, String> {
        let code = |name: &String| -> Result<_, String> {
            Ok(GlobalContractIdentifier::CodeHash(CryptoHash::hash_bytes(&self.code(name)?)))
        };
        let entries = |data: &BTreeMap<String, String>| -> Result<BTreeMap<_, _>, String> {
            let bytes = |text: &str| self.text(text).map(String::into_bytes);
            data.iter().map(|(key, value)| Ok((bytes(key)?, bytes(value)?))).collect()
        };
        Ok(match self.state_inits.get(name).ok_or_else(|| format!("no state init {name:?}"))? {
            StateInit::Deterministic { contract, data } => {
                let init =
                    DeterministicAccountStateInitV1 { code: code(contract)?, data: entries(data)? };
                Init::Deterministic(DeterministicAccountStateInit::V1(init))
            }
            StateInit::Raw(text) => Init::Universal(RawStateInit(self.text(text)?.into_bytes())),
            StateInit::Universal { contract, data, keys, more_entries, more_keys } => {
                let more_keys = (0..*more_keys).map(|seed| seed.to_string());
                let access_keys = keys
                    .iter()
                    .cloned()
                    .chain(more_keys)
                    .map(|seed| Ok((&self.key(&seed)?.public_key()).into()))
                    .collect::<Result<_, String>>()?;
                let mut data = entries(data)?;
                data.extend((0..*more_entries).map(|key| (key.to_be_bytes().to_vec(), Vec::new())));
                let code = contract.as_ref().map(code).transpose()?;
                let init = UniversalStateInitV1 { code, data, access_keys };
                Init::Universal(UniversalStateInit::V1(init).to_raw())
            }
        })
    }

    /// The bytes of a state init that are paid for.
    pub(super) fn state_init_bytes(&self, name: &str) -> Result<usize, String> {
        Ok(match self.state_init(name)? {
            Init::Deterministic(init) => init.len_bytes(),
            Init::Universal(raw) => raw.0.len(),
        })
    }

    fn install(&self, name: &str, deposit: &str) -> Result<Action, String> {
        let deposit = Balance::from_yoctonear(self.formula(deposit)?);
        Ok(match self.state_init(name)? {
            Init::Deterministic(state_init) => {
                let action = DeterministicStateInitAction { state_init, deposit };
                Action::DeterministicStateInit(Box::new(action))
            }
            Init::Universal(state_init) => {
                let action = UniversalStateInitAction { state_init, deposit };
                Action::UniversalStateInit(Box::new(action))
            }
        })
    }

    fn delegate(&self, wish: &Wish) -> Result<Action, String> {
        let key = wish.key.as_ref().unwrap_or(&wish.sender);
        let number = |formula: &str| {
            u64::try_from(self.formula(formula)?).map_err(|error| error.to_string())
        };
        let id = |id: &str| self.text(id)?.parse().map_err(|error| format!("{error}"));
        let actions = self.actions(&wish.actions)?.into_iter().map(NonDelegateAction::try_from);
        let delegate_action = DelegateAction {
            sender_id: id(&wish.sender)?,
            receiver_id: id(&wish.receiver)?,
            actions: actions.collect::<Result<_, _>>().map_err(|_| "a wish within a wish")?,
            nonce: number(&wish.nonce)?,
            max_block_height: number(&wish.max_block_height)?,
            public_key: self.key(key)?.public_key(),
        };
        let signer = self.key(wish.signed_by.as_ref().unwrap_or(key))?;
        let signature = signer.sign(delegate_action.get_nep461_hash().as_bytes());
        Ok(Action::Delegate(Box::new(SignedDelegateAction { delegate_action, signature })))
    }
}

enum Init {
    Deterministic(DeterministicAccountStateInit),
    Universal(RawStateInit),
}

/// A delegate action before it is signed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    sender: String,
    receiver: String,
    actions: Vec<Value>,
    nonce: String,
    max_block_height: String,
    key: Option<String>,
    signed_by: Option<String>,
}

pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn from_base64(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| error.to_string())
}
