//! A fleet of executors: what they report, and the service that is asked.

use std::{sync::Arc, time::Duration};

use livespan_server::{
    domain::{
        event::{End, FailureFacts, JsonText, ProgressReport, SpanEvent, SpanEventKind, Start},
        ids::{ArtifactId, RunId, SpanId, SpanKey},
        liveness::Limits,
        reason::ReasonKind,
        status::EndStatus,
        time::{Clock, ManualClock, Timestamp},
    },
    ingest::{Ingest, IngestOptions, LaneOptions, Write},
    ingress::TraceQueryService,
    query::Questions,
    storage::{Database, NewArtifact},
};
use sqlx::{ConnectOptions, PgPool};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

/// When every test begins.
pub(crate) const BEGIN: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

pub(crate) struct Fleet {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) service: TraceQueryService,
    pub(crate) database: Database,
    ingest: Ingest,
}

impl Fleet {
    pub(crate) async fn new(pool: &PgPool) -> Self {
        let url = pool.connect_options().to_url_lossy();
        let database = Database::connect(url.as_str().parse().unwrap()).await.unwrap();
        let clock = Arc::new(ManualClock::new(BEGIN));
        let options =
            IngestOptions { lanes: 1, buffer_bytes: 1 << 20, lane: LaneOptions::default() };
        let ingest = Ingest::open(
            &database,
            &options,
            &TaskTracker::new(),
            &CancellationToken::new(),
            &CancellationToken::new(),
        );
        let service = TraceQueryService::new(Questions::new(
            database.clone(),
            Arc::<ManualClock>::clone(&clock),
            Limits::default(),
        ));
        Self { clock, service, database, ingest }
    }

    /// A service beside the usual one.
    pub(crate) fn questions(&self, limits: Limits) -> Questions {
        Questions::new(self.database.clone(), Arc::<ManualClock>::clone(&self.clock), limits)
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn write(&self, writes: Vec<Write>) {
        let permit = self.ingest.try_admit(1).unwrap();
        let receipt = self.ingest.enqueue(writes, permit).unwrap();
        for outcome in receipt.outcomes().await.unwrap() {
            outcome.unwrap();
        }
    }

    pub(crate) async fn report(&self, key: SpanKey, kind: SpanEventKind) {
        self.write(vec![self.event(key, kind)]).await;
    }

    pub(crate) fn event(&self, key: SpanKey, kind: SpanEventKind) -> Write {
        Write { event: SpanEvent { key, received_at: self.clock.now(), kind }, artifact: None }
    }

    pub(crate) async fn start(&self, key: SpanKey, start: Start) {
        self.report(key, SpanEventKind::Start(Arc::new(start))).await;
    }

    pub(crate) async fn beat(&self, key: SpanKey) {
        self.report(key, SpanEventKind::Heartbeat(None)).await;
    }

    pub(crate) async fn progress(&self, key: SpanKey, current: f64, total: f64) {
        let report = ProgressReport { current, total: Some(total), note: None };
        self.report(key, SpanEventKind::Heartbeat(Some(report))).await;
    }

    pub(crate) async fn end(&self, key: SpanKey, status: EndStatus) {
        self.report(key, end(status)).await;
    }

    pub(crate) async fn fail(&self, key: SpanKey, kind: ReasonKind, code: &str, message: &str) {
        self.report(key, failure(kind, code, message)).await;
    }

    pub(crate) async fn artifact(
        &self,
        key: SpanKey,
        artifact_type: &str,
        expires_at: Option<Timestamp>,
    ) -> ArtifactId {
        let id = ArtifactId::generate();
        let artifact = NewArtifact {
            id,
            key,
            artifact_type: artifact_type.to_owned(),
            file_name: format!("{artifact_type}.bin"),
            storage_backend: "local".to_owned(),
            storage_key: id.to_string(),
            content_type: "application/octet-stream".to_owned(),
            size_bytes: 5,
            sha256: [0xab; 32],
            created_at: self.clock.now(),
            expires_at,
        };
        let mut write = self.event(key, SpanEventKind::Heartbeat(None));
        write.artifact = Some(Box::new(artifact));
        self.write(vec![write]).await;
        id
    }
}

/// A run by number.
pub(crate) fn run(number: u64) -> RunId {
    RunId::from_stored(Uuid::from_u64_pair(number, number))
}

/// A span of a run by number.
pub(crate) fn span(run: RunId, number: u64) -> SpanKey {
    SpanKey { run_id: run, span_id: SpanId::from_otel(run, number.to_be_bytes()) }
}

/// A root.
pub(crate) fn step(name: &str) -> Start {
    Start { step_name: Some(name.into()), attempt: 1, ..Start::default() }
}

/// A step of `parent`.
pub(crate) fn step_of(parent: SpanKey, name: &str) -> Start {
    Start { parent_span_id: Some(parent.span_id), ..step(name) }
}

pub(crate) fn on(host: &str, agent: &str, start: Start) -> Start {
    Start { executor_host: Some(host.into()), agent: Some(agent.into()), ..start }
}

pub(crate) fn json(text: &str) -> Option<JsonText> {
    Some(JsonText::from_valid(text.to_owned()))
}

pub(crate) fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

/// This long after the test began.
pub(crate) fn at(seconds: u64) -> Timestamp {
    BEGIN.plus(Duration::from_secs(seconds))
}

/// The same on the wire.
pub(crate) fn wire(seconds: u64) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: 1_800_000_000 + i64::try_from(seconds).unwrap(), nanos: 0 }
}

pub(crate) fn end(status: EndStatus) -> SpanEventKind {
    SpanEventKind::End(Box::new(End { status, ts_end: None, output_summary: None, failure: None }))
}

pub(crate) fn failure(kind: ReasonKind, code: &str, message: &str) -> SpanEventKind {
    SpanEventKind::End(Box::new(End {
        status: EndStatus::Failed,
        ts_end: None,
        output_summary: None,
        failure: Some(Box::new(FailureFacts {
            error_type: Some("TestError".to_owned()),
            error_message: Some(message.to_owned()),
            reason_code: Some(code.to_owned()),
            reason_kind: Some(kind),
            fingerprint: Some("f00d".to_owned()),
            reason_evidence: Some("told by the test".to_owned()),
            ..FailureFacts::default()
        })),
    }))
}
