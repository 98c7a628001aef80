//! A module with a host call in front of every instruction. Nothing is merged, nothing is counted
//! ahead: what this lacks in speed it has in being obvious.

use wasm_encoder::reencode::{self, Reencode, RoundtripReencoder};
use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection,
    Instruction, MemorySection, MemoryType, Module, TableSection, TypeSection, ValType,
};
use wasmparser_236::{
    self as wp, FuncToValidate, FunctionBody, Operator, Parser, Payload, ValidPayload, Validator,
    ValidatorResources, WasmFeatures,
};

use crate::Space;
use crate::operands::{Operands, Types, size};

/// The module that the injected functions are imported from: no contract can name it.
pub const METER: &str = "\u{1}meter";

/// The injected functions, which come before all others: their names, parameters and results.
const INJECTED: &[(&str, &[ValType], &[ValType])] = &[
    // (operator)
    ("step", &[ValType::I32], &[]),
    // (units, operator) -> units
    ("bulk", &[ValType::I32, ValType::I32], &[ValType::I32]),
    // (operand bytes, frame bytes)
    ("enter", &[ValType::I64, ValType::I64], &[]),
    // (operand bytes, frame bytes)
    ("leave", &[ValType::I64, ValType::I64], &[]),
];

const STEP: u32 = 0;
const BULK: u32 = 1;
const ENTER: u32 = 2;
const LEAVE: u32 = 3;
const INJECTED_COUNT: u32 = 4;

/// What precedes the names of the module's own exports in a contract.
pub(crate) const PREFIX: &str = ":";

/// The export of a contract's memory.
pub(crate) const MEMORY: &str = "memory";

/// The export of a contract's start function, which is not started by itself.
pub(crate) const START: &str = "start";

/// Bytes of the metered stack that each activation takes beside its locals.
const ACTIVATION_BYTES: u64 = 64;

/// `wasm` with the calls. With a `space` it is taken for a contract: its memory and tables become
/// those, functions are exported with `:` in front, and the start function as `start`. What the
/// injected functions are given are indices of `operators`, to which names are added.
///
/// # Errors
/// When `wasm` is not valid.
pub fn rewrite(
    wasm: &[u8],
    space: Option<Space>,
    operators: &mut Vec<String>,
) -> anyhow::Result<Vec<u8>> {
    let mut rewriter = Rewriter::new(space, operators);
    let mut validator = Validator::new_with_features(
        WasmFeatures::WASM2.difference(WasmFeatures::SIMD).union(WasmFeatures::FLOATS),
    );
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match (validator.payload(&payload)?, payload) {
            (ValidPayload::Func(function, body), _) => rewriter.body(function, &body)?,
            (_, payload) => rewriter.section(payload)?,
        }
    }
    rewriter.finish()
}

struct Rewriter<'a> {
    space: Option<Space>,
    shift: Shift,
    types: TypeSection,
    known: Types,
    imports: ImportSection,
    imported: u32,
    /// Type indices of the module's own functions.
    declared: Vec<u32>,
    tables: TableSection,
    memories: MemorySection,
    globals: wasm_encoder::GlobalSection,
    exports: ExportSection,
    start: Option<u32>,
    elements: wasm_encoder::ElementSection,
    data_count: Option<u32>,
    /// The module's own functions, with a step in front of each instruction.
    bodies: Vec<Function>,
    /// Bytes of operands and of the frame of each of them.
    sizes: Vec<(u64, u64)>,
    data: wasm_encoder::DataSection,
    operators: &'a mut Vec<String>,
}

/// Makes room for the injected functions and their types.
struct Shift;

impl Reencode for Shift {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, reencode::Error<Self::Error>> {
        Ok(index.saturating_add(INJECTED_COUNT))
    }

    fn type_index(&mut self, index: u32) -> Result<u32, reencode::Error<Self::Error>> {
        Ok(index.saturating_add(INJECTED_COUNT))
    }
}

impl<'a> Rewriter<'a> {
    fn new(space: Option<Space>, operators: &'a mut Vec<String>) -> Self {
        let (mut types, mut imports) = (TypeSection::new(), ImportSection::new());
        for (name, params, results) in INJECTED {
            imports.import(METER, name, EntityType::Function(types.len()));
            types.ty().function(params.iter().copied(), results.iter().copied());
        }
        Rewriter {
            space,
            shift: Shift,
            types,
            known: Types::default(),
            imports,
            imported: 0,
            declared: Vec::new(),
            tables: TableSection::new(),
            memories: MemorySection::new(),
            globals: wasm_encoder::GlobalSection::new(),
            exports: ExportSection::new(),
            start: None,
            elements: wasm_encoder::ElementSection::new(),
            data_count: None,
            bodies: Vec::new(),
            sizes: Vec::new(),
            data: wasm_encoder::DataSection::new(),
            operators,
        }
    }

    fn section(&mut self, payload: Payload<'_>) -> anyhow::Result<()> {
        match payload {
            Payload::TypeSection(reader) => {
                for ty in reader.clone().into_iter_err_on_gc_types() {
                    self.known.signatures.push(ty?);
                }
                self.shift.parse_type_section(&mut self.types, reader)?;
            }
            Payload::ImportSection(reader) => {
                for import in reader.clone() {
                    if let wp::TypeRef::Func(ty) = import?.ty {
                        self.imported = self.imported.saturating_add(1);
                        self.known.functions.push(ty);
                    }
                }
                self.shift.parse_import_section(&mut self.imports, reader)?;
            }
            Payload::FunctionSection(reader) => {
                self.declared = reader.into_iter().collect::<Result<_, _>>()?;
                self.known.functions.extend(&self.declared);
            }
            Payload::TableSection(reader) => {
                for table in reader {
                    let mut ty = RoundtripReencoder.table_type(table?.ty)?;
                    if let Some(space) = self.space {
                        let max = u64::from(space.max_elements);
                        ty.maximum = Some(ty.maximum.map_or(max, |declared| declared.min(max)));
                    }
                    self.tables.table(ty);
                }
            }
            Payload::MemorySection(reader) if self.space.is_none() => {
                self.shift.parse_memory_section(&mut self.memories, reader)?;
            }
            Payload::GlobalSection(reader) => {
                self.shift.parse_global_section(&mut self.globals, reader)?;
            }
            Payload::ExportSection(reader) => self.export(reader)?,
            Payload::StartSection { func, .. } => {
                self.start = Some(self.shift.function_index(func)?);
            }
            Payload::ElementSection(reader) => {
                self.shift.parse_element_section(&mut self.elements, reader)?;
            }
            Payload::DataCountSection { count, .. } => self.data_count = Some(count),
            Payload::DataSection(reader) => {
                self.shift.parse_data_section(&mut self.data, reader)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn export(&mut self, reader: wp::ExportSectionReader<'_>) -> anyhow::Result<()> {
        if self.space.is_none() {
            self.shift.parse_export_section(&mut self.exports, reader)?;
            return Ok(());
        }
        for export in reader {
            let export = export?;
            if export.kind == wp::ExternalKind::Func {
                let index = self.shift.function_index(export.index)?;
                let name = format!("{PREFIX}{}", export.name);
                self.exports.export(&name, ExportKind::Func, index);
            }
        }
        Ok(())
    }

    /// One function, and what it needs of the stack.
    fn body(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
    ) -> anyhow::Result<()> {
        let mut validator = function.into_validator(wp::FuncValidatorAllocations::default());
        let mut reader = body.get_binary_reader();
        // The operators follow the locals.
        validator.read_locals(&mut reader)?;
        let locals =
            (0..validator.len_locals()).filter_map(|local| validator.get_local_type(local));
        let frame = locals.map(size).fold(ACTIVATION_BYTES, u64::saturating_add);
        let mut operands = Operands::default();
        let mut rewritten = self.shift.new_function_with_parsed_locals(body)?;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset()?;
            validator.op(offset, &operator)?;
            operands.pass(&operator, &self.known, &validator)?;
            self.step(operator, &mut rewritten)?;
        }
        self.bodies.push(rewritten);
        self.sizes.push((operands.highest(), frame));
        Ok(())
    }

    /// The instruction and the call that reports it.
    fn step(&mut self, operator: Operator<'_>, out: &mut Function) -> anyhow::Result<()> {
        let id = self.operator_id(&operator)?;
        let is_loop = matches!(operator, Operator::Loop { .. });
        let step = [Instruction::I32Const(id), Instruction::Call(STEP)];
        let charge: &[Instruction<'_>] = match operator {
            Operator::Block { .. } | Operator::Else | Operator::End | Operator::Loop { .. } => &[],
            Operator::MemoryCopy { .. }
            | Operator::MemoryFill { .. }
            | Operator::MemoryInit { .. }
            | Operator::MemoryGrow { .. }
            | Operator::TableCopy { .. }
            | Operator::TableFill { .. }
            | Operator::TableInit { .. }
            | Operator::TableGrow { .. } => &[Instruction::I32Const(id), Instruction::Call(BULK)],
            _ => &step,
        };
        for instruction in charge {
            out.instruction(instruction);
        }
        out.instruction(&self.shift.instruction(operator)?);
        if is_loop {
            // Each iteration begins here.
            for instruction in &step {
                out.instruction(instruction);
            }
        }
        Ok(())
    }

    fn operator_id(&mut self, operator: &Operator<'_>) -> anyhow::Result<i32> {
        let name = format!("{operator:?}");
        let name = name.split([' ', '(']).next().unwrap_or_default();
        let known = self.operators.iter().position(|known| known == name);
        let at = known.unwrap_or_else(|| {
            self.operators.push(name.to_owned());
            self.operators.len().saturating_sub(1)
        });
        Ok(i32::try_from(at)?)
    }

    /// Each function becomes two: one of the same index that enters, calls the other, and leaves.
    fn finish(mut self) -> anyhow::Result<Vec<u8>> {
        let own = u32::try_from(self.declared.len())?;
        let first_inner = INJECTED_COUNT.saturating_add(self.imported).saturating_add(own);
        let mut functions = FunctionSection::new();
        let mut code = CodeSection::new();
        for ty in self.declared.iter().chain(&self.declared) {
            functions.function(self.shift.type_index(*ty)?);
        }
        for (inner, (ty, size)) in (first_inner..).zip(self.declared.iter().zip(&self.sizes)) {
            let signature = self.known.signatures.get(usize::try_from(*ty)?);
            let params = signature.map_or(0, |signature| signature.params().len());
            code.function(&around(inner, u32::try_from(params)?, *size)?);
        }
        for body in &self.bodies {
            code.function(body);
        }
        if let Some(space) = self.space {
            self.memories.memory(MemoryType {
                minimum: u64::from(space.initial_pages),
                maximum: Some(u64::from(space.max_pages)),
                memory64: false,
                shared: false,
                page_size_log2: None,
            });
            self.exports.export(MEMORY, ExportKind::Memory, 0);
            if let Some(start) = self.start.take() {
                self.exports.export(START, ExportKind::Func, start);
            }
        }
        let mut module = Module::new();
        module.section(&self.types).section(&self.imports).section(&functions);
        module.section(&self.tables).section(&self.memories).section(&self.globals);
        module.section(&self.exports);
        if let Some(function_index) = self.start {
            module.section(&wasm_encoder::StartSection { function_index });
        }
        module.section(&self.elements);
        if let Some(count) = self.data_count {
            module.section(&wasm_encoder::DataCountSection { count });
        }
        module.section(&code).section(&self.data);
        Ok(module.finish())
    }
}

/// Enters, calls `inner` with the same parameters, leaves.
fn around(inner: u32, params: u32, (operands, frame): (u64, u64)) -> anyhow::Result<Function> {
    let sizes = [i64::try_from(operands)?, i64::try_from(frame)?];
    let sizes = sizes.map(Instruction::I64Const);
    let mut function = Function::new([]);
    function.instruction(&sizes[0]).instruction(&sizes[1]).instruction(&Instruction::Call(ENTER));
    for param in 0..params {
        function.instruction(&Instruction::LocalGet(param));
    }
    function.instruction(&Instruction::Call(inner));
    function.instruction(&sizes[0]).instruction(&sizes[1]).instruction(&Instruction::Call(LEAVE));
    function.instruction(&Instruction::End);
    Ok(function)
}
