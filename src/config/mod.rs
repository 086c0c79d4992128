//! Configuration: flags and `LIVESPAN_…` variables, from one declaration each.
//!
//! Each section is a struct of its own, which the commands that need it take
//! in; it is turned once into types that can't hold nonsense.

mod artifacts;
mod database;
mod domain;
mod ingest;
mod listen;
mod log;
mod otlp;

pub use artifacts::ArtifactArgs;
pub use database::{DatabaseArgs, DatabaseChoice, DatabaseConfigError};
pub use domain::{ClassifierArgs, LivenessArgs};
pub use ingest::IngestArgs;
pub use listen::ListenArgs;
pub use log::LogArgs;
pub use otlp::{MappingConfigError, OtlpArgs};
