//! `sandbox_snapshot` and what is done with snapshots, and `sandbox_rollback`.

use near_primitives::types::{BlockHeight, BlockHeightDelta};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::super::near_error::RpcFailure;
use super::{
    Answer, Api, Handler, Kind, Member, Method, Takes, internal_error, params, refused, stopped,
    written,
};
use crate::chain::{
    AfterRevert, Rollback, RollbackError, SnapshotId, SnapshotInfo, UnknownSnapshot,
};

const SNAPSHOT_ID: Member = Member::required("snapshot_id", Kind::Number);

const UNKNOWN_SNAPSHOT: &str = "UNKNOWN_SNAPSHOT";
const UNKNOWN_BLOCK: &str = "UNKNOWN_BLOCK";
const GARBAGE_COLLECTED_BLOCK: &str = "GARBAGE_COLLECTED_BLOCK";

pub(in super::super) const SNAPSHOT: Method = Method {
    names: &["sandbox_snapshot"],
    summary: "Puts the chain aside as it is now, to return to it: state, waiting transactions and \
              receipts, blocks, time and impersonation. Answers `snapshot_id`.",
    takes: Takes::Ignored,
    errors: &[],
    handler: Handler::Wait(|api, _params| Box::pin(snapshot(api))),
};

pub(in super::super) const REVERT: Method = Method {
    names: &["sandbox_revert"],
    summary: "Returns to a snapshot. It and those that were taken after it are dropped, unless `keep` \
              is true.",
    takes: Takes::Params {
        forms: &[&[SNAPSHOT_ID, Member::optional("keep", Kind::Flag).about("by default false")]],
        others: &["[snapshot_id]"],
    },
    errors: &[UNKNOWN_SNAPSHOT],
    handler: Handler::Wait(|api, params| Box::pin(revert(api, params))),
};

pub(in super::super) const SNAPSHOTS: Method = Method {
    names: &["sandbox_snapshots"],
    summary: "Lists the snapshots, the oldest first: `snapshot_id`, `height` of the latest block, \
              and `time` in nanoseconds since 1970.",
    takes: Takes::Ignored,
    errors: &[],
    handler: Handler::Wait(|api, _params| Box::pin(snapshots(api))),
};

pub(in super::super) const DROP_SNAPSHOT: Method = Method {
    names: &["sandbox_drop_snapshot"],
    summary: "Forgets a snapshot, and frees what only it remembers.",
    takes: Takes::Params { forms: &[&[SNAPSHOT_ID]], others: &["[snapshot_id]"] },
    errors: &[UNKNOWN_SNAPSHOT],
    handler: Handler::Wait(|api, params| Box::pin(drop_snapshot(api, params))),
};

pub(in super::super) const ROLLBACK: Method = Method {
    names: &["sandbox_rollback"],
    summary: "Takes the chain back to the end of the block at `height`, or by `depth` blocks. What \
              came after it is gone, and so are the transactions that wait; snapshots stay. Answers \
              the `height`.",
    takes: Takes::Params {
        forms: &[
            &[Member::required("height", Kind::Number)],
            &[Member::required("depth", Kind::Number)],
        ],
        others: &[],
    },
    errors: &[UNKNOWN_BLOCK, GARBAGE_COLLECTED_BLOCK],
    handler: Handler::Wait(|api, params| Box::pin(rollback(api, params))),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revert {
    snapshot_id: SnapshotId,
    #[serde(default)]
    keep: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Drop {
    snapshot_id: SnapshotId,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum To {
    Height(BlockHeight),
    Depth(BlockHeightDelta),
}

/// A snapshot as it is told.
#[derive(Serialize)]
struct Told {
    snapshot_id: SnapshotId,
    height: u64,
    time: String,
}

impl From<SnapshotInfo> for Told {
    fn from(info: SnapshotInfo) -> Self {
        Self { snapshot_id: info.id, height: info.height, time: info.time_ns.to_string() }
    }
}

async fn snapshot(api: &Api) -> Answer {
    let snapshot_id = api.node.snapshot().await.ok_or_else(|| stopped(api))?;
    written(&json!({ "snapshot_id": snapshot_id }))
}

async fn revert(api: &Api, params: Value) -> Answer {
    let request = params::Params::<Revert>::new(params)
        .singleton(|snapshot_id| Ok(Revert { snapshot_id, keep: false }))
        .named()?;
    let after = if request.keep { AfterRevert::Keep } else { AfterRevert::Drop };
    let reverted = api.node.revert(request.snapshot_id, after).await.ok_or_else(|| stopped(api))?;
    written(&Told::from(reverted.map_err(unknown)?))
}

async fn snapshots(api: &Api) -> Answer {
    let snapshots = api.node.snapshots().await.ok_or_else(|| stopped(api))?;
    written(&snapshots.into_iter().map(Told::from).collect::<Vec<_>>())
}

async fn drop_snapshot(api: &Api, params: Value) -> Answer {
    let request = params::Params::<Drop>::new(params)
        .singleton(|snapshot_id| Ok(Drop { snapshot_id }))
        .named()?;
    let dropped = api.node.drop_snapshot(request.snapshot_id).await.ok_or_else(|| stopped(api))?;
    dropped.map_err(unknown)?;
    written(&json!({}))
}

async fn rollback(api: &Api, params: Value) -> Answer {
    let to = match params::parse(params)? {
        To::Height(height) => Rollback::ToHeight(height),
        To::Depth(depth) => Rollback::ByBlocks(depth),
    };
    let rolled_back = api.node.roll_back(to).await.ok_or_else(|| stopped(api))?;
    let height = rolled_back.map_err(|error| match error {
        RollbackError::Forgotten { .. } => refused(GARBAGE_COLLECTED_BLOCK, &error.to_string()),
        RollbackError::Fault(fault) => internal_error(&fault.to_string()),
        _ => refused(UNKNOWN_BLOCK, &error.to_string()),
    })?;
    written(&json!({ "height": height }))
}

fn unknown(error: UnknownSnapshot) -> RpcFailure {
    refused(UNKNOWN_SNAPSHOT, &error.to_string())
}
