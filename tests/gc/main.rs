//! `livespan gc`, the real binary beside a real collector: what it marks and
//! deletes, that two never collide, and what a kill leaves.

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

#[path = "../support/random.rs"]
mod random;
#[path = "../support/requests.rs"]
mod requests;
#[path = "../support/server_process.rs"]
mod server_process;

mod collision;
mod command;
mod files;
mod ground;
mod killed;
mod private;
mod schedulers;
