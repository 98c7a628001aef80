//! The clock, and heights and time that pass at once.

use near_jsonrpc_primitives::types::sandbox::{
    RpcSandboxFastForwardError, RpcSandboxFastForwardRequest, RpcSandboxFastForwardResponse,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::nanos::Nanos;
use super::{Answer, Api, Handler, Kind, Member, Method, Takes, params, refused, stopped, written};
use crate::chain::{Chain, InvalidTime, TimestampNs};

pub(in super::super) const FAST_FORWARD: Method = Method {
    names: &["sandbox_fast_forward", "sandbox_time_travel"],
    summary: "Skips heights, and moves time and epochs as if their blocks had been made. Done when \
              the call returns.",
    takes: Takes::Params {
        forms: &[&[Member::required("delta_height", Kind::Number)]],
        others: &["[delta_height]"],
    },
    errors: &[],
    handler: Handler::Wait(|api, params| Box::pin(fast_forward(api, params))),
};

/// The name of the error of times that no block can have.
pub(super) const INVALID_TIME: &str = "INVALID_TIME";

const TIME: Takes = Takes::Params {
    forms: &[&[Member::required("time", Kind::Nanoseconds).about("since 1970")]],
    others: &[],
};

pub(in super::super) const SET_TIME: Method = Method {
    names: &["sandbox_set_time"],
    summary: "Sets the clock, forward or back: the next block has this time, and time goes on from \
              there. Not before genesis. Answers, as all methods that move the clock, the `time` \
              that a block made now would have.",
    takes: TIME,
    errors: &[INVALID_TIME],
    handler: Handler::Wait(|api, params| {
        Box::pin(async {
            let Time { time } = params::parse(params)?;
            adjust(api, move |chain| chain.set_time(time.0)).await
        })
    }),
};

pub(in super::super) const INCREASE_TIME: Method = Method {
    names: &["sandbox_increase_time"],
    summary: "Lets time pass at once. Makes no block.",
    takes: Takes::Params {
        forms: &[&[Member::required("delta", Kind::Nanoseconds)]],
        others: &["[delta]"],
    },
    errors: &[INVALID_TIME],
    handler: Handler::Wait(|api, params| {
        Box::pin(async {
            let Delta { delta } = params::parse(params)?;
            adjust(api, move |chain| chain.increase_time(delta.0)).await
        })
    }),
};

pub(in super::super) const SET_NEXT_BLOCK_TIME: Method = Method {
    names: &["sandbox_set_next_block_time"],
    summary: "Gives the next block exactly this time, whenever it is made; time goes on from there \
              then. It has to be after the latest block, unless the clock was set back.",
    takes: TIME,
    errors: &[INVALID_TIME],
    handler: Handler::Wait(|api, params| {
        Box::pin(async {
            let Time { time } = params::parse(params)?;
            adjust(api, move |chain| chain.set_next_block_time(time.0)).await
        })
    }),
};

pub(in super::super) const FREEZE_TIME: Method = Method {
    names: &["sandbox_freeze_time"],
    summary: "Stops the clock: blocks are a nanosecond apart until it is moved or resumed.",
    takes: Takes::Ignored,
    errors: &[],
    handler: Handler::Wait(|api, _params| Box::pin(adjust(api, |chain| Ok(chain.freeze_time())))),
};

pub(in super::super) const RESUME_TIME: Method = Method {
    names: &["sandbox_resume_time"],
    summary: "Lets the clock go on from where it stands.",
    takes: Takes::Ignored,
    errors: &[],
    handler: Handler::Wait(|api, _params| Box::pin(adjust(api, |chain| Ok(chain.resume_time())))),
};

pub(in super::super) const SET_BLOCK_INTERVAL: Method = Method {
    names: &["sandbox_set_block_interval"],
    summary: "Gives each block the time of the one before plus `interval`, however long it really \
              took. When blocks are made does not change: see `sandbox_set_block_mode`.",
    takes: Takes::Params {
        forms: &[&[Member::required("interval", Kind::Nanoseconds)]],
        others: &["[interval]"],
    },
    errors: &[INVALID_TIME],
    handler: Handler::Wait(|api, params| {
        Box::pin(async {
            let Interval { interval } = params::parse(params)?;
            adjust(api, move |chain| chain.set_block_interval(interval.0)).await
        })
    }),
};

pub(in super::super) const REMOVE_BLOCK_INTERVAL: Method = Method {
    names: &["sandbox_remove_block_interval"],
    summary: "Gives blocks the clock's time again, which goes on from the latest block.",
    takes: Takes::Ignored,
    errors: &[],
    handler: Handler::Wait(|api, _params| {
        Box::pin(adjust(api, |chain| Ok(chain.remove_block_interval())))
    }),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Time {
    time: Nanos,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delta {
    delta: Nanos,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Interval {
    interval: Nanos,
}

async fn fast_forward(api: &Api, params: Value) -> Answer {
    let request: RpcSandboxFastForwardRequest = params::parse(params)?;
    match api.node.fast_forward(request.delta_height).await {
        Some(Ok(())) => written(&RpcSandboxFastForwardResponse {}),
        Some(Err(error)) => {
            let error_message = format!("sandbox failed to fast forward due to: {error}");
            Err(RpcSandboxFastForwardError::InternalError { error_message }.into())
        }
        None => Err(stopped(api)),
    }
}

/// Moves the clock and answers what came of it.
async fn adjust(
    api: &Api,
    adjust: impl FnOnce(&mut Chain) -> Result<TimestampNs, InvalidTime> + Send + 'static,
) -> Answer {
    match api.node.adjust(adjust).await {
        Some(Ok(time)) => written(&json!({ "time": time.to_string() })),
        Some(Err(invalid)) => Err(refused(INVALID_TIME, &invalid.to_string())),
        None => Err(stopped(api)),
    }
}
