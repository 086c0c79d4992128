//! Which run a step belongs to, whose step it is, and how its command passes
//! that on to what it starts.

use std::ffi::OsString;

use crate::domain::ids::{RunId, SpanId, SpanKey};

/// Names the run to whatever is started beneath a step.
pub(super) const RUN_ID: &str = "LIVESPAN_RUN_ID";
/// Names the step.
pub(super) const SPAN_ID: &str = "LIVESPAN_SPAN_ID";
/// Names the task.
pub(super) const TASK_ID: &str = "LIVESPAN_TASK_ID";
/// Names run and step as W3C trace context does. Libraries that OpenTelemetry
/// instruments read it.
pub(super) const TRACEPARENT: &str = "TRACEPARENT";

/// A step's identity.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// Its own.
    pub(super) key: SpanKey,
    /// The step that it is a step of.
    pub(super) parent: Option<SpanId>,
    /// What in the environment could not be read, in words for the user.
    pub(super) warning: Option<String>,
}

/// Finds the step's place: `run`, then `LIVESPAN_RUN_ID` with
/// `LIVESPAN_SPAN_ID`, then `TRACEPARENT`, then a run of its own. A value that
/// can't be read counts as absent: what is wrong with the records must not
/// keep the command from running.
pub(super) fn identity(
    run: Option<RunId>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Identity {
    let mut warning = None;
    let read = |name: &str| {
        let text = variable(name)?.to_string_lossy().into_owned();
        (!text.is_empty()).then_some(text)
    };
    let mut ignore = |name: &str, text: &str| {
        let shown: String = text.chars().take(80).collect();
        warning.get_or_insert(format!("{name}={shown:?} is not valid and is ignored"));
    };

    let traceparent = read(TRACEPARENT);
    let trace = traceparent.as_deref().and_then(SpanKey::from_traceparent);
    if let (Some(text), None) = (&traceparent, trace) {
        ignore(TRACEPARENT, text);
    }
    let outer_run = read(RUN_ID).and_then(|text| {
        let parsed = text.parse::<RunId>();
        if parsed.is_err() {
            ignore(RUN_ID, &text);
        }
        parsed.ok()
    });
    let outer_span = read(SPAN_ID).and_then(|text| {
        let parsed = text.parse::<SpanId>();
        if parsed.is_err() {
            ignore(SPAN_ID, &text);
        }
        parsed.ok()
    });

    let run_id = run.or(outer_run).or(trace.map(|key| key.run_id)).unwrap_or_else(RunId::generate);
    // A step's parent is of the same run; what the environment says of
    // another one means nothing here.
    let outer_parent = outer_span.filter(|_| outer_run == Some(run_id));
    let trace_parent = trace.filter(|key| key.run_id == run_id).map(|key| key.span_id);
    let key = SpanKey { run_id, span_id: SpanId::generate(run_id) };
    Identity { key, parent: outer_parent.or(trace_parent), warning }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const RUN: &str = "0af76519-16cd-43dd-8448-eb211c80319c";
    const OTHER_RUN: &str = "1af76519-16cd-43dd-8448-eb211c80319c";
    const SPAN: &str = "0af76519-16cd-43dd-b7ad-6b7169203331";
    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

    fn found(run: Option<&str>, variables: &[(&str, &str)]) -> Identity {
        identity(run.map(|run| run.parse().unwrap()), |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
    }

    fn run_of(identity: &Identity) -> String {
        identity.key.run_id.to_string()
    }

    #[test]
    fn alone_it_is_a_run_of_its_own() {
        let one = found(None, &[]);
        assert_eq!((one.parent, &one.warning), (None, &None));
        assert_ne!(run_of(&one), run_of(&found(None, &[])));
    }

    #[test]
    fn it_joins_the_run_that_started_it() {
        let step = found(None, &[(RUN_ID, RUN), (SPAN_ID, SPAN), (TRACEPARENT, TRACE)]);
        assert_eq!(run_of(&step), RUN);
        assert_eq!(step.parent.unwrap().to_string(), SPAN);
    }

    #[test]
    fn a_trace_context_alone_names_run_and_parent() {
        let step = found(None, &[(TRACEPARENT, TRACE)]);
        assert_eq!(run_of(&step), RUN);
        assert_eq!(step.parent.unwrap().otel(), 0x00f0_67aa_0ba9_02b7);
        let step = found(None, &[(RUN_ID, RUN), (TRACEPARENT, TRACE)]);
        assert_eq!(step.parent.unwrap().otel(), 0x00f0_67aa_0ba9_02b7);
    }

    #[test]
    fn the_flag_stands_before_the_environment() {
        let step = found(Some(OTHER_RUN), &[(RUN_ID, RUN), (SPAN_ID, SPAN), (TRACEPARENT, TRACE)]);
        assert_eq!((run_of(&step).as_str(), step.parent), (OTHER_RUN, None));
        let step = found(Some(RUN), &[(RUN_ID, RUN), (SPAN_ID, SPAN)]);
        assert_eq!(step.parent.unwrap().to_string(), SPAN);
    }

    #[test]
    fn what_cannot_be_read_is_ignored_with_one_warning() {
        let step = found(None, &[(RUN_ID, "nonsense"), (SPAN_ID, "x"), (TRACEPARENT, TRACE)]);
        assert_eq!(run_of(&step), RUN);
        let warning = step.warning.unwrap();
        assert!(warning.starts_with("LIVESPAN_RUN_ID=\"nonsense\""), "{warning}");
        let step = found(None, &[(RUN_ID, ""), (TRACEPARENT, "00-zz")]);
        assert!(step.warning.unwrap().contains("TRACEPARENT"));
        assert_eq!(step.parent, None);
    }
}
