//! Tokens of a contract for whoever wants some. No standard says where a token keeps its balances, so
//! that they are looked for: among what `ft_balance_of` reads, the record that decides its answer.

use near_crypto::{InMemorySigner, KeyType, SecretKey};
use near_primitives::account::{AccessKey, Account, AccountContract};
use near_primitives::action::{Action, FunctionCallAction};
use near_primitives::state_record::StateRecord;
use near_primitives::transaction::{SignedTransaction, Transaction, TransactionV0};
use near_primitives::trie_key::TrieKey;
use near_primitives::types::{AccountId, Balance, Gas};
use near_primitives::utils::derive_near_implicit_account_id;
use near_primitives::views::FinalExecutionStatus;
use sandbox_runtime::patch::{Deletion, Edits};
use sandbox_runtime::view;
use sandbox_runtime::{BlockEnv, Runtime, RuntimeFault};
use sandbox_state::{ChangeSet, Snapshot};

use super::{Answer, Chain, EditFailed, Node, PatchFailed, Produced, Progress};

/// What [`Chain::deal`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dealt {
    /// What `ft_balance_of` answers.
    pub balance: u128,
    /// What `ft_total_supply` answers, if it follows.
    pub total_supply: Option<u128>,
}

/// No tokens were dealt, and nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum DealFailed {
    /// The contract does not answer as a token does.
    #[error("token_id: {token_id} is no token: ft_balance_of says {why}")]
    NoToken {
        /// The account of the contract.
        token_id: AccountId,
        /// What it says instead.
        why: String,
    },
    /// The token did not register the account.
    #[error("account_id: {token_id} does not take the account: storage_deposit says {why}")]
    NotRegistered {
        /// The account of the contract.
        token_id: AccountId,
        /// What it says.
        why: String,
    },
    /// No record of the contract decides the balance on its own.
    #[error(
        "token_id: no record of {token_id} is the balance on its own: let a holder transfer tokens, \
         or change the contract's data with sandbox_set_data"
    )]
    BalanceNotFound {
        /// The account of the contract.
        token_id: AccountId,
    },
    /// The supply of the token would not fit 128 bits.
    #[error("amount: the total supply of {token_id} would not fit 128 bits")]
    SupplyOverflow {
        /// The account of the contract.
        token_id: AccountId,
    },
    /// An account is not there, or the records cannot be written.
    #[error(transparent)]
    Edit(#[from] EditFailed),
}

impl From<PatchFailed> for DealFailed {
    fn from(error: PatchFailed) -> Self {
        Self::Edit(error.into())
    }
}

impl From<RuntimeFault> for DealFailed {
    fn from(fault: RuntimeFault) -> Self {
        Self::Edit(fault.into())
    }
}

/// The gas of a storage deposit, which is more than enough for all tokens.
const GAS: Gas = Gas::from_teragas(100);

/// So many blocks a storage deposit may take.
const BLOCKS: usize = 100;

/// So many records, or places in one, are tried.
const TRIES: usize = 1_000;

/// A balance that nobody has, to see which record decides.
const PROBE: u128 = 0x5e1f_0b5e_55ed_1234_5677;

impl Chain {
    /// Lets `holder` have `amount` of the token that the contract of `token` is (NEP-141), and the
    /// token's supply follow. The token registers the account first, if it wants that (NEP-145),
    /// which takes a transaction.
    pub fn deal(
        &mut self,
        token: &AccountId,
        holder: &AccountId,
        amount: u128,
    ) -> Result<(Dealt, Vec<Produced>), DealFailed> {
        for account_id in [token, holder] {
            if view::account(self.state(), account_id)?.is_err() {
                let account_id = account_id.clone();
                return Err(EditFailed::UnknownAccount { account_id }.into());
            }
        }
        let mut next = self.clone();
        let mut made = Vec::new();
        let payer = next.register(token, holder, &mut made)?;
        let runtime = next.runtime().clone();
        let (dealt, produced) = next.edit(|edits, env| {
            if let Some(account_id) = payer {
                edits
                    .write(Deletion::Account { account_id }.into())
                    .map_err(PatchFailed::from)?
                    .map_err(PatchFailed::from)?;
            }
            Dealer { runtime: &runtime, env, token }.deal(edits, holder, amount)
        })?;
        made.push(produced);
        *self = next;
        Ok((dealt, made))
    }

    /// Has `token` register `holder`, if it has not. Returns the account that was made to pay for it.
    fn register(
        &mut self,
        token: &AccountId,
        holder: &AccountId,
        made: &mut Vec<Produced>,
    ) -> Result<Option<AccountId>, DealFailed> {
        let env = self.env_after(self.head());
        let dealer = Dealer { runtime: self.runtime(), env: &env, token };
        if dealer.text(self.state(), "storage_balance_of", &of(holder))?.as_deref() != Some("null")
        {
            return Ok(None);
        }
        let bounds = dealer.text(self.state(), "storage_balance_bounds", "{}")?.unwrap_or_default();
        let least = bounds.split_once("\"min\"").and_then(|(_, rest)| digits(rest));
        let deposit = Balance::from_yoctonear(least.unwrap_or_default());
        // An account that nobody else has a key of.
        let key = SecretKey::from_seed(KeyType::ED25519, &self.head().hash().to_string());
        let payer = derive_near_implicit_account_id(key.public_key().unwrap_as_ed25519());
        let funds = deposit.checked_add(Balance::from_near(1)).unwrap_or(deposit);
        let account = Account::new(funds, Balance::ZERO, AccountContract::None, 182);
        made.push(self.patch([
            StateRecord::Account { account_id: payer.clone(), account },
            StateRecord::access_key(payer.clone(), key.public_key(), AccessKey::full_access()),
        ])?);
        let args = format!(r#"{{"account_id":"{holder}","registration_only":true}}"#);
        let call = FunctionCallAction {
            method_name: "storage_deposit".to_owned(),
            args: args.into_bytes(),
            gas: GAS,
            deposit,
        };
        let not_registered =
            |why: String| DealFailed::NotRegistered { token_id: token.clone(), why };
        let transaction = Transaction::V0(TransactionV0 {
            signer_id: payer.clone(),
            public_key: key.public_key(),
            nonce: 1,
            receiver_id: token.clone(),
            block_hash: *self.head().hash(),
            actions: vec![Action::FunctionCall(Box::new(call))],
        });
        let signer = InMemorySigner::from_secret_key(payer.clone(), key);
        let signature = signer.sign(transaction.get_hash_and_size().0.as_ref());
        let hash = self
            .submit(SignedTransaction::new(signature, transaction))
            .map_err(|refusal| not_registered(refusal.to_string()))?;
        for _ in 0..BLOCKS {
            made.push(self.produce()?);
            let Some(execution) = self.execution(&hash) else { continue };
            match (execution.progress(), execution.status()) {
                (_, FinalExecutionStatus::Failure(error)) => {
                    return Err(not_registered(error.to_string()));
                }
                (Progress::Complete, _) => return Ok(Some(payer)),
                _ => {}
            }
        }
        Err(not_registered(format!("nothing in {BLOCKS} blocks")))
    }
}

impl Node {
    /// As [`Chain::deal`].
    pub fn deal(
        &self,
        token: AccountId,
        holder: AccountId,
        amount: u128,
    ) -> Answer<Result<Dealt, DealFailed>> {
        self.change(move |chain| chain.deal(&token, &holder, amount))
    }
}

/// Asks a token in a block.
struct Dealer<'a> {
    runtime: &'a Runtime,
    env: &'a BlockEnv,
    token: &'a AccountId,
}

impl Dealer<'_> {
    fn deal(
        &self,
        edits: &mut Edits<'_>,
        holder: &AccountId,
        amount: u128,
    ) -> Result<Dealt, DealFailed> {
        let token_id = || self.token.clone();
        let start = edits.state();
        let args = of(holder);
        let held = Question { method: "ft_balance_of", args: &args };
        let before = match self.number(start, held)? {
            Ok((before, _)) => before,
            Err(why) => return Err(DealFailed::NoToken { token_id: token_id(), why }),
        };
        let mut changes = ChangeSet::new();
        let mut state = start.clone();
        if before != amount {
            let found = self.find(&state, held, before, amount)?;
            let (key, value) =
                found.ok_or_else(|| DealFailed::BalanceNotFound { token_id: token_id() })?;
            state = self.with(&state, &key, &value)?;
            changes.set(key, value);
        }
        let supply = Question { method: "ft_total_supply", args: "{}" };
        let total_supply = match self.number(start, supply)? {
            Err(_) => None,
            Ok((supply_before, _)) => {
                let others = supply_before.saturating_sub(before);
                let total = others.checked_add(amount);
                let total =
                    total.ok_or_else(|| DealFailed::SupplyOverflow { token_id: token_id() })?;
                let answered = self.number(&state, supply)?.ok().map(|(answered, _)| answered);
                if answered != Some(total)
                    && let Some(answered) = answered
                    && let Some((key, value)) = self.find(&state, supply, answered, total)?
                {
                    state = self.with(&state, &key, &value)?;
                    changes.set(key, value);
                }
                let follows = self.number(&state, supply)?.is_ok_and(|(now, _)| now == total);
                follows.then_some(total)
            }
        };
        if !self.number(&state, held)?.is_ok_and(|(now, _)| now == amount) {
            return Err(DealFailed::BalanceNotFound { token_id: token_id() });
        }
        for (data_key, value) in changes {
            let (account_id, data_key) = (token_id(), data_key.to_vec().into());
            let value = value.unwrap_or_default().to_vec().into();
            let record = StateRecord::Data { account_id, data_key, value };
            edits.write(record.into())?.map_err(PatchFailed::from)?;
        }
        Ok(Dealt { balance: amount, total_supply })
    }

    /// The record that lets the question, which is answered with `before`, be answered with `after`.
    fn find(
        &self,
        state: &Snapshot,
        question: Question<'_>,
        before: u128,
        after: u128,
    ) -> Result<Option<Data>, DealFailed> {
        let Ok((_, mut reads)) = self.number(state, question)? else { return Ok(None) };
        reads.sort_unstable();
        reads.dedup();
        // A record that is there comes before one that would have to be made.
        let (mut places, mut missing) = (Vec::new(), Vec::new());
        for key in reads {
            let Some(value) = state.read(&self.raw(&key)).map_err(RuntimeFault::from)? else {
                missing.push(key);
                continue;
            };
            let found = Form::ALL.into_iter().flat_map(|form| form.places(&value, before));
            places.extend(found.map(|place| (key.clone(), value.to_vec(), place)));
        }
        if before == 0 {
            let empty =
                |key: &Vec<u8>| Form::ALL.map(|form| (key.clone(), Vec::new(), (form, 0..0)));
            places.extend(missing.iter().flat_map(empty));
        }
        for (key, value, (form, range)) in places.into_iter().take(TRIES) {
            let put = |number: u128| {
                let mut value = value.clone();
                value.splice(range.clone(), form.write(number, value.is_empty()));
                value
            };
            let probed = self.with(state, &key, &put(PROBE))?;
            if self.number(&probed, question)?.is_ok_and(|(answer, _)| answer == PROBE) {
                let value = put(after);
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }

    /// The number that a view answers, and the keys that it read; or what it says instead.
    fn number(
        &self,
        state: &Snapshot,
        Question { method, args }: Question<'_>,
    ) -> Result<Result<(u128, Keys), String>, RuntimeFault> {
        let Self { runtime, env, token } = *self;
        let called = view::call_function_and_list_reads(
            runtime,
            state,
            env,
            token,
            method,
            args.as_bytes(),
        )?;
        Ok(match called {
            Err(error) => Err(error.to_string()),
            Ok((result, reads)) => {
                let text = String::from_utf8_lossy(&result.value);
                let number = text.trim_matches('"').parse().ok();
                number.map(|number| (number, reads)).ok_or_else(|| text.into_owned())
            }
        })
    }

    /// What a view answers; `None` if the contract has no such method.
    fn text(
        &self,
        state: &Snapshot,
        method: &str,
        args: &str,
    ) -> Result<Option<String>, RuntimeFault> {
        let Self { runtime, env, token } = *self;
        Ok(match view::call_function(runtime, state, env, token, method, args.as_bytes())? {
            Ok(result) => Some(String::from_utf8_lossy(&result.value).into_owned()),
            Err(_) => None,
        })
    }

    /// The state with another value in the contract's data.
    fn with(&self, state: &Snapshot, key: &[u8], value: &[u8]) -> Result<Snapshot, RuntimeFault> {
        let mut changes = ChangeSet::new();
        changes.set(self.raw(key), value);
        Ok(state.apply(&changes)?)
    }

    fn raw(&self, key: &[u8]) -> Vec<u8> {
        TrieKey::ContractData { account_id: self.token.clone(), key: key.to_vec() }.to_vec()
    }
}

/// A key of a contract's data and its value.
type Data = (Vec<u8>, Vec<u8>);

/// Keys of a contract's data.
type Keys = Vec<Vec<u8>>;

#[derive(Clone, Copy)]
struct Question<'a> {
    method: &'a str,
    args: &'a str,
}

/// How a number is written in a record.
#[derive(Clone, Copy)]
enum Form {
    /// As borsh has it: 16 bytes, the lowest first.
    Borsh,
    /// In decimal digits, as JSON has it.
    Digits,
}

type Place = (Form, std::ops::Range<usize>);

impl Form {
    const ALL: [Self; 2] = [Self::Borsh, Self::Digits];

    fn write(self, number: u128, alone: bool) -> Vec<u8> {
        match self {
            Self::Borsh => number.to_le_bytes().to_vec(),
            Self::Digits if alone => format!("\"{number}\"").into_bytes(),
            Self::Digits => number.to_string().into_bytes(),
        }
    }

    /// Where `number` may be in `value`.
    fn places(self, value: &[u8], number: u128) -> Vec<Place> {
        let wanted = self.write(number, false);
        let is_digit =
            |at: Option<usize>| at.and_then(|at| value.get(at)).is_some_and(u8::is_ascii_digit);
        let windows = value.windows(wanted.len()).enumerate();
        let equal = windows.filter(|(_, window)| *window == wanted);
        let ranges = equal.map(|(start, window)| start..start.saturating_add(window.len()));
        let whole = |range: &std::ops::Range<usize>| match self {
            Self::Borsh => true,
            Self::Digits => !is_digit(range.start.checked_sub(1)) && !is_digit(Some(range.end)),
        };
        ranges.filter(whole).map(|range| (self, range)).collect()
    }
}

/// The arguments of a view about `account_id`.
fn of(account_id: &AccountId) -> String {
    format!(r#"{{"account_id":"{account_id}"}}"#)
}

/// The first number in `text`.
fn digits(text: &str) -> Option<u128> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let text = text.get(start..)?;
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}
