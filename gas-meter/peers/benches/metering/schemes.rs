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
    /// Whether it charges what NEAR charges.
    pub(crate) nears: bool,
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
    Scheme { name: "bare", rewrite: None, charging: Charging::Nobody, picky: false, nears: false };

/// All schemes: the bare module again, which shows how far figures of equal things differ; ours,
/// near-vm-runner's, and others.
pub(crate) fn all() -> Vec<Scheme> {
    let ours = ours::VARIANTS.iter();
    let ours = ours.map(|(name, rewrite)| Scheme { nears: true, ..module(name, *rewrite) });
    let near = module("near-vm-runner 0.38", peers::near_vm_runner);
    let others = [
        module("gas-meter, gas only", ours::gas_only),
        Scheme { charging: Charging::WideModule, nears: true, ..near },
        module("finite-wasm 0.6, host calls", peers::finite_wasm),
        picky("wasm-instrument 0.4, mutable global", peers::wasm_instrument_global),
        picky("wasm-instrument 0.4, host calls", peers::wasm_instrument_host),
        picky("pwasm-utils 0.19, host calls", peers::pwasm_utils),
        Scheme { name: "wasmer Metering 5.0", charging: Charging::WasmerMetering, ..BARE },
        Scheme { name: "wasmtime fuel 45", charging: Charging::WasmtimeFuel, ..BARE },
    ];
    [Scheme { name: "bare again", ..BARE }].into_iter().chain(ours).chain(others).collect()
}

fn module(name: &'static str, rewrite: Rewrite) -> Scheme {
    Scheme { name, rewrite: Some(rewrite), charging: Charging::Module, ..BARE }
}

/// A scheme by parity-wasm, which does not know all of the wasm of today.
fn picky(name: &'static str, rewrite: Rewrite) -> Scheme {
    Scheme { picky: true, ..module(name, rewrite) }
}
