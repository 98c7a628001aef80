//! A host program with a handler of its own for SIGSEGV, which the engines use for traps. Handlers
//! belong to the whole process, so each case is a process: this test, run again.

#![allow(unsafe_code, reason = "signal handlers and wrong accesses to memory")]
#![allow(clippy::as_conversions, reason = "the system takes a handler's address as a number")]

use std::mem::MaybeUninit;
use std::process::Command;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use libc::{c_int, c_void, siginfo_t};

use crate::engines::{all_runners, end_in_every_way};

/// Set in the processes that are tests again; its value is the case.
const CASE: &str = "VM_RUNNER_SIGNALS";

/// The exit code of the handler for an access that is not the engines'.
const FOREIGN: i32 = 42;

/// A page that nobody may touch.
static FORBIDDEN: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// The handler that was there before, as far as `usize` holds one.
static BEFORE: AtomicUsize = AtomicUsize::new(0);

/// A handler from before the engines gets every signal that is not theirs.
#[test]
fn a_handler_from_before_the_engines_gets_what_is_not_theirs() {
    in_a_process_of_its_own(
        "signals::a_handler_from_before_the_engines_gets_what_is_not_theirs",
        || {
            install(exit_if_forbidden);
            end_in_every_way(&all_runners(), 2);
            touch_forbidden();
        },
    );
}

/// A handler that comes later gets all signals first, and traps work if it passes on those it does
/// not know, as handlers must.
#[test]
fn a_handler_from_after_the_engines_passes_on_what_is_theirs() {
    in_a_process_of_its_own(
        "signals::a_handler_from_after_the_engines_passes_on_what_is_theirs",
        || {
            let runners = all_runners();
            end_in_every_way(&runners, 1);
            install(exit_if_forbidden_else_pass_on);
            end_in_every_way(&runners, 2);
            std::thread::scope(|scope| {
                scope.spawn(|| end_in_every_way(&runners, 1));
            });
            touch_forbidden();
        },
    );
}

/// Runs `case` in a process, which has to end in the handler for what is not the engines'.
fn in_a_process_of_its_own(test: &str, case: impl FnOnce()) {
    if std::env::var_os(CASE).is_some() {
        return case();
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    let ended = again.args(["--exact", test]).env(CASE, "").output().unwrap();
    assert_eq!(ended.status.code(), Some(FOREIGN), "{ended:?}");
}

type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

fn install(handler: Handler) {
    // SAFETY: an anonymous mapping at any place touches no memory of others.
    let page = unsafe {
        libc::mmap(
            ptr::null_mut(),
            4096,
            libc::PROT_NONE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    assert_ne!(page, libc::MAP_FAILED);
    FORBIDDEN.store(page, Ordering::SeqCst);
    // SAFETY: zeros are a valid `sigaction`.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
    // SAFETY: as above.
    let mut before: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: both places are valid, and the handlers below do what a handler may do.
    assert_eq!(unsafe { libc::sigaction(libc::SIGSEGV, &raw const action, &raw mut before) }, 0);
    BEFORE.store(before.sa_sigaction, Ordering::SeqCst);
}

/// An access that is a bug of the host program.
fn touch_forbidden() {
    let page = FORBIDDEN.load(Ordering::SeqCst);
    // SAFETY: the access faults, which is what is tested; the handler ends the process.
    unsafe { page.cast::<u8>().read_volatile() };
    unreachable!("the page can be read");
}

extern "C" fn exit_if_forbidden(_: c_int, info: *mut siginfo_t, _: *mut c_void) {
    // SAFETY: the system passes what describes the fault.
    let address = unsafe { (*info).si_addr() };
    let code = if address == FORBIDDEN.load(Ordering::SeqCst) { FOREIGN } else { 1 };
    // SAFETY: it ends the process, and may be called in a handler.
    unsafe { libc::_exit(code) };
}

extern "C" fn exit_if_forbidden_else_pass_on(
    signal: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
) {
    // SAFETY: the system passes what describes the fault.
    if unsafe { (*info).si_addr() } == FORBIDDEN.load(Ordering::SeqCst) {
        exit_if_forbidden(signal, info, context);
    }
    let before = BEFORE.load(Ordering::SeqCst);
    // SAFETY: the engines' handlers have this type.
    let before = unsafe { std::mem::transmute::<usize, Handler>(before) };
    before(signal, info, context);
}
