//! What livespan knows, without any I/O: identities, the states of a span,
//! what its life signs say, why it failed, and what must not be stored. The
//! part that clients share is the crate `livespan-rules`.

pub mod event;
pub mod graph;
pub mod liveness;
pub mod otel;
pub mod progress;
pub mod run;
pub mod span;
pub mod status;
pub mod time;
pub mod tree;

pub use livespan_rules::{classify, fingerprint, ids, reason, redact};
