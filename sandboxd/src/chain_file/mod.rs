//! All chains of a node in one file: the current one and those that were put aside, with their blocks,
//! states, outcomes and times. What chains have in common is written once.
//!
//! Behind eight bytes and a format number the file is a stream of zstd, with its checksum: for each
//! chain a description, its tip, its base, the records of its lowest state, and its blocks. The states
//! above are made of what the blocks changed. See [`Chain::resume`].

mod client;
mod pieces;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use borsh::{BorshDeserialize, BorshSerialize};
use near_primitives::types::{BlockHeight, BlockId};
use sandbox_runtime::StateChanges;
use sandbox_state::{ChangeSet, Snapshot};

use crate::chain::{
    Block, Chain, ChainOptions, Chains, InvalidImage, SavedChain, SnapshotId, TimestampNs,
};

use pieces::{Pieces, Writer};

pub use client::{StateClient, StateClientError};

/// What every such file begins with.
const MAGIC: [u8; 8] = *b"sandboxd";

/// The version of the format. Another one is not read.
pub const CHAIN_FILE_FORMAT: u32 = 1;

/// So many bytes of records are written together.
const RECORDS_BYTES: usize = 1 << 20;

/// A file that no chains can be read from.
#[derive(Debug, thiserror::Error)]
pub enum InvalidChainFile {
    /// It is something else.
    #[error("this is not a file that sandboxd wrote a chain to")]
    NotOne,
    /// It was written by another version of the sandbox.
    #[error(
        "the chain was written in format {found}, and this sandboxd reads format \
         {CHAIN_FILE_FORMAT}: use the version that wrote it"
    )]
    Format {
        /// The format that it has.
        found: u32,
    },
    /// It ends too early.
    #[error("the file ends after {at} bytes, and there has to be more: it was cut off")]
    Truncated {
        /// So many bytes there are.
        at: u64,
    },
    /// It is not as it was written.
    #[error("the file is damaged before byte {at}: {what}")]
    Damaged {
        /// So many bytes were read.
        at: u64,
        /// What is wrong.
        what: String,
    },
    /// It cannot be read.
    #[error("the file cannot be read")]
    Io(#[source] io::Error),
    /// The chain in it cannot be resumed.
    #[error(transparent)]
    Image(#[from] InvalidImage),
}

/// Chains that were not written.
#[derive(Debug, thiserror::Error)]
pub enum ChainFileFailed {
    /// The chain has no such form.
    #[error(transparent)]
    Image(#[from] InvalidImage),
    /// There is no place for it.
    #[error("the file cannot be written")]
    Io(#[from] io::Error),
}

/// What comes before the pieces of a chain.
#[derive(BorshDeserialize, BorshSerialize)]
struct Description {
    /// Its number, if it was put aside, and what its clock showed then.
    saved: Option<(SnapshotId, TimestampNs)>,
    /// Which of the chains before it goes the same way, and up to which height.
    like: Option<(u32, BlockHeight)>,
    blocks: u64,
}

/// Writes `chains` to `out`.
pub fn write(chains: &Chains, mut out: impl Write) -> Result<(), ChainFileFailed> {
    out.write_all(&MAGIC)?;
    out.write_all(&CHAIN_FILE_FORMAT.to_le_bytes())?;
    let mut writer = Writer::new(out)?;
    let saved = chains.saved.iter().map(|saved| (Some((saved.id, saved.time_ns)), &saved.chain));
    let mut all: Vec<_> = saved.chain([(None, &chains.current)]).collect();
    // Each can go on from one before it, which reaches down as far.
    all.sort_by_key(|(saved, chain)| (chain.earliest().height(), *saved));
    writer.piece(&(chains.last_snapshot, u32::try_from(all.len()).map_err(io::Error::other)?))?;
    for (place, (saved, chain)) in all.iter().enumerate() {
        let before = all.get(..place).unwrap_or_default();
        write_chain(&mut writer, *saved, chain, before.iter().map(|(_, chain)| *chain))?;
    }
    Ok(writer.finish()?)
}

fn write_chain<'a, W: Write>(
    writer: &mut Writer<W>,
    saved: Option<(SnapshotId, TimestampNs)>,
    chain: &Chain,
    before: impl Iterator<Item = &'a Chain>,
) -> Result<(), ChainFileFailed> {
    let common = before.enumerate().filter_map(|(place, other)| {
        Some((common_height(chain, other)?, u32::try_from(place).ok()?))
    });
    let like = common.max().map(|(height, place)| (place, height));
    let from = like.map_or_else(|| chain.oldest().height(), |(_, height)| height);
    let blocks = u64::try_from(chain.blocks_after(from).count()).unwrap_or(u64::MAX);
    writer.piece(&Description { saved, like, blocks })?;
    writer.bytes(&chain.tip_image())?;
    if like.is_none() {
        writer.bytes(&chain.base_image()?)?;
        write_records(writer, chain)?;
    }
    for block in chain.blocks_after(from) {
        writer.bytes(&chain.block_image(block).unwrap_or_default())?;
    }
    Ok(())
}

/// The highest block that both chains have with its state.
fn common_height(chain: &Chain, other: &Chain) -> Option<BlockHeight> {
    let lowest = chain.earliest();
    let above: Vec<_> = chain.blocks_after(lowest.height()).collect();
    let has = |block: &Block| {
        at(other, block.height()).is_some_and(|same| same.hash() == block.hash())
            && other.state_after(block).is_ok()
    };
    let common = above.into_iter().rev().chain([lowest]).find(|block| has(block));
    common.map(|block| block.height())
}

fn at(chain: &Chain, height: BlockHeight) -> Option<&Block> {
    chain.block_by_id(&BlockId::Height(height)).ok().map(AsRef::as_ref)
}

/// Writes the records of the lowest state, and behind them none.
fn write_records<W: Write>(writer: &mut Writer<W>, chain: &Chain) -> io::Result<()> {
    let mut records = Vec::new();
    let mut bytes = 0_usize;
    let state = chain.state_after(chain.earliest()).ok();
    for record in state.into_iter().flat_map(|state| state.range_here(&[])) {
        let (key, value) = record.map_err(io::Error::other)?;
        bytes = bytes.saturating_add(key.len()).saturating_add(value.len());
        records.push((key, value.to_vec()));
        if bytes > RECORDS_BYTES {
            writer.piece(&std::mem::take(&mut records))?;
            bytes = 0;
        }
    }
    if !records.is_empty() {
        writer.piece(&records)?;
    }
    writer.piece(&Vec::<(Vec<u8>, Vec<u8>)>::new())
}

/// Reads what [`write()`] wrote. The `options` are used as [`Chain::resume`] says.
pub fn read(from: impl Read, options: &ChainOptions) -> Result<Chains, InvalidChainFile> {
    let mut pieces = Pieces::open(from)?;
    let (last_snapshot, count): (SnapshotId, u32) = pieces.next()?;
    let (mut chains, mut saved, mut current) = (Vec::new(), BTreeMap::new(), None);
    for _ in 0..count {
        let description: Description = pieces.next()?;
        let chain = read_chain(&mut pieces, &description, &chains, options)?;
        chains.push(chain.clone());
        match description.saved {
            None => current = Some(chain),
            Some((id, time_ns)) => drop(saved.insert(id, SavedChain { id, chain, time_ns })),
        }
    }
    pieces.end()?;
    let current = current.ok_or_else(|| pieces.damaged("there is no current chain in it"))?;
    Ok(Chains { current, saved: saved.into_values().collect(), last_snapshot })
}

fn read_chain<R: Read>(
    pieces: &mut Pieces<R>,
    description: &Description,
    before: &[Chain],
    options: &ChainOptions,
) -> Result<Chain, InvalidChainFile> {
    let tip = pieces.bytes()?;
    let like = description.like.map(|(place, height)| {
        let other = usize::try_from(place).ok().and_then(|place| before.get(place));
        other.map(|other| (other, height))
    });
    let mut latest = None;
    let (mut base, mut lowest) = (Vec::new(), None);
    match like {
        None => {
            base = pieces.bytes()?;
            lowest = Some(read_records(pieces)?);
        }
        Some(None) => return Err(pieces.damaged("a chain goes on from one that is not there")),
        Some(Some((other, height))) => {
            let block = at(other, height);
            latest = block.and_then(|block| other.state_after(block).ok().cloned());
        }
    }
    let state = |_: &Block, changes: &StateChanges| {
        let next = match &latest {
            None => lowest.take(),
            Some(before) => changes.apply_to(before).ok(),
        };
        latest.clone_from(&next);
        next
    };
    let mut failed = None;
    let blocks = (0..description.blocks).map_while(|_| match pieces.bytes() {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            failed = Some(error);
            None
        }
    });
    let chain = match like.flatten() {
        None => Chain::resume(&base, &tip, blocks, state, options.clone()),
        Some((other, height)) => other.resume_from(height, &tip, blocks, state),
    };
    failed.map_or_else(|| Ok(chain?), Err)
}

fn read_records<R: Read>(pieces: &mut Pieces<R>) -> Result<Snapshot, InvalidChainFile> {
    let mut state = Snapshot::empty();
    loop {
        let records: Vec<(Vec<u8>, Vec<u8>)> = pieces.next()?;
        if records.is_empty() {
            return Ok(state);
        }
        let records = records.into_iter().map(|(key, value)| (key.into(), Some(value.into())));
        let applied = state.apply(&records.collect::<ChangeSet>());
        state = applied.map_err(|unavailable| pieces.damaged(&unavailable.to_string()))?;
    }
}
