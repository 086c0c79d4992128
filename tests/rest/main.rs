//! REST, over real sockets: the shapes that dashboards read, what comes of every
//! mistake, and the document that describes it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/proxy.rs"]
mod proxy;

mod bad_input;
mod client;
mod document;
mod failures;
mod hosts;
mod routes;
mod seed_paths;
mod writing;
