//! A span's row is a function of the set of its events: their order, their
//! repetition, the batches they travel in and the collector that takes them
//! make no difference.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub
)]

mod support;

#[path = "support/random.rs"]
mod random;
#[path = "support/requests.rs"]
mod requests;

use livespan_server::proto::v1::{
    EndSpanRequest, Progress, SpanError, Status, span_service_client::SpanServiceClient,
    stream_spans_request::Event,
};
use prost_types::{Duration, Timestamp};
use random::Random;
use requests::{Key, end, heartbeat, numbered, object, start};
use serde_json::json;
use sqlx::PgPool;
use support::{TestApp, TestOptions, new_database};
use tokio::task::JoinSet;
use tonic::{Code, transport::Channel};

const RUNS: u64 = 24;
const SPANS_OF_A_RUN: u64 = 10;

/// The events of many spans, each span's in their natural order.
fn story(random: &mut Random) -> Vec<Event> {
    let mut events = Vec::new();
    for run in 0..RUNS {
        let root = Key::of(random.uuid(), random.uuid());
        for step in 0..SPANS_OF_A_RUN {
            let key = if step == 0 {
                root.clone()
            } else {
                Key { span_id: random.uuid().to_string(), ..root.clone() }
            };
            let begun = 1_700_000_000 + i64::try_from(run * 1000 + random.below(500)).unwrap();
            let mut begin = key.start();
            if step > 0 {
                begin.parent_span_id.clone_from(&root.span_id);
            }
            begin.task_id = format!("task {run}");
            begin.attempt = u32::try_from(1 + run % 3).unwrap();
            begin.start_time = Some(Timestamp { seconds: begun, nanos: 123_456_789 });
            begin.input = object(&json!({ "step": step, "files": ["a", "b"] }));
            begin.attributes = object(&json!({ "n": random.below(1000), "x": { "y": null } }));
            begin.stuck_after = Some(Duration { seconds: 60, nanos: 0 });
            events.push(start(begin));
            for _ in 0..random.below(4) {
                let mut beat = key.heartbeat();
                if !random.once_in(3) {
                    #[allow(clippy::cast_precision_loss)] // small
                    let current = random.below(100) as f64;
                    let note = "frames".to_owned();
                    beat.progress = Some(Progress { current, total: Some(100.0), note });
                }
                events.push(heartbeat(beat));
            }
            if !random.once_in(6) {
                events.push(end(ending(&key, begun, random)));
            }
        }
    }
    events
}

fn ending(key: &Key, begun: i64, random: &mut Random) -> EndSpanRequest {
    let status = [Status::Success, Status::Failed, Status::Cancelled]
        [usize::try_from(random.below(3)).unwrap()];
    let mut over = key.end(status);
    let took = i64::try_from(random.below(100)).unwrap();
    over.end_time = Some(Timestamp { seconds: begun + took, nanos: 999 });
    over.output = object(&json!({ "frames": took }));
    if status != Status::Success {
        over.error = Some(SpanError {
            r#type: "TimeoutError".to_owned(),
            message: format!("no answer from 10.0.0.{took} in 30 s, token=abc{took}"),
            stack_trace: "at render (render.js:10:5)".to_owned(),
        });
    }
    over
}

/// Each event once to three times, in any order.
fn muddled(events: &[Event], random: &mut Random) -> Vec<Event> {
    let mut muddled: Vec<Event> = events
        .iter()
        .flat_map(|event| vec![event.clone(); usize::try_from(1 + random.below(3)).unwrap()])
        .collect();
    random.shuffle(&mut muddled);
    muddled
}

/// Sends events in streams of random length, several at once. A stream that
/// the server cannot take at the moment is sent again, whole.
async fn deliver(spans: SpanServiceClient<Channel>, events: Vec<Event>, mut random: Random) {
    let mut senders = JoinSet::new();
    let mut rest = events.as_slice();
    while !rest.is_empty() {
        let length = usize::try_from(1 + random.below(60)).unwrap().min(rest.len());
        let (part, others) = rest.split_at(length);
        rest = others;
        let (part, mut spans) = (part.to_vec(), spans.clone());
        while senders.len() >= 6 {
            senders.join_next().await.unwrap().unwrap();
        }
        senders.spawn(async move { while !sent(&mut spans, &part).await {} });
    }
    while let Some(sender) = senders.join_next().await {
        sender.unwrap();
    }
}

async fn sent(spans: &mut SpanServiceClient<Channel>, events: &[Event]) -> bool {
    let last = events.len() as u64;
    let numbered: Vec<_> =
        (1..).zip(events).map(|(seq, event)| numbered(seq, event.clone())).collect();
    let mut replies =
        spans.stream_spans(tokio_stream::iter(numbered)).await.expect("stream").into_inner();
    let mut acked_through = 0;
    loop {
        match replies.message().await {
            Ok(Some(reply)) => {
                assert!(reply.rejected.is_empty(), "{:?}", reply.rejected);
                acked_through = reply.acked_through;
            }
            Ok(None) => {
                assert_eq!(acked_through, last, "everything is acknowledged");
                return true;
            }
            Err(status) => {
                assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                return false;
            }
        }
    }
}

/// Every row with every column that clients decide.
async fn rows(pool: &PgPool) -> Vec<(String, String)> {
    sqlx::query_as(
        "SELECT 'live ' || run_id || ' ' || span_id,
                (to_jsonb(l) - '{first_seen_at,last_alive_at,progress_at,progress_reported_at}'::text[])::text
         FROM live_spans l
         UNION ALL
         SELECT 'finished ' || run_id || ' ' || span_id,
                (to_jsonb(f) - '{first_seen_at,last_alive_at,progress_at,progress_reported_at}'::text[])::text
         FROM finished_spans f
         UNION ALL
         SELECT 'run ' || run_id, (to_jsonb(r) - '{last_alive_at,last_ended_parent}'::text[])::text
         FROM runs r
         ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

/// In order, once, one by one.
async fn told_plainly(events: &[Event]) -> Vec<(String, String)> {
    let app = TestApp::start().await;
    let mut spans = app.spans();
    for event in events.iter().cloned() {
        match event {
            Event::Start(start) => drop(spans.start_span(start).await.unwrap()),
            Event::Heartbeat(heartbeat) => drop(spans.heartbeat(heartbeat).await.unwrap()),
            Event::End(end) => drop(spans.end_span(end).await.unwrap()),
        }
    }
    rows(&app.pool).await
}

fn assert_same(expected: &[(String, String)], actual: &[(String, String)]) {
    for (expected, actual) in expected.iter().zip(actual) {
        assert_eq!(expected, actual);
    }
    assert_eq!(expected.len(), actual.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_and_repetition_of_events_ends_in_the_same_rows() {
    let mut random = Random::seeded("order");
    let events = story(&mut random);
    let expected = told_plainly(&events).await;
    assert_eq!(expected.len() as u64, RUNS * SPANS_OF_A_RUN + RUNS);
    for _ in 0..3 {
        let app = TestApp::start().await;
        deliver(app.spans(), muddled(&events, &mut random), random.fork()).await;
        assert_same(&expected, &rows(&app.pool).await);
    }
}

/// On one database, which neither has seen before.
async fn two_collectors() -> (TestApp, TestApp) {
    let url = new_database().await;
    tokio::join!(
        TestApp::start_on(url.clone(), TestOptions::default()),
        TestApp::start_on(url.clone(), TestOptions::default()),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_collectors_that_take_the_same_events_at_once_store_them_once() {
    let mut random = Random::seeded("two collectors");
    let events = story(&mut random);
    let expected = told_plainly(&events).await;
    let (first, second) = two_collectors().await;
    tokio::join!(
        deliver(first.spans(), muddled(&events, &mut random), random.fork()),
        deliver(second.spans(), muddled(&events, &mut random), random.fork()),
    );
    assert_same(&expected, &rows(&first.pool).await);
}

/// Events in one order to both, so that both often bet on the same new span.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_collectors_that_race_for_new_spans_store_them_once() {
    let mut random = Random::seeded("race");
    let events = story(&mut random);
    let expected = told_plainly(&events).await;
    let (first, second) = two_collectors().await;
    tokio::join!(
        deliver(first.spans(), events.clone(), random.clone()),
        deliver(second.spans(), events.clone(), random.clone()),
    );
    assert_same(&expected, &rows(&first.pool).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_spans_that_are_sent_again_are_stored_once() {
    let mut random = Random::seeded("whole spans");
    let app = TestApp::start().await;
    let mut spans = app.spans();
    let run = Key::of(random.uuid(), random.uuid());
    let burst: Vec<Event> = (0..300)
        .flat_map(|number: i64| {
            let key = Key { span_id: random.uuid().to_string(), ..run.clone() };
            let begun = 1_700_000_000 + number;
            let mut begin = key.start();
            begin.start_time = Some(Timestamp { seconds: begun, nanos: 0 });
            [start(begin), end(ending(&key, begun, &mut random))]
        })
        .collect();
    assert!(sent(&mut spans, &burst).await);
    let before = rows(&app.pool).await;
    for _ in 0..3 {
        assert!(sent(&mut spans, &burst).await, "a retry is taken at once");
        // And beside others that are new.
        let key = Key { span_id: random.uuid().to_string(), ..run.clone() };
        let with_one_more = [&burst[..], &[start(key.start())]].concat();
        assert!(sent(&mut spans, &with_one_more).await);
    }
    let after = rows(&app.pool).await;
    assert_eq!(after.len(), before.len() + 3);
    assert!(before.iter().all(|row| after.contains(row)), "nothing changed");
}
