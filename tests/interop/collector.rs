//! `livespan serve` as a process, on a database of its own, and what it answers.

use livespan_server::proto::v1::{
    GetTimelineRequest, GetTimelineResponse, StartSpanRequest, StartSpanResponse,
    span_service_client::SpanServiceClient, trace_query_client::TraceQueryClient,
};
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};
use uuid::Uuid;

use super::{
    server_process::{Home, ServerProcess},
    support::new_database,
};

/// A running collector.
pub struct Collector {
    pub server: ServerProcess,
    channel: Channel,
    _home: Home,
}

impl Collector {
    pub async fn start() -> Self {
        let database_url = new_database().await;
        let home = Home::new();
        let server = tokio::task::spawn_blocking({
            let port = "127.0.0.1:0".parse().unwrap();
            let server = ServerProcess::spawn_with(
                &home,
                port,
                &[("LIVESPAN_DATABASE_URL", database_url.as_str())],
            );
            || server.until_it_serves()
        })
        .await
        .unwrap()
        .unwrap();
        let channel = Endpoint::from_shared(server.url()).unwrap().connect_lazy();
        Self { server, channel, _home: home }
    }

    pub fn queries(&self) -> TraceQueryClient<Channel> {
        TraceQueryClient::new(self.channel.clone())
    }

    /// Starts a step, as an executor does.
    pub async fn start_span(&self, start: StartSpanRequest) -> StartSpanResponse {
        let mut spans = SpanServiceClient::new(self.channel.clone());
        spans.start_span(start).await.unwrap().into_inner()
    }

    pub async fn timeline(&self, run_id: Uuid) -> GetTimelineResponse {
        self.try_timeline(run_id).await.expect("the run is known")
    }

    /// None of a run that was not heard of yet.
    pub async fn try_timeline(&self, run_id: Uuid) -> Option<GetTimelineResponse> {
        let request = GetTimelineRequest { run_id: run_id.to_string(), ..Default::default() };
        match self.queries().get_timeline(request).await {
            Ok(answer) => Some(answer.into_inner()),
            Err(status) if status.code() == Code::NotFound => None,
            Err(status) => panic!("{status:?}"),
        }
    }
}
