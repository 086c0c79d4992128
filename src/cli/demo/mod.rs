//! `livespan demo`: a lively fleet, played into a running collector. For those
//! who want to see livespan before they have anything to trace.

mod acts;
mod bulk;
mod fleet;
mod random;
mod screenshot;
mod stage;

use std::{
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures_util::future::join_all;

use self::{
    random::Random,
    stage::{Run, Stage},
};
use super::{
    connection::ConnectionArgs,
    output::{Hue, Output, clip, seconds},
};
use crate::{
    client::{SpanStream, StreamOutcome},
    domain::ids::RunId,
};

/// How long the run that stands still is watched, in seconds of the play: a
/// little longer than the longest of the others.
const ACT_SECONDS: u32 = 24;

/// What to play.
#[derive(Debug, clap::Args)]
#[command(after_help = super::exit::HELP)]
pub(crate) struct DemoArgs {
    /// Plays the same act again: the same names, errors and lengths of time,
    /// in runs of their own.
    #[arg(long, env = "LIVESPAN_DEMO_SEED", value_name = "N")]
    seed: Option<u64>,

    /// How many times as fast as life.
    #[arg(long, env = "LIVESPAN_DEMO_SPEED", value_name = "X", default_value = "1", value_parser = parse_speed)]
    speed: f64,

    /// How many acts to play, one after the other; 0 goes on until Ctrl-C.
    #[arg(long, env = "LIVESPAN_DEMO_ROUNDS", value_name = "N", default_value_t = 1)]
    rounds: u32,

    /// One act, which takes about 25 seconds; as when nothing is said.
    #[arg(long, conflicts_with = "rounds")]
    once: bool,

    /// Instead of an act, one run of this many spans, as fast as they are taken.
    #[arg(long, env = "LIVESPAN_DEMO_SPANS", value_name = "N", conflicts_with_all = ["rounds", "once", "speed"],
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    spans: Option<u32>,

    #[command(flatten)]
    connection: ConnectionArgs,
}

fn parse_speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && (0.01..=1_000.0).contains(&speed) => Ok(speed),
        _ => Err("is not a speed: a number from 0.01 to 1000".to_owned()),
    }
}

/// One run of an act: what it plays, and how it is remembered.
#[derive(Debug, Clone, Copy)]
enum Part {
    Render,
    Scrape,
    ExchangeRates,
    CheckoutTest,
    Preview,
    Audit,
    CalledOff,
    GoesSilent,
    StandsStill,
}

/// The parts of an act, when each begins (in seconds of the play), and its
/// task.
const ACT: [(Part, f64, &str); 9] = [
    (Part::GoesSilent, 0.0, "ledger-sync"),
    (Part::StandsStill, 0.2, "archive-crawl"),
    (Part::Render, 0.5, "film"),
    (Part::Scrape, 1.0, "prices"),
    (Part::CheckoutTest, 2.0, "checkout"),
    (Part::ExchangeRates, 3.0, "rates"),
    (Part::Audit, 4.0, "audit"),
    (Part::Preview, 6.0, "preview"),
    (Part::CalledOff, 8.0, "thumbnails"),
];

/// A run that was played, for the summary.
struct Played {
    run_id: RunId,
    task_id: String,
    what: &'static str,
}

/// Plays.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let collector = args.connection.collector();
    // Says at once, in words, where there is no collector.
    collector.check().await?;

    let seed = args.seed.unwrap_or_else(seed_from_clock);
    let mut output = Output::stdout();
    if let Some(spans) = args.spans {
        return bulk::play(&collector, seed, spans, output).await;
    }

    let (stream, outcome) = SpanStream::open(&collector);
    let stage = Stage {
        stream,
        collector: collector.clone(),
        speed: args.speed,
        refused_file: Arc::new(Mutex::new(None)),
    };
    let refused_file = Arc::clone(&stage.refused_file);
    output.line(&format!("playing to {} with --seed {seed}", collector.url()));
    output.flush();
    let start = Instant::now();
    let mut round = 0;
    let mut played = Vec::new();
    while args.rounds == 0 || round < args.rounds {
        round += 1;
        played = act(&stage, seed, round, &mut output).await;
        if stage.stream.is_closed() {
            break;
        }
    }
    drop(stage);
    let outcome: StreamOutcome = outcome.await??;
    write_summary(&played, &outcome, start.elapsed(), &mut output);
    if let Some(refusal) = outcome.rejected.first() {
        anyhow::bail!("{} events were rejected: {}", outcome.rejected.len(), refusal.message);
    }
    let refused = refused_file.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(error) = refused {
        return Err(anyhow::Error::new(error).context("a file was not stored"));
    }
    output.finish(ExitCode::SUCCESS)
}

/// A seed for those who named none; short enough to be typed again.
fn seed_from_clock() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(since_epoch.subsec_nanos()) % 1_000_000
}

/// Plays all parts of an act at once.
async fn act(stage: &Stage, seed: u64, round: u32, output: &mut Output) -> Vec<Played> {
    let chance = Random::new(seed).part(round.into());
    let parts = ACT.iter().zip(1_u64..).map(|((part, begins, task), number)| {
        let mut random = chance.part(number);
        let task_id = format!("{task}-{}", random.between(1_000, 9_999));
        let run = Run {
            stage: stage.clone(),
            run_id: RunId::generate(),
            task_id,
            attempt: 1,
            retry_of: None,
            random,
        };
        async move {
            run.stage.pass(*begins).await;
            play(*part, run).await
        }
    });
    let shown = format!("act {round}: {} runs on 4 machines, for {ACT_SECONDS} seconds", ACT.len());
    output.line(&shown);
    output.flush();
    join_all(parts).await.into_iter().flatten().collect()
}

/// Plays one part; more than one run comes of it where it is retried.
async fn play(part: Part, mut run: Run) -> Vec<Played> {
    let what = match part {
        Part::Render => {
            acts::render(&mut run).await;
            "a render over three machines, with a report and a log"
        }
        Part::Scrape => return scrape_until_it_works(run).await,
        Part::ExchangeRates => {
            acts::exchange_rates(&mut run).await;
            "a step that was tried again"
        }
        Part::CheckoutTest => {
            acts::checkout_test(&mut run).await;
            "a test that can't find its button (PERSISTENT), with a screenshot"
        }
        Part::Preview => {
            acts::preview(&mut run).await;
            "something ran out (RESOURCE)"
        }
        Part::Audit => {
            acts::audit(&mut run).await;
            "credentials that ran out (CONFIG)"
        }
        Part::CalledOff => {
            acts::called_off(&mut run).await;
            "called off (CANCELLED)"
        }
        Part::GoesSilent => {
            acts::goes_silent(&mut run).await;
            "stuck: its machine went silent"
        }
        Part::StandsStill => {
            acts::stands_still(&mut run, ACT_SECONDS).await;
            "stuck: it beats and does not move"
        }
    };
    vec![Played { run_id: run.run_id, task_id: run.task_id, what }]
}

async fn scrape_until_it_works(mut run: Run) -> Vec<Played> {
    let mut played = Vec::new();
    while acts::scrape(&mut run).await {
        let what = "ended by a slow shop (TRANSIENT)";
        played.push(Played { run_id: run.run_id, task_id: run.task_id.clone(), what });
        run.stage.pass(1.5).await;
        run = Run {
            run_id: RunId::generate(),
            attempt: run.attempt + 1,
            retry_of: Some(run.run_id),
            ..run
        };
    }
    played.push(Played {
        run_id: run.run_id,
        task_id: run.task_id,
        what: "its retry, which works",
    });
    played
}

fn write_summary(played: &[Played], outcome: &StreamOutcome, took: Duration, output: &mut Output) {
    let palette = output.palette();
    output.line(&format!(
        "{} events committed in {}",
        outcome.committed,
        seconds(took.as_secs_f64())
    ));
    for run in played {
        output.line(&format!(
            "  {}  {:<19} {}",
            run.run_id,
            clip(&run.task_id, 19),
            palette.paint(Hue::Faint, run.what)
        ));
    }
    let of = |wanted: &str| played.iter().find(|run| run.what.starts_with(wanted));
    output.line("look at it:");
    let mut commands = vec!["livespan stuck".to_owned(), "livespan failures".to_owned()];
    commands.extend(of("stuck").map(|run| format!("livespan timeline {}", run.run_id)));
    commands.extend(of("a render").map(|run| format!("livespan timeline {}", run.run_id)));
    commands.extend(of("ended by").map(|run| format!("livespan runs --task {}", run.task_id)));
    for command in commands {
        output.line(&format!("  {}", palette.paint(Hue::Strong, &command)));
    }
}
