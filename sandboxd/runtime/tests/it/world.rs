//! A chain without blocks: a state, the receipts on their way, and what came of everything so far.

use std::collections::BTreeMap;

use near_parameters::RuntimeConfig as NearConfig;
use sandbox_runtime::genesis::genesis_state;
use sandbox_runtime::near::{
    AccessKey, Account, AccountContract, AccountId, Action, ActionCosts, ActionErrorKind, Balance,
    CryptoHash, DeployContractAction, ExecutionOutcome, ExecutionStatus, FunctionCallAction, Gas,
    InMemorySigner, InvalidTxError, KeyType, NonceMode, PROTOCOL_VERSION, ProtocolVersion,
    PublicKey, Receipt, SignedTransaction, Signer, StateRecord, Transaction, TransactionNonce,
    TransactionV0, TransactionV1, TransferAction, TxExecutionError,
};
use sandbox_runtime::verify::{WellFormed, verify};
use sandbox_runtime::{
    BlockEffects, BlockEnv, BlockInput, DroppedTransaction, Runtime, RuntimeConfig, apply_block,
    view,
};
use sandbox_state::Snapshot;

/// The block price of gas.
pub(crate) const PRICE: u128 = 100_000_000;
/// The price at which gas for receipts is bought.
pub(crate) const PURCHASE_PRICE: u128 = 1_000_000_000;
pub(crate) const TGAS: u64 = 1_000_000_000_000;

pub(crate) fn id(name: &str) -> AccountId {
    name.parse().expect("an account id")
}

pub(crate) fn signer(name: &str) -> Signer {
    signer_of_key(name, name)
}

/// A signer of the account `name` with the key that `seed` gives.
pub(crate) fn signer_of_key(name: &str, seed: &str) -> Signer {
    InMemorySigner::from_seed(id(name), KeyType::ED25519, seed)
}

pub(crate) fn key(seed: &str) -> PublicKey {
    signer_of_key("any", seed).public_key()
}

pub(crate) fn near(amount: u128) -> Balance {
    Balance::from_near(amount)
}

pub(crate) fn yocto(amount: u128) -> Balance {
    Balance::from_yoctonear(amount)
}

pub(crate) fn transfer(deposit: Balance) -> Action {
    Action::Transfer(TransferAction { deposit })
}

pub(crate) fn deploy(code: Vec<u8>) -> Action {
    Action::DeployContract(DeployContractAction { code })
}

pub(crate) fn call(method: &str, args: &[u8], gas: u64, deposit: Balance) -> Action {
    Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method.into(),
        args: args.to_vec(),
        gas: Gas::from_gas(gas),
        deposit,
    }))
}

pub(crate) fn sign(transaction: Transaction, signer: &Signer) -> SignedTransaction {
    let (hash, _) = transaction.get_hash_and_size();
    SignedTransaction::new(signer.sign(hash.as_ref()), transaction)
}

/// A transaction to be signed. One with a mode is of version 1, which a nonce with an index needs.
pub(crate) fn unsigned(
    signer: &Signer,
    nonce: TransactionNonce,
    mode: Option<NonceMode>,
    receiver_id: AccountId,
    actions: Vec<Action>,
) -> Transaction {
    let (signer_id, public_key) = (signer.get_account_id(), signer.public_key());
    let block_hash = CryptoHash::default();
    match mode {
        Some(nonce_mode) => Transaction::V1(TransactionV1 {
            signer_id,
            public_key,
            nonce,
            receiver_id,
            block_hash,
            actions,
            nonce_mode,
        }),
        None => Transaction::V0(TransactionV0 {
            signer_id,
            public_key,
            nonce: nonce.nonce(),
            receiver_id,
            block_hash,
            actions,
        }),
    }
}

pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) state: Snapshot,
    pub(crate) env: BlockEnv,
    pub(crate) pending: Vec<Receipt>,
    pub(crate) outcomes: BTreeMap<CryptoHash, ExecutionOutcome>,
    /// All tokens at the start, and what has left since.
    pub(crate) supply: Balance,
    pub(crate) burnt: Balance,
}

/// What came of a transaction: its own outcome and those of all receipts that followed, in order.
pub(crate) struct Story {
    pub(crate) transaction: ExecutionOutcome,
    pub(crate) receipts: Vec<ExecutionOutcome>,
}

impl Story {
    /// The outcome of the transaction's receipt.
    pub(crate) fn first(&self) -> &ExecutionOutcome {
        &self.receipts[0]
    }

    /// What the first receipt failed with.
    pub(crate) fn error(&self) -> (Option<u64>, ActionErrorKind) {
        match &self.first().status {
            ExecutionStatus::Failure(TxExecutionError::ActionError(error)) => {
                (error.index, error.kind.clone())
            }
            status => panic!("expected a failure, not {status:?}"),
        }
    }

    /// The value that the first receipt returned.
    pub(crate) fn value(&self) -> Vec<u8> {
        match &self.first().status {
            ExecutionStatus::SuccessValue(value) => value.clone(),
            status => panic!("expected a value, not {status:?}"),
        }
    }

    pub(crate) fn logs(&self) -> Vec<String> {
        self.receipts.iter().flat_map(|outcome| outcome.logs.clone()).collect()
    }
}

impl World {
    /// `alice.near` and `bob.near` with 1000 NEAR and a full-access key each, `near` and `registrar`.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(more: &[StateRecord]) -> Self {
        Self::at(PROTOCOL_VERSION, more)
    }

    /// The same world by the rules of another protocol version.
    pub(crate) fn at(version: ProtocolVersion, more: &[StateRecord]) -> Self {
        let account =
            |near| Account::new(Balance::from_near(near), Balance::ZERO, AccountContract::None, 0);
        let mut records = Vec::new();
        for name in ["alice.near", "bob.near", "near", "registrar"] {
            records.push(StateRecord::Account { account_id: id(name), account: account(1_000) });
            let key = signer(name).public_key();
            records.push(StateRecord::access_key(id(name), key, AccessKey::full_access()));
        }
        records.extend_from_slice(more);
        let runtime = Runtime::new(RuntimeConfig::new(version).expect("supported"));
        let genesis = genesis_state(runtime.config().near(), &records, &[])
            .expect("no fault")
            .expect("valid records");
        let env = BlockEnv {
            height: 10,
            timestamp_ns: 1_700_000_000_000_000_000,
            gas_price: yocto(PRICE),
            gas_limit: Gas::from_teragas(1_000),
            random_seed: CryptoHash([7; 32]),
            epoch_id: CryptoHash::default(),
            epoch_height: 3,
            chain_id: "sandbox".into(),
            prev_block_hash: CryptoHash([1; 32]),
            validators: [(id("validator.near"), near(50))].into(),
            minimum_stake: near(10),
        };
        World {
            runtime,
            state: genesis.snapshot,
            env,
            pending: Vec::new(),
            outcomes: BTreeMap::new(),
            supply: genesis.total_supply,
            burnt: Balance::ZERO,
        }
    }

    pub(crate) fn config(&self) -> &NearConfig {
        self.runtime.config().near()
    }

    /// Makes one block of `transactions` and the receipts on their way.
    pub(crate) fn block(&mut self, transactions: Vec<SignedTransaction>) -> BlockEffects {
        self.env.height += 1;
        let receipts = std::mem::take(&mut self.pending);
        let (transactions, refused) = self.well_formed(transactions);
        let input = BlockInput { transactions, receipts, ..BlockInput::default() };
        let mut effects =
            apply_block(&self.runtime, &self.state, &self.env, input).expect("no fault");
        effects.dropped.extend(refused);
        self.state = self.state.apply(&effects.changes).expect("a state in memory");
        self.pending.clone_from(&effects.outgoing);
        for outcome in &effects.outcomes {
            self.outcomes.insert(outcome.id, outcome.outcome.clone());
        }
        let gone = effects.burnt.tokens.checked_add(effects.burnt.lost).expect("small");
        let burnt = gone.checked_sub(effects.burnt.subsidized);
        self.burnt = self.burnt.checked_add(burnt.expect("more burnt than given")).expect("small");
        effects
    }

    /// The transactions that may get into a block, and those that are refused before one.
    pub(crate) fn well_formed(
        &self,
        transactions: Vec<SignedTransaction>,
    ) -> (Vec<WellFormed>, Vec<DroppedTransaction>) {
        let (mut well_formed, mut refused) = (Vec::new(), Vec::new());
        for transaction in transactions {
            let id = transaction.get_hash();
            match WellFormed::check(self.runtime.config(), transaction) {
                Ok(transaction) => well_formed.push(transaction),
                Err(error) => refused.push(DroppedTransaction { id, error }),
            }
        }
        (well_formed, refused)
    }

    /// The next nonce of a key.
    pub(crate) fn nonce(&self, signer: &Signer) -> u64 {
        let key = view::access_key(&self.state, &signer.get_account_id(), &signer.public_key());
        key.expect("no fault").map_or(1, |key| key.nonce + 1)
    }

    pub(crate) fn sign(
        &self,
        signer: &Signer,
        receiver: &str,
        actions: Vec<Action>,
    ) -> SignedTransaction {
        let nonce = TransactionNonce::from_nonce(self.nonce(signer));
        sign(unsigned(signer, nonce, None, id(receiver), actions), signer)
    }

    /// What a client would be told on submitting.
    pub(crate) fn check(&self, transaction: &SignedTransaction) -> Result<(), InvalidTxError> {
        let height = Some(self.env.height + 1);
        verify(self.runtime.config(), &mut &self.state, self.env.gas_price, height, transaction)
            .expect("no fault")
            .map(|_| ())
    }

    /// Runs a transaction and all that follows from it.
    pub(crate) fn run(&mut self, from: &str, receiver: &str, actions: Vec<Action>) -> Story {
        self.run_signed(self.sign(&signer(from), receiver, actions))
    }

    pub(crate) fn run_signed(&mut self, transaction: SignedTransaction) -> Story {
        let hash = transaction.get_hash();
        let effects = self.block(vec![transaction]);
        assert_eq!(effects.dropped, [], "the transaction was dropped");
        let mut receipts = Vec::new();
        let mut outcomes = effects.outcomes;
        loop {
            let of_receipts = outcomes.into_iter().filter(|outcome| outcome.id != hash);
            receipts.extend(of_receipts.map(|outcome| outcome.outcome));
            if self.pending.is_empty() {
                break;
            }
            outcomes = self.block(Vec::new()).outcomes;
        }
        // A yield that waits holds the gas that was bought for it.
        if self
            .state
            .range_here(&[12])
            .map(|record| record.expect("a state in memory"))
            .next()
            .is_none()
        {
            self.assert_supply();
        }
        Story { transaction: self.outcomes[&hash].clone(), receipts }
    }

    /// All tokens of all accounts are those of the start, less what was burnt.
    pub(crate) fn assert_supply(&self) {
        let mut held = Balance::ZERO;
        for (_, account) in
            self.state.range_here(&[0]).map(|record| record.expect("a state in memory"))
        {
            let account: Account = borsh::from_slice(&account).expect("an account");
            held = held.checked_add(account.amount()).expect("small");
            held = held.checked_add(account.locked()).expect("small");
        }
        for (_, key) in self.state.range_here(&[2]).map(|record| record.expect("a state in memory"))
        {
            // The nonces of gas keys lie among the keys, and are no keys.
            let key = borsh::from_slice::<AccessKey>(&key).ok();
            let info = key.as_ref().and_then(AccessKey::gas_key_info);
            held =
                held.checked_add(info.map_or(Balance::ZERO, |info| info.balance)).expect("small");
        }
        assert_eq!(held.checked_add(self.burnt), Some(self.supply));
    }

    pub(crate) fn account(&self, name: &str) -> Account {
        view::account(&self.state, &id(name)).expect("no fault").expect("the account exists")
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        view::account(&self.state, &id(name)).expect("no fault").is_ok()
    }

    pub(crate) fn balance(&self, name: &str) -> u128 {
        self.account(name).amount().as_yoctonear()
    }

    pub(crate) fn access_key(&self, name: &str, seed: &str) -> Option<AccessKey> {
        view::access_key(&self.state, &id(name), &key(seed)).expect("no fault").ok()
    }

    /// Gas of sending an action to another account.
    pub(crate) fn send(&self, cost: ActionCosts) -> u128 {
        u128::from(self.config().fees.fee(cost).send_fee(false).gas.as_gas())
    }

    /// Gas of sending an action to oneself.
    pub(crate) fn send_self(&self, cost: ActionCosts) -> u128 {
        u128::from(self.config().fees.fee(cost).send_fee(true).gas.as_gas())
    }

    /// Gas of executing an action.
    pub(crate) fn exec(&self, cost: ActionCosts) -> u128 {
        u128::from(self.config().fees.fee(cost).exec_fee().gas.as_gas())
    }
}
