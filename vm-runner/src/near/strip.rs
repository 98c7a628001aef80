//! Modules without some of what is in them: functions that only trap, and data segments without
//! data.

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, Function, Instruction, Module, RawSection,
};
use wasmparser::{Data, DataKind, FunctionBody, Parser, Payload};

/// What can be taken out of a module.
pub(super) struct Parts {
    pub(super) functions: usize,
    pub(super) segments: usize,
}

/// How many functions and data segments `wasm` has.
pub(super) fn parts(wasm: &[u8]) -> Option<Parts> {
    let mut parts = Parts { functions: 0, segments: 0 };
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.ok()? {
            Payload::CodeSectionStart { count, .. } => {
                parts.functions = usize::try_from(count).ok()?;
            }
            Payload::DataSection(reader) => {
                parts.segments = usize::try_from(reader.count()).ok()?;
            }
            _ => {}
        }
    }
    Some(parts)
}

/// `wasm` with only the functions and data segments that are to be kept, and without custom
/// sections. `None` when it cannot be read.
pub(super) fn strip(
    wasm: &[u8],
    keeps_function: impl Fn(usize) -> bool,
    keeps_segment: impl Fn(usize) -> bool,
) -> Option<Vec<u8>> {
    let mut module = Module::new();
    let mut code = CodeSection::new();
    let mut functions_left = 0usize;
    let mut place = 0usize;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.ok()?;
        match &payload {
            Payload::CodeSectionStart { count, .. } => {
                functions_left = usize::try_from(*count).ok()?;
            }
            Payload::CodeSectionEntry(body) => {
                function(&mut code, wasm, body, keeps_function(place))?;
                place = place.saturating_add(1);
                functions_left = functions_left.saturating_sub(1);
                if functions_left == 0 {
                    module.section(&code);
                }
            }
            Payload::DataSection(reader) => {
                let mut data = DataSection::new();
                for (at, segment) in reader.clone().into_iter().enumerate() {
                    self::segment(&mut data, wasm, &segment.ok()?, keeps_segment(at))?;
                }
                module.section(&data);
            }
            Payload::CustomSection(_) => {}
            other => {
                if let Some((id, range)) = other.as_section() {
                    module.section(&RawSection { id, data: wasm.get(range)? });
                }
            }
        }
    }
    Some(module.finish())
}

fn function(
    code: &mut CodeSection,
    wasm: &[u8],
    body: &FunctionBody<'_>,
    keep: bool,
) -> Option<()> {
    if keep {
        code.raw(wasm.get(body.range())?);
    } else {
        let mut traps = Function::new([]);
        traps.instruction(&Instruction::Unreachable);
        traps.instruction(&Instruction::End);
        code.function(&traps);
    }
    Some(())
}

fn segment(data: &mut DataSection, wasm: &[u8], segment: &Data<'_>, keep: bool) -> Option<()> {
    let bytes = if keep { segment.data } else { &[] };
    match &segment.kind {
        DataKind::Passive => data.passive(bytes.iter().copied()),
        DataKind::Active { memory_index, offset_expr } => {
            let expression = wasm.get(offset_expr.get_binary_reader().range())?;
            // The encoder writes the `end` itself.
            let (_, expression) = expression.split_last()?;
            let offset = ConstExpr::raw(expression.iter().copied());
            data.active(*memory_index, &offset, bytes.iter().copied())
        }
    };
    Some(())
}
