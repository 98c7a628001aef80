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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(Box<[u8]>);

impl Path {
    /// The run from a leaf's parent to the end of the key.
    pub(crate) fn of_leaf(nibbles: &[u8]) -> Self {
        Self::encode(nibbles, LEAF)
    }

    /// The run of a leaf that takes what `key` has beyond the first `depth` nibbles.
    pub(crate) fn of_key(key: &[u8], depth: usize) -> Self {
        let odd = if depth.is_multiple_of(2) { None } else { at(key, depth) };
        let whole = key.get(depth.div_ceil(2)..).unwrap_or_default();
        let mut path = Vec::with_capacity(whole.len().saturating_add(1));
        path.push(LEAF | odd.map_or(0, |nibble| ODD | nibble));
        path.extend_from_slice(whole);
        Self(path.into())
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
        Self(std::iter::once(leaf | odd).chain(join(pairs)).collect())
    }

    /// Takes the compact form as it came from elsewhere, or `None` if the flag byte is missing.
    pub(crate) fn from_encoded(encoded: &[u8]) -> Option<Self> {
        (!encoded.is_empty()).then(|| Self(encoded.into()))
    }

    /// The compact form.
    pub(crate) fn encoded(&self) -> &[u8] {
        &self.0
    }

    /// How many nibbles there are.
    pub(crate) fn count(&self) -> usize {
        let odd = self.0.first().is_some_and(|flags| flags & ODD != 0);
        count(self.0.get(1..).unwrap_or_default()).saturating_add(usize::from(odd))
    }

    /// The nibbles one by one.
    pub(crate) fn nibbles(&self) -> impl Iterator<Item = u8> + '_ {
        let (flags, pairs) = self.0.split_first().expect("every constructor writes the flag byte");
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
    fn a_run_is_stripped_only_from_keys_that_begin_with_it() {
        let path = Path::of_extension(&[1, 2, 3]);
        assert_eq!(path.strip(&[1, 2, 3, 4]), Some([4].as_slice()));
        assert_eq!(path.strip(&[1, 2, 4]), None);
        assert_eq!(path.strip(&[1, 2]), None);
        assert!(path.is(&[1, 2, 3]));
        assert!(!path.is(&[1, 2, 3, 4]));
    }
}
