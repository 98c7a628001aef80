//! What contracts run on, where they are kept compiled, and what they pay.

use std::fs;
use std::sync::Arc;

use anyhow::Context as _;
use sandbox_runtime::{DiskStore, Engines, FeeTable, fees_from_json};
use sandboxd::cli::ServeArgs;

use crate::differences;

/// What contracts run on, in a chain that is kept in a folder or not.
pub(crate) fn engines(args: &ServeArgs, is_kept: bool) -> anyhow::Result<Engines> {
    let engines = match args.vm.split_first() {
        None => Engines::default(),
        Some((first, [])) => Engines::only(*first),
        Some((first, others)) => Engines::compared(*first, others.to_vec(), differences::save),
    };
    let engines = match &args.record_calls {
        None => engines,
        Some(folder) => {
            // Found out now rather than at the first call.
            fs::create_dir_all(folder)
                .with_context(|| format!("--record-calls {}", folder.display()))?;
            engines.recorded_by(differences::recorder(folder.clone()))
        }
    };
    Ok(match compile_cache(args, is_kept)? {
        None => engines,
        Some(store) => engines.stored_in(Arc::new(store)),
    })
}

/// The prices that are not the protocol's.
pub(crate) fn fees(args: &ServeArgs) -> anyhow::Result<FeeTable> {
    let Some(path) = &args.fees else { return Ok(FeeTable::new()) };
    let named = || format!("--fees {}", path.display());
    fees_from_json(&fs::read_to_string(path).with_context(named)?).with_context(named)
}

/// So much of the disk compiled contracts may take: some hundred of those written with near-sdk.
const COMPILE_CACHE_BYTES: u64 = 1 << 30;

/// How much of it they may take in the folder of a chain, if nobody asked for another one or for none.
#[cfg(feature = "rocksdb")]
pub(crate) fn bytes_beside_chain(args: &ServeArgs) -> Option<u64> {
    is_default(args).then_some(COMPILE_CACHE_BYTES)
}

fn is_default(args: &ServeArgs) -> bool {
    args.compile_cache.is_none() && !args.no_compile_cache
}

/// Where compiled contracts are kept, if that is not where the chain is. Nobody asked for the folder that
/// is the default, so that the chain does without it where it cannot be had.
fn compile_cache(args: &ServeArgs, is_kept: bool) -> anyhow::Result<Option<DiskStore>> {
    if let Some(folder) = &args.compile_cache {
        let store = DiskStore::open(folder, COMPILE_CACHE_BYTES);
        return store.map(Some).with_context(|| format!("--compile-cache {}", folder.display()));
    }
    if is_kept || !is_default(args) {
        return Ok(None);
    }
    let Some(folder) = sandboxd::remote::default_cache() else { return Ok(None) };
    let folder = folder.join("compiled");
    Ok(DiskStore::open(&folder, COMPILE_CACHE_BYTES)
        .inspect_err(|error| {
            let folder = folder.display();
            tracing::warn!(target: "vm", "compiled contracts are not kept in {folder}: {error}");
        })
        .ok())
}
