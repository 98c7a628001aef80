//! Reads a module's code byte by byte. Never reads behind its end, and says where it stopped.

use super::{InstrumentError, Rule};

/// A place in a module, and the end of what may be read.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    wasm: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads `wasm` from `at` to its end. Modules have less than 4 GiB.
    pub(super) fn new(wasm: &'a [u8], at: usize) -> Self {
        Reader { wasm, at }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.wasm.len()
    }

    pub(super) fn offset(&self) -> u32 {
        u32::try_from(self.at).unwrap_or(u32::MAX)
    }

    /// All that may be read.
    pub(super) fn wasm(&self) -> &'a [u8] {
        self.wasm
    }

    /// An error here.
    pub(super) fn error(&self, rule: Rule) -> InstrumentError {
        InstrumentError { rule, offset: self.offset() }
    }

    pub(super) fn peek(&self) -> Result<u8, InstrumentError> {
        self.wasm.get(self.at).copied().ok_or_else(|| self.error(Rule::Malformed))
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, InstrumentError> {
        let byte = self.peek()?;
        self.at = self.at.saturating_add(1);
        Ok(byte)
    }

    pub(super) fn skip(&mut self, bytes: usize) -> Result<(), InstrumentError> {
        let at = self.at.checked_add(bytes).filter(|at| *at <= self.wasm.len());
        self.at = at.ok_or_else(|| self.error(Rule::Malformed))?;
        Ok(())
    }

    /// Passes so many numbers, two at most, if they are short and none of the bits of `forbidden`
    /// is in the first byte. Without branches on their lengths, which cannot be predicted.
    #[inline]
    pub(super) fn skip_short(&mut self, numbers: u8, forbidden: u8) -> bool {
        const MORE: u64 = 0x8080_8080_8080_8080;
        const SHORT: usize = 5;
        let next = self.wasm.get(self.at..).and_then(<[u8]>::first_chunk);
        let Some(next) = next.copied().map(u64::from_le_bytes) else { return false };
        let first = !next & MORE;
        let second = first & first.wrapping_sub(1);
        let last = if numbers == 2 { second } else { first };
        let length = usize::try_from(last.trailing_zeros() / 8).unwrap_or(SHORT).saturating_add(1);
        let length = if numbers == 0 { 0 } else { length };
        if length > SHORT || next & u64::from(forbidden) != 0 {
            return false;
        }
        self.at = self.at.saturating_add(length);
        true
    }

    /// Passes a number of at most `bytes` bytes.
    #[inline]
    pub(super) fn skip_leb(&mut self, bytes: usize) -> Result<(), InstrumentError> {
        for _ in 0..bytes {
            if self.byte()? & 0x80 == 0 {
                return Ok(());
            }
        }
        Err(self.error(Rule::Malformed))
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Result<u32, InstrumentError> {
        let first = self.byte()?;
        if first & 0x80 == 0 {
            return Ok(u32::from(first));
        }
        let mut value = u32::from(first & 0x7f);
        for shift in [7, 14, 21, 28] {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                if shift == 28 && byte > 0x0f {
                    return Err(self.error(Rule::Malformed));
                }
                return Ok(value);
            }
        }
        Err(self.error(Rule::Malformed))
    }

    /// A signed number of 33 bits, as block types have.
    pub(super) fn i33(&mut self) -> Result<i64, InstrumentError> {
        let mut value = 0i64;
        for shift in [0u32, 7, 14, 21, 28] {
            let byte = self.byte()?;
            value |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let unused = 57u32.saturating_sub(shift);
                return Ok((value << unused) >> unused);
            }
        }
        Err(self.error(Rule::Malformed))
    }
}
