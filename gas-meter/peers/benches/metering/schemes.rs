//! The ways of metering that are compared.

use anyhow::Result;

use crate::{ours, peers};

/// A way of metering.
pub(crate) struct Scheme {
    /// As the tables name it.
    pub(crate) name: &'static str,
    /// What it makes of a module before an engine sees it, if it does anything.
    pub(crate) rewrite: Option<Rewrite>,
    /// Who charges when the module runs.
    pub(crate) charging: Charging,
    /// Whether it refuses modules that NEAR accepts.
    pub(crate) picky: bool,
}

/// Makes metered wasm of wasm.
pub(crate) type Rewrite = fn(&[u8]) -> Result<Vec<u8>>;

/// Who charges when a module runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charging {
    /// Nobody.
    Nobody,
    /// The module itself, with a global that it exports or with functions that it imports.
    Module,
    /// The module itself, with the instructions of the wide-arithmetic proposal.
    WideModule,
    /// wasmer's middleware.
    WasmerMetering,
    /// wasmtime's fuel.
    WasmtimeFuel,
}

/// No metering: what the others are compared with.
pub(crate) const BARE: Scheme =
    Scheme { name: "bare", rewrite: None, charging: Charging::Nobody, picky: false };

/// All schemes that meter: ours, those with NEAR's charges, and others.
pub(crate) fn all() -> Vec<Scheme> {
    let ours = ours::VARIANTS.iter().map(|(name, rewrite)| module(name, *rewrite));
    let peers = [
        Scheme {
            name: "near-vm-runner 0.38",
            rewrite: Some(peers::near_vm_runner),
            charging: Charging::WideModule,
            picky: false,
        },
        module("finite-wasm 0.6, host calls", peers::finite_wasm),
        picky("wasm-instrument 0.4, mutable global", peers::wasm_instrument_global),
        picky("wasm-instrument 0.4, host calls", peers::wasm_instrument_host),
        picky("pwasm-utils 0.19, host calls", peers::pwasm_utils),
        engines_own("wasmer Metering 5.0", Charging::WasmerMetering),
        engines_own("wasmtime fuel 45", Charging::WasmtimeFuel),
    ];
    ours.chain(peers).collect()
}

fn module(name: &'static str, rewrite: Rewrite) -> Scheme {
    Scheme { name, rewrite: Some(rewrite), charging: Charging::Module, picky: false }
}

/// A scheme by parity-wasm, which does not know all of the wasm of today.
fn picky(name: &'static str, rewrite: Rewrite) -> Scheme {
    Scheme { picky: true, ..module(name, rewrite) }
}

fn engines_own(name: &'static str, charging: Charging) -> Scheme {
    Scheme { name, rewrite: None, charging, picky: false }
}
