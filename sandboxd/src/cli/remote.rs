//! Options about a chain elsewhere.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use http::{HeaderName, HeaderValue};
use near_primitives::types::AccountId;

use crate::remote::{BlockPin, ClientOptions};

/// Over the options that only a fork has.
const FORK: &str = "Fork";

/// The options of a fork.
#[derive(Args, Debug)]
#[command(next_help_heading = FORK)]
pub struct ForkArgs {
    /// Go on from a block of the chain that this RPC endpoint serves, its latest final one if no height
    /// or hash follows the @. What is not here is fetched when it is first read. Given again, it names
    /// another endpoint, which is asked if one fails.
    #[arg(long, value_name = "URL[@BLOCK]", conflicts_with = "genesis")]
    pub fork: Vec<ForkPoint>,
    /// How many seconds an endpoint may take for an answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub fork_timeout: u64,
    /// How often a request that failed is sent again.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub fork_retries: u32,
    /// A header line for the endpoints, such as x-api-key=SECRET.
    #[arg(long, value_name = "NAME=VALUE", value_parser = header)]
    pub fork_header: Vec<(HeaderName, HeaderValue)>,
    /// Keep what was fetched in this folder [default: sandboxd in the user's folder for caches].
    #[arg(long, value_name = "DIR")]
    pub fork_cache: Option<PathBuf>,
    /// Keep nothing of what was fetched.
    #[arg(long, conflicts_with = "fork_cache")]
    pub no_fork_cache: bool,
}

/// The options of `export`.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// An account to be written.
    #[arg(long, value_name = "ACCOUNT", required = true)]
    pub account: Vec<AccountId>,
    /// The RPC endpoint of the chain. Given again, it names another one, which is asked if one fails.
    #[arg(long, value_name = "URL", required = true)]
    pub url: Vec<String>,
    /// The height or hash of the block [default: the latest final one].
    #[arg(long, value_name = "BLOCK")]
    pub block: Option<BlockPin>,
    /// Where to write.
    #[arg(long, short, value_name = "FILE", default_value = "genesis.json")]
    pub output: PathBuf,
    /// How many seconds an endpoint may take for an answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: u64,
    /// How often a request that failed is sent again.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub retries: u32,
    /// A header line for the endpoints, such as x-api-key=SECRET.
    #[arg(long, value_name = "NAME=VALUE", value_parser = header)]
    pub header: Vec<(HeaderName, HeaderValue)>,
}

/// An endpoint, and the block that it is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkPoint {
    /// The address.
    pub url: String,
    /// The block, if one was named.
    pub block: Option<BlockPin>,
}

impl FromStr for ForkPoint {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = text.rsplit_once('@').and_then(|(url, block)| Some((url, block.parse().ok()?)));
        Ok(match named {
            Some((url, block)) => Self { url: url.to_owned(), block: Some(block) },
            None => Self { url: text.to_owned(), block: None },
        })
    }
}

impl ForkArgs {
    /// How patient to be with the endpoints.
    pub fn client_options(&self) -> ClientOptions {
        options(self.fork_timeout, self.fork_retries, &self.fork_header)
    }

    /// The block to start from.
    ///
    /// # Errors
    /// What is wrong, if the endpoints are given with several blocks.
    pub fn block(&self) -> Result<BlockPin, String> {
        let mut named = self.fork.iter().filter_map(|point| point.block);
        let first = named.next();
        match named.find(|other| Some(*other) != first) {
            None => Ok(first.unwrap_or_default()),
            Some(other) => Err(format!(
                "--fork names two blocks, {} and {other}: a fork starts from one",
                first.unwrap_or_default()
            )),
        }
    }
}

impl ExportArgs {
    /// How patient to be with the endpoints.
    pub fn client_options(&self) -> ClientOptions {
        options(self.timeout, self.retries, &self.header)
    }
}

fn options(seconds: u64, retries: u32, headers: &[(HeaderName, HeaderValue)]) -> ClientOptions {
    ClientOptions { timeout: Duration::from_secs(seconds), retries, headers: headers.to_vec() }
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once('=').ok_or("it has no `=` between name and value")?;
    let name = name.parse().map_err(|_| format!("`{name}` is no name of a header"))?;
    let mut value: HeaderValue =
        value.parse().map_err(|_| "a header's value is ASCII without line breaks".to_owned())?;
    value.set_sensitive(true);
    Ok((name, value))
}
