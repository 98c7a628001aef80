//! The names by which the embedder of a metered module reaches what was injected. An embedder
//! that renames a module's own exports, with a prefix for example, rules out collisions.

/// Exported mutable `i64`: the gas that is left. To be set before the first call; when it is
/// negative after a trap, the gas ran out and the difference is what was asked for.
pub const REMAINING_GAS: &str = "remaining_gas";

/// Exported mutable `i64`: the metered stack that is left, in bytes. When it is negative after a
/// trap, the stack ran out.
pub const REMAINING_STACK: &str = "remaining_stack";

/// Exported mutable `i32`: not zero if what the other globals hold after a trap is not exact. Only
/// the merged form sets it.
pub const INEXACT: &str = "inexact";

/// Exported function: the module's start function, if it has one.
pub const START: &str = "start";

/// All reserved export names.
pub const RESERVED: [&str; 4] = [REMAINING_GAS, REMAINING_STACK, INEXACT, START];
