//! A client that calls for each event, artifacts among them, and calls again
//! until it is told that the event is stored.

use std::time::Duration;

use livespan_server::proto::v1::span_service_client::SpanServiceClient;
use tokio::time::timeout;
use tonic::{Response, Status, transport::Channel};
use uuid::Uuid;

use super::{
    Start, assert_excusable,
    content::{end_of, file_hash, start_of},
    ledger::Fact,
};
use crate::requests::Key;

/// How long an answer is waited for, before the same is sent again.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) struct Client {
    with: Start,
    next_number: u64,
    run_id: Uuid,
}

impl Client {
    pub(super) fn new(mut with: Start) -> Self {
        let run_id = with.random.uuid();
        Self { with, next_number: 1, run_id }
    }

    pub(super) async fn run(mut self) {
        let spans = SpanServiceClient::new(self.with.target.endpoint().connect_lazy());
        while !*self.with.stop.borrow() {
            self.span(&spans).await;
        }
    }

    /// A span from its start to its end, and often a file that it leaves behind.
    async fn span(&mut self, spans: &SpanServiceClient<Channel>) {
        if self.with.random.once_in(8) {
            self.run_id = self.with.random.uuid();
        }
        let key = Key::of(self.run_id, self.with.random.uuid());
        let number = self.next_number;
        self.next_number += 1;

        self.with.ledger.sends(&key, number, Fact::Start);
        let start = start_of(&key, number);
        until_answered(|| {
            let (mut spans, start) = (spans.clone(), start.clone());
            async move { spans.start_span(start).await }
        })
        .await;
        self.with.ledger.enter([(&key, number, Fact::Start)]);

        if self.with.random.once_in(2) {
            let beat = key.progress(1.0);
            until_answered(|| {
                let (mut spans, beat) = (spans.clone(), beat.clone());
                async move { spans.heartbeat(beat).await }
            })
            .await;
            self.with.ledger.enter([(&key, number, Fact::Progress(1.0))]);
        }
        if self.with.random.once_in(2) {
            let bytes = usize::try_from(self.with.random.below(100_000)).expect("small");
            let content: Vec<u8> = self.with.random.next().to_be_bytes().repeat(bytes / 8 + 1);
            let hash = file_hash(&content);
            self.with.ledger.sends_file(&hash);
            let artifact = key.artifact(content);
            let stored = until_answered(|| {
                let (mut spans, artifact) = (spans.clone(), artifact.clone());
                async move { spans.store_artifact(artifact).await }
            })
            .await;
            assert_eq!(stored.sha256, hash);
            self.with.ledger.enter_file(&stored.artifact_id, &hash);
        }
        self.with.ledger.sends(&key, number, Fact::End);
        let end = end_of(&key, number);
        until_answered(|| {
            let (mut spans, end) = (spans.clone(), end.clone());
            async move { spans.end_span(end).await }
        })
        .await;
        self.with.ledger.enter([(&key, number, Fact::End)]);
    }
}

/// Calls until there is an answer.
async fn until_answered<T, F>(call: impl Fn() -> F) -> T
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    loop {
        match timeout(PATIENCE, call()).await {
            Ok(Ok(answer)) => return answer.into_inner(),
            Ok(Err(status)) => assert_excusable(&status),
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
