//! Keeps wasmi 2.0.0 from a mistake of its own: it takes `select` together with a test of its
//! condition against zero, and then, where what was tested is in a local or on the stack, decides by
//! what some register held last.

use wasm_encoder::{CodeSection, Module, RawSection};
use wasmparser::{Operator, Parser, Payload};

/// A block with nothing in it, across which wasmi takes nothing together.
const EMPTY_BLOCK: [u8; 3] = [0x02, 0x40, 0x0b];

/// `wasm` with an empty block in front of each `select`; `None` where there is none.
pub(super) fn set_apart(wasm: &[u8]) -> Option<Vec<u8>> {
    let mut bodies = CodeSection::new();
    let mut found = false;
    for payload in Parser::new(0).parse_all(wasm) {
        let Payload::CodeSectionEntry(body) = payload.ok()? else { continue };
        let start = body.range().start;
        let bytes = body.as_bytes();
        let mut written = Vec::with_capacity(bytes.len());
        let mut copied = 0;
        for operator in body.get_operators_reader().ok()?.into_iter_with_offsets() {
            let (operator, at) = operator.ok()?;
            if matches!(operator, Operator::Select | Operator::TypedSelect { .. }) {
                let at = at.checked_sub(start)?;
                written.extend_from_slice(bytes.get(copied..at)?);
                written.extend_from_slice(&EMPTY_BLOCK);
                copied = at;
                found = true;
            }
        }
        written.extend_from_slice(bytes.get(copied..)?);
        bodies.raw(&written);
    }
    if !found {
        return None;
    }
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.ok()? {
            Payload::CodeSectionStart { .. } => {
                module.section(&bodies);
            }
            Payload::CodeSectionEntry(_) => {}
            other => {
                if let Some((id, range)) = other.as_section() {
                    module.section(&RawSection { id, data: wasm.get(range)? });
                }
            }
        }
    }
    Some(module.finish())
}
