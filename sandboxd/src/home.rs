//! The folder that neard calls its home: `config.json`, `genesis.json`, `node_key.json` and
//! `validator_key.json`. Tools write and change these files between `init` and `run`, so that
//! both sides keep to neard's format. The chain itself lives in memory: while it runs, its socket is in
//! `data`.

mod config;
mod dump;
mod running;

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use near_chain_configs::{FAST_EPOCH_LENGTH, Genesis, GenesisConfig};
use near_crypto::{KeyFile, KeyType, PublicKey, SecretKey};
use near_primitives::state_record::StateRecord;
use near_primitives::types::AccountId;
use near_primitives::validator_signer::ValidatorSigner;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::{DumpStateArgs, InitArgs};
use crate::genesis::{self, GenesisWriter, InvalidGenesis};

pub use config::Config;
pub use dump::{Dump, DumpFailed, DumpRequest, dump};
pub use running::{Running, RunningDump};

const CONFIG: &str = "config.json";
const GENESIS: &str = "genesis.json";
const NODE_KEY: &str = "node_key.json";
const RECORDS: &str = "records.json";
const VALIDATOR_KEY: &str = "validator_key.json";

/// A home folder.
#[derive(Clone, Debug)]
pub struct Home {
    folder: PathBuf,
}

/// What a home folder holds.
#[derive(Clone, Debug)]
pub struct HomeContents {
    /// The settings of the node.
    pub config: Config,
    /// The genesis, whose records are checked when they are read.
    pub genesis: Genesis,
    /// Who makes the blocks.
    pub signer: ValidatorSigner,
    /// The node's own key.
    pub node_key: PublicKey,
}

/// A home folder that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is no such folder or file.
    #[error("{} is missing: make a chain with `--home {} init` first", path.display(), home.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The home folder.
        home: PathBuf,
    },
    /// A configuration without its genesis: the folder was written by halves.
    #[error("{} exists but {} does not: remove the folder and run init again", config.display(), genesis.display())]
    HalfWritten {
        /// The file that exists.
        config: PathBuf,
        /// The file that does not.
        genesis: PathBuf,
    },
    /// Another process runs the chain of the folder.
    #[error("a chain runs from {} already", home.display())]
    Running {
        /// The home folder.
        home: PathBuf,
    },
    /// A file is not what it should be.
    #[error("{}: {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The state cannot be dumped.
    #[error(transparent)]
    Dump(#[from] DumpFailed),
    /// The genesis cannot be used.
    #[error("{}: {source}", path.display())]
    Genesis {
        /// The file.
        path: PathBuf,
        /// The field that is wrong, and how.
        source: InvalidGenesis,
    },
}

impl Home {
    /// The folder `folder`, or the one that neard uses by default.
    pub fn new(folder: Option<PathBuf>) -> Self {
        let default = || std::env::home_dir().unwrap_or_default().join(".near");
        Self { folder: folder.unwrap_or_else(default) }
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Writes the four files, unless they are there already.
    pub fn init(&self, args: &InitArgs) -> Result<(), HomeError> {
        let config = self.folder.join(CONFIG);
        let genesis_path = self.folder.join(GENESIS);
        if config.exists() {
            if genesis_path.exists() {
                tracing::info!(target: "chain", home = %self.folder.display(), "already initialized");
                return Ok(());
            }
            return Err(HomeError::HalfWritten { config, genesis: genesis_path });
        }
        fs::create_dir_all(&self.folder).map_err(io_error(&self.folder))?;
        let validator = self.validator_key(args)?;
        let genesis = match &args.genesis {
            Some(path) => read_genesis(path)?,
            None => new_genesis(args, &validator),
        };
        let given = args.genesis.clone().unwrap_or_else(|| "--chain-id, --account-id".into());
        let invalid = |source| HomeError::Genesis { path: given, source };
        genesis::check(&genesis).map_err(invalid)?;
        let node = key_file(node_account(), SecretKey::from_random(KeyType::ED25519));
        self.write_json(NODE_KEY, &node)?;
        write_file(&genesis_path, |out| {
            let mut writer = GenesisWriter::genesis(out, &genesis.config)?;
            let written = genesis::for_each_record(&genesis, |record| writer.push(record));
            written.map_err(io::Error::other)??;
            writer.end()
        })?;
        // The last one, since its presence says that all are there.
        self.write_json(CONFIG, &Config::written_by_init(args.fast, args.max_gas_burnt_view))
    }

    /// Reads what `init` wrote and others may have changed.
    pub fn read(&self) -> Result<HomeContents, HomeError> {
        let config = self.read_config()?;
        let genesis = self.read_genesis(&config)?;
        let validator: KeyFile = self.read_key(&config.validator_key_file)?;
        let node: KeyFile = self.read_key(&config.node_key_file)?;
        Ok(HomeContents {
            config,
            genesis,
            signer: genesis::signer(validator.account_id, validator.secret_key),
            node_key: node.public_key,
        })
    }

    fn read_config(&self) -> Result<Config, HomeError> {
        Config::read(&self.read_file(CONFIG)?)
            .map_err(|what| HomeError::Content { path: self.folder.join(CONFIG), what })
    }

    /// The genesis, whose records are in a file of their own if the settings name one.
    fn read_genesis(&self, config: &Config) -> Result<Genesis, HomeError> {
        let path = self.existing(&config.genesis_file)?;
        let records = config.genesis_records_file.as_ref().map(|name| self.existing(name));
        open_genesis(&path, records.transpose()?.as_deref())
    }

    /// Writes a dumped state, and says where: one file, or with `--stream` a home folder whose
    /// records are in a file of their own.
    pub fn write_dump<E: Into<HomeError>>(
        &self,
        genesis: &GenesisConfig,
        records: impl Iterator<Item = Result<StateRecord, E>>,
        args: &DumpStateArgs,
    ) -> Result<PathBuf, HomeError> {
        let default = if args.stream { "output" } else { "output.json" };
        let path = args.file.clone().unwrap_or_else(|| self.folder.join(default));
        if !args.stream {
            write_records(&path, records, |out| GenesisWriter::genesis(out, genesis))?;
            return Ok(path);
        }
        fs::create_dir_all(&path).map_err(io_error(&path))?;
        write_records(&path.join(RECORDS), records, GenesisWriter::records)?;
        write_json(&path.join(GENESIS), genesis)?;
        let text = self.read_file(CONFIG)?;
        let mut config: serde_json::Map<String, Value> = self.parse(CONFIG, &text)?;
        for (setting, file) in [
            ("genesis_file", GENESIS),
            ("genesis_records_file", RECORDS),
            ("node_key_file", NODE_KEY),
            ("validator_key_file", VALIDATOR_KEY),
        ] {
            config.insert(setting.to_owned(), file.into());
        }
        let settings = self.read_config()?;
        write_json(&path.join(NODE_KEY), &self.read_key(&settings.node_key_file)?)?;
        write_json(&path.join(VALIDATOR_KEY), &self.read_key(&settings.validator_key_file)?)?;
        write_json(&path.join(CONFIG), &config)?;
        Ok(path)
    }

    /// The validator's key: the one that is there already, or a new one, written.
    fn validator_key(&self, args: &InitArgs) -> Result<KeyFile, HomeError> {
        if self.folder.join(VALIDATOR_KEY).exists() {
            return self.read_key(VALIDATOR_KEY);
        }
        let root = || genesis::ROOT_ACCOUNT.parse().expect("the root account's name is valid");
        let account_id = args.account_id.clone().unwrap_or_else(root);
        let secret_key = match &args.test_seed {
            Some(seed) => SecretKey::from_seed(KeyType::ED25519, seed),
            None => SecretKey::from_random(KeyType::ED25519),
        };
        let key = key_file(account_id, secret_key);
        self.write_json(VALIDATOR_KEY, &key)?;
        Ok(key)
    }

    fn read_key(&self, name: &str) -> Result<KeyFile, HomeError> {
        let key: KeyFile = self.parse(name, &self.read_file(name)?)?;
        if key.secret_key.public_key() == key.public_key {
            return Ok(key);
        }
        let what = "public_key is not the public key of secret_key".to_owned();
        Err(HomeError::Content { path: self.folder.join(name), what })
    }

    /// The JSON of the file `name`, which may have comments.
    fn parse<T: DeserializeOwned>(&self, name: &str, text: &str) -> Result<T, HomeError> {
        let path = || self.folder.join(name);
        let text = near_config_utils::strip_comments_from_json_str(&text.to_owned())
            .map_err(|error| HomeError::Content { path: path(), what: error.to_string() })?;
        serde_json::from_str(&text)
            .map_err(|error| HomeError::Content { path: path(), what: error.to_string() })
    }

    fn read_file(&self, name: &str) -> Result<String, HomeError> {
        let path = self.existing(name)?;
        fs::read_to_string(&path).map_err(io_error(&path))
    }

    /// Where the file `name` is.
    fn existing(&self, name: &str) -> Result<PathBuf, HomeError> {
        let path = self.folder.join(name);
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(HomeError::Missing { path, home: self.folder.clone() })
            }
            _ => Ok(path),
        }
    }

    fn write_json(&self, name: &str, value: &impl serde::Serialize) -> Result<(), HomeError> {
        write_json(&self.folder.join(name), value)
    }
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), HomeError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| HomeError::Content { path: path.to_owned(), what: error.to_string() })?;
    fs::write(path, text).map_err(io_error(path))
}

/// Writes records behind what `begin` writes.
fn write_records<E: Into<HomeError>>(
    path: &Path,
    mut records: impl Iterator<Item = Result<StateRecord, E>>,
    begin: impl FnOnce(BufWriter<File>) -> io::Result<GenesisWriter<BufWriter<File>>>,
) -> Result<(), HomeError> {
    let mut failed = Ok(());
    write_file(path, |out| {
        let mut writer = begin(out)?;
        for record in &mut records {
            match record {
                Ok(record) => writer.push(&record)?,
                Err(error) => {
                    failed = Err(error.into());
                    return Err(io::Error::other("there are no more records"));
                }
            }
        }
        writer.end()
    })
    .or_else(|error| failed.and(Err(error)))
}

/// Writes a file that has its name only when it is whole.
fn write_file(
    path: &Path,
    write: impl FnOnce(BufWriter<File>) -> io::Result<BufWriter<File>>,
) -> Result<(), HomeError> {
    let beside = path.with_added_extension("part");
    let written = File::create(&beside).and_then(|file| write(BufWriter::new(file)));
    let written = written.and_then(|_file| fs::rename(&beside, path));
    if written.is_err() {
        drop(fs::remove_file(&beside));
    }
    written.map_err(io_error(path))
}

/// Reads and checks a genesis from a file, but for its records.
pub fn read_genesis(path: &Path) -> Result<Genesis, HomeError> {
    open_genesis(path, None)
}

fn open_genesis(path: &Path, records: Option<&Path>) -> Result<Genesis, HomeError> {
    genesis::open(path, records)
        .map_err(|source| HomeError::Genesis { path: path.to_owned(), source })
}

fn new_genesis(args: &InitArgs, validator: &KeyFile) -> Genesis {
    let chain_id = args.chain_id.clone().unwrap_or_else(random_chain_id);
    let epoch_length = if args.fast { FAST_EPOCH_LENGTH } else { genesis::EPOCH_LENGTH };
    let validator = (validator.account_id.clone(), validator.public_key.clone());
    genesis::for_validator(&chain_id, validator, epoch_length)
}

/// A name in the form that neard gives to a chain without one.
fn random_chain_id() -> String {
    let random = SecretKey::from_random(KeyType::ED25519).public_key();
    let letters = random.key_data().iter().filter(|byte| byte.is_ascii_alphabetic());
    let mut name: String = letters.map(|byte| char::from(*byte)).take(5).collect();
    while name.len() < 5 {
        name.push('x');
    }
    format!("test-chain-{name}")
}

fn node_account() -> AccountId {
    "node".parse().expect("the node's account name is valid")
}

fn key_file(account_id: AccountId, secret_key: SecretKey) -> KeyFile {
    KeyFile { account_id, public_key: secret_key.public_key(), secret_key }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> HomeError {
    let path = path.to_owned();
    |source| HomeError::Io { path, source }
}
