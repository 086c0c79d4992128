//! The SQL interface: what its views and functions answer, on a real Postgres.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod cleanup;
mod comments;
mod cost;
mod fixture;
#[path = "../support/liveness_cases.rs"]
mod liveness_cases;
mod spans;
mod stuck;
mod summary;
