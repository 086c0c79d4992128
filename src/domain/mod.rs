//! What livespan knows, without any I/O: identities, the states of a span,
//! what its life signs say, why it failed, and what must not be stored.

pub mod classify;
pub mod event;
pub mod fingerprint;
pub mod graph;
pub mod ids;
pub mod liveness;
pub mod otel;
pub mod progress;
pub mod reason;
pub mod redact;
pub mod run;
pub mod span;
pub mod status;
pub mod time;
pub mod tree;
