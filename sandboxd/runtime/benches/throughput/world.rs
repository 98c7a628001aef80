//! A state with accounts and a contract, and the transactions that they sign.

use std::time::{Duration, Instant};

use sandbox_runtime::genesis::genesis_state;
use sandbox_runtime::near::{
    AccessKey, Account, AccountContract, AccountId, Action, Balance, CryptoHash, ExecutionStatus,
    FunctionCallAction, Gas, InMemorySigner, KeyType, PROTOCOL_VERSION, Receipt, SignedTransaction,
    Signer, StateRecord, Transaction, TransactionV0, TransferAction,
};
use sandbox_runtime::verify::WellFormed;
use sandbox_runtime::{BlockEnv, BlockInput, Runtime, RuntimeConfig, apply_block};
use sandbox_state::Snapshot;

/// Accounts that take turns in signing.
const ACCOUNTS: usize = 1_000;
/// Transactions of one block.
pub(crate) const PER_BLOCK: usize = 100;
/// The account that has the contract.
const CONTRACT: &str = "contract.near";

/// What checking what needs no state, applying the blocks, and hashing the state took.
pub(crate) struct Parts(pub(crate) [Duration; 3]);

impl Parts {
    pub(crate) const MOST: Self = Parts([Duration::MAX; 3]);

    pub(crate) fn least(&self, other: &Self) -> Self {
        Parts(std::array::from_fn(|part| self.0[part].min(other.0[part])))
    }
}

/// To whom a transaction goes.
pub(crate) enum Receiver {
    NextAccount,
    Contract,
}

pub(crate) struct World {
    runtime: Runtime,
    state: Snapshot,
    env: BlockEnv,
    signers: Vec<Signer>,
    /// Transactions so far of each account.
    nonces: Vec<u64>,
    /// Whose turn it is.
    turn: usize,
}

impl World {
    /// Accounts with keys, and one with the contract `fixture`.
    pub(crate) fn new(fixture: Option<&str>) -> Self {
        let signers: Vec<_> = (0..ACCOUNTS)
            .map(|number| {
                let name = format!("account-{number}.near");
                InMemorySigner::from_seed(id(&name), KeyType::ED25519, &name)
            })
            .collect();
        let mut records = Vec::new();
        for signer in &signers {
            let key = signer.public_key();
            records.push(account(signer.get_account_id(), AccountContract::None));
            let full = AccessKey::full_access();
            records.push(StateRecord::access_key(signer.get_account_id(), key, full));
        }
        if let Some(code) = fixture.map(fixtures::wasm) {
            let hash = CryptoHash::hash_bytes(code);
            records.push(account(id(CONTRACT), AccountContract::Local(hash)));
            records.push(StateRecord::Contract { account_id: id(CONTRACT), code: code.to_vec() });
        }
        let config = RuntimeConfig::new(PROTOCOL_VERSION).expect("the newest version");
        let runtime = Runtime::new(config);
        let genesis = genesis_state(runtime.config().near(), &records, &[])
            .expect("no fault")
            .expect("valid records");
        World {
            runtime,
            state: genesis.snapshot,
            env: env(),
            nonces: vec![0; signers.len()],
            signers,
            turn: 0,
        }
    }

    /// Accounts that hold tokens of the contract `token`.
    pub(crate) fn with_tokens() -> Self {
        let mut world = Self::new(Some("token"));
        let new = br#"{"owner_id":"account-0.near","total_supply":"1000000000000"}"#;
        let first = world.signed(0, id(CONTRACT), &call("new", new, 0));
        world.run(vec![vec![first]]);
        let deposit = 10_u128.pow(24);
        let register = call("storage_deposit", b"{}", deposit);
        let registered = world.sign(ACCOUNTS / PER_BLOCK, &Receiver::Contract, &register);
        world.run(registered);
        let gifts: Vec<_> = (1..ACCOUNTS)
            .map(|number| {
                let gift =
                    format!(r#"{{"receiver_id":"account-{number}.near","amount":"1000000"}}"#);
                world.signed(0, id(CONTRACT), &call("ft_transfer", gift.as_bytes(), 1))
            })
            .collect();
        world.run(gifts.chunks(PER_BLOCK).map(<[_]>::to_vec).collect());
        // The first account would send to itself, which the token refuses.
        world.signers.remove(0);
        world.nonces.remove(0);
        world
    }

    /// Signs the transactions of `blocks` blocks.
    pub(crate) fn sign(
        &mut self,
        blocks: usize,
        receiver: &Receiver,
        action: &Action,
    ) -> Vec<Vec<SignedTransaction>> {
        (0..blocks)
            .map(|_| (0..PER_BLOCK).map(|_| self.sign_in_turn(receiver, action)).collect())
            .collect()
    }

    fn sign_in_turn(&mut self, receiver: &Receiver, action: &Action) -> SignedTransaction {
        let turn = self.turn;
        self.turn = (turn + 1) % self.signers.len();
        let receiver = match receiver {
            Receiver::NextAccount => self.signers[self.turn].get_account_id(),
            Receiver::Contract => id(CONTRACT),
        };
        self.signed(turn, receiver, action)
    }

    fn signed(
        &mut self,
        signer: usize,
        receiver_id: AccountId,
        action: &Action,
    ) -> SignedTransaction {
        self.nonces[signer] += 1;
        let nonce = self.nonces[signer];
        let signer = &self.signers[signer];
        let transaction = Transaction::V0(TransactionV0 {
            signer_id: signer.get_account_id(),
            public_key: signer.public_key(),
            nonce,
            receiver_id,
            block_hash: CryptoHash::default(),
            actions: vec![action.clone()],
        });
        let signature = signer.sign(transaction.get_hash_and_size().0.as_ref());
        SignedTransaction::new(signature, transaction)
    }

    /// Applies the blocks, and further ones until no receipt is left.
    pub(crate) fn run(&mut self, blocks: Vec<Vec<SignedTransaction>>) -> Parts {
        let mut parts = Parts([Duration::ZERO; 3]);
        let mut receipts = Vec::new();
        for transactions in blocks {
            let start = Instant::now();
            let config = self.runtime.config();
            let transactions = transactions
                .into_iter()
                .map(|transaction| WellFormed::check(config, transaction).expect("well formed"))
                .collect();
            parts.0[0] += start.elapsed();
            receipts = self.block(&mut parts, transactions, receipts);
        }
        while !receipts.is_empty() {
            receipts = self.block(&mut parts, Vec::new(), receipts);
        }
        parts
    }

    fn block(
        &mut self,
        parts: &mut Parts,
        transactions: Vec<WellFormed>,
        receipts: Vec<Receipt>,
    ) -> Vec<Receipt> {
        self.env.height += 1;
        let input = BlockInput { transactions, receipts, ..BlockInput::default() };
        let start = Instant::now();
        let effects = apply_block(&self.runtime, &self.state, &self.env, input).expect("no fault");
        parts.0[1] += start.elapsed();
        let start = Instant::now();
        self.state = self.state.apply(&effects.changes).expect("a state in memory");
        parts.0[2] += start.elapsed();
        assert!(effects.dropped.is_empty() && effects.delayed_receipts == 0, "all were applied");
        for outcome in &effects.outcomes {
            let status = &outcome.outcome.status;
            assert!(!matches!(status, ExecutionStatus::Failure(_)), "{status:?}");
        }
        effects.outgoing
    }
}

fn env() -> BlockEnv {
    BlockEnv {
        height: 10,
        timestamp_ns: 1_700_000_000_000_000_000,
        gas_price: Balance::from_yoctonear(100_000_000),
        gas_limit: Gas::from_teragas(1_000),
        random_seed: CryptoHash([7; 32]),
        epoch_id: CryptoHash::default(),
        epoch_height: 3,
        chain_id: "sandbox".into(),
        prev_block_hash: CryptoHash([1; 32]),
        validators: [].into(),
        minimum_stake: Balance::ZERO,
    }
}

fn account(account_id: AccountId, contract: AccountContract) -> StateRecord {
    let balance = Balance::from_near(1_000);
    let account = Account::new(balance, Balance::ZERO, contract, 0);
    StateRecord::Account { account_id, account }
}

pub(crate) fn transfer() -> Action {
    Action::Transfer(TransferAction { deposit: Balance::from_yoctonear(1) })
}

/// A call with `deposit` yoctoNEAR.
pub(crate) fn call(method: &str, args: &[u8], deposit: u128) -> Action {
    Action::FunctionCall(Box::new(FunctionCallAction {
        method_name: method.into(),
        args: args.to_vec(),
        gas: Gas::from_teragas(10),
        deposit: Balance::from_yoctonear(deposit),
    }))
}

fn id(name: &str) -> AccountId {
    name.parse().expect("an account id")
}
