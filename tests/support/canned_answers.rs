//! A collector that gives the answers it was set up with: for tests of how the
//! commands ask and what they make of an answer, hostile ones included.

#![allow(dead_code)] // each test file uses its part

use std::sync::{Arc, Mutex};

use livespan_server::proto::v1::{
    self,
    trace_query_server::{TraceQuery, TraceQueryServer},
};
use tokio::{net::TcpListener, runtime::Runtime};
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

/// The answers.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// Pages of `ListRuns`; each names the next.
    pub runs: Vec<v1::ListRunsResponse>,
    pub active: v1::ListActiveRunsResponse,
    /// Pages of `GetTimeline`; none is NOT_FOUND.
    pub timeline: Vec<v1::GetTimelineResponse>,
    pub stuck: v1::ListStuckRunsResponse,
    pub failures: v1::ListTopFailuresResponse,
}

/// One that runs.
pub struct CannedCollector {
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
    runtime: Option<Runtime>,
}

struct Canned {
    answers: Answers,
    asked: Arc<Mutex<Vec<String>>>,
}

impl CannedCollector {
    pub fn start(answers: Answers) -> Self {
        // Of its own, so that it answers while a test blocks.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let service = TraceQueryServer::new(Canned { answers, asked: Arc::clone(&asked) });
        let addr = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addr = listener.local_addr().unwrap();
            let server = tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpIncoming::from(listener));
            tokio::spawn(server);
            addr
        });
        Self { url: format!("http://{addr}"), asked, runtime: Some(runtime) }
    }

    /// What was asked, as its messages print.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for CannedCollector {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Canned {
    fn note(&self, request: impl std::fmt::Debug) {
        self.asked.lock().unwrap().push(format!("{request:?}"));
    }
}

fn page(token: &str) -> usize {
    token.parse().unwrap_or(0)
}

#[tonic::async_trait]
impl TraceQuery for Canned {
    async fn get_timeline(
        &self,
        request: Request<v1::GetTimelineRequest>,
    ) -> Result<Response<v1::GetTimelineResponse>, Status> {
        let request = request.into_inner();
        self.note(&request);
        let page = self.answers.timeline.get(page(&request.page_token));
        page.cloned().map(Response::new).ok_or_else(|| Status::not_found("no such run"))
    }

    async fn list_active_runs(
        &self,
        request: Request<v1::ListActiveRunsRequest>,
    ) -> Result<Response<v1::ListActiveRunsResponse>, Status> {
        self.note(request.into_inner());
        Ok(Response::new(self.answers.active.clone()))
    }

    async fn get_run_summary(
        &self,
        _: Request<v1::GetRunSummaryRequest>,
    ) -> Result<Response<v1::RunSummary>, Status> {
        Err(Status::unimplemented("not asked by any command"))
    }

    async fn get_last_alive_span(
        &self,
        _: Request<v1::GetLastAliveSpanRequest>,
    ) -> Result<Response<v1::GetLastAliveSpanResponse>, Status> {
        Err(Status::unimplemented("not asked by any command"))
    }

    async fn get_run_graph(
        &self,
        _: Request<v1::GetRunGraphRequest>,
    ) -> Result<Response<v1::GetRunGraphResponse>, Status> {
        Err(Status::unimplemented("not asked by any command"))
    }

    async fn list_top_failures(
        &self,
        request: Request<v1::ListTopFailuresRequest>,
    ) -> Result<Response<v1::ListTopFailuresResponse>, Status> {
        self.note(request.into_inner());
        Ok(Response::new(self.answers.failures.clone()))
    }

    async fn list_failure_sites(
        &self,
        _: Request<v1::ListFailureSitesRequest>,
    ) -> Result<Response<v1::ListFailureSitesResponse>, Status> {
        Err(Status::unimplemented("not asked by any command"))
    }

    async fn get_failure_trend(
        &self,
        _: Request<v1::GetFailureTrendRequest>,
    ) -> Result<Response<v1::GetFailureTrendResponse>, Status> {
        Err(Status::unimplemented("not asked by any command"))
    }

    async fn list_hosts(
        &self,
        _: Request<v1::ListHostsRequest>,
    ) -> Result<Response<v1::ListHostsResponse>, Status> {
        Err(Status::unimplemented("not asked by any command"))
    }

    async fn list_stuck_runs(
        &self,
        request: Request<v1::ListStuckRunsRequest>,
    ) -> Result<Response<v1::ListStuckRunsResponse>, Status> {
        let request = request.into_inner();
        self.note(request);
        if request.threshold.is_some_and(|threshold| threshold.seconds < 1) {
            return Err(Status::invalid_argument("threshold: at least 1 s"));
        }
        Ok(Response::new(self.answers.stuck.clone()))
    }

    async fn list_runs(
        &self,
        request: Request<v1::ListRunsRequest>,
    ) -> Result<Response<v1::ListRunsResponse>, Status> {
        let request = request.into_inner();
        self.note(&request);
        Ok(Response::new(
            self.answers.runs.get(page(&request.page_token)).cloned().unwrap_or_default(),
        ))
    }
}
