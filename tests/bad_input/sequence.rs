//! Events that are right by themselves and wrong where they stand: for a span
//! never seen, after its end, before its start, out of a stream's order.

use livespan_server::proto::v1::{SpanError, Status, StreamSpansRequest};
use prost_types::Timestamp;
use tonic::Code;

use super::{
    complaint_about,
    requests::{Key, end, heartbeat, numbered, start},
    spans_of_run, stream,
};
use crate::support::TestApp;

#[tokio::test]
async fn a_span_first_heard_of_by_heartbeat_or_end_is_completed_by_its_start() {
    let app = TestApp::start().await;
    let (beaten, ended) = (Key::random(), Key::random());
    let heard = app.spans().heartbeat(beaten.progress(2.0)).await.unwrap().into_inner();
    assert_eq!((heard.known, heard.status()), (false, Status::Running));
    let heard = app.spans().end_span(ended.end(Status::Cancelled)).await.unwrap().into_inner();
    assert_eq!((heard.known, heard.status()), (false, Status::Cancelled));

    let heard = app.spans().start_span(beaten.start()).await.unwrap().into_inner();
    assert_eq!((heard.known, heard.status()), (false, Status::Running));
    let heard = app.spans().start_span(ended.start()).await.unwrap().into_inner();
    assert_eq!((heard.known, heard.status()), (false, Status::Cancelled));
    let again = app.spans().start_span(ended.start()).await.unwrap().into_inner();
    assert_eq!((again.known, again.status()), (true, Status::Cancelled));

    let live =
        "SELECT count(*) FROM live_spans WHERE step_name = 'render' AND progress_current = 2";
    let finished =
        "SELECT count(*) FROM finished_spans WHERE step_name = 'render' AND status = 'CANCELLED'";
    assert_eq!((app.count(live).await, app.count(finished).await), (1, 1));
    assert_eq!(app.count("SELECT count(*) FROM live_spans").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM finished_spans").await, 1);
}

#[tokio::test]
async fn the_first_end_counts_and_another_is_a_conflict_counted_once() {
    let app = TestApp::start().await;
    let key = Key::random();
    app.spans().start_span(key.start()).await.unwrap();
    app.spans().end_span(key.end(Status::Success)).await.unwrap();
    let mut other = key.end(Status::Failed);
    other.error = Some(SpanError { message: "no".to_owned(), ..SpanError::default() });
    for _ in 0..5 {
        let reply = app.spans().end_span(other.clone()).await.unwrap().into_inner();
        assert_eq!((reply.conflict, reply.status()), (true, Status::Success));
        let reply = app.spans().end_span(key.end(Status::Success)).await.unwrap().into_inner();
        assert_eq!((reply.conflict, reply.status()), (false, Status::Success));
    }
    let stored =
        "SELECT count(*) FROM finished_spans WHERE status = 'SUCCESS' AND conflicting_ends = 1";
    assert_eq!(app.count(stored).await, 1);
}

/// A client repeats what was not acknowledged, also when it was committed.
#[tokio::test]
async fn an_end_that_is_repeated_is_no_conflict_whatever_it_says() {
    let app = TestApp::start().await;
    let error = |message: &str| {
        Some(SpanError {
            r#type: "TimeoutError".to_owned(),
            message: message.to_owned(),
            stack_trace: "at main (a.js:1:2)".to_owned(),
        })
    };
    let mut ends = Vec::new();
    for status in [Status::Success, Status::Failed, Status::Cancelled] {
        let plain = Key::random().end(status);
        let mut empty_error = Key::random().end(status);
        empty_error.error = Some(SpanError::default());
        let mut full = Key::random().end(status);
        full.error = error("password=hunter2 timed out after 30 s");
        full.output = super::requests::object(&serde_json::json!({"b": 1.5, "a": [null, {}]}));
        full.end_time = Some(Timestamp { seconds: 1_700_000_000, nanos: 123_456_789 });
        let mut long = Key::random().end(status);
        long.error = error(&"ä".repeat(100_000));
        let mut explicit = Key::random().end(status);
        explicit.reason_kind = Some(0);
        explicit.exit_code = Some(137);
        let mut code = Key::random().end(status);
        code.reason_code = "my_own".to_owned();
        ends.extend([plain, empty_error, full, long, explicit, code]);
    }
    for end in ends {
        let first = app.spans().end_span(end.clone()).await.unwrap().into_inner();
        let second = app.spans().end_span(end.clone()).await.unwrap().into_inner();
        assert_eq!(first, second, "{end:?}");
        assert!(!second.conflict, "{end:?}");
    }
    assert_eq!(app.count("SELECT sum(conflicting_ends) FROM finished_spans").await, 0);
}

#[tokio::test]
async fn an_end_before_its_start_is_kept_within_a_minute_and_refused_beyond() {
    let app = TestApp::start().await;
    let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
    let started = 1_700_000_000;
    for (early, accepted) in [(0, true), (1, true), (60, true), (61, false), (86_400, false)] {
        let key = Key::random();
        let mut begin = key.start();
        begin.start_time = at(started);
        let mut over = key.end(Status::Success);
        over.end_time = at(started - early);
        app.spans().start_span(begin.clone()).await.unwrap();
        let answer = app.spans().end_span(over.clone()).await.map(drop);
        let run_id: uuid::Uuid = key.run_id.parse().unwrap();
        if accepted {
            answer.unwrap_or_else(|status| panic!("{early} s early: {status:?}"));
            let ts_end: i64 = sqlx::query_scalar(
                "SELECT extract(epoch FROM ts_end)::bigint FROM finished_spans WHERE run_id = $1",
            )
            .bind(run_id)
            .fetch_one(&app.pool)
            .await
            .unwrap();
            assert_eq!(ts_end, started - early, "kept as said");
        } else {
            assert_eq!(complaint_about(&answer, "end_time"), None, "{early} s early");
            let running: i64 =
                sqlx::query_scalar("SELECT count(*) FROM live_spans WHERE run_id = $1")
                    .bind(run_id)
                    .fetch_one(&app.pool)
                    .await
                    .unwrap();
            assert_eq!(running, 1, "the span still runs");
            // The other way round, and both in one batch.
            let key = Key::random();
            over.run_id.clone_from(&key.run_id);
            begin.run_id.clone_from(&key.run_id);
            app.spans().end_span(over.clone()).await.unwrap();
            let answer = app.spans().start_span(begin.clone()).await.map(drop);
            assert_eq!(complaint_about(&answer, "start_time"), None, "{early} s late");
        }
    }
}

#[tokio::test]
async fn an_empty_stream_ends_well_and_says_nothing() {
    let app = TestApp::start().await;
    let (replies, end) = stream(&app, Vec::new()).await;
    assert!(replies.is_empty() && end.is_none(), "{replies:?} {end:?}");
}

#[tokio::test]
async fn a_stream_names_what_is_out_of_order_missing_or_without_ids() {
    let app = TestApp::start().await;
    let key = Key::random();
    let good = |seq| numbered(seq, start(key.sibling().start()));
    let mut no_run = key.sibling().start();
    no_run.run_id.clear();
    let mut no_span = key.sibling().start();
    no_span.span_id.clear();
    let wrong: [(&str, StreamSpansRequest, &str); 6] = [
        ("seq repeated", good(5), "seq"),
        ("seq going back", good(4), "seq"),
        ("no seq", good(0), "seq"),
        ("no event", StreamSpansRequest { seq: 6, event: None }, "event"),
        ("no run_id", numbered(6, start(no_run)), "run_id"),
        ("no span_id", numbered(6, start(no_span)), "span_id"),
    ];
    for (what, event, field) in wrong {
        let key = Key::random();
        let seq = event.seq;
        let events = vec![
            numbered(5, start(key.start())),
            event,
            numbered(7, heartbeat(key.progress(1.0))),
            numbered(u64::MAX, end(key.end(Status::Success))),
        ];
        let (replies, ended_by) = stream(&app, events).await;
        assert!(ended_by.is_none(), "{what}: {ended_by:?}");
        let rejected: Vec<_> = replies.iter().flat_map(|reply| &reply.rejected).collect();
        assert_eq!(rejected.len(), 1, "{what}: {rejected:?}");
        assert_eq!((rejected[0].seq, rejected[0].code), (seq, Code::InvalidArgument as i32));
        assert!(rejected[0].message.starts_with(&format!("{field}: ")), "{what}: {rejected:?}");
        assert_eq!(replies.last().unwrap().acked_through, u64::MAX, "{what}");
        assert!(replies.is_sorted_by_key(|reply| reply.acked_through), "{what}");
        assert_eq!(spans_of_run(&app, &key.run_id).await, 1, "{what}");
    }
    assert_eq!(spans_of_run(&app, &key.run_id).await, 0, "what was rejected is not stored");
}

/// A refused event leaves no trace, in its run's row neither.
#[tokio::test]
async fn a_refused_start_changes_nothing_of_its_run() {
    let app = TestApp::start().await;
    let key = Key::random();
    let mut ended = key.end(Status::Success);
    ended.end_time = Some(Timestamp { seconds: 1_600_000_000, nanos: 0 });
    app.spans().end_span(ended).await.unwrap();
    let facts = "SELECT jsonb_agg(r)::text FROM runs r";
    let before: String = sqlx::query_scalar(facts).fetch_one(&app.pool).await.unwrap();

    let mut refused = key.start();
    refused.start_time = Some(Timestamp { seconds: 1_600_100_000, nanos: 0 });
    refused.task_id = "another task".to_owned();
    refused.retry_of = Key::random().run_id;
    refused.attempt = 999_999;
    let answer = app.spans().start_span(refused).await.map(drop);
    assert_eq!(complaint_about(&answer, "start_time"), None);
    let after: String = sqlx::query_scalar(facts).fetch_one(&app.pool).await.unwrap();
    assert_eq!(after, before);

    // What is not refused is taken in, first come first served.
    let mut taken = key.sibling().start();
    taken.task_id = "the task".to_owned();
    app.spans().start_span(taken).await.unwrap();
    assert_eq!(app.count("SELECT count(*) FROM runs WHERE task_id = 'the task'").await, 1);
    assert_eq!(app.count("SELECT count(*) FROM runs WHERE attempt < 1000").await, 1);
}

/// Somebody deletes rows by hand, or retention was cut off in the middle.
#[tokio::test]
async fn a_span_whose_run_has_no_row_is_still_stored_once() {
    let app = TestApp::start().await;
    let key = Key::random();
    app.spans().start_span(key.start()).await.unwrap();
    app.spans().end_span(key.end(Status::Success)).await.unwrap();
    sqlx::raw_sql("DELETE FROM runs").execute(&app.pool).await.unwrap();

    let reply = app.spans().end_span(key.end(Status::Success)).await.unwrap().into_inner();
    assert_eq!((reply.known, reply.conflict, reply.status()), (true, false, Status::Success));
    sqlx::raw_sql("DELETE FROM runs").execute(&app.pool).await.unwrap();
    let reply = app.spans().heartbeat(key.heartbeat()).await.unwrap().into_inner();
    assert_eq!((reply.known, reply.status()), (true, Status::Success));
    assert_eq!(app.count("SELECT count(*) FROM run_events").await, 1);
}

/// The end of a step is a sign of life of its parent, however the two events of
/// the step come in.
#[tokio::test]
async fn a_runs_last_end_names_the_parent_in_any_order_of_events() {
    let app = TestApp::start().await;
    let last_parent = "SELECT last_ended_parent::text FROM runs ORDER BY run_id LIMIT 1";
    for end_first in [false, true] {
        for together in [false, true] {
            sqlx::raw_sql("TRUNCATE runs, live_spans, finished_spans")
                .execute(&app.pool)
                .await
                .unwrap();
            let parent = Key::random();
            let child = parent.sibling();
            let mut child_start = child.start();
            child_start.parent_span_id.clone_from(&parent.span_id);
            let mut events = [start(child_start), end(child.end(Status::Success))];
            if end_first {
                events.reverse();
            }
            if together {
                let numbered = (1..).zip(events).map(|(seq, event)| numbered(seq, event));
                stream(&app, numbered.collect()).await;
            } else {
                for event in events {
                    stream(&app, vec![numbered(1, event)]).await;
                }
            }
            let named: Option<String> =
                sqlx::query_scalar(last_parent).fetch_one(&app.pool).await.unwrap();
            assert_eq!(
                named.as_ref(),
                Some(&parent.span_id),
                "end first: {end_first}, together: {together}"
            );
        }
    }
}
