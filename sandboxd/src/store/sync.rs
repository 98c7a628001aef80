//! When what was written is forced onto the disk.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// When what was written is forced onto the disk, and whether an answer waits for that. A process that
/// is killed loses no more than what still waited to be written; a machine that loses power also
/// loses what was not forced onto the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncMode {
    /// Before anything is shown or answered that depends on it.
    Always,
    /// Every [`SYNC_INTERVAL`].
    #[default]
    Interval,
    /// When the operating system sees fit.
    Never,
}

/// How much of its latest time a machine that loses power may lose of a chain with
/// [`SyncMode::Interval`].
pub const SYNC_INTERVAL: Duration = Duration::from_millis(100);

impl fmt::Display for SyncMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "always",
            Self::Interval => "interval",
            Self::Never => "never",
        })
    }
}

impl FromStr for SyncMode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "always" => Ok(Self::Always),
            "interval" => Ok(Self::Interval),
            "never" => Ok(Self::Never),
            _ => Err("give always, interval or never"),
        }
    }
}
