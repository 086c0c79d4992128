//! The `livespan` command.

use std::{io::Write as _, process::ExitCode};

use clap::Parser as _;
use livespan::{cli::Cli, telemetry::Chain};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let error: Box<dyn std::error::Error + Send + Sync> = error.into();
            // Where standard error is gone there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "livespan: {}", Chain(&*error));
            ExitCode::FAILURE
        }
    }
}
