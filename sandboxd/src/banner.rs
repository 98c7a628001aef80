//! What a fresh chain says about itself on standard output: for people a table, for programs one
//! line of JSON.

use std::io::{self, Write as _};
use std::net::SocketAddr;

use near_primitives::hash::CryptoHash;
use near_primitives::types::BlockHeight;
use sandboxd::chain::Source as _;
use sandboxd::genesis::DevAccount;
use sandboxd::remote::{Endpoint, RemoteSource};
use serde_json::json;

pub(crate) struct Banner {
    pub(crate) address: SocketAddr,
    pub(crate) chain_id: String,
    pub(crate) accounts: Vec<DevAccount>,
    pub(crate) fork: Option<Fork>,
}

/// What a fork is one of.
pub(crate) struct Fork {
    pub(crate) endpoint: String,
    pub(crate) height: BlockHeight,
    pub(crate) hash: CryptoHash,
}

impl Fork {
    pub(crate) fn of(source: &RemoteSource) -> Self {
        let endpoints = source.remote().client().endpoints().iter();
        let names: Vec<_> = endpoints.map(Endpoint::name).collect();
        let pinned = source.pinned();
        Self { endpoint: names.join(", "), height: pinned.height, hash: pinned.hash }
    }
}

impl Banner {
    pub(crate) fn print_json(&self) -> io::Result<()> {
        let account = |account: &DevAccount| {
            json!({
                "account_id": account.account_id,
                "public_key": account.secret_key.public_key(),
                "secret_key": account.secret_key,
                "balance": account.balance.as_yoctonear().to_string(),
            })
        };
        let accounts: Vec<_> = self.accounts.iter().map(account).collect();
        let mut line =
            json!({ "rpc": self.url(), "chain_id": self.chain_id, "accounts": accounts });
        if let (Some(fork), Some(line)) = (&self.fork, line.as_object_mut()) {
            let Fork { endpoint, height, hash } = fork;
            let fork = json!({ "endpoint": endpoint, "block_height": height, "block_hash": hash });
            line.insert("fork".to_owned(), fork);
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()
    }

    pub(crate) fn print_table(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let version = env!("CARGO_PKG_VERSION");
        match &self.fork {
            None => writeln!(out, "sandboxd {version}: chain {}", self.chain_id)?,
            Some(Fork { endpoint, height, hash }) => {
                writeln!(out, "sandboxd {version}: a local FORK of {}", self.chain_id)?;
                writeln!(out, "\nIt goes on from block {height} ({hash})")?;
                writeln!(out, "as {endpoint} has it. Nothing that happens here is sent there.")?;
            }
        }
        if !self.accounts.is_empty() {
            writeln!(out, "\nThese keys are the same everywhere. Use them for tests only.\n")?;
            writeln!(out, "{:<16} {:>18}  secret key (full access)", "account", "balance")?;
            for account in &self.accounts {
                let balance = format!("{} NEAR", account.balance.as_near());
                let DevAccount { account_id, secret_key, .. } = account;
                writeln!(out, "{account_id:<16} {balance:>18}  {secret_key}")?;
            }
        }
        writeln!(out, "\nJSON-RPC on {}", self.url())?;
        out.flush()
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
