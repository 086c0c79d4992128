//! The trace that every program sends, as the timeline has to tell it, and in
//! what the SDKs differ.
//!
//! ```text
//! checkout             SERVER    attributes of every type, and a secret
//! └─ charge card       CLIENT    two events, a link, resent once, OK
//!    └─ read receipt   INTERNAL  an exception of the language, ERROR
//! ```
//!
//! The resource has `host.name` and `service.name`; the scope is `checkout-scope`
//! 1.2.3 with the attribute `team` = `payments`.

use livespan_server::proto::{
    JsonObject,
    v1::{GetTimelineResponse, ReasonKind, Span, StartSpanRequest, Status},
};
use serde_json::{Map, Value, json};

use super::{
    client::{self, Export},
    collector::Collector,
};

/// A language's SDK, and how what it sends differs from what is in this file.
pub struct Sdk {
    /// The name of its folder.
    pub language: &'static str,
    /// How its program is run, from the repository.
    pub command: &'static [&'static str],
    /// Attributes of the root that it has no type for.
    pub cannot_send: &'static [&'static str],
    /// Attributes of the root that it sends as something else, as JSON.
    pub sends_otherwise: &'static [(&'static str, &'static str)],
    /// Whether a scope can have attributes.
    pub scope_attributes: bool,
    /// Whether a link can have a trace state.
    pub link_trace_state: bool,
    /// The exception's type.
    pub exception_type: &'static str,
    /// What its message has in it.
    pub exception_message: &'static str,
    /// What its stack trace has in it.
    pub exception_stack: &'static str,
}

impl Sdk {
    /// The whole trace arrives, sent in this way.
    pub async fn is_told_whole(&self, protocol: &'static str, compression: &'static str) {
        if !client::is_ready(self.language) {
            return;
        }
        let collector = Collector::start().await;
        let export = Export { protocol, compression };
        let trace = client::export(&collector, self.language, self.command, export, None).await;
        let timeline = collector.timeline(trace).await;
        assert_eq!(timeline.run_id, trace.to_string());
        assert_eq!(timeline.spans.len(), 3, "{timeline:#?}");
        assert_eq!(named(&timeline, "checkout").parent_span_id, "");
        self.check(&timeline, 0);
    }

    /// With a step's traceparent the trace lies beneath that step.
    pub async fn lies_beneath_the_step_that_started_it(&self, protocol: &'static str) {
        if !client::is_ready(self.language) {
            return;
        }
        let collector = Collector::start().await;
        let start = StartSpanRequest { step_name: "order".to_owned(), ..Default::default() };
        let step = collector.start_span(start).await;
        let export = Export { protocol, compression: "none" };
        let traceparent = Some(step.traceparent.as_str());
        let trace =
            client::export(&collector, self.language, self.command, export, traceparent).await;
        assert_eq!(trace.to_string(), step.run_id);
        let timeline = collector.timeline(trace).await;
        assert_eq!(timeline.spans.len(), 4, "{timeline:#?}");
        let parent = named(&timeline, "order");
        assert_eq!((&parent.span_id, parent.status()), (&step.span_id, Status::Running));
        assert_eq!(named(&timeline, "checkout").parent_span_id, step.span_id);
        self.check(&timeline, 1);
    }

    fn check(&self, timeline: &GetTimelineResponse, depth: u32) {
        assert_eq!(timeline.task_id, "order-42");
        // By name: some languages start all three within a microsecond.
        let [root, child, grandchild] =
            ["checkout", "charge card", "read receipt"].map(|name| named(timeline, name));
        for (span, below) in [root, child, grandchild].into_iter().zip(0..) {
            assert_eq!((span.depth, span.executor_host.as_str()), (depth + below, "interop-host"));
            assert!(span.duration_seconds > 0.0, "{span:#?}");
            assert_eq!((span.run_id.as_str(), span.conflicting_ends), (&*timeline.run_id, 0));
            self.check_origin(span);
        }
        assert_eq!(child.parent_span_id, root.span_id);
        assert_eq!(grandchild.parent_span_id, child.span_id);
        self.check_root(root);
        self.check_child(child);
        self.check_grandchild(grandchild);
    }

    /// The resource and the scope, the same for all.
    fn check_origin(&self, span: &Span) {
        let otel = map(span.otel.as_ref());
        let resource = &otel["resource"]["attributes"];
        assert_eq!(resource["host.name"], "interop-host");
        assert_eq!(resource["service.name"], format!("interop-{}", self.language));
        assert!(resource["telemetry.sdk.name"].is_string(), "{resource}");
        let mut scope = json!({"name": "checkout-scope", "version": "1.2.3"});
        if self.scope_attributes {
            scope["attributes"] = json!({"team": "payments"});
        }
        assert_eq!(otel["scope"], scope);
    }

    fn check_root(&self, root: &Span) {
        assert_eq!(root.layer, "server");
        assert_eq!((root.status(), root.attempt), (Status::Success, 1));
        assert_eq!((root.agent.as_str(), root.task_id.as_str()), ("caramel", "order-42"));
        let mut expected = json!({
            "text": "naïve 渲染",
            "yes": true,
            // Past 2^53 as text, since JSON's readers would round it.
            "big": "9007199254740993",
            "negative": -7,
            "ratio": 1.5,
            "nan": "NaN",
            "texts": ["a", "ü"],
            "truths": [true, false],
            "counts": [1, -2],
            "ratios": [0.5, 2.25],
            "empty": [],
            // 00 ff fe
            "bytes": "AP/+",
            "map": {"k": "v", "n": 1, "inner": {"deep": [true, "x"]}},
            "null": null,
            "gen_ai.agent.name": "caramel",
            "password": "[REDACTED]",
            "livespan.task_id": "order-42",
        });
        let all = expected.as_object_mut().unwrap();
        for key in self.cannot_send {
            assert!(all.remove(*key).is_some(), "{key}");
        }
        for (key, value) in self.sends_otherwise {
            assert!(all.contains_key(*key), "{key}");
            all[*key] = serde_json::from_str(value).unwrap();
        }
        assert_eq!(Value::Object(map(root.attributes.as_ref())), expected);
        assert_eq!(map(root.otel.as_ref())["kind"], "SERVER");
    }

    fn check_child(&self, child: &Span) {
        assert_eq!(child.layer, "http");
        assert_eq!((child.status(), child.attempt), (Status::Success, 2));
        assert_eq!(child.agent, format!("interop-{}", self.language));
        assert_eq!(
            Value::Object(map(child.attributes.as_ref())),
            json!({"http.request.resend_count": 1})
        );
        let otel = map(child.otel.as_ref());
        assert_eq!((&otel["kind"], &otel["status_code"]), (&json!("CLIENT"), &json!("OK")));
        let events = otel["events"].as_array().unwrap();
        let told: Vec<_> =
            events.iter().map(|event| (&event["name"], &event["attributes"])).collect();
        assert_eq!(
            told,
            [
                (&json!("authorized"), &json!({"amount": 12.5, "currency": "EUR"})),
                (&json!("captured"), &json!({"parts": 2, "final": true})),
            ]
        );
        let at =
            |event: &Value| -> u64 { event["time_unix_nano"].as_str().unwrap().parse().unwrap() };
        assert!(at(&events[0]) <= at(&events[1]) && at(&events[0]) > 0, "{events:?}");
        let links = otel["links"].as_array().unwrap();
        assert_eq!(links.len(), 1, "{links:?}");
        let link = &links[0];
        assert_eq!(link["trace_id"], "0102030405060708090a0b0c0d0e0f10");
        assert_eq!(link["span_id"], "0102030405060708");
        assert_eq!(link["attributes"], json!({"why": "first try"}));
        let state = self.link_trace_state.then(|| json!("vendor=1"));
        assert_eq!(link.get("trace_state"), state.as_ref());
    }

    fn check_grandchild(&self, span: &Span) {
        assert_eq!(span.layer, "internal");
        assert_eq!((span.status(), span.attempt), (Status::Failed, 1));
        assert_eq!(
            (span.reason_code.as_str(), span.reason_kind()),
            ("missing_file", ReasonKind::Persistent)
        );
        assert!(!span.fingerprint.is_empty() && !span.reason_evidence.is_empty(), "{span:#?}");
        let error = span.error.as_ref().unwrap();
        assert_eq!(error.r#type, self.exception_type);
        assert!(error.message.contains(self.exception_message), "{error:#?}");
        assert!(error.stack_trace.contains(self.exception_stack), "{error:#?}");
        let otel = map(span.otel.as_ref());
        assert_eq!((&otel["kind"], &otel["status_code"]), (&json!("INTERNAL"), &json!("ERROR")));
        let events = otel["events"].as_array().unwrap();
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0]["name"], "exception");
        let attributes = &events[0]["attributes"];
        assert_eq!(attributes["exception.type"], self.exception_type);
        let text = |key: &str| attributes[key].as_str().unwrap_or_default().to_owned();
        assert!(text("exception.message").contains(self.exception_message), "{attributes}");
        assert!(text("exception.stacktrace").contains(self.exception_stack), "{attributes}");
    }
}

/// The span of that name.
fn named<'a>(timeline: &'a GetTimelineResponse, name: &str) -> &'a Span {
    let found = timeline.spans.iter().find(|span| span.step_name == name);
    found.unwrap_or_else(|| panic!("no {name} in {timeline:#?}"))
}

/// A field that has to be there.
pub fn map(object: Option<&JsonObject>) -> Map<String, Value> {
    object.expect("it was told").to_map().unwrap()
}
