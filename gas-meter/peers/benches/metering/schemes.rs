//! The ways of metering that are compared.

use anyhow::Result;

use crate::ours;

/// A way of metering.
pub(crate) struct Scheme {
    /// As the tables name it.
    pub(crate) name: &'static str,
    /// What it makes of a module before an engine sees it.
    pub(crate) rewrite: fn(&[u8]) -> Result<Vec<u8>>,
    /// Who charges when the module runs.
    pub(crate) charging: Charging,
}

/// Who charges when a module runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charging {
    /// Nobody.
    Nobody,
    /// The module itself, alone or with functions that it imports to that end.
    Module,
}

/// All schemes that meter.
pub(crate) fn all() -> Vec<Scheme> {
    let ours = ours::VARIANTS.iter().map(|(name, rewrite)| Scheme {
        name,
        rewrite: *rewrite,
        charging: Charging::Module,
    });
    ours.collect()
}

/// No metering: what the others are compared with.
pub(crate) const BARE: Scheme =
    Scheme { name: "bare", rewrite: |wasm| Ok(wasm.to_vec()), charging: Charging::Nobody };
