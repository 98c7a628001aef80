//! A chain of which part is elsewhere: it goes on from a block of another one, and what of its state
//! is not here is fetched when it is first read.

mod port;

pub use port::{Fetched, PinnedBlock, Source, SourceFailure, Stretch};
