//! Systems that promise no zeros for pages that were given back: a memory is not used again.

pub(crate) fn page_bytes() -> usize {
    4096
}

pub(super) fn give_back(_range: &mut [u8]) -> bool {
    false
}

pub(super) fn touched_pages(_memory: &[u8]) -> impl Iterator<Item = usize> {
    std::iter::empty()
}
