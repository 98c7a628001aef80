//! The records of a database and their keys.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::hash::CryptoHash;
use near_primitives::types::BlockHeight;
use sandbox_state::StateRoot;

use super::StoreError;
use super::database::{Batch, Column, Database};
use super::lines::{Line, LineId, Place};
use crate::chain::{SnapshotId, TimestampNs};

/// The format that this program reads and writes. It counts up with every change that an older
/// program would not understand.
pub(super) const FORMAT: u32 = 2;

const IDENTITY: &[u8] = b"identity";
const LAST_SNAPSHOT: &[u8] = b"last snapshot";
/// What the keys of records begin with of which there is one for each line or chain; its number follows.
const BASE: &str = "base ";
const LINE: &str = "line ";
const CHAIN: &str = "chain ";

/// Of which genesis a chain is.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// The chain's name.
    pub(super) chain_id: String,
    /// The digest of the genesis that was given, records and all; none if the chain began with the
    /// genesis that is made where none is given.
    pub(super) genesis: Option<CryptoHash>,
}

/// What is there of a line, beside its blocks.
#[derive(BorshDeserialize, BorshSerialize, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineRecord {
    from: Option<(LineId, BlockHeight)>,
    base: Option<(BlockHeight, [u8; 32])>,
    /// The height of the lowest state.
    lowest: BlockHeight,
}

/// A chain: the current one, or a snapshot.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, PartialEq, Eq)]
pub(super) struct ChainRecord {
    line: LineId,
    height: BlockHeight,
    /// What its clock showed when it was put aside.
    pub(super) time_ns: TimestampNs,
    pub(super) tip: Vec<u8>,
}

impl LineRecord {
    pub(super) fn of(line: &Line) -> Self {
        Self {
            from: line.from.map(|from| (from.line, from.height)),
            base: line.base.map(|(height, root)| (height, root.0)),
            lowest: line.lowest(),
        }
    }

    /// The height of the lowest state.
    pub(super) fn lowest(&self) -> BlockHeight {
        self.lowest
    }

    /// The block that its blocks are built on, if that is in another line.
    pub(super) fn built_on(&self) -> Option<Place> {
        self.line().from.filter(|_| self.base.is_none())
    }

    /// The line, with no other state than that of its base.
    pub(super) fn line(&self) -> Line {
        let base = self.base.map(|(height, root)| (height, StateRoot(root)));
        let from = self.from.map(|(line, height)| Place { line, height });
        let states = base.into_iter().filter(|(height, _)| *height >= self.lowest).collect();
        Line { from, base, states }
    }
}

impl ChainRecord {
    pub(super) fn new(place: Place, time_ns: TimestampNs, tip: Vec<u8>) -> Self {
        Self { line: place.line, height: place.height, time_ns, tip }
    }

    /// Its latest block.
    pub(super) fn place(&self) -> Place {
        Place { line: self.line, height: self.height }
    }
}

/// Of which genesis the chain in `database` is, if there is one.
pub(super) fn identity(database: &Database) -> Result<Option<Identity>, StoreError> {
    let found = database.get(Column::Meta, IDENTITY)?;
    found.map(|bytes| decoded(database, IDENTITY, &bytes)).transpose()
}

/// The base of a line.
pub(super) fn base(database: &Database, line: LineId) -> Result<Vec<u8>, StoreError> {
    one(database, &key(BASE, line))
}

/// All lines.
pub(super) fn lines(database: &Database) -> Result<BTreeMap<LineId, LineRecord>, StoreError> {
    numbered(database, LINE)
}

/// All chains, each under the number of its snapshot; the current one has the number nought.
pub(super) fn chains(database: &Database) -> Result<BTreeMap<SnapshotId, ChainRecord>, StoreError> {
    numbered(database, CHAIN)
}

/// The last number that was given to a snapshot.
pub(super) fn last_snapshot(database: &Database) -> Result<SnapshotId, StoreError> {
    decoded(database, LAST_SNAPSHOT, &one(database, LAST_SNAPSHOT)?)
}

/// The blocks of a line with their heights and the roots of their states, the lowest first.
pub(super) fn blocks(
    database: &Database,
    line: LineId,
) -> impl Iterator<Item = Result<(BlockHeight, StateRoot, Box<[u8]>), StoreError>> + '_ {
    database.with_prefix(Column::Blocks, line.to_be_bytes().into()).map(|record| {
        let (key, record) = record?;
        let short = || database.corrupt(Column::Blocks, &key, "it is too short");
        let height = key.last_chunk().ok_or_else(short)?;
        let (root, image) = record.split_first_chunk().ok_or_else(short)?;
        Ok((u64::from_be_bytes(*height), StateRoot(*root), image.into()))
    })
}

pub(super) fn put_block(batch: &mut Batch<'_>, place: Place, state_root: StateRoot, image: &[u8]) {
    let record = [state_root.as_bytes(), image].concat();
    batch.put(Column::Blocks, &block_key(place), &record);
}

/// Deletes the blocks of a line up to `place`.
pub(super) fn delete_blocks_up_to(batch: &mut Batch<'_>, place: Place) {
    let first = Place { height: 0, ..place };
    batch.delete_range(Column::Blocks, &block_key(first), &behind(&block_key(place)));
}

/// Deletes the blocks of a line above `place`.
pub(super) fn delete_blocks_above(batch: &mut Batch<'_>, place: Place) {
    let last = Place { height: BlockHeight::MAX, ..place };
    batch.delete_range(Column::Blocks, &behind(&block_key(place)), &behind(&block_key(last)));
}

/// Deletes all that is there of a line, but for its states.
pub(super) fn delete_line(batch: &mut Batch<'_>, line: LineId) {
    delete_blocks_up_to(batch, Place { line, height: BlockHeight::MAX });
    batch.delete(Column::Meta, &key(BASE, line));
    batch.delete(Column::Meta, &key(LINE, line));
}

pub(super) fn put_line(batch: &mut Batch<'_>, line: LineId, record: &LineRecord) {
    batch.put(Column::Meta, &key(LINE, line), &encoded(record));
}

pub(super) fn put_chain(batch: &mut Batch<'_>, id: SnapshotId, record: &ChainRecord) {
    batch.put(Column::Meta, &key(CHAIN, id), &encoded(record));
}

pub(super) fn delete_chain(batch: &mut Batch<'_>, id: SnapshotId) {
    batch.delete(Column::Meta, &key(CHAIN, id));
}

pub(super) fn put_last_snapshot(batch: &mut Batch<'_>, id: SnapshotId) {
    batch.put(Column::Meta, LAST_SNAPSHOT, &encoded(&id));
}

pub(super) fn put_identity(batch: &mut Batch<'_>, identity: &Identity) {
    batch.put(Column::Meta, IDENTITY, &encoded(identity));
}

pub(super) fn put_base(batch: &mut Batch<'_>, line: LineId, base: &[u8]) {
    batch.put(Column::Meta, &key(BASE, line), base);
}

fn key(kind: &str, number: impl fmt::Display) -> Vec<u8> {
    format!("{kind}{number}").into_bytes()
}

fn block_key(place: Place) -> Vec<u8> {
    [&place.line.to_be_bytes()[..], &place.height.to_be_bytes()].concat()
}

/// The first key behind `key`.
fn behind(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// The records whose keys begin with `kind` and end with their number.
fn numbered<N: FromStr + Ord, T: BorshDeserialize>(
    database: &Database,
    kind: &str,
) -> Result<BTreeMap<N, T>, StoreError> {
    let mut records = BTreeMap::new();
    for record in database.with_prefix(Column::Meta, kind.as_bytes().into()) {
        let (key, record) = record?;
        let number = key.get(kind.len()..).and_then(|number| str::from_utf8(number).ok());
        let number = number.and_then(|number| number.parse().ok());
        let number =
            number.ok_or_else(|| database.corrupt(Column::Meta, &key, "it has no number"))?;
        records.insert(number, decoded(database, &key, &record)?);
    }
    Ok(records)
}

fn one(database: &Database, key: &[u8]) -> Result<Vec<u8>, StoreError> {
    let found = database.get(Column::Meta, key)?;
    found.ok_or_else(|| database.corrupt(Column::Meta, key, "it is missing"))
}

fn decoded<T: BorshDeserialize>(
    database: &Database,
    key: &[u8],
    bytes: &[u8],
) -> Result<T, StoreError> {
    T::try_from_slice(bytes).map_err(|error| database.corrupt(Column::Meta, key, error))
}

/// # Panics
/// Never: writing to a vector cannot fail.
fn encoded(record: &impl BorshSerialize) -> Vec<u8> {
    borsh::to_vec(record).expect("writing to a vector cannot fail")
}
