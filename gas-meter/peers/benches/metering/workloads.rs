//! What is run: kernels in the shape that compilers write, and calls of real contracts.

use anyhow::{Context, Result};
use gas_meter::instrument::wasmparser::{Parser, Payload};
use wasm_encoder::{MemorySection, MemoryType, Module, RawSection};

use crate::ours;

/// A module and what is done with it in one round.
pub(crate) struct Workload {
    /// As the tables name it.
    pub(crate) name: &'static str,
    /// The module.
    pub(crate) wasm: Vec<u8>,
    /// What one round does.
    pub(crate) task: Task,
    /// The contract's name, if it is one and large enough for its compilation to be timed.
    pub(crate) contract: Option<&'static str>,
}

/// What one round does: a few milliseconds of work without metering.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Task {
    /// Calls the export `run`, which does as much as this number says and returns an `i32`.
    Compute(i32),
    /// Calls a contract's method.
    Call {
        /// The exported function.
        method: &'static str,
        /// The input of each call.
        input: &'static [u8],
        /// How often.
        times: u32,
    },
}

impl Task {
    /// The export that is called.
    pub(crate) fn export(&self) -> &'static str {
        match self {
            Task::Compute(_) => "run",
            Task::Call { method, .. } => method,
        }
    }

    /// A call's input.
    pub(crate) fn input(&self) -> &'static [u8] {
        match self {
            Task::Compute(_) => &[],
            Task::Call { input, .. } => input,
        }
    }
}

macro_rules! kernels {
    ($($name:literal $work:literal)*) => {
        [$(($name, include_str!(concat!("kernels/", $name, ".wat")), $work)),*]
    };
}

/// The kernels.
pub(crate) fn kernels() -> Result<Vec<Workload>> {
    let kernels = kernels!(
        "loop" 3_000_000
        "matrix" 80
        "sha" 8_000
        "fib" 28
        "parser" 24
        "memory" 700
    );
    let parsed = kernels.into_iter().map(|(name, text, work)| {
        let wasm = wat::parse_str(text).with_context(|| format!("kernels/{name}.wat"))?;
        Ok(Workload { name, wasm, task: Task::Compute(work), contract: None })
    });
    parsed.collect()
}

/// The environment variable with the path of `testnet-linkdrop.wasm`, which is not ours to keep.
const LINKDROP: &str = "LINKDROP_WASM";

/// Real contracts by name: two of the fixtures, and one that was in use on NEAR, if there is one
/// to be had.
pub(crate) fn contracts() -> Result<Vec<(&'static str, Vec<u8>)>> {
    let fixtures = ["assembly", "status"].map(|name| (name, fixtures::module(name).code()));
    let mut contracts = Vec::from(fixtures);
    match std::env::var_os(LINKDROP) {
        Some(path) => {
            let wasm = std::fs::read(&path);
            let wasm = wasm.with_context(|| format!("{LINKDROP}: {}", path.display()))?;
            contracts.push(("linkdrop", wasm));
        }
        None => eprintln!("{LINKDROP} is not set: without that contract"),
    }
    Ok(contracts)
}

/// Calls of the contracts that compute something: JSON and borsh, strings, base58. `sign` leaks memory, hence few.
pub(crate) fn calls() -> Result<Vec<Workload>> {
    let calls: [(&'static str, &'static str, &'static [u8], u32); 3] = [
        ("status", "set_status", STATUS_INPUT.as_bytes(), 300),
        ("assembly", "sign", STATUS_INPUT.as_bytes(), 300),
        ("linkdrop", "create_account", LINKDROP_INPUT.as_bytes(), 150),
    ];
    let contracts = contracts()?;
    let calls = calls.into_iter().filter_map(|(contract, method, input, times)| {
        let (_, wasm) = contracts.iter().find(|(name, _)| *name == contract)?;
        let task = Task::Call { method, input, times };
        let contract = (wasm.len() >= TIMED_BYTES).then_some(contract);
        let wasm = with_nears_memory(wasm);
        Some(wasm.map(|wasm| Workload { name: method, wasm, task, contract }))
    });
    calls.collect()
}

/// The module with the memory that NEAR gives every contract, so that none has to grow it.
fn with_nears_memory(wasm: &[u8]) -> Result<Vec<u8>> {
    let (least, most) = ours::memory_pages();
    let memory = MemoryType {
        minimum: least,
        maximum: Some(most),
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    let mut memories = MemorySection::new();
    memories.memory(memory);
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        if let Payload::MemorySection(_) = payload {
            module.section(&memories);
        } else if let Some((id, range)) = payload.as_section() {
            let data = wasm.get(range).context("a section")?;
            module.section(&RawSection { id, data });
        }
    }
    Ok(module.finish())
}

/// From which size on compiling takes long enough to be timed.
const TIMED_BYTES: usize = 10_000;

const STATUS_INPUT: &str = r#"{"message":"What a status says is mostly short, but it may \"quote\", break the line\nor leave ASCII: na\u00efve caf\u00e9."}"#;

const LINKDROP_INPUT: &str = r#"{"new_account_id":"carol.near","new_public_key":"ed25519:DcA2MzgpJbrUATQLLceocVckhhAqrkingax4oJ9kZ847"}"#;
