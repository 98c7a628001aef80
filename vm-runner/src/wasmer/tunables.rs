//! wasmer's defaults but for the stack that a guest runs on, and for memories that can be wiped.

use std::ptr::NonNull;

use wasmer::vm::{
    MemoryError, MemoryStyle, TableStyle, VMMemory, VMMemoryDefinition, VMTable, VMTableDefinition,
};
use wasmer::{BaseTunables, MemoryType, TableType, Target, Tunables, VMConfig};

use super::memory::Memory;
use super::raw::Places;

/// The stack of a guest, of which only touched pages take memory. NEAR's metered stack of 256 KiB
/// ends after at most 4,096 activations, which take less than 512 KiB in the worst shapes that the
/// tests know; and a single function with all the million locals that NEAR allows takes 8 MiB
/// before its first instruction. So this is never the stack that runs out.
const STACK_BYTES: usize = 16 * 1024 * 1024;

pub(super) struct BigStack {
    base: BaseTunables,
    vm: VMConfig,
}

impl BigStack {
    pub(super) fn new() -> Self {
        let vm = VMConfig { wasm_stack_size: Some(STACK_BYTES) };
        let base = BaseTunables::for_target(&Target::default());
        BigStack { base, vm }
    }
}

impl Tunables for BigStack {
    fn memory_style(&self, memory: &MemoryType) -> MemoryStyle {
        self.base.memory_style(memory)
    }

    fn table_style(&self, table: &TableType) -> TableStyle {
        self.base.table_style(table)
    }

    fn create_host_memory(
        &self,
        ty: &MemoryType,
        style: &MemoryStyle,
    ) -> Result<VMMemory, MemoryError> {
        self.base.create_host_memory(ty, style)
    }

    unsafe fn create_vm_memory(
        &self,
        ty: &MemoryType,
        style: &MemoryStyle,
        definition: NonNull<VMMemoryDefinition>,
    ) -> Result<VMMemory, MemoryError> {
        Places::note_memory(definition);
        // SAFETY: the caller's promise about `definition` is passed on.
        let memory = unsafe { self.base.create_vm_memory(ty, style, definition) }?;
        Ok(VMMemory(Box::new(Memory::new(memory))))
    }

    fn create_host_table(&self, ty: &TableType, style: &TableStyle) -> Result<VMTable, String> {
        self.base.create_host_table(ty, style)
    }

    unsafe fn create_vm_table(
        &self,
        ty: &TableType,
        style: &TableStyle,
        definition: NonNull<VMTableDefinition>,
    ) -> Result<VMTable, String> {
        Places::note_table(definition);
        // SAFETY: the caller's promise about `definition` is passed on.
        unsafe { self.base.create_vm_table(ty, style, definition) }
    }

    fn vmconfig(&self) -> &VMConfig {
        &self.vm
    }
}
