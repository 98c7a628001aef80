//! A chain that forks are made of: another chain in memory, which counts what it is asked for and can
//! be out of reach.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use near_chain_configs::{GenesisContents, get_initial_supply};
use near_crypto::PublicKeyHandle;
use near_primitives::account::{AccessKey, Account};
use near_primitives::action::GlobalContractIdentifier;
use near_primitives::state_record::state_record_to_account_id;
use near_primitives::types::{AccountId, Nonce};
use parking_lot::Mutex;
use sandbox_runtime::view::{self, StateQuery};
use sandbox_runtime::{Engines, FeeTable};
use sandboxd::chain::{Chain, ChainOptions, Fetched, PinnedBlock, Source, SourceFailure, Stretch};
use sandboxd::genesis;

use crate::support::id;

/// How much of a contract's data one answer has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answers {
    Whole,
    /// This many records.
    Pages(usize),
}

#[derive(Debug)]
pub(super) struct Remote {
    pub(super) chain: Chain,
    pub(super) pinned: PinnedBlock,
    answers: Answers,
    is_gone: AtomicBool,
    asked: Mutex<BTreeMap<String, usize>>,
}

impl Remote {
    /// The `chain` as it is now.
    pub(super) fn of(chain: &Chain, answers: Answers) -> Arc<Self> {
        let (head, config) = (chain.head(), chain.genesis_config());
        let pinned = PinnedBlock {
            chain_id: chain.chain_id().to_owned(),
            protocol_version: chain.protocol_version(),
            height: head.height(),
            hash: *head.hash(),
            timestamp_ns: head.header().raw_timestamp(),
            gas_price: chain.gas_price(),
            total_supply: head.header().total_supply(),
            epoch_height: head.epoch().height,
            epoch_start_height: head.epoch().start_height,
            epoch_length: config.epoch_length,
            gas_limit: config.gas_limit,
            min_gas_price: config.min_gas_price,
            max_gas_price: config.max_gas_price,
            transaction_validity_period: config.transaction_validity_period,
        };
        Arc::new(Self {
            chain: chain.clone(),
            pinned,
            answers,
            is_gone: AtomicBool::new(false),
            asked: Mutex::default(),
        })
    }

    pub(super) fn go(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
    }

    pub(super) fn come_back(&self) {
        self.is_gone.store(false, Ordering::Relaxed);
    }

    /// What it was asked for, and how often.
    pub(super) fn asked(&self) -> BTreeMap<String, usize> {
        self.asked.lock().clone()
    }

    /// Lets questions wait until the guard is dropped.
    pub(super) fn hold(&self) -> impl Drop + '_ {
        self.asked.lock()
    }

    fn ask(&self, what: String) -> Fetched<()> {
        if self.is_gone.load(Ordering::Relaxed) {
            let (endpoint, why) = ("http://remote.test".into(), "connection refused".into());
            return Err(SourceFailure { endpoint, why });
        }
        *self.asked.lock().entry(what).or_default() += 1;
        Ok(())
    }

    fn data(&self, id: &AccountId, prefix: &[u8], from: &[u8]) -> Stretch {
        let query = StateQuery { prefix: prefix.to_vec(), ..StateQuery::default() };
        let all = view::state(self.chain.state(), id, &query).unwrap();
        let all = all.map(|page| page.values).unwrap_or_default();
        let records = all.into_iter().map(|(key, value)| (key, value.to_vec()));
        let records: Vec<_> = records.filter(|(key, _)| key.as_slice() >= from).collect();
        match self.answers {
            Answers::Pages(most) if records.len() > most => {
                let to = records.get(most).map(|(key, _)| key.clone());
                let records = records.into_iter().take(most).collect();
                Stretch { from: from.to_vec(), to, records }
            }
            _ => Stretch { from: from.to_vec(), ..Stretch::prefix(prefix, records) },
        }
    }
}

impl Source for Remote {
    fn pinned(&self) -> &PinnedBlock {
        &self.pinned
    }

    fn account(&self, id: &AccountId) -> Fetched<Option<Account>> {
        self.ask(format!("account {id}"))?;
        Ok(self.chain.account(id).ok())
    }

    fn access_key(&self, id: &AccountId, key: &PublicKeyHandle) -> Fetched<Option<AccessKey>> {
        self.ask(format!("access key {key} of {id}"))?;
        let keys = view::access_keys(self.chain.state(), id, None).unwrap();
        Ok(keys.into_iter().find(|(handle, _)| handle == key).map(|(_, key)| key))
    }

    fn access_keys(&self, id: &AccountId) -> Fetched<Vec<(PublicKeyHandle, AccessKey)>> {
        self.ask(format!("access keys of {id}"))?;
        Ok(view::access_keys(self.chain.state(), id, None).unwrap())
    }

    fn gas_key_nonces(&self, id: &AccountId, key: &PublicKeyHandle) -> Fetched<Vec<Nonce>> {
        self.ask(format!("nonces of {key} of {id}"))?;
        let key = key.to_string().parse().unwrap();
        Ok(view::gas_key_nonces(self.chain.state(), id, &key).unwrap().unwrap_or_default())
    }

    fn code(&self, id: &AccountId) -> Fetched<Option<Vec<u8>>> {
        self.ask(format!("code of {id}"))?;
        let is_local = self.chain.account(id).is_ok_and(|account| account.contract().is_local());
        let code = view::code(self.chain.state(), id).unwrap().ok().filter(|_| is_local);
        Ok(code.map(|(_, code)| code.to_vec()))
    }

    fn global_code(&self, identifier: &GlobalContractIdentifier) -> Fetched<Option<Vec<u8>>> {
        self.ask(format!("global code {identifier:?}"))?;
        let code = view::global_code(self.chain.state(), identifier).unwrap();
        Ok(code.map(|(_, code)| code.to_vec()))
    }

    fn data_at(&self, id: &AccountId, key: &[u8]) -> Fetched<Stretch> {
        match self.answers {
            Answers::Whole => {
                self.ask(format!("data of {id}"))?;
                Ok(self.data(id, &[], &[]))
            }
            Answers::Pages(_) => {
                self.ask(format!("data of {id} at {}", key.escape_ascii()))?;
                let Stretch { records, .. } = self.data(id, key, key);
                let value = records.into_iter().find(|(found, _)| found == key);
                Ok(Stretch::single(key, value.map(|(_, value)| value)))
            }
        }
    }

    fn data_from(&self, id: &AccountId, prefix: &[u8], from: &[u8]) -> Fetched<Stretch> {
        let (shown, start) = (prefix.escape_ascii(), from.escape_ascii());
        self.ask(format!("data of {id} with prefix {shown} from {start}"))?;
        Ok(self.data(id, prefix, from))
    }
}

/// A fork of what `remote` has, whose blocks are made by a validator of its own.
pub(super) fn fork(remote: &Arc<Remote>) -> Chain {
    let validator = ("fork-validator.test", genesis::dev_signer().public_key());
    let mut own = genesis::for_validator("own", (id(validator.0), validator.1), 500);
    if let GenesisContents::Records { records } = &mut own.contents {
        // neard's protocol account is the remote's here.
        records.0.retain(|record| state_record_to_account_id(record) != "near");
        own.config.total_supply = get_initial_supply(&records.0);
    }
    let options = ChainOptions {
        signer: genesis::dev_signer(),
        clock: *remote.chain.clock(),
        block_delay_ns: 600_000_000,
        kept_blocks: 1000,
        max_gas_burnt_view: None,
        fees: FeeTable::new(),
        finality_lag: 0,
        wallet_contract: None,
        auto_impersonate: false,
        engines: Engines::default(),
    };
    Chain::fork(Arc::<Remote>::clone(remote), &own, options).unwrap()
}
