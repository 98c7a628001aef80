//! A stream of pieces, each with its length before it, in zstd.

use std::io::{self, BufReader, Read, Write};

use borsh::{BorshDeserialize, BorshSerialize};
use zstd::stream::{read::Decoder, write::Encoder};

use super::{CHAIN_FILE_FORMAT, InvalidChainFile, MAGIC};

/// How hard zstd tries: its own default.
const LEVEL: i32 = 3;

pub(super) struct Writer<W: Write>(Encoder<'static, W>);

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W) -> io::Result<Self> {
        let mut encoder = Encoder::new(out, LEVEL)?;
        encoder.include_checksum(true)?;
        Ok(Self(encoder))
    }

    pub(super) fn piece(&mut self, piece: &impl BorshSerialize) -> io::Result<()> {
        self.bytes(&borsh::to_vec(piece)?)
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(bytes)
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.0.finish()?.flush()
    }
}

/// What was read of a file.
struct Counted<R> {
    file: R,
    at: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.at = self.at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

pub(super) struct Pieces<R: Read>(Decoder<'static, BufReader<Counted<R>>>);

impl<R: Read> Pieces<R> {
    pub(super) fn open(file: R) -> Result<Self, InvalidChainFile> {
        let mut file = Counted { file, at: 0 };
        let (mut magic, mut format) = ([0; MAGIC.len()], [0; 4]);
        let read = file.read_exact(&mut magic);
        let at = file.at;
        match read {
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(InvalidChainFile::Io(error));
            }
            Ok(()) if magic == MAGIC => {}
            _ => return Err(InvalidChainFile::NotOne),
        }
        file.read_exact(&mut format).map_err(|_| InvalidChainFile::Truncated { at })?;
        let found = u32::from_le_bytes(format);
        if found != CHAIN_FILE_FORMAT {
            return Err(InvalidChainFile::Format { found });
        }
        Ok(Self(Decoder::new(file).map_err(InvalidChainFile::Io)?))
    }

    pub(super) fn next<T: BorshDeserialize>(&mut self) -> Result<T, InvalidChainFile> {
        let bytes = self.bytes()?;
        T::try_from_slice(&bytes).map_err(|error| self.damaged(&error.to_string()))
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, InvalidChainFile> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).map_err(|error| self.failed(error))?;
        let length = u64::from(u32::from_le_bytes(length));
        let mut bytes = Vec::new();
        let read = (&mut self.0).take(length).read_to_end(&mut bytes);
        read.map_err(|error| self.failed(error))?;
        if u64::try_from(bytes.len()).ok() == Some(length) {
            Ok(bytes)
        } else {
            Err(InvalidChainFile::Truncated { at: self.at() })
        }
    }

    /// Says that there are no more pieces, and checks the checksum.
    pub(super) fn end(&mut self) -> Result<(), InvalidChainFile> {
        match self.0.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.damaged("there is more in it than belongs there")),
            Err(error) => Err(self.failed(error)),
        }
    }

    pub(super) fn damaged(&self, what: &str) -> InvalidChainFile {
        InvalidChainFile::Damaged { at: self.at(), what: what.to_owned() }
    }

    fn failed(&self, error: io::Error) -> InvalidChainFile {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => InvalidChainFile::Truncated { at: self.at() },
            // What zstd itself finds.
            io::ErrorKind::Other => self.damaged(&error.to_string()),
            _ => InvalidChainFile::Io(error),
        }
    }

    fn at(&self) -> u64 {
        self.0.get_ref().get_ref().at
    }
}
