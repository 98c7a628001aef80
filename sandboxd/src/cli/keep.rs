//! How a chain is kept in a folder.

use clap::Args;

use crate::store::SyncMode;

/// The options of a chain that is kept in a folder.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct KeepArgs {
    /// When what was written to a folder is forced onto the disk: always, before anything is answered
    /// that depends on it; interval, every 100 milliseconds; or never, which leaves it to the operating
    /// system. docs/sandbox/data-dir.md says what can be lost.
    #[arg(long, value_name = "always|interval|never", default_value = "interval")]
    pub sync: SyncMode,
    /// How much memory the states of a chain that is kept in a folder may take, such as 512M or 2G.
    /// What is beyond that is read from the disk when it is needed [default: all].
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub state_memory: Option<usize>,
}

/// A number of bytes, which may be counted in K, M or G.
fn bytes(text: &str) -> Result<usize, &'static str> {
    const GIVE: &str = "give a number of bytes, such as 512M or 2G";
    let (number, unit) = match text.strip_suffix(['B', 'b']).unwrap_or(text) {
        text if text.ends_with(['K', 'k']) => (text, 1 << 10),
        text if text.ends_with(['M', 'm']) => (text, 1 << 20),
        text if text.ends_with(['G', 'g']) => (text, 1 << 30),
        text => (text, 1),
    };
    let number = number.trim_end_matches(['K', 'k', 'M', 'm', 'G', 'g']).trim_end();
    number.parse().ok().and_then(|number: usize| number.checked_mul(unit)).ok_or(GIVE)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn memory_is_counted_in_bytes_and_their_multiples() {
        let read = ["1000", "64K", "512M", "2g", "1 GB", "3kb"].map(|text| bytes(text).ok());
        let bytes_of = [1000, 64 << 10, 512 << 20, 2 << 30, 1 << 30, 3 << 10].map(Some);
        assert_eq!(read, bytes_of);
        for wrong in ["", "M", "1.5G", "-1", "1T", "99999999999999G"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
