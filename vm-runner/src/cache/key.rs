//! [`ArtifactKey`]: what a compiled module depends on.

use std::sync::OnceLock;

use gas_meter::instrument::Form;
use sha2::{Digest, Sha256};

use crate::{CodeHash, Fingerprint};

/// The version of what `record.rs` writes.
pub(super) const FORMAT: u32 = 1;

/// Names a compiled module: the code, how it was prepared and by what it was compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactKey {
    code: CodeHash,
    config: Fingerprint,
    engine: Fingerprint,
    stepwise: bool,
}

impl ArtifactKey {
    pub(crate) fn new(
        code: CodeHash,
        config: Fingerprint,
        engine: Fingerprint,
        form: Form,
    ) -> Self {
        ArtifactKey { code, config, engine, stepwise: form == Form::Stepwise }
    }

    /// The contract's code.
    pub fn code(&self) -> CodeHash {
        self.code
    }

    /// The key as 32 bytes. Beside the code, the configuration and the engine, they depend on the
    /// build of this crate, the target, and the features of the processor: equal bytes, equal
    /// artifacts.
    pub fn digest(&self) -> [u8; 32] {
        let ArtifactKey { code, config, engine, stepwise } = self;
        let mut digest = Sha256::new();
        for part in [machine(), code.0, config.0, engine.0] {
            digest.update(part);
        }
        digest.update([u8::from(*stepwise)]);
        digest.finalize().into()
    }

    pub(super) fn form(&self) -> Form {
        if self.stepwise { Form::Stepwise } else { Form::Merged }
    }
}

/// What does not change while the process runs.
fn machine() -> [u8; 32] {
    static MACHINE: OnceLock<[u8; 32]> = OnceLock::new();
    *MACHINE.get_or_init(|| {
        let mut digest = Sha256::new();
        digest.update(FORMAT.to_le_bytes());
        for name in [env!("VM_RUNNER_SOURCES"), env!("VM_RUNNER_TARGET")] {
            digest.update(Sha256::digest(name));
        }
        for feature in cpu_features() {
            digest.update([u8::from(feature)]);
        }
        digest.finalize().into()
    })
}

/// Which features of the processor are there, of those that compilers choose instructions by.
#[cfg(target_arch = "x86_64")]
fn cpu_features() -> impl IntoIterator<Item = bool> {
    use std::arch::is_x86_feature_detected as has;
    [
        has!("sse2"),
        has!("sse3"),
        has!("ssse3"),
        has!("sse4.1"),
        has!("sse4.2"),
        has!("popcnt"),
        has!("avx"),
        has!("avx2"),
        has!("fma"),
        has!("bmi1"),
        has!("bmi2"),
        has!("lzcnt"),
        has!("avx512f"),
        has!("avx512vl"),
        has!("avx512dq"),
        has!("avx512bw"),
        has!("avx512vbmi"),
        has!("avx512bitalg"),
        has!("cmpxchg16b"),
    ]
}

#[cfg(target_arch = "aarch64")]
fn cpu_features() -> impl IntoIterator<Item = bool> {
    use std::arch::is_aarch64_feature_detected as has;
    [has!("neon"), has!("lse"), has!("paca"), has!("pacg"), has!("fp16"), has!("bti")]
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn cpu_features() -> impl IntoIterator<Item = bool> {
    []
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_key_makes_another_name() {
        let (a, b) = (Fingerprint([1; 32]), Fingerprint([2; 32]));
        let keys = [
            ArtifactKey::new(CodeHash([1; 32]), a, a, Form::Merged),
            ArtifactKey::new(CodeHash([2; 32]), a, a, Form::Merged),
            ArtifactKey::new(CodeHash([1; 32]), b, a, Form::Merged),
            ArtifactKey::new(CodeHash([1; 32]), a, b, Form::Merged),
            ArtifactKey::new(CodeHash([1; 32]), a, a, Form::Stepwise),
        ];
        let names: std::collections::BTreeSet<[u8; 32]> =
            keys.iter().map(ArtifactKey::digest).collect();
        assert_eq!(names.len(), keys.len());
    }
}
