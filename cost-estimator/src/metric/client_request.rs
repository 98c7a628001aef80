//! Requests to the valgrind that runs this program: a sequence of instructions that does nothing on
//! a real processor and that valgrind knows (its manual, "The Client Request mechanism"). The crates
//! that offer them need valgrind's headers to build.

#![allow(unsafe_code, reason = "a request is a sequence of instructions")]

/// Whether valgrind runs this program, and how deep.
const RUNNING_ON_VALGRIND: usize = 0x1001;
/// The first request of callgrind: its tool code, `CT`, above 16 bits.
const CALLGRIND: usize = 0x4354_0000;
const DUMP_STATS: usize = CALLGRIND;
const ZERO_STATS: usize = CALLGRIND + 1;

/// Whether this process runs under valgrind.
pub(super) fn is_under_valgrind() -> bool {
    request(RUNNING_ON_VALGRIND) != 0
}

/// Callgrind forgets what it counted of this thread.
pub(super) fn zero_counts() {
    request(ZERO_STATS);
}

/// Callgrind writes what it counted of all threads, and forgets it.
pub(super) fn dump_counts() {
    request(DUMP_STATS);
}

#[cfg(target_arch = "x86_64")]
fn request(code: usize) -> usize {
    let arguments: [usize; 6] = [code, 0, 0, 0, 0, 0];
    let mut result = 0;
    // SAFETY: The rotations of RDI add up to 128 bits and leave it as it was, and exchanging RBX
    // with itself changes nothing. Valgrind reads the arguments and writes RDX.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") &raw const arguments,
            inout("rdx") result,
            options(nostack),
        );
    }
    result
}

#[cfg(target_arch = "aarch64")]
fn request(code: usize) -> usize {
    let arguments: [usize; 6] = [code, 0, 0, 0, 0, 0];
    let mut result = 0;
    // SAFETY: The rotations of X12 add up to 128 bits and leave it as it was, and X10 or itself
    // changes nothing. Valgrind reads the arguments and writes X3.
    unsafe {
        std::arch::asm!(
            "ror x12, x12, #3",
            "ror x12, x12, #13",
            "ror x12, x12, #51",
            "ror x12, x12, #61",
            "orr x10, x10, x10",
            in("x4") &raw const arguments,
            inout("x3") result,
            options(nostack),
        );
    }
    result
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn request(_code: usize) -> usize {
    0
}
