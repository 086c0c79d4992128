//! livespan: a trace collector that sees spans while they are still running.
//!
//! The modules, in the order in which a span passes them:
//!
//! 1. [`ingress`] takes bytes in and decides nothing; [`proto`] is the wire.
//! 2. [`domain`] is what the words mean, without any I/O.
//! 3. [`ingest`] is the bounded road to disk.
//! 4. [`storage`] is Postgres, the only room that speaks SQL; [`artifacts`] is
//!    where files are.
//! 5. [`query`] answers questions from it; [`retention`] takes away what has
//!    expired.
//! 6. [`gateway`] is the gRPC services over HTTP and JSON.
//!
//! Around them: [`app`] wires them, [`lifecycle`] ends them, [`telemetry`] logs,
//! [`http_listener`] is what those who serve HTTP share, [`config`] and [`cli`]
//! are what a person types, [`client`] is how commands reach a collector, `dashboard`
//! is the page, and [`embedded_postgres`] is the database of those who have none. In
//! builds for tests, `failpoint` ends the process at a chosen place.

pub mod app;
pub mod artifacts;
pub mod cli;
pub mod client;
pub mod config;
mod dashboard;
pub mod domain;
pub mod embedded_postgres;
mod failpoint;
pub mod gateway;
pub mod http_listener;
pub mod ingest;
pub mod ingress;
pub mod lifecycle;
pub mod proto;
pub mod query;
pub mod retention;
pub mod storage;
pub mod telemetry;
