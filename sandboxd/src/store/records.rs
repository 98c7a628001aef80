//! The records that a database has one of.

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::hash::CryptoHash;
use near_primitives::types::BlockHeight;
use sandbox_state::StateRoot;

use super::StoreError;
use super::database::{Batch, Column, Database};

/// The format that this program reads and writes. It counts up with every change that an older
/// program would not understand.
pub(super) const FORMAT: u32 = 1;

const IDENTITY: &[u8] = b"identity";
const BASE: &[u8] = b"base";
const TIP: &[u8] = b"tip";
const EXTENT: &[u8] = b"extent";

/// Of which genesis a chain is.
#[derive(BorshDeserialize, BorshSerialize, Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// The chain's name.
    pub(super) chain_id: String,
    /// The digest of the genesis that was given, records and all; none if the chain began with the
    /// genesis that is made where none is given.
    pub(super) genesis: Option<CryptoHash>,
}

/// What is there, beside what the base and the tip say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// The height of the block in the base, and the root of its state.
    pub(super) base: (BlockHeight, StateRoot),
    /// The lowest height from there on whose state is there.
    pub(super) lowest: BlockHeight,
    /// The states below that, which snapshots needed.
    pub(super) older: Vec<(BlockHeight, StateRoot)>,
    /// The states beside those of the chain, each with the one below it.
    pub(super) owed: Vec<(StateRoot, StateRoot)>,
}

type Root = [u8; 32];
type EncodedExtent =
    ((BlockHeight, Root), BlockHeight, Vec<(BlockHeight, Root)>, Vec<(Root, Root)>);

/// Of which genesis the chain in `database` is, if there is one.
pub(super) fn identity(database: &Database) -> Result<Option<Identity>, StoreError> {
    let found = database.get(Column::Meta, IDENTITY)?;
    found.map(|bytes| decoded(database, IDENTITY, &bytes)).transpose()
}

/// The base of the chain.
pub(super) fn base(database: &Database) -> Result<Vec<u8>, StoreError> {
    one(database, BASE)
}

/// The tip of the chain.
pub(super) fn tip(database: &Database) -> Result<Vec<u8>, StoreError> {
    one(database, TIP)
}

/// What there is.
pub(super) fn extent(database: &Database) -> Result<Extent, StoreError> {
    let bytes = one(database, EXTENT)?;
    let (base, lowest, older, owed): EncodedExtent = decoded(database, EXTENT, &bytes)?;
    let at = |(height, root)| (height, StateRoot(root));
    let owed = owed.into_iter().map(|(below, top)| (StateRoot(below), StateRoot(top)));
    let older = older.into_iter().map(at).collect();
    Ok(Extent { base: at(base), lowest, older, owed: owed.collect() })
}

/// The blocks after the base with their heights and the roots of their states, the lowest first.
pub(super) fn blocks(
    database: &Database,
) -> impl Iterator<Item = Result<(BlockHeight, StateRoot, Box<[u8]>), StoreError>> + '_ {
    database.all(Column::Blocks).map(|record| {
        let (key, record) = record?;
        let short = || database.corrupt(Column::Blocks, &key, "it is too short");
        let height = <[u8; 8]>::try_from(&*key).map_err(|_| short())?;
        let (root, image) = record.split_first_chunk().ok_or_else(short)?;
        Ok((u64::from_be_bytes(height), StateRoot(*root), image.into()))
    })
}

pub(super) fn put_block(
    batch: &mut Batch<'_>,
    height: BlockHeight,
    state_root: StateRoot,
    image: &[u8],
) {
    let record = [state_root.as_bytes(), image].concat();
    batch.put(Column::Blocks, &height.to_be_bytes(), &record);
}

pub(super) fn delete_block(batch: &mut Batch<'_>, height: BlockHeight) {
    batch.delete(Column::Blocks, &height.to_be_bytes());
}

pub(super) fn delete_blocks_up_to(batch: &mut Batch<'_>, height: BlockHeight) {
    batch.delete_up_to(Column::Blocks, &height.to_be_bytes());
}

pub(super) fn put_identity(batch: &mut Batch<'_>, identity: &Identity) {
    batch.put(Column::Meta, IDENTITY, &encoded(identity));
}

pub(super) fn put_base(batch: &mut Batch<'_>, base: &[u8]) {
    batch.put(Column::Meta, BASE, base);
}

pub(super) fn put_tip(batch: &mut Batch<'_>, tip: &[u8]) {
    batch.put(Column::Meta, TIP, tip);
}

pub(super) fn put_extent(batch: &mut Batch<'_>, extent: &Extent) {
    let at = |(height, root): (BlockHeight, StateRoot)| (height, root.0);
    let older = extent.older.iter().copied().map(at).collect();
    let owed = extent.owed.iter().map(|(below, top)| (below.0, top.0)).collect();
    let extent: EncodedExtent = (at(extent.base), extent.lowest, older, owed);
    batch.put(Column::Meta, EXTENT, &encoded(&extent));
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
