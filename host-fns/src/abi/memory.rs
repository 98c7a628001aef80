//! [`Memory`]: the guest's linear memory for the length of one host call. All bounds checks on
//! guest pointers are here.

/// The guest named bytes outside its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("accessed memory outside the bounds")]
pub struct OutOfBounds;

/// The guest's memory. Addresses and lengths are what the guest passed, unchecked.
#[derive(Debug)]
pub struct Memory<'a>(&'a mut [u8]);

impl<'a> Memory<'a> {
    /// The memory of a guest that is stopped in a host call.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Memory(bytes)
    }

    /// The `len` bytes at `ptr`.
    pub fn read(&self, ptr: u64, len: u64) -> Result<&[u8], OutOfBounds> {
        let start = usize::try_from(ptr).map_err(|_| OutOfBounds)?;
        let len = usize::try_from(len).map_err(|_| OutOfBounds)?;
        let end = start.checked_add(len).ok_or(OutOfBounds)?;
        self.0.get(start..end).ok_or(OutOfBounds)
    }

    /// Copies `bytes` to `ptr`; writes nothing when they do not fit.
    pub fn write(&mut self, ptr: u64, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let start = usize::try_from(ptr).map_err(|_| OutOfBounds)?;
        let end = start.checked_add(bytes.len()).ok_or(OutOfBounds)?;
        self.0.get_mut(start..end).ok_or(OutOfBounds)?.copy_from_slice(bytes);
        Ok(())
    }

    /// The size in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the guest has no memory at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{Memory, OutOfBounds};

    #[test]
    fn reads_and_writes_only_inside() {
        let mut bytes = [0u8; 4];
        let mut memory = Memory::new(&mut bytes);
        memory.write(2, &[7, 8]).expect("fits");
        assert_eq!(memory.read(1, 3), Ok(&[0, 7, 8][..]));
        assert_eq!(memory.read(4, 0), Ok(&[][..]));
        assert_eq!(memory.read(3, 2), Err(OutOfBounds));
        assert_eq!(memory.read(5, 0), Err(OutOfBounds));
        assert_eq!(memory.read(u64::MAX, 1), Err(OutOfBounds));
        assert_eq!(memory.read(1, u64::MAX), Err(OutOfBounds));
        assert_eq!(memory.write(3, &[1, 2]), Err(OutOfBounds));
        assert_eq!(memory.read(0, 4), Ok(&[0, 0, 7, 8][..]));
    }
}
