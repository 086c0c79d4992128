//! What clients send by mistake: each is told which field to mend, and nothing
//! else is harmed by it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub
)]

mod support;

#[path = "bad_input/artifacts.rs"]
mod artifacts;
#[path = "bad_input/fields.rs"]
mod fields;
#[path = "bad_input/refused_rows.rs"]
mod refused_rows;
#[path = "bad_input/sequence.rs"]
mod sequence;
#[path = "bad_input/wire.rs"]
mod wire;

#[path = "support/requests.rs"]
mod requests;

use livespan_server::proto::v1::{
    EndSpanRequest, HeartbeatRequest, RejectedEvent, StartSpanRequest, Status as SpanStatus,
    StoreArtifactRequest, StreamSpansRequest, StreamSpansResponse, stream_spans_request::Event,
};
use requests::{Key, numbered};
use support::TestApp;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// A request of any kind.
#[derive(Debug, Clone)]
enum Call {
    Start(StartSpanRequest),
    Heartbeat(HeartbeatRequest),
    End(EndSpanRequest),
    Artifact(StoreArtifactRequest),
}

impl Call {
    async fn send(self, app: &TestApp) -> Result<(), Status> {
        let mut spans = app.spans();
        match self {
            Self::Start(start) => spans.start_span(start).await.map(drop),
            Self::Heartbeat(heartbeat) => spans.heartbeat(heartbeat).await.map(drop),
            Self::End(end) => spans.end_span(end).await.map(drop),
            Self::Artifact(artifact) => spans.store_artifact(artifact).await.map(drop),
        }
    }

    fn event(self) -> Option<Event> {
        match self {
            Self::Start(start) => Some(Event::Start(start)),
            Self::Heartbeat(heartbeat) => Some(Event::Heartbeat(heartbeat)),
            Self::End(end) => Some(Event::End(end)),
            Self::Artifact(_) => None,
        }
    }
}

/// A wrong request, and the field whose name must be in the answer.
struct Wrong {
    what: &'static str,
    call: Call,
    field: &'static str,
}

fn wrong_start(
    what: &'static str,
    field: &'static str,
    spoil: impl FnOnce(&mut StartSpanRequest),
) -> Wrong {
    let mut start = Key::random().start();
    spoil(&mut start);
    Wrong { what, call: Call::Start(start), field }
}

fn wrong_heartbeat(
    what: &'static str,
    field: &'static str,
    spoil: impl FnOnce(&mut HeartbeatRequest),
) -> Wrong {
    let mut heartbeat = Key::random().progress(1.0);
    spoil(&mut heartbeat);
    Wrong { what, call: Call::Heartbeat(heartbeat), field }
}

fn wrong_end(
    what: &'static str,
    field: &'static str,
    spoil: impl FnOnce(&mut EndSpanRequest),
) -> Wrong {
    let mut end = Key::random().end(SpanStatus::Failed);
    spoil(&mut end);
    Wrong { what, call: Call::End(end), field }
}

fn wrong_artifact(
    what: &'static str,
    field: &'static str,
    spoil: impl FnOnce(&mut StoreArtifactRequest),
) -> Wrong {
    let mut artifact = Key::random().artifact("content");
    spoil(&mut artifact);
    Wrong { what, call: Call::Artifact(artifact), field }
}

/// Words that only the database would say.
const DATABASE_WORDS: [&str; 9] = [
    "live_spans",
    "finished_spans",
    "run_artifacts",
    "SQLSTATE",
    "duplicate key",
    "constraint",
    "violates",
    "relation",
    "sqlx",
];

fn is_clean(message: &str) -> bool {
    !DATABASE_WORDS.iter().any(|word| message.contains(word))
}

/// What is wrong with the answer to a wrong request, if anything is.
fn complaint_about(answer: &Result<(), Status>, field: &str) -> Option<String> {
    let Err(status) = answer else { return Some("was accepted".to_owned()) };
    let named = status
        .get_details_bad_request()
        .is_some_and(|bad| bad.field_violations.iter().any(|v| v.field == field));
    let said = status.message().contains(&format!("{field}: "));
    if status.code() == Code::InvalidArgument && named && said && is_clean(status.message()) {
        None
    } else {
        Some(format!("{:?} named={named} {}", status.code(), status.message()))
    }
}

/// Sends the wrong event between two good ones.
async fn between_neighbours(app: &TestApp, event: Event, field: &str) -> Option<String> {
    let good = Key::random();
    let events = vec![
        numbered(1, Event::Start(good.start())),
        numbered(2, event),
        numbered(3, Event::Start(good.sibling().start())),
    ];
    let (replies, end) = stream(app, events).await;
    if let Some(status) = end {
        return Some(format!("the stream ended with {status:?}"));
    }
    let rejected: Vec<&RejectedEvent> = replies.iter().flat_map(|reply| &reply.rejected).collect();
    let told = matches!(rejected[..], [rejected]
        if rejected.seq == 2
            && rejected.code == Code::InvalidArgument as i32
            && rejected.message.contains(&format!("{field}: "))
            && is_clean(&rejected.message));
    if !told {
        return Some(format!("in a stream: {rejected:?}"));
    }
    let acked = replies.iter().map(|reply| reply.acked_through).max();
    let stored = spans_of_run(app, &good.run_id).await;
    (acked != Some(3) || stored != 2)
        .then(|| format!("its neighbours: acked through {acked:?}, {stored} of 2 stored"))
}

/// Sends every wrong request, alone and in a stream, and tells all that were
/// not answered as they should be.
async fn check_all(app: &TestApp, table: Vec<Wrong>) {
    let mut complaints = Vec::new();
    for Wrong { what, call, field } in table {
        let answer = call.clone().send(app).await;
        if let Some(complaint) = complaint_about(&answer, field) {
            complaints.push(format!("{what}: {complaint}"));
        }
        if let Some(event) = call.event()
            && let Some(complaint) = between_neighbours(app, event, field).await
        {
            complaints.push(format!("{what}: {complaint}"));
        }
    }
    Call::Start(Key::random().start()).send(app).await.expect("the server still answers");
    let unwanted = app.count("SELECT count(*) FROM finished_spans").await
        + app.count("SELECT count(*) FROM run_artifacts").await
        + app.count("SELECT count(*) FROM live_spans WHERE ts_start IS NULL").await;
    if unwanted != 0 {
        complaints.push(format!("{unwanted} wrong rows were stored"));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Sends events, half-closes, and reads to the end: all replies, and the error
/// that ended the stream where one did.
async fn stream(
    app: &TestApp,
    events: Vec<StreamSpansRequest>,
) -> (Vec<StreamSpansResponse>, Option<Status>) {
    let opened = app.spans().stream_spans(tokio_stream::iter(events)).await;
    let mut replies = Vec::new();
    let mut incoming = match opened {
        Ok(response) => response.into_inner(),
        Err(status) => return (replies, Some(status)),
    };
    loop {
        match incoming.message().await {
            Ok(Some(reply)) => replies.push(reply),
            Ok(None) => return (replies, None),
            Err(status) => return (replies, Some(status)),
        }
    }
}

async fn spans_of_run(app: &TestApp, run_id: &str) -> i64 {
    sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM live_spans WHERE run_id = $1)
              + (SELECT count(*) FROM finished_spans WHERE run_id = $1)",
    )
    .bind(run_id.parse::<uuid::Uuid>().expect("uuid"))
    .fetch_one(&app.pool)
    .await
    .expect("count")
}
