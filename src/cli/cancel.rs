//! `livespan cancel`: asks the executors of a run to stop.

use std::process::ExitCode;

use serde_json::json;

use super::{connection::ConnectionArgs, output::Output};
use crate::{domain::ids::RunId, proto::v1};

/// Which run to cancel.
#[derive(Debug, clap::Args)]
#[command(after_help = super::exit::HELP)]
pub(crate) struct CancelArgs {
    /// The run: its whole id, as `livespan runs` prints it.
    #[arg(value_name = "RUN_ID")]
    run_id: RunId,

    /// One JSON document instead of a sentence.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Asks for it, and says whom that reaches.
pub(crate) async fn run(args: CancelArgs) -> anyhow::Result<ExitCode> {
    let collector = args.connection.collector();
    let request = v1::CancelRunRequest { run_id: args.run_id.to_string() };
    let answer = collector.ask(collector.control().cancel_run(request)).await?;
    let mut output = Output::stdout();
    if args.json {
        // As REST answers.
        output.json(&json!({
            "run_id": answer.run_id,
            "cancel_requested_at": answer.cancel_requested_at.map(|at| at.to_string()),
            "running_spans": answer.running_spans,
        }));
    } else {
        output.line(&match answer.running_spans {
            0 => "nothing of the run runs now; what it starts will be told to stop".to_owned(),
            1 => "1 running step will be told to stop with its next sign of life".to_owned(),
            more => {
                format!("{more} running steps will be told to stop with their next sign of life")
            }
        });
    }
    output.finish(ExitCode::SUCCESS)
}
