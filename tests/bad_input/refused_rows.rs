//! Rows that pass every check and that Postgres refuses all the same: found by
//! halving the batch, and rejected alone.

use livespan_server::proto::v1::{Status, StreamSpansRequest};
use sqlx::AssertSqlSafe;
use tonic::Code;

use super::{
    is_clean,
    requests::{Key, end, numbered, start},
    stream,
};
use crate::support::TestApp;

const EVENTS: u64 = 200;
const POISON: u64 = 77;

/// What a stream of `events` with one poisoned row comes to.
async fn poisoned(table: &str, events: Vec<StreamSpansRequest>, poison: u64) {
    let app = TestApp::start().await;
    sqlx::raw_sql(AssertSqlSafe(format!(
        "ALTER TABLE {table} ADD CONSTRAINT poison CHECK (step_name <> 'poison')"
    )))
    .execute(&app.pool)
    .await
    .unwrap();
    let last = events.last().unwrap().seq;
    let (replies, ended_by) = stream(&app, events).await;
    assert!(ended_by.is_none(), "{ended_by:?}");
    let rejected: Vec<_> = replies.iter().flat_map(|reply| &reply.rejected).collect();
    assert!(!rejected.is_empty() && rejected.iter().all(|event| event.seq >= poison));
    for event in &rejected {
        assert_eq!(event.code, Code::InvalidArgument as i32, "{event:?}");
        assert!(is_clean(&event.message), "{event:?}");
    }
    assert_eq!(replies.last().unwrap().acked_through, last);
    let stored: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert_eq!(stored, i64::try_from(EVENTS - 1).unwrap());
    app.spans().start_span(Key::random().start()).await.expect("the lane still writes");
}

#[tokio::test]
async fn one_start_that_postgres_refuses_is_rejected_alone() {
    let run = Key::random();
    let events = (1..=EVENTS)
        .map(|seq| {
            let mut begin = run.sibling().start();
            if seq == POISON {
                begin.step_name = "poison".to_owned();
            }
            numbered(seq, start(begin))
        })
        .collect();
    poisoned("live_spans", events, POISON).await;
}

/// Its start and its end make one row where they come together, and both are
/// rejected then; its start is stored where they don't.
#[tokio::test]
async fn one_end_that_postgres_refuses_is_rejected_alone() {
    let run = Key::random();
    let events = (1..=EVENTS)
        .flat_map(|number| {
            let key = run.sibling();
            let mut begin = key.start();
            if number == POISON {
                begin.step_name = "poison".to_owned();
            }
            [
                numbered(2 * number - 1, start(begin)),
                numbered(2 * number, end(key.end(Status::Success))),
            ]
        })
        .collect();
    poisoned("finished_spans", events, 2 * POISON - 1).await;
}
