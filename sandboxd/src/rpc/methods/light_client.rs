//! What light clients ask for: the next block that they can trust, and proofs that something is in
//! the chain below it.

use near_jsonrpc_primitives::types::light_client::{
    RpcLightClientBlockProofRequest, RpcLightClientBlockProofResponse,
    RpcLightClientChunkExecutionProofRequest, RpcLightClientExecutionOutcomeProofRequest,
    RpcLightClientExecutionProofRequest, RpcLightClientExecutionProofResponse,
    RpcLightClientNextBlockError, RpcLightClientNextBlockRequest, RpcLightClientNextBlockResponse,
    RpcLightClientProofError, RpcLightClientStateProofRequest,
};
use near_primitives::hash::CryptoHash;
use near_primitives::types::{BlockId, Finality, SpiceChunkId, TransactionOrReceiptId};
use serde_json::Value;
use std::sync::Arc;

use super::super::params::{self, Params};
use super::{Answer, Api, Handler, Kind, Member, Method, Takes, written};
use crate::chain::{Block, Chain, UnknownBlock};

const HEAD: Member = Member::required("light_client_head", Kind::Hash)
    .about("the block that the light client trusts");
const CHUNK_ID: Member = Member::required("chunk_id", Kind::ChunkId);

/// What names an outcome.
const OUTCOME: Takes = Takes::Params {
    forms: &[
        &[
            Member::required("type", Kind::Only("transaction")),
            Member::required("transaction_hash", Kind::Hash),
            Member::required("sender_id", Kind::AccountId),
            HEAD,
        ],
        &[
            Member::required("type", Kind::Only("receipt")),
            Member::required("receipt_id", Kind::Hash),
            Member::required("receiver_id", Kind::AccountId),
            HEAD,
        ],
    ],
    others: &[],
};

pub(super) const NEXT_BLOCK: Method = Method {
    names: &["next_light_client_block"],
    summary: "The next block for a light client: the latest final one in the epoch of its last block \
              or in the one after it. An empty object if there is none yet.",
    takes: Takes::Params {
        forms: &[&[Member::required("last_block_hash", Kind::Hash)]],
        others: &["[last_block_hash]"],
    },
    errors: &["UNKNOWN_BLOCK"],
    handler: Handler::Look(next_block),
};

pub(super) const PROOF: Method = Method {
    names: &["light_client_proof", "EXPERIMENTAL_light_client_proof"],
    summary: "Proves an outcome by the header of the block after its own, and that block by one that \
              a light client knows.",
    takes: OUTCOME,
    errors: &["UNKNOWN_BLOCK", "NOT_CONFIRMED", "UNKNOWN_TRANSACTION_OR_RECEIPT"],
    handler: Handler::Look(proof),
};

pub(super) const BLOCK_PROOF: Method = Method {
    names: &["EXPERIMENTAL_light_client_block_proof"],
    summary: "Proves a block by a later one that a light client knows.",
    takes: Takes::Params {
        forms: &[&[Member::required("block_hash", Kind::Hash), HEAD]],
        others: &["[block_hash, light_client_head]"],
    },
    errors: &["UNKNOWN_BLOCK"],
    handler: Handler::Look(block_proof),
};

pub(super) const CHUNK_EXECUTION_PROOF: Method = Method {
    names: &["EXPERIMENTAL_light_client_chunk_execution_proof"],
    summary: "Proves what executing a chunk gave, for chains that certify execution (Spice). This \
              one does not.",
    takes: Takes::Params { forms: &[&[CHUNK_ID, HEAD]], others: &[] },
    errors: &["UNKNOWN_BLOCK", "CHUNK_NOT_CERTIFIED"],
    handler: Handler::Look(chunk_execution_proof),
};

pub(super) const EXECUTION_OUTCOME_PROOF: Method = Method {
    names: &["EXPERIMENTAL_light_client_execution_outcome_proof"],
    summary: "Proves an outcome by its chunk, for chains that certify execution (Spice). This one \
              does not: see `light_client_proof`.",
    takes: OUTCOME,
    errors: &["UNKNOWN_BLOCK", "UNKNOWN_TRANSACTION_OR_RECEIPT", "CHUNK_NOT_CERTIFIED"],
    handler: Handler::Look(execution_outcome_proof),
};

pub(super) const STATE_PROOF: Method = Method {
    names: &["EXPERIMENTAL_light_client_state_proof"],
    summary: "Proves a part of the state by a chunk, for chains that certify execution (Spice). This \
              one does not.",
    takes: Takes::Params {
        forms: &[&[
            CHUNK_ID,
            Member::required("target", Kind::Object).about("what to prove, by its `target_type`"),
            HEAD,
        ]],
        others: &[],
    },
    errors: &["UNKNOWN_BLOCK", "CHUNK_NOT_CERTIFIED"],
    handler: Handler::Look(state_proof),
};

fn next_block(api: &Api, params: Value) -> Answer {
    let RpcLightClientNextBlockRequest { last_block_hash } =
        Params::<RpcLightClientNextBlockRequest>::new(params)
            .singleton(|last_block_hash| Ok(RpcLightClientNextBlockRequest { last_block_hash }))
            .named()?;
    let unknown = |unknown: UnknownBlock| {
        let error_message = match unknown {
            UnknownBlock::NoSuchBlock(BlockId::Hash(hash)) => missing(&hash),
            other => other.to_string(),
        };
        RpcLightClientNextBlockError::UnknownBlock { error_message }
    };
    let block = api.chain().next_light_client_block(&last_block_hash).map_err(unknown)?;
    written(&RpcLightClientNextBlockResponse { light_client_block: block.map(Arc::new) })
}

fn proof(api: &Api, params: Value) -> Answer {
    let RpcLightClientExecutionProofRequest { id, light_client_head } = params::parse(params)?;
    let chain = api.chain();
    let id = outcome_id(&id);
    let proof = chain.outcome_proof(&id).ok_or(unknown_outcome(id))?;
    let not_confirmed = RpcLightClientProofError::NotConfirmed { transaction_or_receipt_id: id };
    let proof = proof.ok_or(not_confirmed)?;
    let RpcLightClientBlockProofResponse { block_header_lite, block_proof } =
        block_in(&chain, &proof.outcome.block_hash, &light_client_head)?;
    written(&RpcLightClientExecutionProofResponse {
        outcome_proof: proof.outcome.into(),
        outcome_root_proof: proof.root_proof,
        block_header_lite,
        block_proof,
    })
}

fn block_proof(api: &Api, params: Value) -> Answer {
    let RpcLightClientBlockProofRequest { block_hash, light_client_head } = params::parse(params)?;
    written(&block_in(&api.chain(), &block_hash, &light_client_head)?)
}

fn chunk_execution_proof(api: &Api, params: Value) -> Answer {
    let RpcLightClientChunkExecutionProofRequest { chunk_id, light_client_head } =
        params::parse(params)?;
    Err(not_certified(&api.chain(), chunk_id, &light_client_head).into())
}

fn execution_outcome_proof(api: &Api, params: Value) -> Answer {
    let RpcLightClientExecutionOutcomeProofRequest { id, light_client_head } =
        params::parse(params)?;
    let chain = api.chain();
    let id = outcome_id(&id);
    let block = chain.outcome(&id).ok_or(unknown_outcome(id))?.block;
    let chunk_id = SpiceChunkId { block_hash: *block.hash(), shard_id: block.shard_id() };
    Err(not_certified(&chain, chunk_id, &light_client_head).into())
}

fn state_proof(api: &Api, params: Value) -> Answer {
    let RpcLightClientStateProofRequest { chunk_id, light_client_head, target: _ } =
        params::parse(params)?;
    Err(not_certified(&api.chain(), chunk_id, &light_client_head).into())
}

fn outcome_id(id: &TransactionOrReceiptId) -> CryptoHash {
    match id {
        TransactionOrReceiptId::Transaction { transaction_hash, sender_id: _ } => *transaction_hash,
        TransactionOrReceiptId::Receipt { receipt_id, receiver_id: _ } => *receipt_id,
    }
}

fn unknown_outcome(transaction_or_receipt_id: CryptoHash) -> RpcLightClientProofError {
    RpcLightClientProofError::UnknownTransactionOrReceipt { transaction_or_receipt_id }
}

/// Why nothing can be proved by `chunk_id`.
fn not_certified(
    chain: &Chain,
    chunk_id: SpiceChunkId,
    head: &CryptoHash,
) -> RpcLightClientProofError {
    let blocks = known(chain, &chunk_id.block_hash).and_then(|_| known(chain, head));
    match blocks {
        Ok(_) => RpcLightClientProofError::ChunkNotCertified { chunk_id },
        Err(unknown) => unknown,
    }
}

/// Proves the block `block` by `head`; both have to be final.
fn block_in(
    chain: &Chain,
    block: &CryptoHash,
    head: &CryptoHash,
) -> Result<RpcLightClientBlockProofResponse, RpcLightClientProofError> {
    let (block, head) = (known(chain, block)?, known(chain, head)?);
    let failure = |error_message| RpcLightClientProofError::InternalError { error_message };
    let final_height = chain.last_block(&Finality::Final).height();
    // neard has the same words for a block that is not final yet as for one of a fork.
    if let Some(early) = [block, head].into_iter().find(|block| block.height() > final_height) {
        return Err(failure(format!("{} not on current chain", early.hash())));
    }
    let block_proof = chain.block_proof(block, head).ok_or_else(|| {
        failure(format!("block {} is ahead of head block {}", block.hash(), head.hash()))
    })?;
    let block_header_lite = block.header().clone().into();
    Ok(RpcLightClientBlockProofResponse { block_header_lite, block_proof })
}

fn known<'a>(chain: &'a Chain, hash: &CryptoHash) -> Result<&'a Block, RpcLightClientProofError> {
    let unknown = |_| RpcLightClientProofError::UnknownBlock { error_message: missing(hash) };
    chain.block_by_id(&BlockId::Hash(*hash)).map(AsRef::as_ref).map_err(unknown)
}

/// How neard's store names a missing header.
fn missing(hash: &CryptoHash) -> String {
    format!("BLOCK HEADER: {hash}")
}
