//! What `TraceQuery` answers: every rpc against a Postgres of its own, with
//! spans that came by the lanes and a clock that the test moves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod active;
mod failures;
mod fleet;
mod graph;
mod hosts;
mod invalid;
mod last_alive;
mod runs;
mod sites;
mod stuck;
mod summary;
mod timeline;
