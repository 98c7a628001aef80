//! Records that are held several times and written once: each carries the number of those who hold
//! it. To hold a record or let go of it is to add to that number, without reading it first. A record
//! that nobody holds is not there, and leaves the disk when its file is rewritten.

use rocksdb::MergeOperands;
use rocksdb::compaction_filter::Decision;

const COUNT: usize = size_of::<i64>();

/// The operand that has a record held once less.
pub(super) const LET_GO: [u8; COUNT] = (-1_i64).to_le_bytes();

/// The operand that has `bytes` held once more.
pub(super) fn hold(bytes: &[u8]) -> Vec<u8> {
    record(1, bytes)
}

fn record(count: i64, bytes: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(COUNT.saturating_add(bytes.len()));
    record.extend(count.to_le_bytes());
    record.extend(bytes);
    record
}

/// What is kept under a key, if anybody holds it. `Err` if it was not written by this module.
pub(super) fn held(record: &[u8]) -> Result<Option<&[u8]>, &'static str> {
    let (count, bytes) = parts(record).ok_or("it is too short")?;
    Ok((count > 0).then_some(bytes))
}

/// Adds up. The bytes of all who hold a record are the same, since their hash is the key.
pub(super) fn merge(
    _key: &[u8],
    existing: Option<&[u8]>,
    operands: &MergeOperands,
) -> Option<Vec<u8>> {
    let mut total = 0_i64;
    let mut bytes: &[u8] = &[];
    for record in existing.into_iter().chain(operands) {
        let (count, held) = parts(record)?;
        total = total.checked_add(count)?;
        if bytes.is_empty() {
            bytes = held;
        }
    }
    Some(record(total, bytes))
}

/// Drops what nobody holds. `RocksDB` asks only about sums that are complete.
pub(super) fn compact(_level: u32, _key: &[u8], record: &[u8]) -> Decision {
    match held(record) {
        Ok(None) => Decision::Remove,
        // What is corrupt stays, to be found by who reads it.
        Ok(Some(_)) | Err(_) => Decision::Keep,
    }
}

fn parts(record: &[u8]) -> Option<(i64, &[u8])> {
    let (count, bytes) = record.split_first_chunk::<COUNT>()?;
    Some((i64::from_le_bytes(*count), bytes))
}
