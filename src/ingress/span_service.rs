//! `SpanService`: executors tell about their spans.

use std::{net::SocketAddr, sync::Arc};

use prost::Message as _;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::{
    artifact_upload,
    error::ApiError,
    intake::{Ids, Intake},
    span_stream::{self, ReplyStream},
};
use crate::{
    artifacts::Artifacts,
    domain::{event::SpanEvent, status},
    ingest::{Ingest, Recorded, Rejected, Write},
    proto::v1::{self, span_service_server::SpanService},
};

/// The service, wired to the road to disk.
#[derive(Clone)]
pub struct SpanServiceImpl {
    pub(super) intake: Arc<Intake>,
    pub(super) ingest: Ingest,
    pub(super) artifacts: Arc<Artifacts>,
    /// Cancelled when the server goes away: streams then say goodbye.
    pub(super) stop: CancellationToken,
}

impl SpanServiceImpl {
    /// Takes requests by `intake`, stores events by `ingest` and files by
    /// `artifacts`, until `stop`.
    #[must_use]
    pub fn new(
        intake: Arc<Intake>,
        ingest: Ingest,
        artifacts: Arc<Artifacts>,
        stop: CancellationToken,
    ) -> Self {
        Self { intake, ingest, artifacts, stop }
    }

    async fn store(&self, event: SpanEvent, bytes: usize) -> Result<Recorded, ApiError> {
        let outcome = self.ingest.store(Write { event, artifact: None }, bytes).await?;
        Ok(outcome?)
    }
}

#[tonic::async_trait]
impl SpanService for SpanServiceImpl {
    type StreamSpansStream = ReplyStream;

    async fn start_span(
        &self,
        request: Request<v1::StartSpanRequest>,
    ) -> Result<Response<v1::StartSpanResponse>, Status> {
        let peer = peer_host(request.remote_addr());
        let request = request.into_inner();
        let event = self.intake.start(&request, peer, Ids::Made)?;
        let key = event.key;
        let recorded = self.store(event, request.encoded_len()).await?;
        Ok(Response::new(v1::StartSpanResponse {
            run_id: key.run_id.to_string(),
            span_id: key.span_id.to_string(),
            traceparent: key.traceparent(),
            known: recorded.known,
            status: v1::Status::from(recorded.status).into(),
            cancel_requested: recorded.cancel_requested,
        }))
    }

    async fn heartbeat(
        &self,
        request: Request<v1::HeartbeatRequest>,
    ) -> Result<Response<v1::HeartbeatResponse>, Status> {
        let request = request.into_inner();
        let event = self.intake.heartbeat(&request)?;
        let recorded = self.store(event, request.encoded_len()).await?;
        Ok(Response::new(v1::HeartbeatResponse {
            status: v1::Status::from(recorded.status).into(),
            known: recorded.known,
            cancel_requested: recorded.cancel_requested,
        }))
    }

    async fn end_span(
        &self,
        request: Request<v1::EndSpanRequest>,
    ) -> Result<Response<v1::EndSpanResponse>, Status> {
        let request = request.into_inner();
        let event = self.intake.end(&request)?;
        let recorded = self.store(event, request.encoded_len()).await?;
        Ok(Response::new(v1::EndSpanResponse {
            status: v1::Status::from(recorded.status).into(),
            reason_code: recorded.reason_code.unwrap_or_default(),
            reason_kind: recorded.reason_kind.map(v1::ReasonKind::from).unwrap_or_default().into(),
            known: recorded.known,
            conflict: recorded.conflict,
        }))
    }

    async fn store_artifact(
        &self,
        request: Request<v1::StoreArtifactRequest>,
    ) -> Result<Response<v1::StoreArtifactResponse>, Status> {
        Ok(Response::new(artifact_upload::store(self, request.into_inner()).await?))
    }

    async fn stream_spans(
        &self,
        request: Request<Streaming<v1::StreamSpansRequest>>,
    ) -> Result<Response<ReplyStream>, Status> {
        let peer = peer_host(request.remote_addr());
        Ok(Response::new(span_stream::open(self.clone(), request.into_inner(), peer)))
    }
}

fn peer_host(peer: Option<SocketAddr>) -> Option<String> {
    peer.map(|peer| peer.ip().to_canonical().to_string())
}

impl From<Rejected> for ApiError {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Contradiction(contradiction) => {
                Self::invalid(contradiction.field(), contradiction.to_string())
            }
            Rejected::Refused(refusal) => Self::invalid(
                refusal.column.unwrap_or_else(|| "span".to_owned()),
                "holds a value that the database does not take: simplify it",
            ),
        }
    }
}

impl From<status::Status> for v1::Status {
    fn from(status: status::Status) -> Self {
        match status {
            status::Status::Running => Self::Running,
            status::Status::Ended(status::EndStatus::Success) => Self::Success,
            status::Status::Ended(status::EndStatus::Failed) => Self::Failed,
            status::Status::Ended(status::EndStatus::Cancelled) => Self::Cancelled,
        }
    }
}

impl From<crate::domain::reason::ReasonKind> for v1::ReasonKind {
    fn from(kind: crate::domain::reason::ReasonKind) -> Self {
        use crate::domain::reason::ReasonKind;
        match kind {
            ReasonKind::Unknown => Self::Unknown,
            ReasonKind::Transient => Self::Transient,
            ReasonKind::Persistent => Self::Persistent,
            ReasonKind::Resource => Self::Resource,
            ReasonKind::Config => Self::Config,
        }
    }
}
