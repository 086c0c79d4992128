//! Postgres. The only room that speaks SQL to it.
//!
//! Lanes write through a [`SpanWriter`], each with a connection of its own;
//! questions are asked through the pool of a [`Database`].

mod artifacts;
mod cancel;
mod columns;
mod copy;
mod database;
mod error;
mod finished;
mod live;
mod read;
mod retention;
mod runs;
mod shared;
mod writer;

pub use artifacts::NewArtifact;
pub use cancel::CancelRequested;
pub use database::{ConnectError, Database, DatabaseOptions, InvalidDatabaseUrl};
pub use error::{Refusal, StorageError};
pub use live::Beaten;
pub use read::{
    ActiveRuns, FailureGroup, FailureQuery, FailureSite, FailureSiteQuery, FailureTrend, Host,
    HostStep, KindTrend, LiveRun, RunPosition, RunWalk, SpanFilter, StoredRun, StoredSummary,
    Walked,
};
pub use retention::{DeletedBatch, DoomedFile, ExpiredRun, GcConnection, GcCounts};
pub use runs::LockedRuns;
pub use writer::SpanWriter;
