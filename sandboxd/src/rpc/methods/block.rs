//! `block`, `chunk`, and the block references that other methods share.

use near_jsonrpc_primitives::errors::RpcError;
use near_jsonrpc_primitives::types::blocks::RpcBlockError;
use near_jsonrpc_primitives::types::chunks::{ChunkReference, RpcChunkError};
use near_primitives::sharding::ChunkHash;
use near_primitives::types::{BlockId, BlockReference};
use near_primitives::views::ChunkView;
use serde_json::Value;

use super::super::near_error::RpcFailure;
use super::super::params::{self, Params};
use super::{Answer, Api, Handler, Method, written};
use crate::chain::Chain;

pub(super) const BLOCK: Method = Method {
    names: &["block"],
    summary: "A block: its header and the headers of its chunks.",
    named: "a block reference",
    positional: "`[height or hash]`",
    errors: &["UNKNOWN_BLOCK"],
    handler: Handler::Look(block),
};

pub(super) const CHUNK: Method = Method {
    names: &["chunk"],
    summary: "A chunk: its header, transactions, and the receipts that came with it.",
    named: "`chunk_id`, or `block_id` (height or hash) and `shard_id`",
    positional: "`[chunk_hash]` or `[[height or hash, shard_id]]`",
    errors: &["UNKNOWN_BLOCK", "INVALID_SHARD_ID", "UNKNOWN_CHUNK"],
    handler: Handler::Look(chunk),
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
    let reference = Params::<ChunkReference>::new(params)
        .singleton(|value: Value| {
            if value.is_array() {
                let (block_id, shard_id) = params::parse(value)?;
                return Ok(ChunkReference::BlockShardId { block_id, shard_id });
            }
            Ok(ChunkReference::ChunkHash { chunk_id: params::parse(value)? })
        })
        .named()?;
    let chain = api.chain();
    let block = match reference {
        ChunkReference::ChunkHash { chunk_id } => {
            let chunk_hash = ChunkHash(chunk_id);
            match chain.block_of_chunk(&chunk_hash) {
                Some(block) => block,
                None => return Err(RpcChunkError::UnknownChunk { chunk_hash }.into()),
            }
        }
        ChunkReference::BlockShardId { block_id, shard_id } => {
            let reference = BlockReference::BlockId(block_id);
            let Ok(block) = chain.block(&reference) else {
                let error_message = missing(&reference, "BLOCK");
                let error = RpcChunkError::UnknownBlock { error_message };
                return Err(unknown_block(error, &chain, &reference));
            };
            if block.shard_id() != shard_id {
                return Err(RpcChunkError::InvalidShardId { shard_id }.into());
            }
            block
        }
    };
    written(&ChunkView {
        author: block.author().clone(),
        header: block.chunk_header_view(chain.signer()),
        transactions: block.transactions().iter().cloned().map(Into::into).collect(),
        receipts: block.incoming_receipts().iter().cloned().map(Into::into).collect(),
    })
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
