//! Keys as nibbles, the half bytes that the trie branches on, and the compact form in which a node
//! keeps a run of them. Knows nothing of nodes or values.
//!
//! The compact form is the hex-prefix encoding that NEAR shares with Ethereum. The first byte holds
//! two flags in its high half (0x20: the run ends at a leaf, 0x10: the number of nibbles is odd),
//! and in its low half the first nibble if the number is odd. The others follow, two to a byte.

const LEAF: u8 = 0x20;
const ODD: u8 = 0x10;
const LOW: u8 = 0x0f;

/// Splits bytes into nibbles, the high half first.
pub(crate) fn split(bytes: &[u8]) -> Vec<u8> {
    let mut nibbles = Vec::with_capacity(count(bytes));
    for byte in bytes {
        nibbles.extend_from_slice(&halves(*byte));
    }
    nibbles
}

/// Puts pairs of nibbles together again. A last one without its pair is left out.
pub(crate) fn join(nibbles: &[u8]) -> Vec<u8> {
    nibbles.as_chunks().0.iter().map(|[high, low]| (high << 4) | low).collect()
}

/// How many nibbles a key has.
pub(crate) fn count(key: &[u8]) -> usize {
    key.len().saturating_mul(2)
}

/// The nibble of a key at a place, from 0.
pub(crate) fn at(key: &[u8], place: usize) -> Option<u8> {
    let [high, low] = halves(*key.get(place / 2)?);
    Some(if place.is_multiple_of(2) { high } else { low })
}

fn halves(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & LOW]
}

/// A run of nibbles in its compact form, as leaves and extensions hold it.
#[derive(Clone, Debug)]
pub(crate) struct Path(Compact);

/// Most runs are short, and a node that has them in itself is faster to compare.
#[derive(Clone, Debug)]
enum Compact {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

const SHORT: usize = 22;

impl Path {
    /// The run from a leaf's parent to the end of the key.
    pub(crate) fn of_leaf(nibbles: &[u8]) -> Self {
        Self::encode(nibbles, LEAF)
    }

    /// The run of a leaf that takes what `key` has beyond the first `depth` nibbles.
    pub(crate) fn of_key(key: &[u8], depth: usize) -> Self {
        let odd = if depth.is_multiple_of(2) { None } else { at(key, depth) };
        let flags = LEAF | odd.map_or(0, |nibble| ODD | nibble);
        let whole = key.get(depth.div_ceil(2)..).unwrap_or_default();
        Self::of(std::iter::once(flags).chain(whole.iter().copied()))
    }

    /// The run from an extension to its child.
    pub(crate) fn of_extension(nibbles: &[u8]) -> Self {
        Self::encode(nibbles, 0)
    }

    fn encode(nibbles: &[u8], leaf: u8) -> Self {
        let (pairs, odd) = match nibbles.split_first() {
            Some((first, rest)) if rest.len().is_multiple_of(2) => (rest, ODD | first),
            _ => (nibbles, 0),
        };
        let pairs = pairs.as_chunks().0.iter().map(|[high, low]| (high << 4) | low);
        Self::of(std::iter::once(leaf | odd).chain(pairs))
    }

    fn of(encoded: impl Iterator<Item = u8> + Clone) -> Self {
        let (mut bytes, mut length) = ([0; SHORT], 0u8);
        let mut room = bytes.iter_mut();
        for byte in encoded.clone() {
            let Some(place) = room.next() else { return Self(Compact::Long(encoded.collect())) };
            *place = byte;
            length = length.saturating_add(1);
        }
        Self(Compact::Short { length, bytes })
    }

    /// Takes the compact form as it came from elsewhere, or `None` if the flag byte is missing.
    pub(crate) fn from_encoded(encoded: &[u8]) -> Option<Self> {
        (!encoded.is_empty()).then(|| Self::of(encoded.iter().copied()))
    }

    /// The compact form.
    pub(crate) fn encoded(&self) -> &[u8] {
        match &self.0 {
            Compact::Short { length, bytes } => {
                bytes.get(..usize::from(*length)).unwrap_or_default()
            }
            Compact::Long(bytes) => bytes,
        }
    }

    /// The memory that it takes beside itself.
    pub(crate) fn footprint(&self) -> usize {
        match &self.0 {
            Compact::Short { .. } => 0,
            Compact::Long(bytes) => bytes.len(),
        }
    }

    /// How many nibbles there are.
    pub(crate) fn count(&self) -> usize {
        let encoded = self.encoded();
        let odd = encoded.first().is_some_and(|flags| flags & ODD != 0);
        count(encoded.get(1..).unwrap_or_default()).saturating_add(usize::from(odd))
    }

    /// The nibbles one by one.
    pub(crate) fn nibbles(&self) -> impl Iterator<Item = u8> + '_ {
        let (flags, pairs) =
            self.encoded().split_first().expect("every constructor writes the flag byte");
        let odd = (flags & ODD != 0).then_some(flags & LOW);
        odd.into_iter().chain(pairs.iter().flat_map(|byte| halves(*byte)))
    }

    /// The rest of `key` behind this run, or `None` if `key` does not begin with it.
    pub(crate) fn strip<'key>(&self, key: &'key [u8]) -> Option<&'key [u8]> {
        let mut rest = key;
        for nibble in self.nibbles() {
            rest = match rest.split_first() {
                Some((first, tail)) if *first == nibble => tail,
                _ => return None,
            };
        }
        Some(rest)
    }

    /// Goes along this run from a place in `key`, and returns the place behind it; `None` if the key goes
    /// elsewhere.
    pub(crate) fn follow(&self, key: &[u8], from: usize) -> Option<usize> {
        let (flags, pairs) = self.encoded().split_first()?;
        let mut place = from;
        if flags & ODD != 0 {
            at(key, place).filter(|nibble| *nibble == flags & LOW)?;
            place = place.checked_add(1)?;
        }
        let end = place.checked_add(count(pairs))?;
        let is_along = if place.is_multiple_of(2) {
            key.get(place / 2..)?.starts_with(pairs)
        } else {
            let mut nibbles = pairs.iter().flat_map(|byte| halves(*byte)).zip(place..end);
            nibbles.all(|(nibble, place)| at(key, place) == Some(nibble))
        };
        is_along.then_some(end)
    }

    /// Whether `key` is this run and nothing more.
    pub(crate) fn is(&self, key: &[u8]) -> bool {
        self.strip(key).is_some_and(<[u8]>::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_being_split_and_joined() {
        assert_eq!(split(&[0x01, 0xf5]), [0x0, 0x1, 0xf, 0x5]);
        assert_eq!(join(&split(b"alice.test.near")), b"alice.test.near");
    }

    #[test]
    fn an_even_run_has_an_empty_low_half_in_its_flag_byte() {
        assert_eq!(Path::of_leaf(&[]).encoded(), [0x20]);
        assert_eq!(Path::of_leaf(&[1, 2]).encoded(), [0x20, 0x12]);
        assert_eq!(Path::of_extension(&[1, 2]).encoded(), [0x00, 0x12]);
    }

    #[test]
    fn an_odd_run_keeps_its_first_nibble_in_the_flag_byte() {
        assert_eq!(Path::of_leaf(&[7]).encoded(), [0x37]);
        assert_eq!(Path::of_extension(&[7, 1, 2]).encoded(), [0x17, 0x12]);
        assert_eq!(Path::of_extension(&[7, 1, 2]).nibbles().collect::<Vec<_>>(), [7, 1, 2]);
    }

    #[test]
    fn a_run_is_followed_from_any_place_in_a_key() {
        let key = [0x12, 0x34, 0x56];
        let nibbles = split(&key);
        for from in 0..=nibbles.len() {
            for end in from..=nibbles.len() {
                let run = nibbles.get(from..end).unwrap_or_default();
                let path = Path::of_extension(run);
                assert_eq!(path.follow(&key, from), Some(end));
                assert_eq!(path.count(), run.len());
                for change in 0..run.len() {
                    let mut other = run.to_vec();
                    other[change] ^= 1;
                    assert_eq!(Path::of_extension(&other).follow(&key, from), None);
                }
            }
            let beyond = [nibbles.get(from..).unwrap_or_default(), &[0]].concat();
            assert_eq!(Path::of_extension(&beyond).follow(&key, from), None);
        }
    }

    #[test]
    fn a_long_run_is_like_a_short_one() {
        for length in 0..100 {
            let run: Vec<u8> = (0..16).cycle().take(length).collect();
            let path = Path::of_leaf(&run);
            assert!(path.nibbles().eq(run.iter().copied()) && path.is(&run));
            let encoded = Path::from_encoded(path.encoded());
            assert_eq!(encoded.map(|path| path.encoded().to_vec()), Some(path.encoded().to_vec()));
        }
    }

    #[test]
    fn a_run_is_stripped_only_from_keys_that_begin_with_it() {
        let path = Path::of_extension(&[1, 2, 3]);
        assert_eq!(path.strip(&[1, 2, 3, 4]), Some([4].as_slice()));
        assert_eq!(path.strip(&[1, 2, 4]), None);
        assert_eq!(path.strip(&[1, 2]), None);
        assert!(path.is(&[1, 2, 3]));
        assert!(!path.is(&[1, 2, 3, 4]));
    }
}
