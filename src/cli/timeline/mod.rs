//! `livespan timeline`: a run as a tree of its steps.

mod lines;
mod tree;

use std::process::ExitCode;

use super::{connection::ConnectionArgs, output::Output};
use crate::{
    client::{AskError, Collector},
    domain::ids::RunId,
    proto::v1,
};

/// Spans a page: a run of 100,000 is fetched in a hundred answers rather than
/// in one that is too large to send.
const PAGE: u32 = 1_000;

/// Which run to show, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = super::exit::HELP)]
pub(crate) struct TimelineArgs {
    /// The run: its whole id, as `livespan runs` prints it.
    #[arg(value_name = "RUN_ID")]
    run_id: RunId,

    /// One JSON document instead of a tree.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Shows a run.
pub(crate) async fn run(args: TimelineArgs) -> anyhow::Result<ExitCode> {
    let collector = args.connection.collector();
    let timeline = ask(args.run_id, &collector).await?;
    let mut output = Output::stdout();
    if args.json {
        output.json(&timeline);
    } else {
        lines::write(&timeline, &mut output);
    }
    output.finish(ExitCode::SUCCESS)
}

/// Asks for page after page until there are no more spans.
async fn ask(run_id: RunId, collector: &Collector) -> Result<v1::GetTimelineResponse, AskError> {
    let mut spans = Vec::new();
    let mut page_token = String::new();
    loop {
        let run_id = run_id.to_string();
        let request = v1::GetTimelineRequest { run_id, page_size: PAGE, page_token };
        let mut page = collector.ask(collector.queries().get_timeline(request)).await?;
        let is_empty = page.spans.is_empty();
        spans.append(&mut page.spans);
        if is_empty || page.next_page_token.is_empty() {
            page.spans = spans;
            page.next_page_token = String::new();
            return Ok(page);
        }
        page_token = page.next_page_token;
    }
}
