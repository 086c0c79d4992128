//! What the collector and its clients must agree on, without any I/O: how runs
//! and spans are named, what must not be stored, and why an error happened.
//!
//! The collector's `domain` shows these rooms as its own; the client library
//! shows what its users need. [`redact`] and [`classify`] are held to the vectors
//! that clients in other languages share.

pub mod classify;
pub mod fingerprint;
pub mod ids;
pub mod reason;
pub mod redact;
