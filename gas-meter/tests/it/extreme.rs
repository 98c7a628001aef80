//! Modules with very many or very large ones of everything.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, ElementSection, Elements, Encode, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, GlobalType, InstructionSink, MemArg,
    MemorySection, MemoryType, Module, RawSection, RefType, SectionId, TableSection, TableType,
    TypeSection, ValType,
};

use gas_meter::instrument::wasmparser::Validator;

use fixtures::memory;

use crate::{ADDED, CONTRACT_GROWTH, FORMS, GROWTH, meter};

/// The stack of the thread that meters: what recursed once for each nested block would need more.
const STACK: usize = 256 * 1024;

/// Bytes of memory that metering takes for each byte of the module, at most.
const MEMORY: usize = 100;

/// Small modules take more: tables that are there for any module.
const MEMORY_BASE: usize = 1024 * 1024;

/// Meters the module on a small stack; asserts what holds of any module. Returns the sizes of the
/// metered module in both forms, if it can be metered.
fn try_meter(what: &str, wasm: &[u8]) -> Option<[usize; 2]> {
    let len = wasm.len();
    let sizes = FORMS.map(|form| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let wasm = wasm.to_vec();
        let metering = thread.spawn(move || memory::peak(|| meter(&wasm, form)));
        let (metered, memory) = metering.expect("threads are left").join().expect(what);
        let bound = len * MEMORY + MEMORY_BASE;
        assert!(memory <= bound, "{what}, {form:?}: {memory} bytes of memory for {len}");
        let size = metered.ok()?.len();
        let bound = len * GROWTH + ADDED;
        assert!(size <= bound, "{what}, {form:?}: {size} bytes from {len}");
        Some(size)
    });
    Some([sizes[0]?, sizes[1]?])
}

/// Meters what `make` makes of `count` and of half of it: that both can be metered, and that twice
/// as many of something make a module twice as large.
fn doubled(what: &str, count: u32, make: impl Fn(u32) -> Vec<u8>) {
    let halves = try_meter(what, &make(count / 2)).unwrap_or_else(|| panic!("half of {what}"));
    let wholes = try_meter(what, &make(count)).unwrap_or_else(|| panic!("{what}"));
    for (half, whole) in halves.into_iter().zip(wholes) {
        // Numbers get longer by a byte here and there.
        let bound = half * 2 + half / 4 + 64;
        assert!(whole <= bound, "{what}: {half} bytes from half, {whole} from all");
    }
}

/// A module of one function type, with these sections behind it.
fn module(sections: impl FnOnce(&mut Module)) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut module = Module::new();
    module.section(&types);
    sections(&mut module);
    module.finish()
}

/// A module of `count` functions with this body.
fn functions(count: u32, body: &Function) -> Vec<u8> {
    module(|module| {
        let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
        for _ in 0..count {
            functions.function(0);
            code.function(body);
        }
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        module.section(&functions).section(&memories).section(&code);
    })
}

/// A module of one function with these instructions.
fn body(instructions: impl FnOnce(&mut Function)) -> Vec<u8> {
    let mut function = Function::new([]);
    instructions(&mut function);
    function.instructions().end();
    functions(1, &function)
}

#[test]
fn very_many_functions() {
    let mut empty = Function::new([]);
    empty.instructions().end();
    doubled("functions", 1_000_000, |count| functions(count, &empty));
    let mut small = Function::new([(1, ValType::I64)]);
    small.instructions().local_get(0).i64_const(1).i64_add().local_set(0).end();
    doubled("functions with locals", 50_000, |count| functions(count, &small));
}

#[test]
fn very_many_types_globals_exports_and_elements() {
    doubled("types", 1_000_000, |count| {
        let mut types = TypeSection::new();
        for _ in 0..count {
            types.ty().function([ValType::I32], []);
        }
        let mut module = Module::new();
        module.section(&types);
        module.finish()
    });
    doubled("globals", 999_998, |count| {
        let mut globals = GlobalSection::new();
        let ty = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
        for _ in 0..count {
            globals.global(ty, &ConstExpr::i64_const(1));
        }
        module(|module| {
            module.section(&globals);
        })
    });
    doubled("exports", 100_000, |count| {
        let (mut functions, mut exports, mut code) =
            (FunctionSection::new(), ExportSection::new(), CodeSection::new());
        functions.function(0);
        let mut empty = Function::new([]);
        empty.instructions().end();
        code.function(&empty);
        for number in 0..count {
            exports.export(&number.to_string(), ExportKind::Func, 0);
        }
        module(|module| {
            module.section(&functions).section(&exports).section(&code);
        })
    });
    doubled("elements", 1_000_000, |count| {
        let (mut functions, mut tables, mut code) =
            (FunctionSection::new(), TableSection::new(), CodeSection::new());
        functions.function(0);
        tables.table(TableType {
            element_type: RefType::FUNCREF,
            table64: false,
            minimum: u64::from(count),
            maximum: None,
            shared: false,
        });
        let mut empty = Function::new([]);
        empty.instructions().end();
        code.function(&empty);
        let all = vec![0; usize::try_from(count).expect("a count")];
        let mut elements = ElementSection::new();
        let all = Elements::Functions((&all).into());
        elements.active(None, &ConstExpr::i32_const(0), all);
        module(|module| {
            module.section(&functions).section(&tables).section(&elements).section(&code);
        })
    });
}

/// A module of one function that does the same `count` times.
fn repeated(count: u32, write: impl Fn(&mut InstructionSink<'_>)) -> Vec<u8> {
    body(|body| {
        for _ in 0..count {
            write(&mut body.instructions());
        }
    })
}

/// A module of one function with something nested `count` times, told how deep it is.
fn nested(
    count: u32,
    open: impl Fn(&mut InstructionSink<'_>, u32),
    close: impl Fn(&mut InstructionSink<'_>),
) -> Vec<u8> {
    body(|body| {
        for depth in 0..count {
            open(&mut body.instructions(), depth);
        }
        for _ in 0..count {
            close(&mut body.instructions());
        }
    })
}

const EMPTY: BlockType = BlockType::Empty;

#[test]
fn very_many_blocks_in_a_function() {
    doubled("blocks", 1_000_000, |count| {
        repeated(count, |code| {
            code.block(EMPTY).end();
        })
    });
    doubled("loops", 1_000_000, |count| {
        repeated(count, |code| {
            code.loop_(EMPTY).end();
        })
    });
    doubled("loops that are loops", 300_000, |count| {
        repeated(count, |code| {
            code.loop_(EMPTY).i32_const(0).br_if(0).end();
        })
    });
    doubled("ifs", 500_000, |count| {
        repeated(count, |code| {
            code.i32_const(1).if_(EMPTY).else_().end();
        })
    });
    doubled("branches", 500_000, |count| {
        repeated(count, |code| {
            code.i32_const(0).br_if(0);
        })
    });
}

#[test]
fn deep_nesting() {
    let end = |code: &mut InstructionSink<'_>| {
        code.end();
    };
    doubled("nested blocks", 1_000_000, |count| {
        let open = |code: &mut InstructionSink<'_>, _| {
            code.block(EMPTY);
        };
        nested(count, open, end)
    });
    doubled("nested loops", 1_000_000, |count| {
        let open = |code: &mut InstructionSink<'_>, _| {
            code.loop_(EMPTY);
        };
        nested(count, open, end)
    });
    doubled("nested ifs with else", 400_000, |count| {
        let open = |code: &mut InstructionSink<'_>, _| {
            code.i32_const(1).if_(EMPTY);
        };
        nested(count, open, |code| {
            code.else_().end();
        })
    });
    // Each branch leaves all blocks, of which each is one more.
    doubled("branches out of nested blocks", 200_000, |count| {
        let open = |code: &mut InstructionSink<'_>, depth| {
            code.block(EMPTY).i32_const(0).br_if(depth);
        };
        nested(count, open, end)
    });
    doubled("nested dead blocks", 1_000_000, |count| {
        let open = |code: &mut InstructionSink<'_>, depth| {
            if depth == 0 {
                code.unreachable();
            }
            code.block(EMPTY);
        };
        nested(count, open, end)
    });
    doubled("operands", 500_000, |count| {
        let open = |code: &mut InstructionSink<'_>, _| {
            code.i64_const(1);
        };
        nested(count, open, |code| {
            code.drop();
        })
    });
}

#[test]
fn very_long_code() {
    doubled("constants", 1_000_000, |count| {
        repeated(count, |code| {
            code.i64_const(1).drop();
        })
    });
    doubled("what can trap", 500_000, |count| {
        let at = MemArg { offset: 0, align: 0, memory_index: 0 };
        repeated(count, |code| {
            code.i32_const(1).i32_load(at).drop();
        })
    });
    doubled("bulk operations", 300_000, |count| {
        repeated(count, |code| {
            code.i32_const(0).i32_const(0).i32_const(0).memory_fill(0);
        })
    });
    doubled("calls", 1_000_000, |count| {
        repeated(count, |code| {
            code.call(0);
        })
    });
    doubled("returns", 1_000_000, |count| {
        repeated(count, |code| {
            code.return_();
        })
    });
}

#[test]
fn huge_tables_of_branches() {
    let table = |count: u32| {
        body(|body| {
            let targets = vec![0; usize::try_from(count).expect("a count")];
            body.instructions().block(EMPTY);
            body.instructions().i32_const(3).br_table(targets, 1).end();
        })
    };
    doubled("targets", 128 * 1024, table);
    // More than validators allow.
    doubled("very many targets", 1_000_000, table);
    doubled("tables in loops", 20_000, |count| {
        repeated(count, |code| {
            code.loop_(EMPTY).i32_const(1).br_table([1, 1, 0], 1).end();
        })
    });
}

#[test]
fn huge_counts_without_the_things_themselves() {
    let at_most = [50_000, 50_001, 1_000_000, u32::MAX / 2, u32::MAX];
    for count in at_most {
        let mut function = Function::new([(count, ValType::I64)]);
        function.instructions().end();
        try_meter(&format!("{count} locals"), &functions(1, &function));
        let mut function = Function::new([(count, ValType::I64), (count, ValType::F32)]);
        function.instructions().end();
        try_meter(&format!("twice {count} locals"), &functions(1, &function));
    }
    let ids = [
        SectionId::Type,
        SectionId::Import,
        SectionId::Function,
        SectionId::Table,
        SectionId::Memory,
        SectionId::Global,
        SectionId::Export,
        SectionId::Element,
        SectionId::Code,
        SectionId::Data,
    ];
    for id in ids {
        for count in [1, 1_000_000, u32::MAX] {
            let mut data = Vec::new();
            count.encode(&mut data);
            let mut module = Module::new();
            module.section(&RawSection { id: id.into(), data: &data });
            try_meter(&format!("{count} of {id:?}"), &module.finish());
        }
    }
}

/// A contract of four megabytes, most of it data.
#[test]
fn data_is_copied() {
    let mut data = DataSection::new();
    data.passive(std::iter::repeat_n(7, 4_000_000));
    let wasm = module(|module| {
        module.section(&data);
    });
    for size in try_meter("data", &wasm).expect("a valid module") {
        assert!(size <= wasm.len() + ADDED, "{size}");
    }
}

#[test]
fn contracts_grow_moderately() {
    for name in ["status", "tiny", "assembly"] {
        let wasm = fixtures::wasm(name);
        for (form, growth) in FORMS.into_iter().zip(CONTRACT_GROWTH) {
            let metered = meter(wasm, form).expect("a contract");
            Validator::new().validate_all(&metered).expect("a metered module is valid");
            let bound = wasm.len() * growth + ADDED;
            let (from, to) = (wasm.len(), metered.len());
            assert!(to <= bound, "{name}, {form:?}: {to} bytes from {from}");
        }
    }
}
