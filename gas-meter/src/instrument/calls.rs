//! Which functions can be told apart from others by nobody outside of the module: those that call
//! no imported function, neither themselves nor through others. Inside of them the gas need not
//! be exact.

use super::body::{Body, EventKind, place};

/// For each function of the module, imported ones first, whether it calls no imported one.
#[derive(Debug, Default)]
pub(super) struct HostFree(Vec<bool>);

impl HostFree {
    /// Looks at the calls of all `bodies`, which come behind so many imported functions. Time is
    /// linear in their number.
    pub(super) fn find(imported: u32, bodies: &[Body]) -> Self {
        let imported = place(imported);
        let mut free = vec![true; imported.saturating_add(bodies.len())];
        // Those whose callers are yet to be looked at.
        let mut pending: Vec<usize> = (0..imported).collect();
        for (caller, body) in (imported..).zip(bodies) {
            if body.events.iter().any(|event| event.kind == EventKind::CallIndirect) {
                pending.push(caller);
            }
        }
        for function in &pending {
            if let Some(free) = free.get_mut(*function) {
                *free = false;
            }
        }
        let callers = Callers::find(imported, bodies);
        while let Some(function) = pending.pop() {
            for caller in callers.of(function) {
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

/// Who calls each function.
struct Callers {
    /// Where the callers of each function end; they begin where those of the one before end.
    ends: Vec<usize>,
    callers: Vec<usize>,
}

impl Callers {
    fn find(imported: usize, bodies: &[Body]) -> Self {
        let calls = || {
            (imported..).zip(bodies).flat_map(|(caller, body)| {
                body.events.iter().filter_map(move |event| match event.kind {
                    EventKind::Call(callee) => Some((place(callee), caller)),
                    _ => None,
                })
            })
        };
        // First how many each has, then where they begin; filling them in leads to their ends.
        let mut ends = vec![0usize; imported.saturating_add(bodies.len())];
        for (callee, _) in calls() {
            if let Some(count) = ends.get_mut(callee) {
                *count = count.saturating_add(1);
            }
        }
        let mut total = 0usize;
        for end in &mut ends {
            let count = std::mem::replace(end, total);
            total = total.saturating_add(count);
        }
        let mut callers = vec![0; total];
        for (callee, caller) in calls() {
            if let Some(end) = ends.get_mut(callee)
                && let Some(place) = callers.get_mut(*end)
            {
                *place = caller;
                *end = end.saturating_add(1);
            }
        }
        Callers { ends, callers }
    }

    fn of(&self, function: usize) -> &[usize] {
        let before = function.checked_sub(1).and_then(|before| self.ends.get(before));
        let start = before.copied().unwrap_or_default();
        let end = self.ends.get(function).copied().unwrap_or_default();
        self.callers.get(start..end).unwrap_or_default()
    }
}
