//! A span's state, as a function of the set of events received about it.
//!
//! Whatever order they come in and however often, the events of a span end in
//! the same state: starts fill in facts, heartbeats raise the time of the last
//! sign of life, an end is final. So every write may be repeated.
//!
//! A start can be told more than once and by different tellers: an executor
//! that names the task, an exporter that shows the span while it is open, and
//! one that sends it whole. Each fact is the first one's that told it, save
//! that a whole span's own facts win, whether it comes first or last.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::{
    event::{End, FailureFacts, JsonText, ProgressReport, SpanEvent, SpanEventKind, Start},
    ids::SpanKey,
    progress::Progress,
    status::{EndStatus, Status},
    time::Timestamp,
};

/// How far a span's end may lie before its start, by clients' clocks. Clocks
/// step back and hosts differ; what is further off is a client's mistake, such
/// as seconds sent for milliseconds.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// What is known of a span.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Which span.
    pub key: SpanKey,
    /// What its start told. Empty in a stub.
    pub start: Arc<Start>,
    /// Whether its start was received. Where not, this is a stub.
    pub started: bool,
    /// When it was first heard of, by the server's clock.
    pub first_seen_at: Timestamp,
    /// When it was last heard of, by the server's clock; when its end was
    /// received, once it has ended.
    pub last_alive_at: Timestamp,
    /// How far it has come.
    pub progress: Option<Progress>,
    /// Whether somebody asked for its run to be cancelled.
    pub cancel_requested: bool,
    /// Its end.
    pub ended: Option<Ended>,
}

/// How a span ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// How.
    pub status: EndStatus,
    /// When, by the client's clock.
    pub ts_end: Timestamp,
    /// What it gave back.
    pub output_summary: Option<JsonText>,
    /// What went wrong.
    pub failure: Option<Box<FailureFacts>>,
    /// Later ends that said something else, each by a hash of what it said, so
    /// that one that is repeated is not counted twice.
    pub conflicting_ends: BTreeSet<i64>,
}

/// How many conflicting ends are told apart. More of them change nothing: two
/// already show that several processes share one span id.
const MAX_CONFLICTING_ENDS: usize = 16;

impl Ended {
    /// Whether `end` says the same. Its time counts only where the client gave
    /// one: a repeated end without one is received later.
    fn agrees_with(&self, end: &End) -> bool {
        self.status == end.status
            && end.ts_end.is_none_or(|ts_end| ts_end == self.ts_end)
            && self.output_summary == end.output_summary
            && self.failure == end.failure
    }
}

/// What an event found, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// Whether the span's start had been received before this event.
    pub known: bool,
    /// Whether this was an end and said something else than the first.
    pub conflict: bool,
}

/// An event that makes no sense beside what is known of its span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// The end lies too far before the known start.
    #[error(
        "{ts_end} is before the span's start, {ts_start}: send both by one clock, or leave end_time out"
    )]
    EndBeforeStart {
        /// What the start said.
        ts_start: Timestamp,
        /// What this end says.
        ts_end: Timestamp,
    },
    /// The start lies too far after the known end.
    #[error(
        "{ts_start} is after the span's end, {ts_end}: send both by one clock, or leave start_time out"
    )]
    StartAfterEnd {
        /// What this start says.
        ts_start: Timestamp,
        /// What the end said.
        ts_end: Timestamp,
    },
}

impl Contradiction {
    /// The field of the request to mend.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::EndBeforeStart { .. } => "end_time",
            Self::StartAfterEnd { .. } => "start_time",
        }
    }
}

/// What is known of the start of a stub.
static UNKNOWN_START: LazyLock<Arc<Start>> =
    LazyLock::new(|| Arc::new(Start { attempt: 1, ..Start::default() }));

/// A start whose time and attempt are told, as received at `at`.
fn completed(start: &Arc<Start>, at: Timestamp) -> Arc<Start> {
    let mut start = Arc::clone(start);
    if start.attempt < 1 || start.ts_start.is_none() {
        let start = Arc::make_mut(&mut start);
        start.attempt = start.attempt.max(1);
        start.ts_start = start.ts_start.or(Some(at));
    }
    start
}

impl Span {
    /// A span of which nothing is known but that it was heard of at `at`.
    #[must_use]
    pub fn stub(key: SpanKey, at: Timestamp) -> Self {
        Self {
            key,
            start: Arc::clone(&UNKNOWN_START),
            started: false,
            first_seen_at: at,
            last_alive_at: at,
            progress: None,
            cancel_requested: false,
            ended: None,
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.ended.as_ref().map_or(Status::Running, |ended| Status::Ended(ended.status))
    }

    /// Takes in an event.
    ///
    /// # Errors
    ///
    /// Where the event contradicts what is known; the span is then unchanged.
    pub fn apply(&mut self, event: &SpanEvent) -> Result<Applied, Contradiction> {
        let at = event.received_at;
        let known = self.started;
        let conflict = match &event.kind {
            SpanEventKind::Start(start) => {
                self.check_start(start)?;
                self.take_start(start, at);
                false
            }
            SpanEventKind::Heartbeat(report) => {
                self.take_progress(report.as_ref(), at);
                false
            }
            SpanEventKind::End(end) => {
                self.check_end(self.started.then_some(self.start.ts_start).flatten(), end)?;
                self.take_end(end, at)
            }
            SpanEventKind::Whole(start, end) => {
                self.check_start(start)?;
                let known_start = self.started.then_some(self.start.ts_start).flatten();
                self.check_end(start.ts_start.or(known_start), end)?;
                // Another teller's end stands, and with it what was known then.
                if self.ended.as_ref().is_none_or(|ended| ended.agrees_with(end)) {
                    self.take_whole_start(start, at);
                } else {
                    self.take_start(start, at);
                }
                self.take_end(end, at)
            }
        };
        self.first_seen_at = self.first_seen_at.min(at);
        if self.ended.is_none() {
            self.last_alive_at = self.last_alive_at.max(at);
        }
        Ok(Applied { known, conflict })
    }

    fn check_start(&self, start: &Start) -> Result<(), Contradiction> {
        match (&self.ended, start.ts_start) {
            (Some(ended), Some(ts_start))
                if !self.started && ended.ts_end.plus(CLOCK_TOLERANCE) < ts_start =>
            {
                Err(Contradiction::StartAfterEnd { ts_start, ts_end: ended.ts_end })
            }
            _ => Ok(()),
        }
    }

    fn check_end(&self, ts_start: Option<Timestamp>, end: &End) -> Result<(), Contradiction> {
        match (ts_start, end.ts_end) {
            (Some(ts_start), Some(ts_end))
                if self.ended.is_none() && ts_end.plus(CLOCK_TOLERANCE) < ts_start =>
            {
                Err(Contradiction::EndBeforeStart { ts_start, ts_end })
            }
            _ => Ok(()),
        }
    }

    /// The first start counts; a later one fills in what that left out.
    fn take_start(&mut self, start: &Arc<Start>, at: Timestamp) {
        if self.started {
            let own = Arc::make_mut(&mut self.start);
            own.fill_in(start);
            // It may be the start of a span that came whole before.
            if self.ended.is_some() {
                own.fill_in_attempt(start);
            }
            return;
        }
        self.started = true;
        self.start = completed(start, at);
    }

    /// A whole span's start counts; an earlier one fills in what it left out.
    fn take_whole_start(&mut self, start: &Arc<Start>, at: Timestamp) {
        let mut whole = Arc::clone(start);
        if self.started {
            let whole = Arc::make_mut(&mut whole);
            whole.fill_in(&self.start);
            whole.fill_in_attempt(&self.start);
        }
        self.started = true;
        self.start = completed(&whole, at);
    }

    fn take_progress(&mut self, report: Option<&ProgressReport>, at: Timestamp) {
        let Some(report) = report else { return };
        match &mut self.progress {
            Some(progress) => progress.merge(report, at),
            none => *none = Some(Progress::first(report, at)),
        }
    }

    /// The first end counts. Returns whether this one says something else.
    fn take_end(&mut self, end: &End, at: Timestamp) -> bool {
        if let Some(ended) = &mut self.ended {
            if ended.agrees_with(end) {
                self.last_alive_at = self.last_alive_at.min(at);
                return false;
            }
            if ended.conflicting_ends.len() < MAX_CONFLICTING_ENDS {
                ended.conflicting_ends.insert(end.content_hash());
            }
            return true;
        }
        self.last_alive_at = at;
        self.ended = Some(Ended {
            status: end.status,
            ts_end: end.ts_end.unwrap_or(at),
            output_summary: end.output_summary.clone(),
            failure: end.failure.clone(),
            conflicting_ends: BTreeSet::new(),
        });
        false
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::domain::event::SharedJsonText;
    use crate::domain::ids::{RunId, SpanId};

    fn key() -> SpanKey {
        let run_id: RunId = "0af7651916cd43dd8448eb211c80319c".parse().unwrap();
        SpanKey { run_id, span_id: SpanId::from_otel(run_id, [7; 8]) }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
    }

    fn event(seconds: i64, kind: SpanEventKind) -> SpanEvent {
        SpanEvent { key: key(), received_at: at(seconds), kind }
    }

    fn start(seconds: i64) -> SpanEventKind {
        SpanEventKind::Start(Arc::new(Start {
            step_name: Some("render".into()),
            attempt: 2,
            ts_start: Some(at(seconds)),
            ..Start::default()
        }))
    }

    fn end(status: EndStatus, seconds: i64) -> SpanEventKind {
        SpanEventKind::End(Box::new(End {
            status,
            ts_end: Some(at(seconds)),
            output_summary: None,
            failure: None,
        }))
    }

    fn fold(events: &[SpanEvent]) -> Span {
        let mut span = Span::stub(key(), events[0].received_at);
        for event in events {
            span.apply(event).unwrap();
        }
        span
    }

    #[test]
    fn a_heartbeat_after_the_end_changes_nothing() {
        let ended = fold(&[event(0, start(0)), event(5, end(EndStatus::Success, 5))]);
        let mut after = ended.clone();
        after.apply(&event(9, SpanEventKind::Heartbeat(None))).unwrap();
        assert_eq!(after, ended);
    }

    #[test]
    fn the_first_end_wins_and_the_other_is_counted() {
        let mut span = fold(&[event(0, start(0)), event(5, end(EndStatus::Success, 5))]);
        let applied = span.apply(&event(6, end(EndStatus::Failed, 6))).unwrap();
        assert!(applied.conflict);
        let ended = span.ended.unwrap();
        assert_eq!((ended.status, ended.conflicting_ends.len()), (EndStatus::Success, 1));
    }

    #[test]
    fn another_end_repeated_is_counted_once() {
        let mut span = fold(&[event(0, start(0)), event(5, end(EndStatus::Success, 5))]);
        for seconds in [6, 7] {
            span.apply(&event(seconds, end(EndStatus::Failed, 6))).unwrap();
        }
        span.apply(&event(8, end(EndStatus::Cancelled, 6))).unwrap();
        assert_eq!(span.ended.unwrap().conflicting_ends.len(), 2);
    }

    #[test]
    fn the_same_end_again_is_no_conflict() {
        let mut span = fold(&[event(0, start(0)), event(5, end(EndStatus::Success, 5))]);
        assert!(!span.apply(&event(6, end(EndStatus::Success, 5))).unwrap().conflict);
    }

    #[test]
    fn an_end_without_a_time_repeated_is_no_conflict() {
        let end = SpanEventKind::End(Box::new(End {
            status: EndStatus::Success,
            ts_end: None,
            output_summary: None,
            failure: None,
        }));
        let mut span = fold(&[event(5, end.clone())]);
        assert!(!span.apply(&event(6, end)).unwrap().conflict);
    }

    #[test]
    fn an_event_of_an_unknown_span_leaves_a_stub_that_its_start_completes() {
        let mut span = Span::stub(key(), at(3));
        assert!(!span.apply(&event(3, SpanEventKind::Heartbeat(None))).unwrap().known);
        assert!(!span.apply(&event(4, start(0))).unwrap().known);
        assert!(span.apply(&event(5, SpanEventKind::Heartbeat(None))).unwrap().known);
        assert_eq!(span.start.step_name.as_deref(), Some("render"));
        assert_eq!(span.last_alive_at, at(5));
    }

    #[test]
    fn an_end_far_before_the_start_is_refused_and_changes_nothing() {
        let mut span = fold(&[event(0, start(0))]);
        let before = span.clone();
        let refused = span.apply(&event(1, end(EndStatus::Success, -61))).unwrap_err();
        assert_eq!(refused.field(), "end_time");
        assert_eq!(span, before);
    }

    #[test]
    fn an_end_just_before_the_start_is_kept_as_said() {
        let span = fold(&[event(0, start(0)), event(1, end(EndStatus::Success, -2))]);
        assert_eq!(span.ended.unwrap().ts_end, at(-2));
    }

    /// A span that an exporter sent whole.
    fn whole(seconds: i64) -> SpanEventKind {
        let start = Start {
            step_name: Some("render frame".into()),
            layer: Some("client".into()),
            attempt: 1,
            ts_start: Some(at(1)),
            attributes: Some(JsonText::from_valid(r#"{"frame":7}"#.to_owned())),
            otel: Some(SharedJsonText::from_valid(r#"{"kind":"CLIENT"}"#.to_owned(), None)),
            ..Start::default()
        };
        let SpanEventKind::End(end) = end(EndStatus::Failed, seconds) else { unreachable!() };
        SpanEventKind::Whole(Arc::new(start), end)
    }

    #[test]
    fn a_whole_span_has_its_own_facts_and_keeps_those_that_only_a_start_told() {
        let told = SpanEventKind::Start(Arc::new(Start {
            parent_span_id: Some(SpanId::from_otel(key().run_id, [9; 8])),
            step_name: Some("render".into()),
            attempt: 2,
            ts_start: Some(at(0)),
            input_summary: Some(JsonText::from_valid("{}".to_owned())),
            ..Start::default()
        }));
        let start_first = fold(&[event(0, told.clone()), event(5, whole(5))]);
        let start_last = fold(&[event(0, whole(5)), event(5, told)]);
        for span in [&start_first, &start_last] {
            let start = &span.start;
            assert_eq!(start.step_name.as_deref(), Some("render frame"));
            assert_eq!(start.ts_start, Some(at(1)));
            assert_eq!(start.attempt, 2);
            assert!(start.input_summary.is_some() && start.parent_span_id.is_some());
            assert!(start.otel.is_some());
        }
        assert_eq!(start_first.start, start_last.start);
    }

    #[test]
    fn a_whole_span_that_contradicts_a_known_end_changes_no_known_fact() {
        let before = fold(&[event(0, start(0)), event(5, end(EndStatus::Success, 5))]);
        let mut after = before.clone();
        assert!(after.apply(&event(6, whole(6))).unwrap().conflict);
        assert_eq!(after.start.step_name, before.start.step_name);
        assert_eq!(after.start.ts_start, before.start.ts_start);
        assert_eq!(after.ended.unwrap().status, EndStatus::Success);
    }

    #[test]
    fn an_open_span_that_is_shown_again_stays_as_it_was_and_is_alive() {
        let mut span = fold(&[event(0, start(0))]);
        span.apply(&event(7, start(3))).unwrap();
        assert_eq!((span.start.ts_start, span.last_alive_at), (Some(at(0)), at(7)));
        assert_eq!(span.status(), Status::Running);
    }

    /// How a history ends.
    #[derive(Debug, Clone, Copy)]
    enum Close {
        Open,
        End,
        Whole,
    }

    /// One start, one end or one whole span, and any heartbeats; phases of
    /// progress do not come back once left, as a counter's do not.
    fn history() -> impl Strategy<Value = Vec<SpanEvent>> {
        let beats = prop::collection::vec((0_i64..1_000, prop::option::of(0_u8..20)), 0..8);
        let close = prop::sample::select(vec![Close::Open, Close::End, Close::Whole]);
        (beats, any::<bool>(), close, 0_i64..1_000).prop_map(
            |(mut beats, started, close, seconds)| {
                beats.sort_unstable();
                beats.dedup_by_key(|(seconds, _)| *seconds);
                let mut events: Vec<SpanEvent> = beats
                    .into_iter()
                    .map(|(seconds, current)| {
                        let report = current.map(|current| ProgressReport {
                            current: f64::from(current),
                            total: Some(20.0),
                            note: Some(format!("phase {}", seconds / 300)),
                        });
                        event(seconds, SpanEventKind::Heartbeat(report))
                    })
                    .collect();
                if started {
                    events.push(event(2, start(0)));
                }
                match close {
                    Close::Open => {}
                    Close::End => events.push(event(seconds, end(EndStatus::Failed, seconds))),
                    Close::Whole => events.push(event(seconds, whole(seconds))),
                }
                if events.is_empty() {
                    events.push(event(1, SpanEventKind::Heartbeat(None)));
                }
                events
            },
        )
    }

    fn shuffled_with_repeats() -> impl Strategy<Value = (Vec<SpanEvent>, Vec<SpanEvent>)> {
        history().prop_flat_map(|events| {
            let repeats = prop::collection::vec(0..events.len(), 0..6);
            repeats.prop_flat_map(move |repeats| {
                let mut all = events.clone();
                all.extend(repeats.into_iter().map(|i| events[i].clone()));
                (Just(events.clone()), Just(all).prop_shuffle())
            })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_order_and_repetition_ends_in_one_state((events, shuffled) in shuffled_with_repeats()) {
            prop_assert_eq!(fold(&events), fold(&shuffled));
        }
    }
}
