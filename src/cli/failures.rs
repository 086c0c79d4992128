//! `livespan failures`: what fails most, by reason.

use std::{
    process::ExitCode,
    time::{Duration, SystemTime},
};

use super::{
    connection::ConnectionArgs,
    duration,
    output::{Field, Hue, Output, Sheet, age, clip, seconds},
    runs::kind_to_proto,
};
use crate::{domain::reason::ReasonKind, proto::v1};

/// Which failures to count, and how to say it.
#[derive(Debug, clap::Args)]
#[command(after_help = super::exit::HELP)]
pub(crate) struct FailuresArgs {
    /// How far back from now.
    #[arg(long, env = "LIVESPAN_FAILURES_WINDOW", value_name = "DURATION", default_value = "24h",
          value_parser = duration::parse_some)]
    window: Duration,

    /// Only failures on this machine.
    #[arg(long, env = "LIVESPAN_FAILURES_HOST")]
    host: Option<String>,

    /// Only failures of this agent.
    #[arg(long, env = "LIVESPAN_FAILURES_AGENT")]
    agent: Option<String>,

    /// Only failures of this kind: TRANSIENT, PERSISTENT, RESOURCE or CONFIG.
    #[arg(long, env = "LIVESPAN_FAILURES_KIND", value_parser = parse_kind)]
    kind: Option<ReasonKind>,

    /// How many groups at most.
    #[arg(long, env = "LIVESPAN_FAILURES_LIMIT", value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,

    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectionArgs,
}

/// UNKNOWN would mean "any" on the way, which is not what was asked for.
fn parse_kind(text: &str) -> Result<ReasonKind, String> {
    match text.parse::<ReasonKind>() {
        Ok(ReasonKind::Unknown) => {
            Err("UNKNOWN cannot be asked for alone: use TRANSIENT, PERSISTENT, RESOURCE or CONFIG"
                .to_owned())
        }
        Ok(kind) => Ok(kind),
        Err(error) => Err(error.to_string()),
    }
}

/// Lists failures by reason.
pub(crate) async fn run(args: FailuresArgs) -> anyhow::Result<ExitCode> {
    let collector = args.connection.collector();
    let request = v1::ListTopFailuresRequest {
        window: Some(duration::to_proto(args.window)),
        page_size: args.limit,
        reason_kind: args.kind.map_or(v1::ReasonKind::Unknown, kind_to_proto).into(),
        executor_host: args.host.unwrap_or_default(),
        agent: args.agent.unwrap_or_default(),
    };
    let answer = collector.ask(collector.queries().list_top_failures(request)).await?;
    let mut output = Output::stdout();
    if args.json {
        output.json(&answer);
    } else if answer.failures.is_empty() {
        output.line(&format!("no failures in the last {}", seconds(args.window.as_secs_f64())));
    } else {
        write(&answer, &mut output);
    }
    output.finish(ExitCode::SUCCESS)
}

fn write(answer: &v1::ListTopFailuresResponse, output: &mut Output) {
    let header =
        ["KIND", "REASON", "COUNT", "RUNS", "LAST", "HOSTS", "STEPS", "SAYS", "LATEST RUN"];
    let mut sheet = Sheet::new(output, &header, &["KIND", "REASON", "LAST", "LATEST RUN"]);
    sheet.numbers(2);
    sheet.numbers(3);
    let now = SystemTime::now();
    for group in &answer.failures {
        let kind = group.reason_kind();
        sheet.row([
            Field::hued(kind.as_str_name(), Hue::of_kind(kind)),
            Field::from(clip(&group.reason_code, 40)),
            Field::from(group.failure_count.to_string()),
            Field::from(group.affected_runs.to_string()),
            Field::from(age(group.last_seen.as_ref(), now)),
            Field::from(clip(&group.affected_hosts.join(" "), 80)),
            Field::from(clip(&group.steps.join(", "), 80)),
            Field::from(clip(&group.sample_message, 80)),
            Field::from(group.sample_run_ids.first().map(String::as_str).unwrap_or_default()),
        ]);
    }
    sheet.write(output);
}
