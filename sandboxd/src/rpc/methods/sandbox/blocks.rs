//! When blocks are made, and blocks that somebody asks for.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::nanos::Nanos;
use super::time::INVALID_TIME;
use super::{
    Answer, Api, Handler, Kind, Member, Method, Takes, internal_error, params, refused, stopped,
    written,
};
use crate::chain::{BlockMode, InvalidMining};

const INVALID_BLOCK_MODE: &str = "INVALID_BLOCK_MODE";
const TOO_MANY_BLOCKS: &str = "TOO_MANY_BLOCKS";

pub(in super::super) const SET_BLOCK_MODE: Method = Method {
    names: &["sandbox_set_block_mode"],
    summary: "Chooses when blocks are made: `instant`, when there is work; `interval`, one every \
              `interval_ms`, for which transactions wait; `mixed`, when there is work and, without \
              any, every `interval_ms`; `manual`, when `sandbox_mine` asks for them.",
    takes: Takes::Params {
        forms: &[&[
            Member::required("mode", Kind::One(&["instant", "interval", "mixed", "manual"])),
            Member::optional("interval_ms", Kind::Number)
                .about("from 1 on, with `interval` and `mixed` only"),
        ]],
        others: &[],
    },
    errors: &[INVALID_BLOCK_MODE],
    handler: Handler::Wait(|api, params| Box::pin(set_block_mode(api, params))),
};

pub(in super::super) const BLOCK_MODE: Method = Method {
    names: &["sandbox_block_mode"],
    summary: "Tells when blocks are made.",
    takes: Takes::Ignored,
    errors: &[],
    handler: Handler::Wait(|api, _params| {
        Box::pin(async {
            let mode = api.node.block_mode().await.ok_or_else(|| stopped(api))?;
            written(&Mode::from(mode))
        })
    }),
};

pub(in super::super) const MINE: Method = Method {
    names: &["sandbox_mine"],
    summary: "Makes blocks, the first of which take what waits. All are there when the call returns, \
              or, if it fails, none. Up to 100,000 in one call, between which nothing else happens.",
    takes: Takes::Params {
        forms: &[&[
            Member::optional("blocks", Kind::Number).about("by default 1"),
            Member::optional("interval", Kind::Nanoseconds)
                .about("by which each block's time is after the one before"),
        ]],
        others: &["[blocks, interval]"],
    },
    errors: &[TOO_MANY_BLOCKS, INVALID_TIME],
    handler: Handler::Wait(|api, params| Box::pin(mine(api, params))),
};

/// A mode as clients write it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Mode {
    mode: ModeName,
    #[serde(default)]
    interval_ms: Option<u64>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum ModeName {
    Instant,
    Interval,
    Mixed,
    Manual,
}

impl From<BlockMode> for Mode {
    fn from(mode: BlockMode) -> Self {
        let millis = |interval: Duration| u64::try_from(interval.as_millis()).ok();
        let (mode, interval_ms) = match mode {
            BlockMode::Instant => (ModeName::Instant, None),
            BlockMode::Interval(interval) => (ModeName::Interval, millis(interval)),
            BlockMode::Mixed(interval) => (ModeName::Mixed, millis(interval)),
            BlockMode::Manual => (ModeName::Manual, None),
        };
        Self { mode, interval_ms }
    }
}

impl Mode {
    fn read(&self) -> Result<BlockMode, &'static str> {
        let interval = self.interval_ms.map(Duration::from_millis);
        match (self.mode, interval) {
            (ModeName::Instant, None) => Ok(BlockMode::Instant),
            (ModeName::Manual, None) => Ok(BlockMode::Manual),
            (ModeName::Instant | ModeName::Manual, Some(_)) => {
                Err("interval_ms: only the modes interval and mixed have one; leave it out")
            }
            (_, None) => Err("interval_ms: missing; the modes interval and mixed need it"),
            (_, Some(Duration::ZERO)) => Err("interval_ms: 0 is no interval; give at least 1"),
            (ModeName::Interval, Some(interval)) => Ok(BlockMode::Interval(interval)),
            (ModeName::Mixed, Some(interval)) => Ok(BlockMode::Mixed(interval)),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mining {
    #[serde(default = "one")]
    blocks: u64,
    #[serde(default)]
    interval: Option<Nanos>,
}

fn one() -> u64 {
    1
}

async fn set_block_mode(api: &Api, params: Value) -> Answer {
    let asked: Mode = params::parse(params)?;
    let mode = asked.read().map_err(|why| refused(INVALID_BLOCK_MODE, why))?;
    api.node.set_block_mode(mode).await.ok_or_else(|| stopped(api))?;
    written(&asked)
}

async fn mine(api: &Api, params: Value) -> Answer {
    let Mining { blocks, interval } = params::parse(params)?;
    match api.node.mine(blocks, interval.map(|interval| interval.0)).await {
        Some(Ok(head)) => {
            written(&json!({ "block_height": head.height(), "block_hash": head.hash() }))
        }
        Some(Err(error)) => {
            let why = error.to_string();
            Err(match error {
                InvalidMining::TooManyBlocks { .. } => refused(TOO_MANY_BLOCKS, &why),
                InvalidMining::Interval(_) => refused(INVALID_TIME, &why),
                InvalidMining::Fault(_) => internal_error(&why),
            })
        }
        None => Err(stopped(api)),
    }
}
