//! From an exported span to an event that may be stored: identified, mapped,
//! redacted and classified.

use std::{sync::Arc, time::Duration};

use smol_str::SmolStr;

use super::{
    KeyValue, Resource, Scope, Span, Value,
    attributes::{Attributes, Hit, kind_name, text},
    dialects::{self, Shape},
    evidence,
    mapping::{Field, Mapping, Special},
    stored_name,
    writer::{JsonWriter, MAX_LEVELS},
};
use crate::domain::{
    classify::Classifier,
    event::{End, JsonText, SharedJsonText, SpanEvent, SpanEventKind, Start},
    ids::{IdError, RunId, SpanId, SpanKey},
    redact::{Detail, Redactor},
    status::{EndStatus, Status},
    time::Timestamp,
};

/// The most attributes that a span may have.
pub const MAX_ATTRIBUTES: usize = 1024;

/// The highest attempt: more is a loop that somebody should look at.
const MAX_ATTEMPT: i64 = 1_000_000;

/// A summary that is sent as a longer text is not read as JSON.
const MAX_PARSED_BYTES: usize = 256 * 1024;

/// The shortest and the longest limit for silence, in seconds.
const LIMIT_SECONDS: std::ops::RangeInclusive<f64> = 1.0..=365.0 * 24.0 * 3600.0;

/// OTLP's number for a span that failed.
const STATUS_ERROR: i32 = 2;

/// Maps exported spans. Compiled once and shared.
#[derive(Debug, Clone)]
pub struct Mapper {
    mapping: Mapping,
    redactor: Redactor,
    classifier: Classifier,
}

/// What holds for all spans of one resource, and of one scope of it, worked out
/// once.
#[derive(Debug, Clone)]
pub struct ResourceContext<'r> {
    attributes: Attributes<'r>,
    /// The member of `otel` that tells of the resource.
    resource: String,
    /// The end of `otel`, which the spans share: the members that tell of the scope
    /// and the resource; none where nothing is told. See [`Mapper::enter`].
    shared: Option<Arc<str>>,
    task_id: Inherited,
    executor_host: Inherited,
    agent: Inherited,
    /// The address that the spans came from.
    peer: Option<SmolStr>,
}

impl ResourceContext<'_> {
    /// How many bytes each of the spans has for its resource and scope.
    #[must_use]
    pub fn shared_bytes(&self) -> usize {
        self.shared.as_deref().map_or(0, str::len)
    }
}

/// The most bytes of names and values that a resource or a scope may have in
/// attributes: each of its spans is stored with them. Where there are more they
/// are left out and counted as dropped.
const MAX_SHARED_BYTES: usize = 64 * 1024;

/// How many bytes each span of `resource` is stored with for it, about.
#[must_use]
pub fn shared_bytes(resource: &Resource<'_>) -> usize {
    told(resource.attributes).1
}

/// How many bytes each span of `scope` is stored with for it, about.
#[must_use]
pub fn scope_bytes(scope: &Scope<'_>) -> usize {
    scope.name.len() + scope.version.len() + told(scope.attributes).1
}

/// Those attributes of a resource or scope that its spans are stored with, all or
/// none, and their size.
fn told<'a>(attributes: &'a [KeyValue<'a>]) -> (&'a [KeyValue<'a>], usize) {
    let bytes = attributes.iter().map(KeyValue::bytes).fold(0, usize::saturating_add);
    if bytes > MAX_SHARED_BYTES { (&[], 0) } else { (attributes, bytes) }
}

/// The count of attributes that the exporter left out, and those left out here.
fn dropped(by_exporter: u32, here: usize) -> u32 {
    by_exporter.saturating_add(u32::try_from(here).unwrap_or(u32::MAX))
}

/// What a resource says of a field, redacted.
#[derive(Debug, Clone, Default)]
struct Inherited {
    /// Over all: `livespan.<field>`.
    explicit: Option<SmolStr>,
    /// Where the span itself says nothing.
    otherwise: Option<SmolStr>,
}

/// Why a span is rejected, and what its sender is to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanProblem {
    /// A trace id of another length than 16 bytes.
    #[error("trace_id has {0} bytes: send 16")]
    TraceIdLength(usize),
    /// The trace id that stands for none.
    #[error("trace_id is all zero, which stands for no trace: send a random one")]
    ZeroTraceId,
    /// A span id of another length than 8 bytes.
    #[error("span_id has {0} bytes: send 8")]
    SpanIdLength(usize),
    /// The span id that stands for none.
    #[error("span_id is all zero, which stands for no span: send a random one")]
    ZeroSpanId,
    /// A parent's id of another length than 8 bytes.
    #[error("parent_span_id has {0} bytes: send 8, or none for a root")]
    ParentIdLength(usize),
    /// An attribute that must be a uuid and isn't.
    #[error("attribute {attribute} {problem}")]
    Id {
        /// Which attribute.
        attribute: &'static str,
        /// What is wrong with it.
        problem: IdError,
    },
    /// A Logfire pending span that names no span.
    #[error(
        "logfire.span_type is pending_span but parent_span_id names no span: send the real span's id there"
    )]
    PendingOfNone,
    /// A Logfire pending span whose parent isn't an id.
    #[error("attribute logfire.pending_parent_id is not 16 hex digits")]
    PendingParent,
    /// Too many attributes.
    #[error("has {0} attributes, the most is {MAX_ATTRIBUTES}: send the rest as events")]
    TooManyAttributes(usize),
    /// An attribute that nests too deep.
    #[error("has an attribute that nests deeper than {MAX_LEVELS} levels: flatten it")]
    TooDeep,
}

/// The ids that a span goes by here.
struct Identity {
    key: SpanKey,
    parent: Option<SpanId>,
    /// Whether the run is named by the trace.
    run_is_trace: bool,
}

impl Mapper {
    /// Everything that is stored passes `redactor`; failures get their reason
    /// from `classifier`.
    #[must_use]
    pub fn new(mapping: Mapping, redactor: Redactor, classifier: Classifier) -> Self {
        Self { mapping, redactor, classifier }
    }

    /// Prepares for the spans of a resource. `peer` is the host that they came
    /// from, to name where they name none.
    #[must_use]
    pub fn resource<'r>(&self, resource: &Resource<'r>, peer: Option<&str>) -> ResourceContext<'r> {
        let attributes = Attributes::of_resource(&self.mapping, resource.attributes);
        let mut writer = JsonWriter::with_capacity(&self.redactor, 256);
        let (stored, _) = told(resource.attributes);
        writer.resource(&Resource {
            attributes: stored,
            dropped_attributes_count: dropped(
                resource.dropped_attributes_count,
                resource.attributes.len() - stored.len(),
            ),
            ..*resource
        });
        let members = writer.finish();
        ResourceContext {
            shared: end_of_object(members.clone()),
            resource: members,
            task_id: self.inherited(&attributes, Field::TaskId),
            executor_host: self.inherited(&attributes, Field::ExecutorHost),
            agent: self.inherited(&attributes, Field::Agent),
            peer: peer.filter(|peer| !peer.is_empty()).map(|peer| self.name(peer)),
            attributes,
        }
    }

    /// Goes on with the spans of another scope of the resource.
    pub fn enter(&self, context: &mut ResourceContext<'_>, scope: &Scope<'_>) {
        let mut writer = JsonWriter::with_capacity(&self.redactor, 128);
        let (stored, _) = told(scope.attributes);
        writer.scope(&Scope {
            attributes: stored,
            dropped_attributes_count: dropped(
                scope.dropped_attributes_count,
                scope.attributes.len() - stored.len(),
            ),
            ..*scope
        });
        writer.members(&context.resource);
        context.shared = end_of_object(writer.finish());
    }

    fn inherited(&self, attributes: &Attributes<'_>, field: Field) -> Inherited {
        Inherited {
            explicit: attributes
                .explicit(&self.mapping, field)
                .and_then(Hit::text)
                .map(|text| self.name(&text)),
            otherwise: attributes
                .first(&self.mapping, field, None, Hit::text)
                .map(|text| self.name(&text)),
        }
    }

    /// The event that a span tells of, received at `received_at`: that it is
    /// over, or that it runs.
    ///
    /// # Errors
    ///
    /// Where the span cannot be stored as it is. Others of the same request
    /// are none the worse.
    pub fn span(
        &self,
        context: &ResourceContext<'_>,
        span: &Span<'_>,
        received_at: Timestamp,
    ) -> Result<SpanEvent, SpanProblem> {
        if span.attributes.len() > MAX_ATTRIBUTES {
            return Err(SpanProblem::TooManyAttributes(span.attributes.len()));
        }
        let own = Attributes::of_span(&self.mapping, span.attributes, span.kind, span.name);
        let resource = &context.attributes;
        let shape = dialects::shape(span, &own)?;
        let identity = identity(span, shape, &own, resource)?;
        let mut start = self.start(context, span, &own)?;
        start.parent_span_id = identity.parent;
        start.otel = self.otel(context, span, &start, &identity)?;
        let ts_end = instant(span.end_time_unix_nano);
        let kind = if shape == Shape::Finished {
            // A span without a beginning is told apart from one that began when
            // it was received.
            start.ts_start = start.ts_start.or(ts_end);
            let end = self.end(span, &own, resource, ts_end);
            SpanEventKind::Whole(Arc::new(start), Box::new(end))
        } else {
            SpanEventKind::Start(Arc::new(start))
        };
        Ok(SpanEvent { key: identity.key, received_at, kind })
    }

    fn start(
        &self,
        context: &ResourceContext<'_>,
        span: &Span<'_>,
        own: &Attributes<'_>,
    ) -> Result<Start, SpanProblem> {
        let resource = &context.attributes;
        let retry_of = said_id(Special::RetryOf, "livespan.retry_of", own, resource)?;
        let limit =
            |special| own.special(special).or_else(|| resource.special(special)).and_then(seconds);
        Ok(Start {
            parent_span_id: None,
            task_id: self.shared(Field::TaskId, own, resource, &context.task_id),
            retry_of,
            layer: self.own(Field::Layer, own, resource),
            step_name: self.own(Field::StepName, own, resource),
            executor_host: self
                .shared(Field::ExecutorHost, own, resource, &context.executor_host)
                .or_else(|| context.peer.clone()),
            agent: self.shared(Field::Agent, own, resource, &context.agent),
            attempt: self.attempt(own, resource),
            ts_start: instant(span.start_time_unix_nano),
            input_summary: self.summary(Field::InputSummary, own, resource),
            attributes: self.attributes(span)?,
            stuck_after: limit(Special::StuckAfter),
            progress_timeout: limit(Special::ProgressTimeout),
            otel: None,
        })
    }

    fn end(
        &self,
        span: &Span<'_>,
        own: &Attributes<'_>,
        resource: &Attributes<'_>,
        ts_end: Option<Timestamp>,
    ) -> End {
        let said = own.special(Special::Status).and_then(text).and_then(|status| {
            match status.trim().to_ascii_uppercase().parse() {
                Ok(Status::Ended(status)) => Some(status),
                Ok(Status::Running) | Err(_) => None,
            }
        });
        let mut status = said.unwrap_or(if span.status_code == STATUS_ERROR {
            EndStatus::Failed
        } else {
            EndStatus::Success
        });
        let mut failure = None;
        if status != EndStatus::Success {
            let verdict = evidence::verdict(&self.classifier, &self.redactor, span, own, resource);
            if verdict.cancelled && said.is_none() {
                status = EndStatus::Cancelled;
            }
            failure = Some(Box::new(verdict.facts));
        }
        let output_summary = self.summary(Field::OutputSummary, own, resource);
        End { status, ts_end, output_summary, failure }
    }

    /// A field that a process tells of all its spans.
    fn shared(
        &self,
        field: Field,
        own: &Attributes<'_>,
        resource: &Attributes<'_>,
        inherited: &Inherited,
    ) -> Option<SmolStr> {
        if let Some(text) = own.explicit(&self.mapping, field).and_then(Hit::text) {
            return Some(self.name(&text));
        }
        if inherited.explicit.is_some() {
            return inherited.explicit.clone();
        }
        own.first(&self.mapping, field, Some(resource), Hit::text)
            .map(|text| self.name(&text))
            .or_else(|| inherited.otherwise.clone())
    }

    /// A field that only the span itself tells of, unless the resource says it
    /// outright.
    fn own(
        &self,
        field: Field,
        own: &Attributes<'_>,
        resource: &Attributes<'_>,
    ) -> Option<SmolStr> {
        self.find(field, own, resource, Hit::text).map(|text| self.name(&text))
    }

    fn attempt(&self, own: &Attributes<'_>, resource: &Attributes<'_>) -> i32 {
        let attempt = self.find(Field::Attempt, own, resource, Hit::count).unwrap_or(1);
        i32::try_from(attempt.min(MAX_ATTEMPT)).unwrap_or(1)
    }

    fn find<'a, T>(
        &self,
        field: Field,
        own: &Attributes<'a>,
        resource: &Attributes<'a>,
        read: impl Fn(Hit<'a>) -> Option<T>,
    ) -> Option<T> {
        let explicit = |from: &Attributes<'a>| from.explicit(&self.mapping, field).and_then(&read);
        explicit(own)
            .or_else(|| explicit(resource))
            .or_else(|| own.first(&self.mapping, field, Some(resource), &read))
            .or_else(|| {
                let counts = self.mapping.sources(field).of_resource;
                counts.then(|| resource.first(&self.mapping, field, None, &read)).flatten()
            })
    }

    /// What went in or came out. A text that holds JSON is read as such.
    fn summary(
        &self,
        field: Field,
        own: &Attributes<'_>,
        resource: &Attributes<'_>,
    ) -> Option<JsonText> {
        let says_something = |hit| match hit {
            Hit::Value(Value::Empty | Value::String("")) => None,
            hit => Some(hit),
        };
        let hit = self.find(field, own, resource, says_something)?;
        let mut writer = JsonWriter::with_capacity(&self.redactor, 64);
        match hit {
            Hit::Value(Value::String(text)) => match json_in(text) {
                Some(value) => writer.redacted(&self.redactor.value(&value, Detail::Summary)),
                None => writer.text(text),
            },
            Hit::Value(value) => writer.summary(value),
            Hit::Text(text) => writer.text(&text),
            Hit::Number(number) => writer.summary(&Value::Int(number)),
        }
        Some(JsonText::from_valid(writer.finish()))
    }

    fn attributes(&self, span: &Span<'_>) -> Result<Option<JsonText>, SpanProblem> {
        if span.attributes.is_empty() {
            return Ok(None);
        }
        let mut writer = JsonWriter::with_capacity(&self.redactor, 64 * span.attributes.len());
        writer.attributes(span.attributes);
        if writer.too_deep() {
            return Err(SpanProblem::TooDeep);
        }
        Ok(Some(JsonText::from_valid(writer.finish())))
    }

    /// What has no column of its own, as one object; none where nothing is set.
    fn otel(
        &self,
        context: &ResourceContext<'_>,
        span: &Span<'_>,
        start: &Start,
        identity: &Identity,
    ) -> Result<Option<SharedJsonText>, SpanProblem> {
        let mut writer = JsonWriter::with_capacity(&self.redactor, 64);
        writer.open();
        if let Some(kind) = kind_name(span.kind) {
            writer.word("kind", &kind.to_ascii_uppercase());
        }
        if start.step_name.as_deref() != Some(span.name) {
            writer.optional_text("name", span.name);
        }
        if !identity.run_is_trace {
            writer.optional_hex("trace_id", span.trace_id);
        }
        writer.optional_text("trace_state", span.trace_state);
        writer.optional_count("flags", span.flags);
        match span.status_code {
            1 => writer.word("status_code", "OK"),
            STATUS_ERROR => writer.word("status_code", "ERROR"),
            _ => {}
        }
        writer.optional_text("status_message", span.status_message);
        writer.optional_count("dropped_attributes_count", span.dropped_attributes_count);
        writer.optional_count("dropped_events_count", span.dropped_events_count);
        writer.optional_count("dropped_links_count", span.dropped_links_count);
        writer.events(span.events);
        writer.links(span.links);
        if writer.too_deep() {
            return Err(SpanProblem::TooDeep);
        }
        let mut own = writer.finish();
        let shared = context.shared.clone();
        let says_nothing = own == "{";
        match shared {
            None if says_nothing => return Ok(None),
            None => own.push('}'),
            Some(_) if says_nothing => {}
            Some(_) => own.push(','),
        }
        Ok(Some(SharedJsonText::from_valid(own, shared)))
    }

    fn name(&self, text: &str) -> SmolStr {
        stored_name(&self.redactor, text)
    }
}

/// The last members of an object, to be shared, and its end; none where there are none.
fn end_of_object(mut members: String) -> Option<Arc<str>> {
    (!members.is_empty()).then(|| {
        members.push('}');
        members.into()
    })
}

fn identity(
    span: &Span<'_>,
    shape: Shape,
    own: &Attributes<'_>,
    resource: &Attributes<'_>,
) -> Result<Identity, SpanProblem> {
    let trace_id: [u8; 16] =
        span.trace_id.try_into().map_err(|_| SpanProblem::TraceIdLength(span.trace_id.len()))?;
    let trace = RunId::from_trace(trace_id).ok_or(SpanProblem::ZeroTraceId)?;
    let sent_id: [u8; 8] =
        span.span_id.try_into().map_err(|_| SpanProblem::SpanIdLength(span.span_id.len()))?;
    if sent_id == [0; 8] {
        return Err(SpanProblem::ZeroSpanId);
    }
    let sent_parent: Option<[u8; 8]> = match span.parent_span_id {
        [] => None,
        bytes => Some(bytes.try_into().map_err(|_| SpanProblem::ParentIdLength(bytes.len()))?),
    };
    let (span_id, parent) = match shape {
        Shape::Pending { span_id, parent } => (span_id, parent),
        Shape::Finished | Shape::Open => (sent_id, sent_parent),
    };
    let run_id = said_id(Special::RunId, "livespan.run_id", own, resource)?.unwrap_or(trace);
    Ok(Identity {
        key: SpanKey { run_id, span_id: SpanId::from_otel(run_id, span_id) },
        // Nothing is a part of itself.
        parent: parent
            .filter(|parent| *parent != [0; 8] && *parent != span_id)
            .map(|parent| SpanId::from_otel(run_id, parent)),
        run_is_trace: run_id == trace,
    })
}

/// The run that an attribute names.
fn said_id(
    special: Special,
    attribute: &'static str,
    own: &Attributes<'_>,
    resource: &Attributes<'_>,
) -> Result<Option<RunId>, SpanProblem> {
    let problem = |problem| SpanProblem::Id { attribute, problem };
    match own.special(special).or_else(|| resource.special(special)) {
        None | Some(Value::String("")) => Ok(None),
        Some(Value::String(id)) => id.trim().parse().map(Some).map_err(problem),
        Some(_) => Err(problem(IdError::Malformed)),
    }
}

/// Nanoseconds since 1970, of which 0 stands for no time. What fits OTLP's 64
/// bits ends in 2554 and always fits here.
fn instant(nanos: u64) -> Option<Timestamp> {
    let micros = i64::try_from(nanos / 1_000).ok()?;
    (nanos > 0).then_some(Timestamp::from_micros(micros))
}

/// A limit in seconds; none where it is out of bounds.
fn seconds(value: &Value<'_>) -> Option<Duration> {
    #[allow(clippy::cast_precision_loss, reason = "bounded next")]
    let seconds = match value {
        Value::Int(number) => *number as f64,
        Value::Double(number) => *number,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    LIMIT_SECONDS.contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

/// The JSON that a text holds.
fn json_in(text: &str) -> Option<serde_json::Value> {
    let text = text.trim();
    let looks = matches!(text.as_bytes(), [b'{', .., b'}'] | [b'[', .., b']']);
    (looks && text.len() <= MAX_PARSED_BYTES).then(|| serde_json::from_str(text).ok()).flatten()
}
