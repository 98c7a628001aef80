//! Which errors the scenarios show.
