//! Systems on which memories are not used again: wasmtime maps each anew.

use std::sync::Arc;

#[derive(Default)]
pub(super) struct Idle(());

pub(super) fn from<T>(_: &Arc<Idle>, make: impl FnOnce() -> T) -> T {
    make()
}
