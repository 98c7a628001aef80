//! The machine that is measured on, for reports: figures of different machines are told apart by it.

use std::fs;

/// The processor, how many of it this process may use, and the system.
pub fn describe() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| model(&text));
    let processor = processor.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{processor}, {count} processors, {}", std::env::consts::OS)
}

/// The name of the processor in what Linux tells of it.
fn model(cpuinfo: &str) -> Option<String> {
    let mut names = cpuinfo.lines().filter_map(|line| line.strip_prefix("model name"));
    let name = names.next()?.trim_start_matches([' ', '\t', ':']).trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{describe, model};

    #[test]
    fn a_machine_has_a_name() {
        assert!(describe().contains(std::env::consts::OS));
        let text = "processor\t: 0\nmodel name\t: A Processor @ 2 GHz\nflags\t: fpu\n";
        assert_eq!(model(text).as_deref(), Some("A Processor @ 2 GHz"));
        assert_eq!(model("processor\t: 0\n"), None);
    }
}
