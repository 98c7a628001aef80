//! Nanoseconds in params.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// Nanoseconds. Since 1970 they are more than many clients can write as a number without loss, so
/// that a decimal string is taken as well.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nanos(pub(super) u64);

impl<'de> Deserialize<'de> for Nanos {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NanosVisitor)
    }
}

struct NanosVisitor;

impl Visitor<'_> for NanosVisitor {
    type Value = Nanos;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .write_str("nanoseconds from 0 on, as a number or a decimal string, within 64 bits")
    }

    fn visit_u64<E: Error>(self, nanos: u64) -> Result<Nanos, E> {
        Ok(Nanos(nanos))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Nanos, E> {
        let unexpected = serde::de::Unexpected::Str(text);
        text.parse().map(Nanos).map_err(|_| E::invalid_value(unexpected, &self))
    }
}
