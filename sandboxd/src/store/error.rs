//! What can be wrong with a chain on disk.

use std::io;
use std::path::PathBuf;

use super::database::Column;
use super::records::FORMAT;
use crate::chain::InvalidImage;

/// A chain on disk cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be used.
    #[error("{path}: {source}", path = .path.display())]
    Folder {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another process has it open.
    #[error(
        "a chain runs from {path} in another sandboxd{owner}: stop that one, or give another folder",
        path = .path.display(),
        owner = .owner.as_ref().map(|id| format!(" (process {id})")).unwrap_or_default()
    )]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The other process, if it has left its id.
        owner: Option<String>,
    },
    /// It was written by a sandboxd of another age.
    #[error(
        "{path}: the chain is in format {found}, and this sandboxd reads format {FORMAT}: start it \
         with the {age} sandboxd that wrote it, move it with `sandboxd state dump` and \
         `sandboxd state load`, or delete the folder to begin anew",
        path = .path.display(),
        age = if *.found < FORMAT { "older" } else { "newer" }
    )]
    Format {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It belongs to another program.
    #[error(
        "{path}: this is the database of another program, such as neard: give another folder",
        path = .path.display()
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// What was read is no whole chain.
    #[error("{path}: {source}", path = .path.display())]
    Chain {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: Box<InvalidImage>,
    },
    /// The chain is not the one of the genesis that was given.
    #[error(
        "{path}: the chain that is kept here is {found}, and started from another genesis than the \
         one given, of {given}: give its genesis, another folder, or delete this one to begin anew",
        path = .path.display()
    )]
    OtherGenesis {
        /// The folder.
        path: PathBuf,
        /// The name of the chain on disk.
        found: String,
        /// The name of the chain that was asked for.
        given: String,
    },
    /// A record is not as it was written.
    #[error(
        "{path}: the record {key} in the column {column} is corrupt: {what}. Bring the folder back \
         from a copy, or delete it to begin anew",
        path = .path.display(), column = .column.name()
    )]
    Corrupt {
        /// The folder.
        path: PathBuf,
        /// Where the record is.
        column: Column,
        /// Its key, as text.
        key: String,
        /// What is wrong with it.
        what: String,
    },
    /// The database says no.
    #[error("{path}: {what}", path = .path.display())]
    Database {
        /// The folder.
        path: PathBuf,
        /// Why.
        what: String,
    },
}
