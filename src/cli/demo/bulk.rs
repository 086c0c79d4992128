//! One run of as many spans as wanted, as fast as the collector takes them: to
//! see what a large run looks like.

use std::{
    process::ExitCode,
    sync::{Arc, Mutex},
    time::Instant,
};

use serde_json::Value;

use super::{
    fleet::{ENCODER, PLANNER, READER, RENDERER, SCRAPER, SLOW_SHOP},
    random::Random,
    stage::{Opening, Run, Stage, Step},
};
use crate::{
    cli::output::Output,
    client::{Collector, SpanStream},
    domain::ids::RunId,
};

/// How many steps each step has, until there are enough.
const STEPS_PER_STEP: usize = 12;

/// One in so many steps fails.
const ONE_FAILS_IN: u32 = 200;

/// Plays the run.
pub(super) async fn play(
    collector: &Collector,
    seed: u64,
    spans: u32,
    mut output: Output,
) -> anyhow::Result<ExitCode> {
    let (stream, outcome) = SpanStream::open(collector);
    let stage = Stage {
        stream,
        collector: collector.clone(),
        speed: 1.0,
        refused_file: Arc::new(Mutex::new(None)),
    };
    let mut random = Random::new(seed);
    let task_id = format!("bulk-{}", random.between(1_000, 9_999));
    let run_id = RunId::generate();
    let start = Instant::now();
    let run = Run { stage, run_id, task_id, attempt: 1, retry_of: None, random: random.part(1) };
    let root = run.begin("L0_orchestrator", "bulk run", PLANNER, Opening::default()).await;
    // A tree filled level by level: the parent of number n is number n / 12.
    let mut parents: Vec<Step> = vec![root];
    for number in 1..spans as usize {
        let parent = parents[(number - 1) / STEPS_PER_STEP];
        let worker = random.one_of([RENDERER, SCRAPER, READER, ENCODER]);
        let layer = random.one_of(["L2_executor", "L3_tool", "L4_device"]);
        let opening = Opening { parent: Some(parent), ..Opening::default() };
        let step = run.begin(layer, &format!("step {number}"), worker, opening).await;
        if random.between(1, ONE_FAILS_IN) == 1 {
            run.fail(step, SLOW_SHOP).await;
        } else {
            run.succeed(step, Value::Null).await;
        }
        // Only those are kept that will still have steps.
        if number * STEPS_PER_STEP < spans as usize {
            parents.push(step);
        }
    }
    run.succeed(root, Value::Null).await;
    drop(run);
    let outcome = outcome.await??;
    if let Some(refusal) = outcome.rejected.first() {
        anyhow::bail!("{} events were rejected: {}", outcome.rejected.len(), refusal.message);
    }
    let took = start.elapsed().as_secs_f64();
    let rate = f64::from(spans) / took.max(0.001);
    output.line(&format!(
        "{spans} spans (--seed {seed}) committed in {took:.2}s, {rate:.0} a second"
    ));
    output.line("look at it:");
    output.line(&format!("  livespan timeline {run_id} | head -40"));
    output.finish(ExitCode::SUCCESS)
}
