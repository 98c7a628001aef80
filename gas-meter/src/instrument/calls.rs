//! Which functions can be told apart from others by nobody outside of the module: those that call
//! no imported function, neither themselves nor through others. Inside of them the gas need not
//! be exact.

use super::body::{Body, EventKind, place};

/// For each function of the module, imported ones first, whether it calls no imported one.
#[derive(Debug, Default)]
pub(super) struct HostFree(Vec<bool>);

impl HostFree {
    /// Looks at the calls of all `bodies`, which come behind so many imported functions. Time is
    /// linear in their number, but for sorting.
    pub(super) fn find(imported: u32, bodies: &[Body]) -> Self {
        let imported = place(imported);
        let mut free = vec![true; imported.saturating_add(bodies.len())];
        // Who is called by whom; and those whose callers are yet to be looked at.
        let mut calls = Vec::new();
        let mut pending: Vec<usize> = (0..imported).collect();
        for (caller, body) in (imported..).zip(bodies) {
            for event in &body.events {
                match event.kind {
                    EventKind::Call(callee) => calls.push((place(callee), caller)),
                    EventKind::CallIndirect => pending.push(caller),
                    _ => {}
                }
            }
        }
        calls.sort_unstable();
        calls.dedup();
        for function in &pending {
            if let Some(free) = free.get_mut(*function) {
                *free = false;
            }
        }
        while let Some(function) = pending.pop() {
            let first = calls.partition_point(|(callee, _)| *callee < function);
            for (_, caller) in calls.iter().skip(first).take_while(|call| call.0 == function) {
                if let Some(free) = free.get_mut(*caller)
                    && std::mem::take(free)
                {
                    pending.push(*caller);
                }
            }
        }
        HostFree(free)
    }

    pub(super) fn is_free(&self, function: u32) -> bool {
        self.0.get(place(function)).copied().unwrap_or_default()
    }
}
