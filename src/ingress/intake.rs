//! From what executors send to events that may be stored: checked, redacted,
//! classified.

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde_json::Value;
use smol_str::SmolStr;

use super::{
    check::{self, MAX_NAME_BYTES},
    error::{ApiError, Violations},
};
use crate::{
    domain::{
        classify::{Classifier, Failure},
        event::{End, FailureFacts, JsonText, ProgressReport, SpanEvent, SpanEventKind, Start},
        fingerprint::fingerprint,
        ids::{RunId, SpanId, SpanKey},
        redact::{Detail, Redactor},
        status::{EndStatus, Status},
        time::Clock,
    },
    proto::{JsonObject, v1},
};

/// The most keys that a span's attributes may have.
const MAX_ATTRIBUTES: usize = 1024;

/// The highest attempt: more is a loop that somebody should look at.
const MAX_ATTEMPT: u32 = 1_000_000;

/// The longest reason code.
const MAX_REASON_CODE_BYTES: usize = 128;

/// Whether the server makes the ids that a client left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ids {
    /// It does, and tells them in its reply.
    Made,
    /// It cannot: nobody would hear of them.
    Given,
}

/// Takes requests in.
pub struct Intake {
    redactor: Redactor,
    classifier: Classifier,
    clock: Arc<dyn Clock>,
}

impl Intake {
    /// Everything that is stored passes `redactor`; failures without a reason
    /// get it from `classifier`; `clock` says when things were received.
    #[must_use]
    pub fn new(redactor: Redactor, classifier: Classifier, clock: Arc<dyn Clock>) -> Self {
        Self { redactor, classifier, clock }
    }

    /// The clock that says when things were received.
    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// What redacts.
    pub(super) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// A span begins. `peer` is the host to name where the client names none.
    pub(super) fn start(
        &self,
        request: &v1::StartSpanRequest,
        peer: Option<String>,
        ids: Ids,
    ) -> Result<SpanEvent, ApiError> {
        let mut violations = Violations::default();
        let run_id = match ids {
            Ids::Made if request.run_id.is_empty() => Some(RunId::generate()),
            _ => violations.take("run_id", check::id(&request.run_id)),
        };
        let span_id = match ids {
            Ids::Made if request.span_id.is_empty() => run_id.map(SpanId::generate),
            _ => violations.take("span_id", check::id(&request.span_id)),
        };
        if request.step_name.is_empty() {
            violations.add("step_name", "is missing: say what the step does");
        }
        if request.attempt > MAX_ATTEMPT {
            violations.add("attempt", format!("is {}, the most is {MAX_ATTEMPT}", request.attempt));
        }
        let start = Start {
            parent_span_id: violations
                .take("parent_span_id", check::optional_id(&request.parent_span_id))
                .flatten(),
            task_id: self.name("task_id", &request.task_id, &mut violations),
            retry_of: violations.take("retry_of", check::optional_id(&request.retry_of)).flatten(),
            layer: self.name("layer", &request.layer, &mut violations),
            step_name: self.name("step_name", &request.step_name, &mut violations),
            executor_host: self
                .name("executor_host", &request.executor_host, &mut violations)
                .or_else(|| peer.map(SmolStr::from)),
            agent: self.name("agent", &request.agent, &mut violations),
            attempt: i32::try_from(request.attempt.clamp(1, MAX_ATTEMPT)).unwrap_or(1),
            ts_start: violations
                .take("start_time", request.start_time.map(check::time).transpose())
                .flatten(),
            input_summary: self.summary("input", request.input.as_ref(), &mut violations),
            attributes: self.attributes(request.attributes.as_ref(), &mut violations),
            stuck_after: limit("stuck_after", request.stuck_after, &mut violations),
            progress_timeout: limit("progress_timeout", request.progress_timeout, &mut violations),
            otel: None,
        };
        if let (Some(span), Some(parent)) = (span_id, start.parent_span_id)
            && span.otel() == parent.otel()
        {
            violations.add("parent_span_id", "names the span itself: leave it out for a root");
        }
        self.event(run_id.zip(span_id), SpanEventKind::Start(Arc::new(start)), violations)
    }

    /// A span is alive.
    pub(super) fn heartbeat(&self, request: &v1::HeartbeatRequest) -> Result<SpanEvent, ApiError> {
        let mut violations = Violations::default();
        let key = key(&request.run_id, &request.span_id, &mut violations);
        let report = request.progress.as_ref().map(|progress| {
            for (field, number) in
                [("progress.current", Some(progress.current)), ("progress.total", progress.total)]
            {
                if number.is_some_and(|number| !number.is_finite() || number < 0.0) {
                    violations.add(field, "is not a finite number of 0 or more");
                }
            }
            ProgressReport {
                current: progress.current,
                total: progress.total,
                note: self.name("progress.note", &progress.note, &mut violations),
            }
        });
        self.event(key, SpanEventKind::Heartbeat(report), violations)
    }

    /// A span is over.
    pub(super) fn end(&self, request: &v1::EndSpanRequest) -> Result<SpanEvent, ApiError> {
        let mut violations = Violations::default();
        let key = key(&request.run_id, &request.span_id, &mut violations);
        let status = match check::status(request.status) {
            Ok(Some(Status::Ended(status))) => Some(status),
            Ok(Some(Status::Running) | None) | Err(_) => {
                violations.add("status", "is not SUCCESS, FAILED or CANCELLED: say how it ended");
                None
            }
        };
        let ts_end =
            violations.take("end_time", request.end_time.map(check::time).transpose()).flatten();
        let output_summary = self.summary("output", request.output.as_ref(), &mut violations);
        let status = status.unwrap_or(EndStatus::Failed);
        let failure = self.failure(status, request, &mut violations);
        let failure = failure.map(Box::new);
        let end = End { status, ts_end, output_summary, failure };
        self.event(key, SpanEventKind::End(Box::new(end)), violations)
    }

    /// A span left a file, which is a sign of life.
    pub(super) fn sign_of_life(&self, key: SpanKey) -> SpanEvent {
        SpanEvent { key, received_at: self.clock.now(), kind: SpanEventKind::Heartbeat(None) }
    }

    fn event(
        &self,
        key: Option<impl Into<SpanKey>>,
        kind: SpanEventKind,
        violations: Violations,
    ) -> Result<SpanEvent, ApiError> {
        violations.check()?;
        // Where an id is missing there was a violation.
        let key = key.ok_or(ApiError::Internal)?.into();
        Ok(SpanEvent { key, received_at: self.clock.now(), kind })
    }

    /// A short text, redacted; none where it is empty.
    pub(super) fn name<T: for<'t> From<Cow<'t, str>>>(
        &self,
        field: &str,
        text: &str,
        violations: &mut Violations,
    ) -> Option<T> {
        violations.take(field, check::text(text, MAX_NAME_BYTES));
        (!text.is_empty()).then(|| self.redactor.text(text).into())
    }

    /// A text of any length, redacted and cut; none where it is empty.
    fn prose(&self, field: &str, text: &str, violations: &mut Violations) -> Option<String> {
        violations.take(field, check::text(text, usize::MAX));
        (!text.is_empty()).then(|| self.redactor.text(text).into_owned())
    }

    fn summary(
        &self,
        field: &str,
        object: Option<&JsonObject>,
        violations: &mut Violations,
    ) -> Option<JsonText> {
        let value = read_object(field, object?, violations)?;
        Some(json_text(&self.redactor.value(&value, Detail::Summary)))
    }

    fn attributes(
        &self,
        object: Option<&JsonObject>,
        violations: &mut Violations,
    ) -> Option<JsonText> {
        let value = read_object("attributes", object?, violations)?;
        let keys = value.as_object().map_or(0, serde_json::Map::len);
        if keys > MAX_ATTRIBUTES {
            violations.add(
                "attributes",
                format!(
                    "has {keys} keys, the most is {MAX_ATTRIBUTES}: send the rest as an artifact"
                ),
            );
        }
        Some(json_text(&self.redactor.value(&value, Detail::Whole)))
    }

    fn failure(
        &self,
        status: EndStatus,
        request: &v1::EndSpanRequest,
        violations: &mut Violations,
    ) -> Option<FailureFacts> {
        let error = request.error.clone().unwrap_or_default();
        let explicit_kind = request
            .reason_kind
            .and_then(|kind| violations.take("reason_kind", check::reason_kind(kind)));
        check_reason_code(&request.reason_code, violations);
        let mut facts = FailureFacts {
            error_type: self.name("error.type", &error.r#type, violations),
            error_message: self.prose("error.message", &error.message, violations),
            error_stack: self.prose("error.stack_trace", &error.stack_trace, violations),
            ..FailureFacts::default()
        };
        let explicit_code = Some(request.reason_code.as_str()).filter(|code| !code.is_empty());
        let says_why =
            facts != FailureFacts::default() || explicit_code.is_some() || explicit_kind.is_some();
        match status {
            EndStatus::Failed => {}
            // A step that was cancelled, or got over its error, may say why.
            EndStatus::Cancelled | EndStatus::Success if says_why => {}
            EndStatus::Cancelled | EndStatus::Success => return None,
        }
        if status != EndStatus::Success {
            let present = |text: &'_ str| !text.is_empty();
            let classification = self.classifier.classify(&Failure {
                reason_code: explicit_code,
                reason_kind: explicit_kind,
                error_type: Some(error.r#type.as_str()).filter(|text| present(text)),
                exit_code: request.exit_code,
                message: Some(error.message.as_str()).filter(|text| present(text)),
                ..Failure::default()
            });
            facts.reason_code = Some(classification.reason_code);
            facts.reason_kind = Some(classification.reason_kind);
            facts.reason_evidence = Some(self.redactor.text(&classification.evidence).into_owned());
        }
        if status == EndStatus::Failed {
            let message = facts.error_message.as_deref().unwrap_or_default();
            facts.fingerprint = Some(fingerprint(facts.error_type.as_deref(), message));
        }
        // None rather than empty facts: that is how they come back from the tables,
        // and a repeated end is compared with what was stored.
        Some(facts).filter(|facts| *facts != FailureFacts::default())
    }
}

/// The span that a request names.
pub(super) fn key(run_id: &str, span_id: &str, violations: &mut Violations) -> Option<SpanKey> {
    let run_id = violations.take("run_id", check::id(run_id));
    let span_id = violations.take("span_id", check::id(span_id));
    Some(SpanKey { run_id: run_id?, span_id: span_id? })
}

/// A liveness limit.
fn limit(
    field: &str,
    sent: Option<prost_types::Duration>,
    violations: &mut Violations,
) -> Option<Duration> {
    let checked = sent.map(|sent| check::duration(sent, check::MAX_LIMIT)).transpose();
    violations.take(field, checked).flatten()
}

fn read_object(field: &str, object: &JsonObject, violations: &mut Violations) -> Option<Value> {
    object
        .to_map()
        .map_err(|error| {
            violations.add(format!("{field}{}", error.path), error.problem.to_string());
        })
        .ok()
        .map(Value::Object)
}

fn json_text(value: &Value) -> JsonText {
    JsonText::from_valid(value.to_string())
}

fn check_reason_code(code: &str, violations: &mut Violations) {
    let fits = code.len() <= MAX_REASON_CODE_BYTES
        && code
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b));
    if !fits {
        violations.add(
            "reason_code",
            format!("is not a short name: use a-z, 0-9, '_', '.' and '-', at most {MAX_REASON_CODE_BYTES}"),
        );
    }
}
