//! Runs a scenario and notes where it comes out differently.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use near_parameters::RuntimeConfigStore;
use near_primitives::views::{ExecutionMetadataView, ExecutionOutcomeView};
use sandbox_runtime::near::{
    AccountId, Action, Balance, CryptoHash, ExecutionOutcomeWithId, Gas, NonceMode,
    PROTOCOL_VERSION, ProtocolVersion, Receipt, SignedTransaction, TransactionNonce,
    VersionedReceiptEnum,
};
use sandbox_runtime::{BlockEffects, Runtime, RuntimeConfig};
use serde::Serialize;
use serde_json::{Value, json};

use super::fill::Filler;
use super::format::{Block, Outcome, Scenario, Transaction};
use super::formula::Scope;
use super::state::{self, State};
use crate::world::{PRICE, World, id, sign, unsigned, yocto};

/// The differences between what a scenario says and what happens; an error when it makes no sense.
pub(super) fn run(scenario: &Scenario) -> Result<Vec<String>, String> {
    let store = RuntimeConfigStore::new(None);
    let version = scenario.chain.version.unwrap_or(PROTOCOL_VERSION);
    let config = store.get_config(version);
    let scope = Scope { config, lets: &scenario.lets, values: BTreeMap::new() };
    let mut run = Run {
        scenario,
        world: world(version),
        scope,
        expected: State::default(),
        receipts: BTreeMap::new(),
        burnt: 0,
        problems: Vec::new(),
    };
    run.set_price(scenario.chain.price.as_deref().unwrap_or(&PRICE.to_string()))?;
    if let Some(limit) = &scenario.chain.gas_limit {
        let limit = run.filler().formula(limit)?;
        run.world.env.gas_limit = Gas::from_gas(u64::try_from(limit).map_err(|_| "too much gas")?);
    }
    if let Some(height) = scenario.chain.height {
        run.world.env.height = height;
    }
    for name in scenario.contracts.keys() {
        let bytes = run.filler().code(name)?.len();
        run.scope.set(format!("{name}.bytes"), u128::try_from(bytes).expect("128 bits"));
    }
    for name in scenario.state_inits.keys() {
        let bytes = run.filler().state_init_bytes(name)?;
        run.scope.set(format!("{name}.bytes"), u128::try_from(bytes).expect("128 bits"));
    }
    let genesis = state::genesis(&run.filler(), run.world.config(), &scenario.accounts)?;
    run.world.state = genesis;
    run.expected = state::read(&run.world.state);
    for (index, block) in scenario.blocks.iter().enumerate() {
        run.block(block).map_err(|error| format!("block {index}: {error}"))?;
        let problems = std::mem::take(&mut run.problems);
        run.problems = problems
            .into_iter()
            .map(|problem| {
                let known = problem.starts_with("block ");
                if known { problem } else { format!("block {index}: {problem}") }
            })
            .collect();
    }
    run.end()?;
    Ok(run.problems)
}

/// A world by the rules of a protocol version. Most are by the newest, which is made once.
fn world(version: ProtocolVersion) -> World {
    static NEWEST: OnceLock<Runtime> = OnceLock::new();
    let runtime = || Runtime::new(RuntimeConfig::new(version).expect("the version is supported"));
    let mut world = World::new();
    world.runtime =
        if version == PROTOCOL_VERSION { NEWEST.get_or_init(runtime).clone() } else { runtime() };
    world
}

struct Run<'a> {
    scenario: &'a Scenario,
    world: World,
    scope: Scope<'a>,
    /// What the state must be at the end.
    expected: State,
    receipts: BTreeMap<CryptoHash, Receipt>,
    /// Tokens that the expected outcomes burnt.
    burnt: u128,
    problems: Vec<String>,
}

impl Run<'_> {
    fn filler(&self) -> Filler<'_> {
        Filler {
            scope: &self.scope,
            contracts: &self.scenario.contracts,
            state_inits: &self.scenario.state_inits,
        }
    }

    fn differ(&mut self, what: &str, expected: &impl Serialize, found: &impl Serialize) {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let (expected, found) = (json!(expected), json!(found));
        if expected != found {
            let (expected, found) = (text(&expected), text(&found));
            self.problems.push(format!("{what}:\n    expected {expected}\n    found    {found}"));
        }
    }

    fn set_price(&mut self, formula: &str) -> Result<(), String> {
        let price = self.scope.evaluate(formula)?;
        let purchase = price.max(self.scope.evaluate("min_purchase")?);
        self.scope.set("price", price);
        self.scope.set("purchase", purchase);
        self.scope.set("markup", purchase - price);
        self.world.env.gas_price = yocto(price);
        Ok(())
    }

    fn block(&mut self, block: &Block) -> Result<(), String> {
        for _ in 0..block.skip {
            let effects = self.world.block(Vec::new());
            self.differ("outcomes of an empty block", &0, &effects.outcomes.len());
            self.keep_receipts(&effects);
        }
        if let Some(price) = &block.price {
            self.set_price(price)?;
        }
        let mut transactions = Vec::new();
        for transaction in &block.transactions {
            let signed = self.sign(transaction, &transactions)?;
            if !transaction.refused_late {
                let told = self.world.check(&signed).err();
                let refused = transaction.told.as_ref().or(transaction.refused.as_ref());
                let refused = refused.map(|error| self.filler().value(error)).transpose()?;
                self.differ("on submission", &refused, &told);
            }
            transactions.push(signed);
        }
        let effects = self.world.block(transactions.clone());
        self.keep_receipts(&effects);
        self.dropped(block, &transactions, &effects)?;
        let accepted: Vec<_> = block
            .transactions
            .iter()
            .zip(&transactions)
            .filter(|(transaction, _)| transaction.refused.is_none())
            .collect();
        for (transaction, signed) in &accepted {
            let key =
                (id(&self.filler().text(&transaction.from)?), signed.transaction.public_key());
            let nonce = signed.transaction.nonce();
            self.expected.use_nonce(&key.0, &key.1.into(), nonce);
        }
        self.outcomes(block, &accepted, &effects)?;
        self.differ("delayed receipts", &block.delayed, &effects.delayed_receipts);
        let proposals: Vec<(String, String)> = effects
            .proposals
            .iter()
            .map(|made| (made.account_id().to_string(), made.stake().as_yoctonear().to_string()))
            .collect();
        let mut expected = Vec::new();
        for (account, stake) in &block.proposals {
            expected.push((account.clone(), self.filler().formula(stake)?.to_string()));
        }
        self.differ("proposals", &expected, &proposals);
        Ok(())
    }

    fn keep_receipts(&mut self, effects: &BlockEffects) {
        for receipt in effects.outgoing.iter().chain(&effects.local) {
            self.receipts.insert(*receipt.receipt_id(), receipt.clone());
        }
    }

    fn sign(
        &self,
        transaction: &Transaction,
        before: &[SignedTransaction],
    ) -> Result<SignedTransaction, String> {
        let filler = self.filler();
        let seed = transaction.key.as_ref().unwrap_or(&transaction.from);
        let signer = filler.signer(&transaction.from, seed)?;
        let nonce = if let Some(formula) = &transaction.nonce {
            u64::try_from(filler.formula(formula)?).map_err(|error| error.to_string())?
        } else {
            let same = before.iter().filter(|other| {
                other.transaction.signer_id() == &signer.get_account_id()
                    && other.transaction.public_key() == &signer.public_key()
            });
            self.world.nonce(&signer) + u64::try_from(same.count()).expect("few")
        };
        let receiver_id: AccountId =
            filler.text(&transaction.to)?.parse().map_err(|error| format!("{error}"))?;
        let nonce = match transaction.nonce_index {
            Some(index) => TransactionNonce::from_nonce_and_index(nonce, index),
            None => TransactionNonce::from_nonce(nonce),
        };
        let mode = match (transaction.strict, transaction.nonce_index) {
            (true, _) => Some(NonceMode::Strict),
            (false, Some(_)) => Some(NonceMode::Monotonic),
            (false, None) => None,
        };
        let actions = filler.actions(&transaction.actions)?;
        let body = unsigned(&signer, nonce, mode, receiver_id, actions);
        let signer = match &transaction.signed_by {
            Some(seed) => filler.signer(&transaction.from, seed)?,
            None => signer,
        };
        Ok(sign(body, &signer))
    }

    fn dropped(
        &mut self,
        block: &Block,
        transactions: &[SignedTransaction],
        effects: &BlockEffects,
    ) -> Result<(), String> {
        for (transaction, signed) in block.transactions.iter().zip(transactions) {
            let hash = signed.get_hash();
            let told = effects.dropped.iter().find(|dropped| dropped.id == hash);
            let told = told.map(|dropped| &dropped.error);
            let refused = transaction.refused.as_ref();
            let refused = refused.map(|error| self.filler().value(error)).transpose()?;
            self.differ("in the block", &refused, &told);
        }
        Ok(())
    }

    fn outcomes(
        &mut self,
        block: &Block,
        accepted: &[(&Transaction, &SignedTransaction)],
        effects: &BlockEffects,
    ) -> Result<(), String> {
        if block.outcomes.len() != effects.outcomes.len() {
            let of = |outcome: &ExecutionOutcomeWithId| {
                let view = ExecutionOutcomeView::from(outcome.outcome.clone());
                format!("{} {}", view.executor_id, json!(view.status))
            };
            let found: Vec<String> = effects.outcomes.iter().map(of).collect();
            self.differ("number of outcomes", &block.outcomes.len(), &found);
        }
        for (index, (expected, found)) in block.outcomes.iter().zip(&effects.outcomes).enumerate() {
            let transaction = accepted.get(index).map(|(transaction, _)| *transaction);
            let before = self.problems.len();
            self.outcome(expected, transaction, found)
                .map_err(|error| format!("outcome {index}: {error}"))?;
            for problem in &mut self.problems[before..] {
                problem.insert_str(0, &format!("outcome {index}, "));
            }
        }
        Ok(())
    }

    fn outcome(
        &mut self,
        expected: &Outcome,
        transaction: Option<&Transaction>,
        found: &ExecutionOutcomeWithId,
    ) -> Result<(), String> {
        let view = ExecutionOutcomeView::from(found.outcome.clone());
        self.scope.set("vm", burnt_by_contract(&view.metadata));
        let executor = expected
            .executor
            .as_ref()
            .or(expected.refund.as_ref())
            .or(transaction.map(|transaction| &transaction.from))
            .ok_or("the executor is missing")?;
        let executor = self.filler().text(executor)?;
        self.differ("executor", &executor, &view.executor_id);
        self.differ("logs", &expected.logs, &view.logs);

        let refund = expected.refund.is_some();
        let free = refund.then_some("exec(new_action_receipt) + exec(transfer)");
        let gas = expected.gas_burnt.as_deref().or(free).ok_or("gas_burnt is missing")?;
        let gas = self.scope.evaluate(gas)?;
        self.scope.set("gas", gas);
        self.differ("gas_burnt", &gas.to_string(), &view.gas_burnt.as_gas().to_string());
        let nothing = refund.then_some("0");
        let tokens = expected.tokens_burnt.as_deref().or(nothing).unwrap_or("gas * price");
        let tokens = self.scope.evaluate(tokens)?;
        self.burnt += tokens;
        self.differ("tokens_burnt", &yocto(tokens), &view.tokens_burnt);
        if let Some(name) = &expected.name {
            self.scope.set(name.clone(), gas);
            let vm = self.scope.values["vm"];
            self.scope.set(format!("{name}.vm"), vm);
        }

        let default = if transaction.is_some() {
            json!({"SuccessReceiptId": 0})
        } else {
            json!({"SuccessValue": ""})
        };
        let mut status = self.filler().value(expected.status.as_ref().unwrap_or(&default))?;
        if let Some(index) = status.get("SuccessReceiptId").and_then(Value::as_u64) {
            let index = usize::try_from(index).expect("64 bits");
            status = json!({"SuccessReceiptId": view.receipt_ids.get(index)});
        }
        self.differ("status", &status, &view.status);
        self.receipts_of(expected, transaction, found)?;
        self.metadata(expected, transaction, &view.metadata)?;
        if let Some(amount) = &expected.amount {
            let amount = self.scope.evaluate(amount)?;
            self.refunded(amount, found);
        }
        Ok(())
    }

    /// The receipts that the outcome lists: to whom, and that their ids follow from its own.
    fn receipts_of(
        &mut self,
        expected: &Outcome,
        transaction: Option<&Transaction>,
        found: &ExecutionOutcomeWithId,
    ) -> Result<(), String> {
        let failed = expected.status.as_ref().is_some_and(|status| status.get("Failure").is_some());
        let default =
            transaction.filter(|_| !failed).map(|transaction| vec![transaction.to.clone()]);
        let receivers = expected.receipts.clone().or(default).unwrap_or_default();
        let receivers: Vec<String> =
            receivers.iter().map(|id| self.filler().text(id)).collect::<Result<_, _>>()?;
        let ids = &found.outcome.receipt_ids;
        let unknown = "nobody, the receipt is missing".to_owned();
        let to = |id| self.receipts.get(id).map(|receipt| receipt.receiver_id().to_string());
        let found_receivers: Vec<String> =
            ids.iter().map(|id| to(id).unwrap_or_else(|| unknown.clone())).collect();
        self.differ("receipts", &receivers, &found_receivers);
        let height = self.world.env.height.to_le_bytes();
        let mut all = (0..2_000u64).map(|index| {
            let parts = [found.id.as_bytes().as_slice(), &height, &index.to_le_bytes()];
            CryptoHash::hash_bytes(&parts.concat())
        });
        if !ids.iter().all(|id| all.any(|expected| expected == *id)) {
            self.problems.push("receipt ids do not follow from the outcome's".into());
        }
        Ok(())
    }

    fn metadata(
        &mut self,
        expected: &Outcome,
        transaction: Option<&Transaction>,
        found: &ExecutionMetadataView,
    ) -> Result<(), String> {
        let old = self.scenario.chain.version.is_some_and(|version| version < 85);
        let version = match transaction {
            Some(_) => 1,
            None if old => 3,
            None => 4,
        };
        self.differ("metadata version", &version, &found.version);
        self.differ("gas profile", &transaction.is_none(), &found.gas_profile.is_some());
        if let Some(contracts) = &expected.contracts {
            let contracts = self.filler().value(contracts)?;
            self.differ("contracts", &contracts, &found.contracts);
        }
        Ok(())
    }

    fn refunded(&mut self, amount: u128, found: &ExecutionOutcomeWithId) {
        let Some(receipt) = self.receipts.get(&found.id) else {
            self.problems.push("the refund's receipt is missing".into());
            return;
        };
        let deposit = match receipt.versioned_receipt() {
            VersionedReceiptEnum::Action(action) => match action.actions() {
                [Action::Transfer(transfer)] => transfer.deposit,
                _ => Balance::ZERO,
            },
            _ => Balance::ZERO,
        };
        let from = receipt.predecessor_id().clone();
        self.differ("the refund's sender", &"system", &from);
        self.differ("the refund", &yocto(amount), &deposit);
    }

    fn end(&mut self) -> Result<(), String> {
        self.scope.set("burnt", self.burnt);
        let mut expected = std::mem::take(&mut self.expected);
        expected.change(&self.filler(), &self.scenario.after)?;
        let found = state::read(&self.world.state);
        self.problems.extend(expected.differences(&found));
        if !self.scenario.unfinished {
            self.differ("receipts on their way", &0, &self.world.pending.len());
            self.differ("waiting records", &0, &state::waiting(&self.world.state));
        }
        Ok(())
    }
}

/// What the contract itself burnt, by the gas profile: instructions and host functions.
fn burnt_by_contract(metadata: &ExecutionMetadataView) -> u128 {
    let rows = metadata.gas_profile.iter().flatten();
    rows.filter(|row| row.cost_category == "WASM_HOST_COST")
        .map(|row| u128::from(row.gas_used.as_gas()))
        .sum()
}
