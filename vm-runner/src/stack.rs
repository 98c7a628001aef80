//! Stacks of our own: what an engine needs of stack does not depend on the thread that calls it.

use std::cell::RefCell;

use corosensei::stack::DefaultStack;

use crate::VmFault;

/// Compilers recurse with the nesting of a module, and some engines run guests on the stack of
/// their caller. Of the address space only touched pages take memory.
const STACK_BYTES: usize = 64 << 20;

thread_local! {
    /// The stack that was used last on this thread.
    static IDLE: RefCell<Option<DefaultStack>> = const { RefCell::new(None) };
}

/// Runs `f` on a stack of [`STACK_BYTES`] bytes.
pub(crate) fn on_stack<T>(f: impl FnOnce() -> T) -> Result<T, VmFault> {
    let mut stack = Returned(IDLE.with_borrow_mut(Option::take));
    let stack = match &mut stack.0 {
        Some(stack) => stack,
        none => none.insert(
            DefaultStack::new(STACK_BYTES)
                .map_err(|error| VmFault::Engine(format!("the system gives no stack: {error}")))?,
        ),
    };
    Ok(corosensei::on_stack(stack, f))
}

/// Goes back to its thread, also when what ran on it panics.
struct Returned(Option<DefaultStack>);

impl Drop for Returned {
    fn drop(&mut self) {
        IDLE.with_borrow_mut(|idle| *idle = self.0.take());
    }
}
