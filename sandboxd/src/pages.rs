//! The pages of `docs/sandbox`, so that their Rust is compiled and run with the other doctests: one
//! line and one item for each page that has some.

#[doc = include_str!("../../docs/sandbox/snapshots.md")]
struct Snapshots;

#[doc = include_str!("../../docs/sandbox/impersonation.md")]
struct Impersonation;

#[doc = include_str!("../../docs/sandbox/time.md")]
struct Time;

#[doc = include_str!("../../docs/sandbox/blocks.md")]
struct Blocks;

#[doc = include_str!("../../docs/sandbox/dry-run.md")]
struct DryRun;

#[doc = include_str!("../../docs/sandbox/import.md")]
struct Import;

#[doc = include_str!("../../docs/sandbox/replay.md")]
struct Replay;
