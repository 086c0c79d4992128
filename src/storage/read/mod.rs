//! What questions read, one kind of answer a file.
//!
//! A span moves from `live_spans` to `finished_spans` when it ends, so whatever
//! reads both does so in one statement: two would see it twice, or never. No
//! question opens a transaction: a client that goes away drops its request in
//! the middle, and the pool would get the connection back with it open.

mod active;
mod artifacts;
mod failure_sites;
mod failure_trend;
mod failures;
mod hosts;
mod run;
mod run_list;
mod spans;
mod stuck;
mod summary;

pub use active::ActiveRuns;
pub use failure_sites::{FailureSite, FailureSiteQuery};
pub use failure_trend::{FailureTrend, KindTrend};
pub use failures::{FailureGroup, FailureQuery};
pub use hosts::{Host, HostStep};
pub use run::{LiveRun, StoredRun};
pub use run_list::{RunPosition, RunWalk, SpanFilter, Walked};
pub use summary::StoredSummary;
