//! `block`, `chunk`, how congested a chunk is, and the block references that other methods share.

use near_jsonrpc_primitives::errors::{RpcError, RpcParseError};
use near_jsonrpc_primitives::types::blocks::RpcBlockError;
use near_jsonrpc_primitives::types::chunks::{ChunkReference, RpcChunkError};
use near_jsonrpc_primitives::types::congestion::RpcCongestionLevelResponse;
use near_primitives::sharding::ChunkHash;
use near_primitives::types::{BlockId, BlockReference};
use near_primitives::views::ChunkView;
use serde_json::Value;

use super::super::near_error::RpcFailure;
use super::super::params::{self, Params};
use super::{Answer, Api, Handler, Kind, Member, Method, Takes, row, written};
use crate::chain::{Block, Chain};

pub(super) const BLOCK: Method = Method {
    names: &["block"],
    summary: "A block: its header and the headers of its chunks.",
    takes: Takes::Params { forms: &[&[row::BLOCK]], others: &["[block_id]"] },
    errors: &["UNKNOWN_BLOCK"],
    handler: Handler::Look(block),
};

/// What names a chunk.
const CHUNK_REFERENCE: Takes = Takes::Params {
    forms: &[
        &[Member::required("chunk_id", Kind::Hash)],
        &[Member::required("block_id", Kind::BlockId), Member::required("shard_id", Kind::Number)],
    ],
    others: &["[chunk_id]", "[[block_id, shard_id]]"],
};

pub(super) const CHUNK: Method = Method {
    names: &["chunk"],
    summary: "A chunk: its header, transactions, and the receipts that came with it.",
    takes: CHUNK_REFERENCE,
    errors: &["UNKNOWN_BLOCK", "INVALID_SHARD_ID", "UNKNOWN_CHUNK"],
    handler: Handler::Look(chunk),
};

pub(super) const CONGESTION_LEVEL: Method = Method {
    names: &["EXPERIMENTAL_congestion_level"],
    summary: "How congested a chunk's shard is, from 0 to 1.",
    takes: CHUNK_REFERENCE,
    errors: CHUNK.errors,
    handler: Handler::Look(congestion_level),
};

fn block(api: &Api, params: Value) -> Answer {
    let reference = Params::<BlockReference>::new(params)
        .singleton(|id| Ok(BlockReference::BlockId(id)))
        .named()?;
    let chain = api.chain();
    let Ok(block) = chain.block(&reference) else {
        let error_message = missing(&reference, "BLOCK");
        let error = RpcBlockError::UnknownBlock { error_message };
        return Err(unknown_block(error, &chain, &reference));
    };
    written(&block.view(chain.signer()))
}

fn chunk(api: &Api, params: Value) -> Answer {
    let reference = chunk_reference(params)?;
    let chain = api.chain();
    let block = block_with(&chain, reference)?;
    written(&ChunkView {
        author: block.author().clone(),
        header: block.chunk_header_view(chain.signer()),
        transactions: block.transactions().iter().cloned().map(Into::into).collect(),
        receipts: block.incoming_receipts().iter().cloned().map(Into::into).collect(),
    })
}

fn congestion_level(api: &Api, params: Value) -> Answer {
    let reference = chunk_reference(params)?;
    let chain = api.chain();
    let info = block_with(&chain, reference)?.chunk_header().congestion_info();
    let config = &chain.runtime().config().near().congestion_control_config;
    let congestion_level = info.localized_congestion_level(config);
    written(&RpcCongestionLevelResponse { congestion_level })
}

fn chunk_reference(params: Value) -> Result<ChunkReference, RpcParseError> {
    Params::<ChunkReference>::new(params)
        .singleton(|value: Value| {
            if value.is_array() {
                let (block_id, shard_id) = params::parse(value)?;
                return Ok(ChunkReference::BlockShardId { block_id, shard_id });
            }
            Ok(ChunkReference::ChunkHash { chunk_id: params::parse(value)? })
        })
        .named()
}

/// The block with the chunk that is referred to.
fn block_with(chain: &Chain, reference: ChunkReference) -> Result<&Block, RpcFailure> {
    match reference {
        ChunkReference::ChunkHash { chunk_id } => {
            let chunk_hash = ChunkHash(chunk_id);
            let block = chain.block_of_chunk(&chunk_hash);
            Ok(block.ok_or(RpcChunkError::UnknownChunk { chunk_hash })?)
        }
        ChunkReference::BlockShardId { block_id, shard_id } => {
            let reference = BlockReference::BlockId(block_id);
            let Ok(block) = chain.block(&reference) else {
                let error_message = missing(&reference, "BLOCK");
                let error = RpcChunkError::UnknownBlock { error_message };
                return Err(unknown_block(error, chain, &reference));
            };
            if block.shard_id() != shard_id {
                return Err(RpcChunkError::InvalidShardId { shard_id }.into());
            }
            Ok(block)
        }
    }
}

/// How neard's store names a missing block; `by_hash` is the name of the column that it looked in.
pub(super) fn missing(reference: &BlockReference, by_hash: &str) -> String {
    match reference {
        BlockReference::BlockId(BlockId::Height(height)) => format!("BLOCK HEIGHT: {height}"),
        BlockReference::BlockId(BlockId::Hash(hash)) => format!("{by_hash}: {hash}"),
        other => format!("{other:?}"),
    }
}

/// An error about a missing block, with a mark if its height is one that was skipped.
pub(super) fn unknown_block(
    error: impl Into<RpcError>,
    chain: &Chain,
    reference: &BlockReference,
) -> RpcFailure {
    let below_head = matches!(
        reference,
        BlockReference::BlockId(BlockId::Height(height)) if *height < chain.head().height()
    );
    RpcFailure { error: error.into(), below_head }
}
