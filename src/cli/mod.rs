//! The command line: one file a command.

mod migrate;
mod serve;

use clap::{Parser, Subcommand};

/// A trace collector that sees spans while they are still running.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::ServeArgs>),
    Migrate(Box<migrate::MigrateArgs>),
}

impl Cli {
    /// Does what the user asked for.
    ///
    /// # Errors
    ///
    /// What the user should read.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Serve(args) => serve::run(*args).await,
            Command::Migrate(args) => migrate::run(*args).await,
        }
    }
}
