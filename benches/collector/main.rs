//! What the collector costs, as ratios: the real server as a process of its own,
//! beside Postgres doing the same without it, in turns, in one run.
//!
//!     cargo bench --bench collector -- [FIGURE…] [--rounds N] [--quick]
//!
//! One figure a file. Prints a table and writes `target/bench/results.json`.
//! Machines differ, and a machine differs from itself an hour later: the ratios
//! are what to quote.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(missing_docs)]

mod ack_latency;
mod bed;
mod bytes_per_span;
mod exports;
mod gc;
mod heartbeats;
mod lifecycle_vs_limit;
mod load;
mod otlp_vs_copy;
mod overload;
mod processes;
#[path = "../../tests/support/raw_codec.rs"]
#[allow(unreachable_pub)] // shared with the tests
mod raw_codec;
mod raw_copy;
mod report;
mod server;
mod spans;
mod streams;
mod stuck_flatness;

use std::{path::PathBuf, time::Duration};

use bed::Bed;
use clap::{Parser, ValueEnum};
use mimalloc::MiMalloc;
use otlp_vs_copy::Way;
use report::Report;

// The load generator shares the cores with what it measures: as cheap as can be.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Measures the collector against Postgres itself.
#[derive(Debug, Parser)]
struct Args {
    /// Which figures; all where none is named.
    #[arg(value_enum)]
    figures: Vec<Figure>,

    /// How often each side is measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// Small loads, to see that everything runs. Its figures mean nothing.
    #[arg(long)]
    quick: bool,

    /// Where the databases go; the system's folder for temporary files where it isn't said. Not
    /// a file system in memory: flushing to disk is what a commit costs.
    #[arg(long)]
    folder: Option<PathBuf>,

    /// Another build of the server, to compare with.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_livespan"))]
    server: PathBuf,

    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Figure {
    OtlpVsCopy,
    OtlpHttpVsCopy,
    LifecycleVsLimit,
    Heartbeats,
    AckLatency,
    StuckFlatness,
    BytesPerSpan,
    Overload,
    Gc,
}

/// How much of everything.
#[derive(Debug, Clone, Copy)]
struct Plan {
    rounds: usize,
    quick: bool,
}

impl Plan {
    /// A load, or a small part of it where all is to be quick.
    fn scaled(self, load: usize) -> usize {
        if self.quick { load.div_ceil(20) } else { load }
    }

    /// How long a load lasts; a moment where all is to be quick.
    fn lasting(self, seconds: u64) -> Duration {
        Duration::from_secs(if self.quick { seconds.min(3) } else { seconds })
    }
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let plan = Plan { rounds: args.rounds.max(1), quick: args.quick };
    let figures = if args.figures.is_empty() { Figure::value_variants() } else { &args.figures };
    processes::allow_connections();
    let bed = Bed::start(args.folder.as_deref(), args.server).await;
    let mut report = Report::new(bed.describe().await, plan.rounds, plan.quick);
    for figure in figures {
        let name = figure.to_possible_value().unwrap().get_name().to_owned();
        println!("\n== {name}");
        let measures = match figure {
            Figure::OtlpVsCopy => otlp_vs_copy::measure(&bed, plan, &[Way::Grpc]).await,
            Figure::OtlpHttpVsCopy => {
                otlp_vs_copy::measure(&bed, plan, &[Way::Http, Way::Gzip]).await
            }
            Figure::LifecycleVsLimit => lifecycle_vs_limit::measure(&bed, plan).await,
            Figure::Heartbeats => heartbeats::measure(&bed, plan).await,
            Figure::AckLatency => ack_latency::measure(&bed, plan).await,
            Figure::StuckFlatness => stuck_flatness::measure(&bed, plan).await,
            Figure::BytesPerSpan => bytes_per_span::measure(&bed, plan).await,
            Figure::Overload => overload::measure(&bed, plan).await,
            Figure::Gc => gc::measure(&bed, plan).await,
        };
        // After each: a run that is cut short leaves what it had.
        report.add(&name, measures);
        report.write();
    }
    bed.stop().await;
    report.print();
}
