//! What is received about a span: it starts, it beats, it ends.
//!
//! By here everything is checked, redacted and classified; the texts may be
//! stored as they are.

use std::{sync::Arc, time::Duration};

use smol_str::SmolStr;

use super::{
    ids::{RunId, SpanId, SpanKey},
    reason::ReasonKind,
    status::EndStatus,
    time::Timestamp,
};

/// JSON as text, valid for Postgres: no NUL, no lone surrogate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JsonText(String);

impl JsonText {
    /// Takes a text that its maker knows to be such JSON.
    #[must_use]
    pub fn from_valid(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// JSON in two pieces, of which many texts share the second: what OpenTelemetry says
/// of a span ends in what it says of all spans of its resource and scope.
#[derive(Debug, Clone)]
pub struct SharedJsonText {
    own: String,
    shared: Option<Arc<str>>,
}

impl SharedJsonText {
    /// Takes pieces that make up such JSON as [`JsonText`] is.
    #[must_use]
    pub fn from_valid(own: String, shared: Option<Arc<str>>) -> Self {
        Self { own, shared }
    }

    /// The pieces, one after the other.
    #[must_use]
    pub fn pieces(&self) -> [&str; 2] {
        [&self.own, self.shared.as_deref().unwrap_or_default()]
    }
}

/// By the text, wherever it is divided: what was stored comes back in one piece.
impl PartialEq for SharedJsonText {
    fn eq(&self, other: &Self) -> bool {
        let (own, others) = (self.pieces(), other.pieces());
        own.into_iter().flat_map(str::bytes).eq(others.into_iter().flat_map(str::bytes))
    }
}

/// Something received about one span.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanEvent {
    /// The span.
    pub key: SpanKey,
    /// When, by the server's clock: the only one that liveness trusts.
    pub received_at: Timestamp,
    /// What.
    pub kind: SpanEventKind,
}

/// What happened to a span.
#[derive(Debug, Clone, PartialEq)]
pub enum SpanEventKind {
    /// It began. Shared with the [`super::span::Span`] that takes it in: its texts
    /// are most of what a span weighs.
    Start(Arc<Start>),
    /// It is alive, and may have moved.
    Heartbeat(Option<ProgressReport>),
    /// It is over.
    End(Box<End>),
    /// It is over, and this tells of its beginning too.
    Whole(Arc<Start>, Box<End>),
}

/// The facts that come with a span's beginning. Its names are short, and many spans
/// have the same: a copy of one costs no allocation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Start {
    /// The span that it is a step of.
    pub parent_span_id: Option<SpanId>,
    /// The business job of its run.
    pub task_id: Option<SmolStr>,
    /// The run that its run retries.
    pub retry_of: Option<RunId>,
    /// The level of the work.
    pub layer: Option<SmolStr>,
    /// What it does.
    pub step_name: Option<SmolStr>,
    /// Where it runs.
    pub executor_host: Option<SmolStr>,
    /// Who runs it.
    pub agent: Option<SmolStr>,
    /// Which try it is, from 1; 0 is read as 1.
    pub attempt: i32,
    /// When, by the client's clock; when it was received where absent.
    pub ts_start: Option<Timestamp>,
    /// What it was given.
    pub input_summary: Option<JsonText>,
    /// Everything else that was said about it.
    pub attributes: Option<JsonText>,
    /// After how long without a sign of life it is stuck.
    pub stuck_after: Option<Duration>,
    /// After how long without movement it is stuck.
    pub progress_timeout: Option<Duration>,
    /// What else OpenTelemetry said of it, as one object: kind, scope,
    /// resource, events, links and what of that is set.
    pub otel: Option<SharedJsonText>,
}

impl Start {
    /// Takes over from `other` what this leaves out. The task and the run
    /// retried are the run's facts, which merge there; an attempt is never
    /// left out, see [`Self::fill_in_attempt`].
    pub fn fill_in(&mut self, other: &Self) {
        fn fill<T: Clone>(own: &mut Option<T>, other: &Option<T>) {
            if own.is_none() {
                own.clone_from(other);
            }
        }
        fill(&mut self.parent_span_id, &other.parent_span_id);
        fill(&mut self.layer, &other.layer);
        fill(&mut self.step_name, &other.step_name);
        fill(&mut self.executor_host, &other.executor_host);
        fill(&mut self.agent, &other.agent);
        fill(&mut self.ts_start, &other.ts_start);
        fill(&mut self.input_summary, &other.input_summary);
        fill(&mut self.attributes, &other.attributes);
        fill(&mut self.stuck_after, &other.stuck_after);
        fill(&mut self.progress_timeout, &other.progress_timeout);
        fill(&mut self.otel, &other.otel);
    }

    /// Takes over `other`'s attempt where this is the first, which is also
    /// what is read where an exporter tells none.
    pub fn fill_in_attempt(&mut self, other: &Self) {
        if self.attempt <= 1 {
            self.attempt = other.attempt.max(1);
        }
    }
}

/// The facts that come with a span's end.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// How it ended.
    pub status: EndStatus,
    /// When, by the client's clock; when it was received where absent.
    pub ts_end: Option<Timestamp>,
    /// What it gave back.
    pub output_summary: Option<JsonText>,
    /// What went wrong. Apart, since most spans go well.
    pub failure: Option<Box<FailureFacts>>,
}

impl End {
    /// A hash of what it says, alike on every machine and in every version:
    /// FNV-1a over its fields.
    #[must_use]
    pub fn content_hash(&self) -> i64 {
        let failure = self.failure.as_ref();
        let texts = [
            Some(self.status.as_str()),
            self.output_summary.as_ref().map(JsonText::as_str),
            failure.and_then(|failure| failure.error_type.as_deref()),
            failure.and_then(|failure| failure.error_message.as_deref()),
            failure.and_then(|failure| failure.error_stack.as_deref()),
            failure.and_then(|failure| failure.reason_code.as_deref()),
            failure.and_then(|failure| failure.reason_kind).map(ReasonKind::as_str),
        ];
        let time = self.ts_end.map(|at| at.as_micros().to_be_bytes());
        let bytes = texts
            .into_iter()
            // A byte that no text holds, so that fields don't run into each other.
            .flat_map(|text| text.unwrap_or_default().bytes().chain([0xff]))
            .chain(time.into_iter().flatten());
        bytes
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            })
            .cast_signed()
    }
}

/// What is known of a span's failure.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FailureFacts {
    /// The error's class or code.
    pub error_type: Option<String>,
    /// What it said.
    pub error_message: Option<String>,
    /// Where it happened.
    pub error_stack: Option<String>,
    /// What went wrong, in short.
    pub reason_code: Option<String>,
    /// What kind of thing went wrong.
    pub reason_kind: Option<ReasonKind>,
    /// What decided code and kind.
    pub reason_evidence: Option<String>,
    /// Groups failures of one cause.
    pub fingerprint: Option<String>,
}

/// How far a span says that it has come.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProgressReport {
    /// What is done; finite, 0 or more.
    pub current: f64,
    /// What there is to do.
    pub total: Option<f64>,
    /// What is being done.
    pub note: Option<String>,
}
