//! Singlepass that tells how much memory a module takes, and leaves out what nobody looks at: where
//! in a backtrace an instruction is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasmer::{CompileError, Singlepass};
use wasmer_compiler::types::function::{Compilation, CompiledFunction, FunctionBody};
use wasmer_compiler::types::module::CompileModuleInfo;
use wasmer_compiler::types::target::Target;
use wasmer_compiler::{
    Compiler, CompilerConfig, FunctionBodyData, ModuleMiddleware, ModuleTranslationState,
};
use wasmer_types::LocalFunctionIndex;
use wasmer_types::entity::PrimaryMap;

/// The memory that a module takes once it is compiled.
pub(super) type Size = Arc<AtomicUsize>;

/// What the engine is made with.
#[derive(Debug)]
pub(super) struct Slim {
    pub(super) singlepass: Singlepass,
    pub(super) size: Size,
}

struct SlimCompiler {
    singlepass: Box<dyn Compiler>,
    size: Size,
}

impl CompilerConfig for Slim {
    fn compiler(self: Box<Self>) -> Box<dyn Compiler> {
        let Slim { singlepass, size } = *self;
        Box::new(SlimCompiler { singlepass: Box::new(singlepass).compiler(), size })
    }

    fn push_middleware(&mut self, middleware: Arc<dyn ModuleMiddleware>) {
        self.singlepass.push_middleware(middleware);
    }
}

impl Compiler for SlimCompiler {
    fn name(&self) -> &str {
        self.singlepass.name()
    }

    fn compile_module(
        &self,
        target: &Target,
        module: &CompileModuleInfo,
        translated: &ModuleTranslationState,
        bodies: PrimaryMap<LocalFunctionIndex, FunctionBodyData<'_>>,
    ) -> Result<Compilation, CompileError> {
        let mut compiled = self.singlepass.compile_module(target, module, translated, bodies)?;
        for function in compiled.functions.values_mut() {
            function.frame_info.address_map.instructions = Vec::new();
        }
        self.size.store(size(&compiled), Ordering::Relaxed);
        Ok(compiled)
    }

    fn get_middlewares(&self) -> &[Arc<dyn ModuleMiddleware>] {
        self.singlepass.get_middlewares()
    }
}

/// An engine, the structures of a module, and pages of machine code that are not full.
pub(super) const MODULE: usize = 12 << 10;

/// What the engine keeps of `compiled`.
fn size(compiled: &Compilation) -> usize {
    let functions = compiled.functions.values().map(function);
    let trampolines = compiled.function_call_trampolines.values();
    let trampolines = trampolines.chain(compiled.dynamic_function_trampolines.values()).map(body);
    let sections = compiled.custom_sections.values().map(|section| section.bytes.len());
    functions.chain(trampolines).chain(sections).fold(MODULE, usize::saturating_add)
}

fn function(function: &CompiledFunction) -> usize {
    let CompiledFunction { body: code, relocations, frame_info } = function;
    let relocations = size_of_val(relocations.as_slice());
    // They are copied to the registry of frames.
    let traps = size_of_val(frame_info.traps.as_slice()).saturating_mul(2);
    body(code).saturating_add(relocations).saturating_add(traps)
}

/// Machine code as it came from the compiler, and where it is executed.
fn body(code: &FunctionBody) -> usize {
    /// The structures around the code of a function.
    const FUNCTION: usize = 128;
    code.body.len().saturating_mul(2).saturating_add(FUNCTION)
}
