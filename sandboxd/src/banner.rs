//! What a fresh chain says about itself on standard output: for people a table, for programs one
//! line of JSON.

use std::io::{self, Write as _};
use std::net::SocketAddr;

use sandboxd::genesis::DevAccount;
use serde_json::json;

pub(crate) struct Banner {
    pub(crate) address: SocketAddr,
    pub(crate) chain_id: String,
    pub(crate) accounts: Vec<DevAccount>,
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
        let line = json!({ "rpc": self.url(), "chain_id": self.chain_id, "accounts": accounts });
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()
    }

    pub(crate) fn print_table(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "sandboxd {}: chain {}", env!("CARGO_PKG_VERSION"), self.chain_id)?;
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
