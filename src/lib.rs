//! livespan: a trace collector that sees spans while they are still running.
//!
//! The modules, in the order in which a span passes them:
//!
//! 1. [`proto`] is the wire; [`domain`] is what the words mean.
//! 2. [`ingress`] takes bytes in and decides nothing.
//! 3. [`ingest`] is the bounded road to disk.
//! 4. [`storage`] is Postgres.

pub mod domain;
pub mod ingest;
pub mod ingress;
pub mod proto;
pub mod storage;
pub mod telemetry;
