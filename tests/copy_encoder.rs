//! What goes into Postgres by COPY comes out again as it was.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use livespan_server::{
    domain::{
        event::{FailureFacts, JsonText, SharedJsonText, Start},
        ids::{RunId, SpanId, SpanKey},
        progress::Progress,
        reason::ReasonKind,
        span::{Ended, Span},
        status::EndStatus,
        time::Timestamp,
    },
    storage::Database,
};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use smol_str::SmolStr;

const SPANS: usize = 2_000;

fn time() -> impl Strategy<Value = Timestamp> {
    // 1970 to 9999, with the ends.
    prop_oneof![
        Just(Timestamp::EPOCH),
        Just(Timestamp::MAX),
        (0..=Timestamp::MAX.as_micros()).prop_map(Timestamp::from_micros),
    ]
}

fn text() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[^\0]{0,40}")
}

fn name() -> impl Strategy<Value = Option<SmolStr>> {
    text().prop_map(|text| text.map(SmolStr::from))
}

fn json() -> impl Strategy<Value = Option<JsonText>> {
    prop::option::of(("[^\0]{0,20}", any::<i32>(), any::<bool>()).prop_map(
        |(text, number, flag)| {
            let value = serde_json::json!({"text": text, "list": [number, flag, null]});
            JsonText::from_valid(value.to_string())
        },
    ))
}

/// In two pieces, as a span's own part and its resource's.
fn shared_json() -> impl Strategy<Value = Option<SharedJsonText>> {
    json().prop_map(|json| {
        let json = json?.as_str().to_owned();
        let (own, shared) = json.split_at(json.find(':').unwrap_or_default());
        Some(SharedJsonText::from_valid(own.to_owned(), Some(shared.into())))
    })
}

fn limit() -> impl Strategy<Value = Option<Duration>> {
    prop::option::of((1_u64..31_536_000_000).prop_map(Duration::from_millis))
}

fn span_id() -> impl Strategy<Value = SpanId> {
    any::<[u8; 16]>().prop_map(|bytes| SpanId::from_stored(uuid::Uuid::from_bytes(bytes)))
}

fn start() -> impl Strategy<Value = Start> {
    let names = (name(), name(), name(), name());
    let facts = (prop::option::of(span_id()), 1..1_000_000_i32, prop::option::of(time()));
    (names, facts, (json(), json(), shared_json()), (limit(), limit())).prop_map(
        |(names, (parent_span_id, attempt, ts_start), json, limits)| Start {
            parent_span_id,
            layer: names.0,
            step_name: names.1,
            executor_host: names.2,
            agent: names.3,
            attempt,
            ts_start,
            input_summary: json.0,
            attributes: json.1,
            stuck_after: limits.0,
            progress_timeout: limits.1,
            otel: json.2,
            // The run's, not the span's.
            task_id: None,
            retry_of: None,
        },
    )
}

fn progress() -> impl Strategy<Value = Option<Progress>> {
    prop::option::of((0.0..1e300_f64, prop::option::of(0.0..1e300_f64), text(), time(), time()))
        .prop_map(|progress| {
            progress.map(|(current, total, note, moved_at, reported_at)| Progress {
                current,
                total,
                note,
                moved_at,
                reported_at,
            })
        })
}

fn ended() -> impl Strategy<Value = Ended> {
    let status =
        prop::sample::select(vec![EndStatus::Success, EndStatus::Failed, EndStatus::Cancelled]);
    let kind = prop::sample::select(vec![
        ReasonKind::Unknown,
        ReasonKind::Transient,
        ReasonKind::Persistent,
        ReasonKind::Resource,
        ReasonKind::Config,
    ]);
    let failure = (text(), text(), text(), text(), kind, text(), text()).prop_map(
        |(error_type, error_message, error_stack, reason_code, kind, evidence, fingerprint)| {
            FailureFacts {
                error_type,
                error_message,
                error_stack,
                reason_code,
                reason_kind: Some(kind),
                reason_evidence: evidence,
                fingerprint,
            }
        },
    );
    let conflicts = prop::collection::btree_set(any::<i64>(), 0..5);
    (status, time(), json(), prop::option::of(failure), conflicts).prop_map(
        |(status, ts_end, output_summary, failure, conflicting_ends)| Ended {
            status,
            ts_end,
            output_summary,
            failure: failure.map(Box::new),
            conflicting_ends,
        },
    )
}

fn span() -> impl Strategy<Value = Span> {
    (start(), time(), time(), progress(), any::<bool>(), prop::option::of(ended())).prop_map(
        |(start, first_seen_at, last_alive_at, progress, cancel_requested, ended)| {
            let run_id = RunId::generate();
            Span {
                key: SpanKey { run_id, span_id: SpanId::generate(run_id) },
                started: start.ts_start.is_some(),
                start: start.into(),
                first_seen_at,
                last_alive_at,
                progress,
                // Nobody can cancel what has ended.
                cancel_requested: cancel_requested && ended.is_none(),
                ended,
            }
        },
    )
}

#[tokio::test]
async fn every_span_comes_back_as_it_went() {
    // Deterministic: the same spans in every run but for their ids.
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let spans: Vec<Span> =
        (0..SPANS).map(|_| span().new_tree(&mut runner).unwrap().current()).collect();
    let (ended, running): (Vec<&Span>, Vec<&Span>) =
        spans.iter().partition(|span| span.ended.is_some());

    let database = Database::connect(support::new_database().await.parse().unwrap()).await.unwrap();
    database.migrate().await.unwrap();
    let mut writer = database.writer(std::time::Duration::from_secs(15)).await.unwrap();
    writer.begin().await.unwrap();
    writer.copy_live(&running).await.unwrap();
    writer.copy_finished(&ended).await.unwrap();
    writer.commit().await.unwrap();

    let keys: Vec<SpanKey> = spans.iter().map(|span| span.key).collect();
    let mut back = writer.load_live(&keys).await.unwrap();
    assert_eq!(back.len(), running.len());
    back.extend(writer.load_finished(&keys).await.unwrap());
    back.sort_by_key(|span| span.key);
    let mut expected = spans.clone();
    expected.sort_by_key(|span| span.key);
    assert_eq!(back.len(), expected.len());
    for (back, expected) in back.iter().zip(&expected) {
        assert_eq!(back, expected);
    }
}

#[tokio::test]
async fn no_rows_are_no_error() {
    let database = Database::connect(support::new_database().await.parse().unwrap()).await.unwrap();
    database.migrate().await.unwrap();
    let mut writer = database.writer(std::time::Duration::from_secs(15)).await.unwrap();
    writer.copy_live(&[]).await.unwrap();
    writer.copy_finished(&[]).await.unwrap();
    assert!(writer.load_live(&[]).await.unwrap().is_empty());
}
