//! Where a chain is kept: in memory, or in a folder if the program can do that.

use std::path::Path;

#[cfg(not(feature = "rocksdb"))]
use anyhow::Context as _;
use sandboxd::chain::InvalidChain;
use sandboxd::cli::ServeArgs;
use sandboxd::home::Home;
use sandboxd::{Sandbox, SandboxBuilder};

#[cfg(feature = "rocksdb")]
use crate::contracts;

/// Makes a chain in memory. `genesis` names what is wrong if its genesis is.
pub(crate) fn build(
    builder: SandboxBuilder,
    genesis: impl FnOnce() -> Option<String>,
) -> anyhow::Result<Sandbox> {
    builder.build().map_err(|invalid| name(invalid, genesis()))
}

fn name(invalid: InvalidChain, genesis: Option<String>) -> anyhow::Error {
    let error = anyhow::Error::from(invalid);
    match genesis {
        Some(named) => error.context(named),
        None => error,
    }
}

/// The chain that is kept in `folder`, or is from now on.
#[cfg(feature = "rocksdb")]
pub(crate) fn open(
    builder: SandboxBuilder,
    folder: &Path,
    args: &ServeArgs,
    genesis: impl FnOnce() -> Option<String>,
) -> anyhow::Result<Sandbox> {
    use sandboxd::OpenFailed;
    use sandboxd::cli::KeepArgs;
    use sandboxd::store::StoreOptions;

    let KeepArgs { sync, state_memory } = args.keep;
    let compiled_bytes = contracts::bytes_beside_chain(args);
    let folder = folder.to_owned();
    let opened = builder.open(StoreOptions { folder, sync, state_memory, compiled_bytes });
    opened.map_err(|failed| match failed {
        OpenFailed::Chain(invalid) => name(invalid, genesis()),
        OpenFailed::Store(error) => error.into(),
    })
}

/// Nothing can be kept by a program without a database.
#[cfg(not(feature = "rocksdb"))]
pub(crate) fn open(
    _builder: SandboxBuilder,
    folder: &Path,
    _args: &ServeArgs,
    _genesis: impl FnOnce() -> Option<String>,
) -> anyhow::Result<Sandbox> {
    Err(anyhow::anyhow!(
        "this sandboxd keeps chains in memory only: build it with \
         `cargo build --release --package sandboxd --features rocksdb`, or leave the option out"
    ))
    .with_context(|| format!("--data-dir {}", folder.display()))
}

/// The chain that runs from a home folder.
pub(crate) fn open_home(
    builder: SandboxBuilder,
    home: &Home,
    args: &ServeArgs,
) -> anyhow::Result<Sandbox> {
    let named = builder.records_file().unwrap_or(home.path()).display().to_string();
    let named = || Some(named);
    if cfg!(feature = "rocksdb") {
        return open(builder, &home.data(), args, named);
    }
    tracing::info!(
        target: "store",
        "the chain lives in memory: this sandboxd was built without the feature rocksdb"
    );
    build(builder, named)
}

/// The chain that would run from a home folder, to be looked at.
pub(crate) fn read_home(builder: SandboxBuilder, home: &Home) -> anyhow::Result<Sandbox> {
    let builder = builder.kept_blocks(usize::MAX);
    #[cfg(feature = "rocksdb")]
    if sandboxd::store::holds_chain(&home.data()) {
        return open_home(builder, home, &ServeArgs::default());
    }
    let named = builder.records_file().unwrap_or(home.path()).display().to_string();
    build(builder, || Some(named))
}

/// The chain that is kept in `folder`, to be looked at.
pub(crate) fn read(builder: SandboxBuilder, folder: &Path) -> anyhow::Result<Sandbox> {
    #[cfg(feature = "rocksdb")]
    if !sandboxd::store::holds_chain(folder) {
        anyhow::bail!("no chain is kept in {}", folder.display());
    }
    open(builder.kept_blocks(usize::MAX), folder, &ServeArgs::default(), || None)
}
