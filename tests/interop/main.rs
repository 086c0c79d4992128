//! Programs as their users write them, with the official SDKs of OpenTelemetry,
//! against a running `livespan serve`: whatever they export is in the timeline.
//!
//! Each language has a folder with its program, what it needs (pinned), and a
//! script `prepare` that installs this beneath `target/interop`; `client.rs`
//! says what is asked of a program. `make test` prepares all of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/server_process.rs"]
mod server_process;

mod client;
mod collector;
mod expectation;
mod go;
mod instrument;
mod java;
mod logfire;
mod node;
mod python;
mod wiretap;
