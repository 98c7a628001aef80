//! Reading a genesis in neard's format, with the place of every mistake. `near_chain_configs`
//! reads the same format, but it panics where a balance overflows and names no field.

use near_chain_configs::{Genesis, GenesisConfig, GenesisContents, GenesisRecords};
use near_primitives::state_record::StateRecord;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::invalid::{InvalidGenesis, check};

/// Reads and checks a genesis with inline records. Comments are allowed, as in neard.
pub fn read(text: &str) -> Result<Genesis, InvalidGenesis> {
    let value = json(text)?;
    let Value::Object(mut fields) = value else {
        return Err(InvalidGenesis::field("genesis", "it has to be a JSON object"));
    };
    let records = match fields.remove("records") {
        Some(Value::Array(records)) => records,
        Some(_) => return Err(InvalidGenesis::field("records", "it has to be a list")),
        None => {
            let what = if fields.contains_key("records_file") {
                "it is missing: a records_file is not read, give the records inline"
            } else {
                "it is missing"
            };
            return Err(InvalidGenesis::field("records", what));
        }
    };
    fields.remove("records_file");
    let config: GenesisConfig = typed(Value::Object(fields), "")?;
    let records = records
        .into_iter()
        .enumerate()
        .map(|(index, record)| typed(record, &format!("records[{index}]")))
        .collect::<Result<Vec<StateRecord>, _>>()?;
    check(&config, &records)?;
    Ok(Genesis { config, contents: GenesisContents::Records { records: GenesisRecords(records) } })
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
    typed(json(&String::from_utf8_lossy(text))?, "")
}

fn json(text: &str) -> Result<Value, InvalidGenesis> {
    let plain = near_config_utils::strip_comments_from_json_str(&text.to_owned());
    let plain = plain.map_err(|error| InvalidGenesis::field("genesis", error.to_string()))?;
    serde_json::from_str(&plain).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let what = error.to_string();
        // The position is told once, in front.
        let what = what.split(" at line ").next().unwrap_or(&what).to_owned();
        InvalidGenesis::Json { line, column, what }
    })
}

fn typed<T: DeserializeOwned>(value: Value, place: &str) -> Result<T, InvalidGenesis> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let field = match (place, path.as_str()) {
            ("", ".") => "genesis".to_owned(),
            (place, ".") => place.to_owned(),
            ("", path) => path.to_owned(),
            (place, path) => format!("{place}.{path}"),
        };
        InvalidGenesis::field(field, error.into_inner().to_string())
    })
}
