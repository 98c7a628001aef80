//! Programs that are written at random, but so that most of what they do succeeds: structured
//! control flow in all its forms, traps, bulk operations, recursion, and calls of host functions
//! with arguments that they accept. One seed, one program.

mod body;
mod control;
mod counted;
mod expressions;
mod host;

use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, Elements, EntityType,
    ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection,
    MemorySection, MemoryType, Module, RefType, StartSection, TableSection, TableType, TypeSection,
    ValType,
};

use body::Body;
pub(crate) use fixtures::Rng;
pub(crate) use host::traced;

/// What programs are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flavour {
    pub(crate) name: &'static str,
    /// Of a hundred statements, those that call the host.
    pub(crate) hosts: u32,
    /// Of a hundred operations that could trap, those that may.
    pub(crate) wild: u32,
    /// Of a hundred loops, those whose number of iterations can be known.
    pub(crate) counted: u32,
    /// Whether functions call each other without bound.
    pub(crate) deep: bool,
    /// Gas for the first call.
    pub(crate) gas: u64,
}

/// A function's parameters and its result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) params: Vec<ValType>,
    pub(crate) result: Option<ValType>,
}

/// The types that values have.
pub(crate) const TYPES: [ValType; 4] = [ValType::I32, ValType::I64, ValType::F32, ValType::F64];

/// What bounds recursion and loops: an `i32` that only goes down.
pub(crate) const FUEL: u32 = 0;
/// Globals that programs read and write, after [`FUEL`].
pub(crate) const GLOBALS: [ValType; 5] =
    [ValType::I32, ValType::I64, ValType::F32, ValType::F64, ValType::I64];
/// A constant `i32` after them.
pub(crate) const CONSTANT: u32 = 6;
/// Elements of the table.
pub(crate) const ELEMENTS: u32 = 8;
/// The element that is [`Plan::trace`], at first.
pub(crate) const TRACE: i32 = 7;
/// The passive data segment, and its length.
pub(crate) const PASSIVE: (u32, u32) = (1, 10);

/// The functions that a program's code can call.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) flavour: Flavour,
    /// The program's own functions but `main`; the first is number [`Plan::first`].
    pub(crate) functions: Vec<Signature>,
    types: Vec<Signature>,
}

impl Plan {
    fn new(flavour: Flavour, rng: &mut Rng) -> Self {
        let count = 1 + rng.index(5);
        let functions: Vec<_> = (0..count)
            .map(|_| Signature {
                params: (0..rng.index(4)).map(|_| *rng.pick(&TYPES)).collect(),
                result: rng.chance(60).then(|| *rng.pick(&TYPES)),
            })
            .collect();
        let mut types: Vec<Signature> =
            host::FUNCTIONS.iter().map(host::HostFunction::ty).collect();
        types.push(Signature::default());
        types.extend(functions.iter().cloned());
        types.dedup();
        Plan { flavour, functions, types }
    }

    /// The number of the function that logs how much gas is used.
    pub(crate) fn trace() -> u32 {
        index(host::FUNCTIONS.len())
    }

    /// The number of the first of [`Plan::functions`].
    pub(crate) fn first() -> u32 {
        Plan::trace() + 1
    }

    fn main(&self) -> u32 {
        Plan::first() + index(self.functions.len())
    }

    /// The index of a type.
    pub(crate) fn type_of(&self, signature: &Signature) -> u32 {
        let at = self.types.iter().position(|ty| ty == signature);
        index(at.expect("all types are in the plan"))
    }
}

fn index(at: usize) -> u32 {
    u32::try_from(at).expect("programs are small")
}

/// The program of this seed, with a method `main`.
pub(crate) fn program(flavour: Flavour, seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let plan = Plan::new(flavour, &mut rng);
    let mut module = Module::new();
    declare(&plan, &mut rng, &mut module);
    let mut code = CodeSection::new();
    code.function(&host::trace());
    for number in 0..plan.functions.len() {
        code.function(&Body::function(&plan, &mut rng, number));
    }
    code.function(&Body::main(&plan, &mut rng));
    code.function(&Body::start(&plan, &mut rng));
    module.section(&code);
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(0), host::memory());
    data.passive(*b"0123456789");
    module.section(&data);
    module.finish()
}

/// All sections but code and data.
fn declare(plan: &Plan, rng: &mut Rng, module: &mut Module) {
    let mut types = TypeSection::new();
    for ty in &plan.types {
        types.ty().function(ty.params.iter().copied(), ty.result);
    }
    let mut imports = ImportSection::new();
    for function in host::FUNCTIONS {
        imports.import("env", function.name, EntityType::Function(plan.type_of(&function.ty())));
    }
    let mut functions = FunctionSection::new();
    let nothing = plan.type_of(&Signature::default());
    functions.function(nothing);
    for function in &plan.functions {
        functions.function(plan.type_of(function));
    }
    functions.function(nothing).function(nothing);
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: u64::from(ELEMENTS),
        maximum: rng.chance(50).then_some(64),
        shared: false,
    });
    let mut memories = MemorySection::new();
    let memory = MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    memories.memory(memory);
    let mut exports = ExportSection::new();
    exports.export("main", ExportKind::Func, plan.main());
    module.section(&types).section(&imports).section(&functions).section(&tables);
    module.section(&memories).section(&globals(rng)).section(&exports);
    if rng.chance(12) {
        module.section(&StartSection { function_index: plan.main() + 1 });
    }
    module.section(&elements(plan, rng)).section(&DataCountSection { count: 2 });
}

fn globals(rng: &mut Rng) -> GlobalSection {
    let mut globals = GlobalSection::new();
    let ty = |val_type, mutable| GlobalType { val_type, mutable, shared: false };
    let fuel = i32::try_from(rng.small(60)).expect("small");
    globals.global(ty(ValType::I32, true), &ConstExpr::i32_const(fuel));
    for val_type in GLOBALS {
        let value = match val_type {
            ValType::I32 => ConstExpr::i32_const(7),
            ValType::I64 => ConstExpr::i64_const(-3),
            ValType::F32 => ConstExpr::f32_const(1.5.into()),
            _ => ConstExpr::f64_const((-0.25).into()),
        };
        globals.global(ty(val_type, true), &value);
    }
    globals.global(ty(ValType::I32, false), &ConstExpr::i32_const(42));
    globals
}

/// A table with functions of several types and holes.
fn elements(plan: &Plan, rng: &mut Rng) -> ElementSection {
    let mut functions = || -> Vec<u32> {
        (0..3).map(|_| Plan::first() + rng.small(index(plan.functions.len()))).collect()
    };
    let (low, mut high, passive, declared) = (functions(), functions(), functions(), functions());
    high.push(Plan::trace());
    let mut elements = ElementSection::new();
    elements.active(None, &ConstExpr::i32_const(0), Elements::Functions((&low).into()));
    elements.active(None, &ConstExpr::i32_const(4), Elements::Functions((&high).into()));
    elements.passive(Elements::Functions((&passive).into()));
    let all: Vec<u32> = (Plan::first()..plan.main()).chain(declared).collect();
    elements.declared(Elements::Functions((&all).into()));
    elements
}

/// A function from its locals and instructions.
fn assemble(locals: &[ValType], code: &[u8]) -> Function {
    let mut function = Function::new_with_locals_types(locals.iter().copied());
    function.raw(code.iter().copied());
    function
}
