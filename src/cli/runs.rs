//! `livespan runs`: which runs there are.

use std::{
    process::ExitCode,
    time::{Duration, SystemTime},
};

use super::{
    connection::ConnectionArgs,
    duration,
    output::{Field, Hue, Output, Sheet, age, clip, seconds},
};
use crate::{
    client::{AskError, Collector},
    domain::{
        reason::ReasonKind,
        status::{EndStatus, Status},
    },
    proto::v1,
};

/// The most runs that the server puts on a page.
const MAX_PAGE: u32 = 1_000;

/// Which runs to list, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = super::exit::HELP)]
pub(crate) struct RunsArgs {
    /// Only runs with something running, at their current step.
    #[arg(long, conflicts_with_all = ["task", "status", "agent", "host", "layer", "reason_kind", "reason_code", "since"])]
    active: bool,

    /// Only runs of this task.
    #[arg(long, env = "LIVESPAN_RUNS_TASK", value_name = "TASK")]
    task: Option<String>,

    /// Only runs that stand so: RUNNING, SUCCESS, FAILED or CANCELLED.
    #[arg(long, env = "LIVESPAN_RUNS_STATUS", value_parser = parse_status)]
    status: Option<Status>,

    /// Only runs with a step of this agent.
    #[arg(long, env = "LIVESPAN_RUNS_AGENT")]
    agent: Option<String>,

    /// Only runs with a step on this machine.
    #[arg(long, env = "LIVESPAN_RUNS_HOST")]
    host: Option<String>,

    /// Only runs with a step of this layer.
    #[arg(long, env = "LIVESPAN_RUNS_LAYER")]
    layer: Option<String>,

    /// Only runs with a step that failed so: TRANSIENT, PERSISTENT, RESOURCE,
    /// CONFIG or UNKNOWN.
    #[arg(long, env = "LIVESPAN_RUNS_REASON_KIND", value_name = "KIND")]
    reason_kind: Option<ReasonKind>,

    /// Only runs with a step that failed for this reason, such as timeout.
    #[arg(long, env = "LIVESPAN_RUNS_REASON_CODE", value_name = "CODE")]
    reason_code: Option<String>,

    /// Only runs that started within this time, such as 2h.
    #[arg(long, env = "LIVESPAN_RUNS_SINCE", value_name = "DURATION", value_parser = duration::parse_some)]
    since: Option<Duration>,

    /// How many at most.
    #[arg(long, env = "LIVESPAN_RUNS_LIMIT", value_name = "N", default_value_t = 50,
          value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,

    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: ConnectionArgs,
}

fn parse_status(text: &str) -> Result<Status, crate::domain::status::UnknownStatus> {
    text.to_ascii_uppercase().parse()
}

/// Lists runs.
pub(crate) async fn run(args: RunsArgs) -> anyhow::Result<ExitCode> {
    let collector = args.connection.collector();
    if args.active {
        return list_active(&args, &collector).await;
    }
    let answer = ask(&args, &collector).await?;
    let mut output = Output::stdout();
    if args.json {
        output.json(&answer);
    } else if answer.runs.is_empty() {
        output.line("no runs");
    } else {
        write_runs(&answer, &mut output);
        if !answer.next_page_token.is_empty() {
            let more =
                format!("there are more: --limit {} shows them", args.limit.saturating_mul(4));
            output.line(&output.palette().paint(Hue::Faint, &more));
        }
    }
    output.finish(ExitCode::SUCCESS)
}

/// Asks for page after page until there are as many as wanted.
async fn ask(args: &RunsArgs, collector: &Collector) -> Result<v1::ListRunsResponse, AskError> {
    let started_after = args.since.and_then(|since| SystemTime::now().checked_sub(since));
    let mut all = v1::ListRunsResponse::default();
    loop {
        let missing = args.limit.saturating_sub(u32::try_from(all.runs.len()).unwrap_or(u32::MAX));
        let request = v1::ListRunsRequest {
            task_id: args.task.clone().unwrap_or_default(),
            status: args.status.map_or(v1::Status::Unspecified, to_proto).into(),
            agent: args.agent.clone().unwrap_or_default(),
            executor_host: args.host.clone().unwrap_or_default(),
            layer: args.layer.clone().unwrap_or_default(),
            reason_kind: args.reason_kind.map(|kind| kind_to_proto(kind).into()),
            started_after: started_after.map(Into::into),
            started_before: None,
            page_size: missing.min(MAX_PAGE),
            page_token: all.next_page_token,
            reason_code: args.reason_code.clone().unwrap_or_default(),
        };
        let page = collector.ask(collector.queries().list_runs(request)).await?;
        let is_empty = page.runs.is_empty();
        all.runs.extend(page.runs);
        all.next_page_token = page.next_page_token;
        let enough = all.runs.len() >= args.limit as usize;
        if enough || is_empty || all.next_page_token.is_empty() {
            return Ok(all);
        }
    }
}

fn write_runs(answer: &v1::ListRunsResponse, output: &mut Output) {
    let header = ["RUN", "STATUS", "STARTED", "DURATION", "STEP", "TASK", "SPANS", "HOSTS"];
    let whole = ["RUN", "STATUS", "STARTED", "DURATION", "SPANS"];
    let mut sheet = Sheet::new(output, &header, &whole);
    let now = SystemTime::now();
    for run in &answer.runs {
        sheet.row([
            Field::from(&run.run_id),
            Field::hued(run.status().as_str_name(), Hue::of_status(run.status())),
            Field::from(age(run.started_at.as_ref(), now)),
            Field::from(seconds(run.duration_seconds)),
            Field::from(clip(&run.root_step_name, 48)),
            Field::from(task(&run.task_id, run.attempt)),
            match run.failed_spans {
                0 => Field::from(run.total_spans.to_string()),
                failed => Field::hued(&format!("{} ({failed} failed)", run.total_spans), Hue::Bad),
            },
            Field::from(run.hosts_involved.join(" ")),
        ]);
    }
    sheet.write(output);
}

/// A task, and which try of it: `prices-2731 retry #1`.
pub(crate) fn task(task_id: &str, attempt: u32) -> String {
    let task = clip(task_id, 48);
    let retry = if attempt > 1 { format!("retry #{}", attempt - 1) } else { String::new() };
    format!("{task} {retry}").trim().to_owned()
}

async fn list_active(args: &RunsArgs, collector: &Collector) -> anyhow::Result<ExitCode> {
    let request = v1::ListActiveRunsRequest { page_size: args.limit.min(MAX_PAGE) };
    let answer = collector.ask(collector.queries().list_active_runs(request)).await?;
    let mut output = Output::stdout();
    if args.json {
        output.json(&answer);
    } else if answer.runs.is_empty() {
        output.line("nothing is running");
    } else {
        write_active(&answer, &mut output);
        let hidden = (answer.total_count as usize).saturating_sub(answer.runs.len());
        if hidden > 0 {
            let more = format!("and {hidden} more");
            output.line(&output.palette().paint(Hue::Faint, &more));
        }
    }
    output.finish(ExitCode::SUCCESS)
}

fn write_active(answer: &v1::ListActiveRunsResponse, output: &mut Output) {
    let header =
        ["RUN", "VERDICT", "STARTED", "ALIVE", "STEP", "PROGRESS", "HOST", "AGENT", "TASK"];
    let mut sheet = Sheet::new(output, &header, &["RUN", "VERDICT", "STARTED", "ALIVE"]);
    let now = SystemTime::now();
    for run in &answer.runs {
        sheet.row([
            Field::from(&run.run_id),
            verdict_field(run.verdict()),
            Field::from(age(run.started_at.as_ref(), now)),
            Field::from(match run.seconds_since_activity {
                0 => "now".to_owned(),
                silent => format!("{} ago", seconds(f64::from(silent))),
            }),
            Field::from(clip(&run.step_name, 48)),
            Field::from(run.progress.as_ref().map(progress).unwrap_or_default()),
            Field::from(clip(&run.executor_host, 32)),
            Field::from(clip(&run.agent, 24)),
            Field::from(task(&run.task_id, run.attempt)),
        ]);
    }
    sheet.write(output);
}

/// A verdict as a cell.
pub(crate) fn verdict_field(verdict: v1::Verdict) -> Field {
    match verdict {
        v1::Verdict::Unspecified => Field::hued("fine", Hue::Good),
        stuck => Field::hued(stuck.as_str_name(), Hue::Bad),
    }
}

/// How far something has come: `40/120 (33%) rendering`.
pub(crate) fn progress(progress: &v1::Progress) -> String {
    let counted = match progress.total {
        Some(total) if total > 0.0 => {
            let percent = (progress.current / total * 100.0).min(100.0);
            format!("{}/{total} ({percent:.0}%)", progress.current)
        }
        _ => progress.current.to_string(),
    };
    format!("{counted} {}", clip(&progress.note, 40)).trim_end().to_owned()
}

fn to_proto(status: Status) -> v1::Status {
    match status {
        Status::Running => v1::Status::Running,
        Status::Ended(EndStatus::Success) => v1::Status::Success,
        Status::Ended(EndStatus::Failed) => v1::Status::Failed,
        Status::Ended(EndStatus::Cancelled) => v1::Status::Cancelled,
    }
}

/// A kind of failure as it travels.
pub(crate) fn kind_to_proto(kind: ReasonKind) -> v1::ReasonKind {
    match kind {
        ReasonKind::Unknown => v1::ReasonKind::Unknown,
        ReasonKind::Transient => v1::ReasonKind::Transient,
        ReasonKind::Persistent => v1::ReasonKind::Persistent,
        ReasonKind::Resource => v1::ReasonKind::Resource,
        ReasonKind::Config => v1::ReasonKind::Config,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_as_far_as_it_is_known() {
        let told = |current, total, note: &str| {
            progress(&v1::Progress { current, total, note: note.to_owned() })
        };
        assert_eq!(told(40.0, Some(120.0), "frames"), "40/120 (33%) frames");
        assert_eq!(told(3.0, None, ""), "3");
        assert_eq!(told(3.0, Some(0.0), "a\u{1b}b"), "3 a\\x1bb");
    }
}
