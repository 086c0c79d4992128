//! Faults, against the real server as a process with a real Postgres: killed,
//! frozen, cut off, out of disk. Clients of all kinds keep ledgers meanwhile.
//! After every fault everything acknowledged is stored, as it was sent, once;
//! and the server is soon back in service.
//!
//! `LIVESPAN_FAULTS=nightly` asks for the larger volume: see `make test-faults`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub
)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/fleet/mod.rs"]
mod fleet;
#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/random.rs"]
mod random;
#[path = "../support/requests.rs"]
mod requests;
#[path = "../support/server_process.rs"]
mod server_process;
#[path = "../support/silent.rs"]
mod silent;

mod cancelled;
mod killed;
mod limits;
mod lost_replies;
mod network;
mod postgres;
mod stage;
mod terminated;
