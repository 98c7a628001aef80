//! `RocksDB`, set up for a chain of one machine: little memory, little to do in the background, and
//! checksums that are verified whenever something is read.

use std::fmt;
use std::path::PathBuf;

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType,
    DBRecoveryMode, Direction, ErrorKind, IteratorMode, Options, WriteBatch,
};

use super::folder::Folder;
use super::{StoreError, counted};

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// What there is one of.
    Meta,
    /// Blocks by the line that they are in, and their height.
    Blocks,
    /// Nodes of the trie by hash.
    Nodes,
    /// Values of the trie by hash.
    Values,
    /// Compiled modules.
    Modules,
}

const COLUMNS: [Column; 5] =
    [Column::Meta, Column::Blocks, Column::Nodes, Column::Values, Column::Modules];

/// What may wait in memory to be written to a file, in each column, and in all together.
const WRITE_BUFFER: usize = 4 << 20;
const WRITE_BUFFERS: usize = 12 << 20;
/// Files of the log of writes are dropped from here on.
const LOG: u64 = 16 << 20;
const CACHE: usize = 8 << 20;
/// Blocks resemble their neighbours, so that many are compressed together.
const BLOCKS_PAGE: usize = 64 << 10;
const PAGE: usize = 8 << 10;
const OPEN_FILES: i32 = 256;
/// No key is longer.
const LONGEST_KEY: usize = 64;
const BLOOM_BITS: f64 = 10.0;

/// A key, and what is kept under it.
pub(super) type Record = (Box<[u8]>, Box<[u8]>);

/// Tables of records, written to in batches.
pub(super) struct Database {
    db: DB,
    folder: Folder,
}

/// What is written together or not at all.
pub(super) struct Batch<'a> {
    database: &'a Database,
    writes: WriteBatch,
}

impl Column {
    /// The column's name, as errors have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Blocks => "blocks",
            Self::Nodes => "nodes",
            Self::Values => "values",
            Self::Modules => "modules",
        }
    }

    fn options(self, cache: &Cache) -> Options {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(cache);
        table.set_block_size(if self == Self::Blocks { BLOCKS_PAGE } else { PAGE });
        table.set_format_version(5);
        let mut options = Options::default();
        options.set_write_buffer_size(WRITE_BUFFER);
        options.set_compression_type(DBCompressionType::Zstd);
        if matches!(self, Self::Nodes | Self::Values) {
            table.set_bloom_filter(BLOOM_BITS, false);
            options.set_merge_operator_associative("held", counted::merge);
            options.set_compaction_filter("held", counted::compact);
        }
        if self == Self::Modules {
            options.set_compression_type(DBCompressionType::None);
        }
        options.set_block_based_table_factory(&table);
        options
    }
}

fn columns() -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(CACHE);
    let descriptor =
        |column: &Column| ColumnFamilyDescriptor::new(column.name(), column.options(&cache));
    COLUMNS.iter().map(descriptor).collect()
}

fn is_there(folder: &Folder) -> bool {
    Folder::has_database(folder.path())
}

fn open_read_only(folder: &Folder) -> Result<DB, StoreError> {
    let path = folder.database();
    let opened = DB::open_cf_descriptors_read_only(&options(), path, columns(), false);
    opened.map_err(|error| unopened(folder, error))
}

fn unopened(folder: &Folder, error: rocksdb::Error) -> StoreError {
    StoreError::Database { path: folder.path().to_owned(), what: error.into_string() }
}

fn options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_db_write_buffer_size(WRITE_BUFFERS);
    options.set_max_total_wal_size(LOG);
    options.set_max_open_files(OPEN_FILES);
    options.set_max_background_jobs(2);
    options.set_keep_log_file_num(1);
    options.set_max_manifest_file_size(4 << 20);
    options.set_skip_stats_update_on_db_open(true);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    options.set_max_file_opening_threads(2);
    // What a machine that lost power had not finished is left out; anything else that is wrong in the
    // log is an error, since blocks that were acknowledged would be missing.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options
}

impl Database {
    /// Opens the database in `folder`, and makes it if it is not there. If it is there and cannot be
    /// written to, it is opened for reading, and says why.
    pub(super) fn open(folder: Folder) -> Result<(Self, Option<String>), StoreError> {
        let path = folder.database();
        let (db, why) = match DB::open_cf_descriptors(&options(), &path, columns()) {
            Ok(db) => (db, None),
            Err(error) if error.kind() == ErrorKind::IOError && is_there(&folder) => {
                (open_read_only(&folder)?, Some(error.into_string()))
            }
            Err(error) => return Err(unopened(&folder, error)),
        };
        Ok((Self { db, folder }, why))
    }

    /// Opens a database that is there, and is not written to.
    pub(super) fn open_read_only(folder: Folder) -> Result<Self, StoreError> {
        Ok(Self { db: open_read_only(&folder)?, folder })
    }

    /// The record under `key`.
    pub(super) fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.db.get_cf(self.family(column), key);
        found.map_err(|error| self.failed(column, key, error))
    }

    /// The record under `key` that somebody holds.
    pub(super) fn get_held(
        &self,
        column: Column,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(record) = self.get(column, key)? else { return Ok(None) };
        let held = counted::held(&record);
        let held = held.map_err(|what| self.corrupt(column, key, what))?;
        Ok(held.map(<[u8]>::to_vec))
    }

    /// The records whose keys begin with `prefix`, in the order of their keys.
    pub(super) fn with_prefix(
        &self,
        column: Column,
        prefix: Box<[u8]>,
    ) -> impl Iterator<Item = Result<Record, StoreError>> + '_ {
        let mut last = prefix.clone();
        let from = IteratorMode::From(&prefix, Direction::Forward);
        let records =
            self.db.iterator_cf(self.family(column), from).map(move |record| match record {
                Ok(record) => {
                    last.clone_from(&record.0);
                    Ok(record)
                }
                Err(error) => Err(self.failed_after(column, &last, error)),
            });
        let is_one = move |(key, _): &Record| key.starts_with(&prefix);
        records.take_while(move |record| record.as_ref().map_or(true, &is_one))
    }

    /// A batch without anything in it yet.
    pub(super) fn batch(&self) -> Batch<'_> {
        Batch { database: self, writes: WriteBatch::default() }
    }

    /// Forces what was written onto the disk.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.db.flush_wal(true).map_err(|error| self.unwritten(error))
    }

    /// Rewrites what the columns have as one sorted run of records each.
    pub(super) fn compact(&self, columns: &[Column]) -> Result<(), StoreError> {
        for column in columns {
            let family = self.family(*column);
            self.db.flush_cf(family).map_err(|error| self.unwritten(error))?;
            self.db.compact_range_cf(family, None::<&[u8]>, None::<&[u8]>);
        }
        Ok(())
    }

    /// The error of something that cannot be written.
    pub(super) fn refused(&self, what: &impl fmt::Display) -> StoreError {
        StoreError::Database { path: self.path(), what: what.to_string() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// The error of a record that does not say what it should.
    pub(super) fn corrupt(
        &self,
        column: Column,
        key: &[u8],
        what: impl fmt::Display,
    ) -> StoreError {
        let key = key_text(column, key);
        StoreError::Corrupt { path: self.path(), column, key, what: what.to_string() }
    }

    fn failed(&self, column: Column, key: &[u8], error: rocksdb::Error) -> StoreError {
        match error.kind() {
            ErrorKind::Corruption => self.corrupt(column, key, error),
            _ => self.unwritten(error),
        }
    }

    fn failed_after(&self, column: Column, last: &[u8], error: rocksdb::Error) -> StoreError {
        match error.kind() {
            ErrorKind::Corruption => StoreError::Corrupt {
                path: self.path(),
                column,
                key: format!("behind {}", key_text(column, last)),
                what: error.into_string(),
            },
            _ => self.unwritten(error),
        }
    }

    fn unwritten(&self, error: rocksdb::Error) -> StoreError {
        StoreError::Database { path: self.path(), what: error.into_string() }
    }

    /// # Panics
    /// Never: a database is opened with all columns.
    fn family(&self, column: Column) -> &ColumnFamily {
        self.db.cf_handle(column.name()).expect("a database is opened with all columns")
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Batch<'_> {
    pub(super) fn put(&mut self, column: Column, key: &[u8], record: &[u8]) {
        self.writes.put_cf(self.database.family(column), key, record);
    }

    pub(super) fn delete(&mut self, column: Column, key: &[u8]) {
        self.writes.delete_cf(self.database.family(column), key);
    }

    /// Deletes the records whose keys are at least `from` and less than `to`.
    pub(super) fn delete_range(&mut self, column: Column, from: &[u8], to: &[u8]) {
        self.writes.delete_range_cf(self.database.family(column), from, to);
    }

    /// Deletes all records of a column.
    pub(super) fn delete_all(&mut self, column: Column) {
        self.delete_range(column, &[], &[u8::MAX; LONGEST_KEY]);
    }

    /// Has `bytes` held once more under `key`.
    pub(super) fn hold(&mut self, column: Column, key: &[u8], bytes: &[u8]) {
        self.writes.merge_cf(self.database.family(column), key, counted::hold(bytes));
    }

    /// Has the record under `key` held once less.
    pub(super) fn let_go(&mut self, column: Column, key: &[u8]) {
        self.writes.merge_cf(self.database.family(column), key, counted::LET_GO);
    }

    /// How much memory it takes.
    pub(super) fn size(&self) -> usize {
        self.writes.size_in_bytes()
    }

    /// Writes what it has already, which is no more a part of it.
    pub(super) fn write_so_far(&mut self) -> Result<(), StoreError> {
        let writes = std::mem::take(&mut self.writes);
        self.database.db.write(writes).map_err(|error| self.database.unwritten(error))
    }

    /// The error of something that had to be known for the batch.
    pub(super) fn refused(&self, what: &impl fmt::Display) -> StoreError {
        self.database.refused(what)
    }

    /// Writes all of it, to the operating system at least.
    pub(super) fn write(self) -> Result<(), StoreError> {
        self.database.db.write(self.writes).map_err(|error| self.database.unwritten(error))
    }
}

fn key_text(column: Column, key: &[u8]) -> String {
    match (column, key.last_chunk()) {
        (Column::Meta, _) => String::from_utf8_lossy(key).into_owned(),
        (Column::Blocks, Some(height)) => u64::from_be_bytes(*height).to_string(),
        _ => bs58::encode(key).into_string(),
    }
}
