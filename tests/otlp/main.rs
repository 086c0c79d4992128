//! OTLP in, through real sockets: what exporters send over gRPC and HTTP, what
//! they are answered, and what is in the timeline then.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/proxy.rs"]
mod proxy;

mod client;
mod grpc;
mod http;
mod overload;
mod spans;
