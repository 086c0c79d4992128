//! The shared cases of liveness, judged by the domain. `tests/sql` holds
//! `detect_stuck_runs` to the same ones.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use livespan_server::domain::{
    ids::SpanId,
    liveness::{self, LifeSigns, Limits, RunLife},
    run::LastEnd,
    time::Timestamp,
};

#[path = "support/liveness_cases.rs"]
mod liveness_cases;
use liveness_cases::{Case, Running};

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

#[expect(clippy::cast_possible_truncation, reason = "the cases are in whole microseconds")]
fn at(seconds: f64) -> Timestamp {
    Timestamp::from_micros(NOW.as_micros() + (seconds * 1e6).round() as i64)
}

fn id(low: u64, high: Option<u64>) -> SpanId {
    SpanId::from_stored(liveness_cases::id(low, high))
}

fn life_signs(span: &Running) -> LifeSigns {
    LifeSigns {
        span_id: id(span.id, span.high),
        parent_span_id: span.parent.map(|parent| id(parent, span.parent_high)),
        started_at: span.started.map(at),
        first_seen_at: at(span.first_seen),
        last_alive_at: at(span.alive),
        progress_moved_at: span.moved.map(at),
        stuck_after: span.stuck_after.map(Duration::from_secs_f64),
        progress_timeout: span.progress_timeout.map(Duration::from_secs_f64),
    }
}

fn check(case: &Case, running: &[LifeSigns]) {
    let name = &case.name;
    let life = RunLife {
        running,
        last_end: case.last_end.as_ref().map(|end| LastEnd {
            at: at(end.at),
            parent: end.parent.map(|parent| id(parent, end.parent_high)),
        }),
    };
    let last = liveness::last_alive(&life).map(|last| (running[last.index].span_id, last.at));
    let wanted = case.last_alive.as_ref().map(|alive| (id(alive.id, alive.high), at(alive.at)));
    assert_eq!(last, wanted, "last alive: {name}");

    let limits = Limits {
        stuck_after: case.limit.map_or(liveness::DEFAULT_STUCK_AFTER, Duration::from_secs_f64),
        server_started_at: case.server_started.map(at),
    };
    let stuck = liveness::judge(&life, &limits, NOW).map(|stuck| {
        assert_eq!(stuck.stuck_for, NOW.since(stuck.since), "{name}");
        let span_id = running[stuck.index].span_id;
        (stuck.verdict.as_str().to_owned(), span_id, stuck.since, stuck.limit, stuck.evidence)
    });
    let wanted = case.stuck.as_ref().map(|stuck| {
        let limit = Duration::from_secs_f64(stuck.limit);
        let span_id = id(stuck.id, stuck.high);
        (stuck.verdict.clone(), span_id, at(stuck.since), limit, stuck.evidence.clone())
    });
    assert_eq!(stuck, wanted, "stuck: {name}");
}

#[test]
fn the_domain_judges_every_case_as_written_whatever_the_order_of_spans() {
    for case in &liveness_cases::all() {
        let mut running: Vec<LifeSigns> = case.running.iter().map(life_signs).collect();
        check(case, &running);
        running.reverse();
        check(case, &running);
    }
}
