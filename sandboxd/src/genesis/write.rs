//! Writing a genesis in neard's format, record by record.

use std::io::{self, Write};

use near_chain_configs::GenesisConfig;
use near_primitives::state_record::StateRecord;

/// Writes a genesis, or a list of records alone, whose records need not be there at once.
#[derive(Debug)]
pub struct GenesisWriter<W> {
    out: W,
    is_empty: bool,
    /// What comes behind the last record.
    end: &'static str,
}

impl<W: Write> GenesisWriter<W> {
    /// Begins a genesis.
    pub fn genesis(mut out: W, config: &GenesisConfig) -> io::Result<Self> {
        let config = serde_json::to_string_pretty(config)?;
        // The records are the last member of the same object.
        let open = config.trim_end().strip_suffix('}').unwrap_or_default().trim_end();
        write!(out, "{open},\n  \"records\": [")?;
        Ok(Self { out, is_empty: true, end: "\n  ]\n}\n" })
    }

    /// Begins a list of records, for a file of their own.
    pub fn records(mut out: W) -> io::Result<Self> {
        write!(out, "[")?;
        Ok(Self { out, is_empty: true, end: "\n]\n" })
    }

    /// Writes the next record.
    pub fn push(&mut self, record: &StateRecord) -> io::Result<()> {
        let comma = if self.is_empty { "" } else { "," };
        self.is_empty = false;
        write!(self.out, "{comma}\n    ")?;
        Ok(serde_json::to_writer(&mut self.out, record)?)
    }

    /// Says that there are no more, and gives back what it was written to.
    pub fn end(mut self) -> io::Result<W> {
        self.out.write_all(self.end.as_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }
}
