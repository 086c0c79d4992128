//! The `livespan` command: what may be typed, and what its exit code says.

mod cancel;
mod connection;
mod database;
mod demo;
mod duration;
mod environment;
mod exec;
mod exit;
mod failures;
mod gc;
mod migrate;
mod output;
mod runs;
mod serve;
mod stuck;
mod timeline;

use std::{future::Future, io::Write as _, process::ExitCode};

use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

/// A trace collector that sees spans while they are still running: what runs
/// now, where a run is stuck, why it failed, and whether a retry is worth it.
#[derive(Debug, Parser)]
#[command(name = "livespan", version, max_term_width = 100, after_help = exit::HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::ServeArgs>),
    Migrate(Box<migrate::MigrateArgs>),
    Gc(Box<gc::GcArgs>),
    /// List runs, the latest started first.
    Runs(runs::RunsArgs),
    /// Show a run as a tree of its steps.
    Timeline(timeline::TimelineArgs),
    /// List runs that are stuck, the longest first, and where.
    Stuck(stuck::StuckArgs),
    /// List what fails most, by reason.
    Failures(failures::FailuresArgs),
    /// Ask the executors of a run to stop.
    Cancel(cancel::CancelArgs),
    /// Run a command as a step: seen while it runs, its log kept.
    Exec(exec::ExecArgs),
    /// Play a lively fleet into a running collector, to have something to look at.
    Demo(demo::DemoArgs),
}

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    // Usage errors end the process here, with code 2.
    let (cli, ignored_variables) = environment::read();
    let result = match cli.command {
        Command::Serve(args) => on_all_cores(serve::run(*args)),
        Command::Migrate(args) => on_all_cores(migrate::run(*args)),
        Command::Gc(args) => on_one_thread(gc::run(*args)),
        Command::Runs(args) => on_one_thread(runs::run(args)),
        Command::Timeline(args) => on_one_thread(timeline::run(args)),
        Command::Stuck(args) => on_one_thread(stuck::run(args)),
        Command::Failures(args) => on_one_thread(failures::run(args)),
        Command::Cancel(args) => on_one_thread(cancel::run(args)),
        Command::Exec(args) => on_one_thread(exec::run(args, &ignored_variables)),
        Command::Demo(args) => on_one_thread(demo::run(args)),
    };
    result.unwrap_or_else(|error| {
        // Nobody is left to tell where standard error fails too.
        let _ = writeln!(std::io::stderr(), "livespan: {}", output::visible(&format!("{error:#}")));
        exit::code_of(&error)
    })
}

/// Runs the collector and what else has much to do.
fn on_all_cores(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<ExitCode> {
    Builder::new_multi_thread().enable_all().build()?.block_on(command)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs a command that only talks to a collector.
fn on_one_thread(
    command: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(command);
    // A name lookup that hangs would otherwise hold up the exit.
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_declarations_agree_with_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_with_a_value_has_its_variable() {
        for command in Cli::command().get_subcommands() {
            for flag in command.get_arguments().filter(|arg| arg.get_long().is_some()) {
                let name = flag.get_id().as_str();
                let by_hand = ["help", "version", "run"].contains(&name);
                if by_hand || !flag.get_action().takes_values() {
                    continue;
                }
                let variable = flag.get_env().map(|env| env.to_string_lossy().into_owned());
                assert!(
                    variable.is_some_and(|env| env.starts_with("LIVESPAN_")),
                    "{} --{name}",
                    command.get_name()
                );
            }
        }
    }
}
