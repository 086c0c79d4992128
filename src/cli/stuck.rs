//! `livespan stuck`: which runs are stuck, and where.

use std::{process::ExitCode, time::Duration};

use super::{
    connection::ConnectionArgs,
    duration, exit,
    output::{Field, Hue, Output, Sheet, clip, seconds},
    runs::{task, verdict_field},
};
use crate::proto::v1;

/// When a run counts as stuck, and how to say it.
#[derive(Debug, clap::Args)]
#[command(after_help = super::exit::HELP)]
pub(crate) struct StuckArgs {
    /// After how long without a sign of life a run counts as stuck, where its
    /// spans name no limit of their own; the server's default where absent.
    #[arg(long, env = "LIVESPAN_STUCK_THRESHOLD", value_name = "DURATION", value_parser = duration::parse_some)]
    threshold: Option<Duration>,

    /// How many at most.
    #[arg(long, env = "LIVESPAN_STUCK_LIMIT", value_name = "N", default_value_t = 1_000,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,

    /// Exit with 4 where something is stuck, like `git diff --exit-code`.
    #[arg(long)]
    exit_code: bool,

    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Lists stuck runs.
pub(crate) async fn run(args: StuckArgs) -> anyhow::Result<ExitCode> {
    let collector = args.connection.collector();
    let request = v1::ListStuckRunsRequest {
        threshold: args.threshold.map(duration::to_proto),
        page_size: args.limit,
    };
    let answer = collector.ask(collector.queries().list_stuck_runs(request)).await?;
    let mut output = Output::stdout();
    if args.json {
        output.json(&answer);
    } else if answer.runs.is_empty() {
        output.line("nothing is stuck");
    } else {
        write(&answer, &mut output);
    }
    let found = args.exit_code && !answer.runs.is_empty();
    output.finish(if found { ExitCode::from(exit::STUCK) } else { ExitCode::SUCCESS })
}

fn write(answer: &v1::ListStuckRunsResponse, output: &mut Output) {
    let header = ["RUN", "VERDICT", "FOR", "LAYER", "STEP", "HOST", "AGENT", "TASK", "EVIDENCE"];
    let mut sheet = Sheet::new(output, &header, &["RUN", "VERDICT", "FOR"]);
    for run in &answer.runs {
        sheet.row([
            Field::from(&run.run_id),
            verdict_field(run.verdict()),
            Field::hued(&seconds(f64::from(run.stuck_duration_seconds)), Hue::Strong),
            Field::from(clip(&run.layer, 24)),
            Field::from(clip(&run.step_name, 48)),
            Field::from(clip(&run.executor_host, 32)),
            Field::from(clip(&run.agent, 24)),
            Field::from(task(&run.task_id, run.attempt)),
            Field::from(clip(&run.evidence, 120)),
        ]);
    }
    sheet.write(output);
}
