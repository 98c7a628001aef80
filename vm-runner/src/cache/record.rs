//! What is stored of a module, and how it is written: a header that tells what it is and whether
//! it is whole, what the module is like, and the engine's own artifact.

use std::io;

use borsh::{BorshDeserialize, BorshSerialize};
use xxhash_rust::xxh64::xxh64;

use super::key::FORMAT;
use super::{ArtifactKey, Refused};
use crate::Artifact;
use crate::prepare::{Counting, Entries, ImportedFunction};

const MAGIC: [u8; 8] = *b"wasmcode";

/// What is known of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The size of the contract's wasm.
    pub(crate) wasm_bytes: u64,
    pub(crate) usable: Result<Prepared, Refused>,
}

/// A module that was prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prepared {
    pub(crate) entries: Entries,
    /// They are linked anew in each process: which host functions there are is not in the key.
    pub(crate) imports: Vec<ImportedFunction>,
    /// None when it could not be linked.
    pub(crate) artifact: Option<Artifact>,
}

/// [`Record`] without the artifact's code, which follows.
type Body = (u64, Result<(Entries, Vec<ImportedFunction>, Option<Head>), Refused>);

/// [`Artifact`] without its code, and without the form, which the key tells.
#[derive(BorshSerialize, BorshDeserialize)]
struct Head {
    has_start: bool,
    largest_charge: u64,
}

impl Record {
    /// Writes it down.
    pub(crate) fn encode(self, key: &ArtifactKey) -> io::Result<Vec<u8>> {
        let mut code = Vec::new();
        let usable = self.usable.map(|Prepared { entries, imports, artifact }| {
            let head = artifact.map(|artifact| {
                code = artifact.code;
                let Artifact { has_start, counting: Counting { largest_charge, .. }, .. } =
                    artifact;
                Head { has_start, largest_charge }
            });
            (entries, imports, head)
        });
        let body: Body = (self.wasm_bytes, usable);
        let mut content = borsh::to_vec(&body)?;
        content.append(&mut code);
        let checksum = xxh64(&content, 0).to_le_bytes();
        Ok([&name(key)[..], &checksum, &content].concat())
    }

    /// Reads it. `None` for what was not written under this key, or is not whole.
    pub(crate) fn decode(key: &ArtifactKey, mut bytes: Vec<u8>) -> Option<Self> {
        let content = bytes.strip_prefix(&name(key))?;
        let (checksum, mut content) = content.split_first_chunk()?;
        if xxh64(content, 0) != u64::from_le_bytes(*checksum) {
            return None;
        }
        let (wasm_bytes, usable) = Body::deserialize(&mut content).ok()?;
        // In place: the code is large.
        let code = bytes.len().checked_sub(content.len())?;
        bytes.drain(..code);
        let usable = usable.map(|(entries, imports, head)| {
            let artifact = head.map(|Head { has_start, largest_charge }| {
                let counting = Counting { form: key.form(), largest_charge };
                Artifact { code: bytes, has_start, counting }
            });
            Prepared { entries, imports, artifact }
        });
        Some(Record { wasm_bytes, usable })
    }
}

/// What a record under `key` begins with: what it is, the version of the format, and the key.
fn name(key: &ArtifactKey) -> [u8; 44] {
    let mut name = [0; 44];
    let parts = MAGIC.into_iter().chain(FORMAT.to_le_bytes()).chain(key.digest());
    name.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
    name
}
