//! The stack probe that wasmer 5.0.6 links against and Rust's standard library no longer has.
//! Singlepass emits no call of it; it does what its callers may expect all the same.

/// Names the symbol where every program with this engine comes by, so that linkers keep it.
pub(super) fn keep() {
    #[cfg(target_arch = "x86_64")]
    {
        let probe: unsafe extern "C" fn() = __rust_probestack;
        std::hint::black_box(probe);
    }
}

/// Touches each page of the `rax` bytes below the caller's stack pointer, from the top, so that a
/// frame larger than the guard page cannot step over it. Changes no register but `r11`.
///
/// # Safety
/// To be called with the size of the frame in `rax`, from generated code only: it does not follow
/// the C calling convention.
// SAFETY (of the symbol name): no other crate of the tree defines it, or linking would fail.
#[cfg(target_arch = "x86_64")]
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn __rust_probestack() {
    core::arch::naked_asm!(
        "push rax",
        "mov r11, rsp",
        "2:",
        "cmp rax, 4096",
        "jbe 3f",
        "sub r11, 4096",
        "test qword ptr [r11], r11",
        "sub rax, 4096",
        "jmp 2b",
        "3:",
        "sub r11, rax",
        "test qword ptr [r11], r11",
        "pop rax",
        "ret",
    )
}
