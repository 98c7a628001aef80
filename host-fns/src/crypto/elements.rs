//! Lists in the guest's memory: elements of one size behind each other, parts of one size in each.

use crate::common::{HostError, HostResult};

/// Splits a value into elements of `N` bytes; `refuse` says why the value's length is wrong.
pub(super) fn split<const N: usize>(
    value: &[u8],
    refuse: impl FnOnce(usize) -> HostError,
) -> HostResult<&[[u8; N]]> {
    let (elements, rest) = value.as_chunks();
    if rest.is_empty() { Ok(elements) } else { Err(refuse(value.len())) }
}

/// How many whole elements of `N` bytes fit into `len` bytes.
pub(super) fn count<const N: usize>(len: u64) -> u64 {
    u64::try_from(N).ok().and_then(|size| len.checked_div(size)).unwrap_or(0)
}

/// An element's first `A` bytes, and the other `B`.
pub(super) fn halves<const A: usize, const B: usize, const N: usize>(
    element: &[u8; N],
) -> (&[u8; A], &[u8; B]) {
    const { assert!(matches!(N.checked_sub(A), Some(rest) if rest == B)) };
    let (first, rest) = element.split_first_chunk().expect("N is at least A");
    (first, rest.try_into().expect("N is the sum of A and B"))
}
