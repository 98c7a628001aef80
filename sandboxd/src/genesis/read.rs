//! Reading a genesis in neard's format, with the place of every mistake. `near_chain_configs`
//! reads the same format, but it panics where a balance overflows and names no field.
//!
//! Records are read one at a time. Those of a file stay there: a [`Genesis`] then names the file, and whoever
//! needs its records reads them as they come.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use near_chain_configs::{Genesis, GenesisConfig, GenesisContents, GenesisRecords};
use near_primitives::state_record::StateRecord;
use serde_json::{Map, Value};

use super::invalid::{InvalidGenesis, check, check_config};
use super::json::{JsonStream, Piece};

const RECORDS: &str = "records";
const RECORDS_FILE: &str = "records_file";

/// Reads and checks a genesis with inline records. Comments are allowed, as in neard.
pub fn read(text: &str) -> Result<Genesis, InvalidGenesis> {
    let mut records = Vec::new();
    let members = Members::read(text.as_bytes(), |index, piece| {
        records.push(record(index, piece)?);
        Ok(())
    })?;
    members.records_here()?;
    let contents = GenesisContents::Records { records: GenesisRecords(records) };
    let genesis = Genesis { config: members.config()?, contents };
    check(&genesis)?;
    Ok(genesis)
}

/// Reads and checks what a genesis file says beside its records. These are read when they are needed: from
/// the same file, from that which `records_file` in it names, or from `records`. What is no file, such as a
/// pipe, can be read once only, and is in memory as a whole.
///
/// # Errors
/// Also [`InvalidGenesis::Unreadable`].
pub fn open(path: &Path, records: Option<&Path>) -> Result<Genesis, InvalidGenesis> {
    let mut file = File::open(path).map_err(unreadable)?;
    if records.is_none() && !file.metadata().map_err(unreadable)?.is_file() {
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(unreadable)?;
        return read(&text);
    }
    let members = Members::read(file, |_, _| Ok(()))?;
    let records_file = match (records, members.others.get(RECORDS_FILE)) {
        (Some(records), _) => records.to_owned(),
        (None, Some(Value::String(name))) if !members.has_records => {
            path.parent().unwrap_or(Path::new("")).join(name)
        }
        _ => {
            members.records_here()?;
            path.to_owned()
        }
    };
    if let Err(error) = fs::metadata(&records_file) {
        return Err(InvalidGenesis::field(RECORDS_FILE, unreadable_at(&records_file, &error)));
    }
    let genesis = Genesis {
        config: members.config()?,
        contents: GenesisContents::RecordsFile { records_file },
    };
    check_config(&genesis.config)?;
    Ok(genesis)
}

/// Shows the records of a genesis to `see`, in their order. Those of a file are read for it, each time anew.
///
/// # Errors
/// The outer one says what is wrong with the file, the inner one is that of `see`.
pub fn for_each_record<E>(
    genesis: &Genesis,
    mut see: impl FnMut(&StateRecord) -> Result<(), E>,
) -> Result<Result<(), E>, InvalidGenesis> {
    match &genesis.contents {
        GenesisContents::Records { records } => Ok(records.0.iter().try_for_each(see)),
        GenesisContents::RecordsFile { records_file } => {
            let file = File::open(records_file).map_err(unreadable)?;
            let mut failed = Ok(());
            let read = records_of(file, |record| {
                failed = see(record);
                // What ends the reading here is not what anybody sees.
                if failed.is_ok() { Ok(()) } else { Err(InvalidGenesis::field(RECORDS, "")) }
            });
            if failed.is_ok() { read.map(Ok) } else { Ok(failed) }
        }
        GenesisContents::StateRoots { .. } => Err(missing()),
    }
}

/// Shows the records of a file that is a list of them, or a genesis.
fn records_of(
    from: impl Read,
    mut see: impl FnMut(&StateRecord) -> Result<(), InvalidGenesis>,
) -> Result<(), InvalidGenesis> {
    let mut see = |index: usize, piece: Piece<'_>| see(&record(index, piece)?);
    let mut text = JsonStream::new(from);
    if text.peek()? == Some(b'[') {
        text.list(see)?;
        return text.end();
    }
    Members::read_from(text, &mut see)?.records_here()
}

fn record(index: usize, piece: Piece<'_>) -> Result<StateRecord, InvalidGenesis> {
    piece.read(|| format!("{RECORDS}[{index}]"))
}

#[expect(clippy::needless_pass_by_value, reason = "an error is mapped with it")]
fn unreadable(error: std::io::Error) -> InvalidGenesis {
    InvalidGenesis::Unreadable(error.to_string())
}

fn unreadable_at(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

fn missing() -> InvalidGenesis {
    let what = "it is missing: give the records inline, or a records_file";
    InvalidGenesis::field(RECORDS, what)
}

/// The members of a genesis.
struct Members {
    /// All but the records.
    others: Map<String, Value>,
    has_records: bool,
}

impl Members {
    fn read(
        from: impl Read,
        mut see: impl FnMut(usize, Piece<'_>) -> Result<(), InvalidGenesis>,
    ) -> Result<Self, InvalidGenesis> {
        Self::read_from(JsonStream::new(from), &mut see)
    }

    fn read_from<R: Read>(
        mut text: JsonStream<R>,
        see: &mut impl FnMut(usize, Piece<'_>) -> Result<(), InvalidGenesis>,
    ) -> Result<Self, InvalidGenesis> {
        let mut members = Self { others: Map::new(), has_records: false };
        if !matches!(text.peek()?, None | Some(b'{')) {
            text.value()?.read::<Value>(String::new)?;
            return Err(InvalidGenesis::field("genesis", "it has to be a JSON object"));
        }
        text.object(|text, name| {
            let is_first = if name != RECORDS {
                let value = text.value()?.read(|| name.clone())?;
                members.others.insert(name.clone(), value).is_none()
            } else if text.peek()? == Some(b'[') {
                text.list(&mut *see)?;
                !std::mem::replace(&mut members.has_records, true)
            } else {
                return Err(InvalidGenesis::field(RECORDS, "it has to be a list"));
            };
            if is_first { Ok(()) } else { Err(InvalidGenesis::field(name, "it is there twice")) }
        })?;
        text.end()?;
        Ok(members)
    }

    fn records_here(&self) -> Result<(), InvalidGenesis> {
        if self.has_records { Ok(()) } else { Err(missing()) }
    }

    fn config(mut self) -> Result<GenesisConfig, InvalidGenesis> {
        self.others.remove(RECORDS_FILE);
        config(Value::Object(self.others))
    }
}

/// A genesis without its records, in neard's format.
///
/// # Panics
/// Never: each has such a form.
pub(crate) fn config_to_json(config: &GenesisConfig) -> Vec<u8> {
    serde_json::to_vec(config).expect("a genesis has a JSON form")
}

/// Reads a genesis without records.
pub(crate) fn config_from_json(text: &[u8]) -> Result<GenesisConfig, InvalidGenesis> {
    config(Value::Object(Members::read(text, |_, _| Ok(()))?.others))
}

fn config(value: Value) -> Result<GenesisConfig, InvalidGenesis> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "genesis".to_owned() } else { path };
        InvalidGenesis::field(field, error.into_inner().to_string())
    })
}
