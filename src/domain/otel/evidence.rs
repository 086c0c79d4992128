//! Why an exported span failed: what its attributes, its last exception and
//! its status say, and what the classifier makes of that.

use std::{borrow::Cow, str::FromStr};

use super::{
    Span, Value,
    attributes::{Attributes, integer, text},
    mapping::Special,
};
use crate::domain::{
    classify::{Classifier, Failure},
    event::FailureFacts,
    fingerprint::fingerprint,
    reason::ReasonKind,
    redact::Redactor,
};

/// The longest reason code, in bytes, as over gRPC.
const MAX_REASON_CODE_BYTES: usize = 128;

/// What is known of a failure.
pub(super) struct Verdict {
    /// The facts to store.
    pub(super) facts: FailureFacts,
    /// Whether the work was stopped on purpose.
    pub(super) cancelled: bool,
}

/// The last exception that a span recorded.
#[derive(Default)]
struct Exception<'a> {
    name: Option<Cow<'a, str>>,
    message: Option<Cow<'a, str>>,
    stack: Option<Cow<'a, str>>,
}

impl<'a> Exception<'a> {
    fn last_of(span: &Span<'a>) -> Self {
        let last = span.events.iter().rev().find(|event| event.name == "exception");
        let mut exception = Self::default();
        for attribute in last.map(|event| event.attributes).unwrap_or_default() {
            match attribute.key {
                "exception.type" => exception.name = text(&attribute.value),
                "exception.message" => exception.message = text(&attribute.value),
                "exception.stacktrace" => exception.stack = text(&attribute.value),
                _ => {}
            }
        }
        exception
    }
}

/// Names the reason of a failed span. `resource` speaks where the span is
/// silent: `process.exit.code` is often told there.
pub(super) fn verdict(
    classifier: &Classifier,
    redactor: &Redactor,
    span: &Span<'_>,
    own: &Attributes<'_>,
    resource: &Attributes<'_>,
) -> Verdict {
    let value = |special| own.special(special).or_else(|| resource.special(special));
    let said = |special| value(special).and_then(text);
    let first_of = |specials: &[Special]| specials.iter().find_map(|special| value(*special));
    let exception = Exception::last_of(span);
    let error_type = said(Special::ErrorType);
    let reason_code = said(Special::ReasonCode).and_then(|code| reason_code(&code));
    let rpc_status =
        first_of(&[Special::RpcStatus, Special::RpcGrpcStatus, Special::RpcResponseStatus])
            .and_then(text);
    let cicd_result = first_of(&[Special::CicdTaskResult, Special::CicdRunResult]).and_then(text);
    let number = |value: Option<&Value<'_>>| value.and_then(integer);
    let classification = classifier.classify(&Failure {
        reason_code: reason_code.as_deref(),
        reason_kind: said(Special::ReasonKind)
            .and_then(|kind| ReasonKind::from_str(kind.trim()).ok()),
        error_type: error_type.as_deref(),
        rpc_status_code: rpc_status.as_deref(),
        http_status_code: number(first_of(&[Special::HttpStatus, Special::OldHttpStatus]))
            .and_then(|status| u16::try_from(status).ok()),
        exit_code: number(value(Special::ExitCode)).and_then(|code| i32::try_from(code).ok()),
        exception_type: exception.name.as_deref(),
        exception_message: exception.message.as_deref(),
        cicd_result: cicd_result.as_deref(),
        message: Some(span.status_message),
    });
    let stored = |text: &str| super::stored_text(redactor, text).into_owned();
    let error_type = error_type
        .filter(|name| *name != "_OTHER")
        .or(exception.name)
        .map(|name| super::stored_name(redactor, &name).to_string());
    let message = Some(span.status_message)
        .filter(|message| !message.trim().is_empty())
        .or(exception.message.as_deref());
    let error_message = message.map(stored);
    let fingerprint = (!classification.cancelled)
        .then(|| fingerprint(error_type.as_deref(), error_message.as_deref().unwrap_or_default()));
    Verdict {
        cancelled: classification.cancelled,
        facts: FailureFacts {
            error_type,
            error_message,
            error_stack: exception.stack.as_deref().map(stored),
            reason_code: Some(classification.reason_code),
            reason_kind: Some(classification.reason_kind),
            reason_evidence: Some(stored(&classification.evidence)),
            fingerprint,
        },
    }
}

/// A client's own code, spelled as codes are; none where it can't be.
fn reason_code(said: &str) -> Option<String> {
    let code = said.trim().to_ascii_lowercase();
    let fits = code.len() <= MAX_REASON_CODE_BYTES
        && code
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b));
    fits.then_some(code)
}
