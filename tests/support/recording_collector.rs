//! A collector that only remembers what it was told, and that can be slow,
//! forgetful, or gone: for tests of what a client does then.

#![allow(dead_code)] // each test file uses its part

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use livespan_server::proto::v1::{
    self,
    span_service_server::{SpanService, SpanServiceServer},
};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
};
use tokio_stream::StreamExt as _;
use tonic::{Request, Response, Status, Streaming, transport::server::TcpIncoming};

/// What was told, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    Start(v1::StartSpanRequest),
    Heartbeat(v1::HeartbeatRequest),
    End(v1::EndSpanRequest),
    Artifact(v1::StoreArtifactRequest),
    Streamed(u64),
}

/// How it behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manners {
    /// Before each answer.
    pub delay: Duration,
    /// So many heartbeats are answered "never heard of that span".
    pub forgets: usize,
    /// So many calls are answered UNAVAILABLE first.
    pub busy: usize,
    /// So many streams break after their third event, which is not
    /// acknowledged.
    pub breaks: usize,
}

#[derive(Clone)]
struct Memory {
    told: Arc<Mutex<Vec<Told>>>,
    manners: Arc<Mutex<Manners>>,
}

/// One that runs.
pub struct RecordingCollector {
    pub addr: SocketAddr,
    memory: Memory,
    /// Of its own, so that it can die with every connection, and answers while
    /// a test blocks.
    runtime: Option<Runtime>,
}

impl Drop for RecordingCollector {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl RecordingCollector {
    /// Runs on a port of its own.
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), Manners::default()).await
    }

    pub async fn with(manners: Manners) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), manners).await
    }

    pub async fn start_at(addr: SocketAddr, manners: Manners) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let memory = Memory { told: Arc::default(), manners: Arc::new(Mutex::new(manners)) };
        let service = SpanServiceServer::new(memory.clone());
        let listening = runtime.spawn(async move {
            let listener = TcpListener::bind(addr).await.unwrap();
            let addr = listener.local_addr().unwrap();
            let server = tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(TcpIncoming::from(listener));
            tokio::spawn(server);
            addr
        });
        let addr = listening.await.unwrap();
        Self { addr, memory, runtime: Some(runtime) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Everything so far.
    pub fn told(&self) -> Vec<Told> {
        self.memory.told.lock().unwrap().clone()
    }

    pub fn starts(&self) -> Vec<v1::StartSpanRequest> {
        self.told()
            .into_iter()
            .filter_map(|told| if let Told::Start(start) = told { Some(start) } else { None })
            .collect()
    }

    pub fn heartbeats(&self) -> usize {
        self.told().iter().filter(|told| matches!(told, Told::Heartbeat(_))).count()
    }

    pub fn ends(&self) -> Vec<v1::EndSpanRequest> {
        self.told()
            .into_iter()
            .filter_map(|told| if let Told::End(end) = told { Some(end) } else { None })
            .collect()
    }

    pub fn artifacts(&self) -> Vec<v1::StoreArtifactRequest> {
        self.told()
            .into_iter()
            .filter_map(
                |told| if let Told::Artifact(artifact) = told { Some(artifact) } else { None },
            )
            .collect()
    }

    /// Waits until what it was told satisfies `is_enough`.
    pub async fn until(&self, what: &str, is_enough: impl Fn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while !is_enough(self) {
            assert!(
                tokio::time::Instant::now() < deadline,
                "never told: {what}: {:?}",
                self.told()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Is gone from one moment to the next, connections and all.
    pub async fn die(mut self) -> SocketAddr {
        let (addr, runtime) = (self.addr, self.runtime.take().unwrap());
        // Waits for the sockets to be closed, which blocks.
        tokio::task::spawn_blocking(|| runtime.shutdown_timeout(Duration::from_secs(5)))
            .await
            .unwrap();
        addr
    }
}

impl Memory {
    async fn hear(&self, told: Told) -> Result<bool, Status> {
        let (delay, knows) = {
            let mut manners = self.manners.lock().unwrap();
            if manners.busy > 0 {
                manners.busy -= 1;
                return Err(Status::unavailable("busy"));
            }
            let forgets = matches!(told, Told::Heartbeat(_)) && manners.forgets > 0;
            manners.forgets -= usize::from(forgets);
            (manners.delay, !forgets)
        };
        tokio::time::sleep(delay).await;
        self.told.lock().unwrap().push(told);
        Ok(knows)
    }
}

#[tonic::async_trait]
impl SpanService for Memory {
    async fn start_span(
        &self,
        request: Request<v1::StartSpanRequest>,
    ) -> Result<Response<v1::StartSpanResponse>, Status> {
        self.hear(Told::Start(request.into_inner())).await?;
        Ok(Response::new(Default::default()))
    }

    async fn heartbeat(
        &self,
        request: Request<v1::HeartbeatRequest>,
    ) -> Result<Response<v1::HeartbeatResponse>, Status> {
        let known = self.hear(Told::Heartbeat(request.into_inner())).await?;
        Ok(Response::new(v1::HeartbeatResponse { known, ..Default::default() }))
    }

    async fn end_span(
        &self,
        request: Request<v1::EndSpanRequest>,
    ) -> Result<Response<v1::EndSpanResponse>, Status> {
        self.hear(Told::End(request.into_inner())).await?;
        Ok(Response::new(Default::default()))
    }

    async fn store_artifact(
        &self,
        request: Request<v1::StoreArtifactRequest>,
    ) -> Result<Response<v1::StoreArtifactResponse>, Status> {
        self.hear(Told::Artifact(request.into_inner())).await?;
        Ok(Response::new(Default::default()))
    }

    type StreamSpansStream =
        Pin<Box<dyn tokio_stream::Stream<Item = Result<v1::StreamSpansResponse, Status>> + Send>>;

    async fn stream_spans(
        &self,
        request: Request<Streaming<v1::StreamSpansRequest>>,
    ) -> Result<Response<Self::StreamSpansStream>, Status> {
        let breaks = {
            let mut manners = self.manners.lock().unwrap();
            let breaks = manners.breaks > 0;
            manners.breaks -= usize::from(breaks);
            breaks
        };
        let told = Arc::clone(&self.told);
        let mut heard = 0;
        let replies = request.into_inner().map(move |event| {
            let seq = event?.seq;
            heard += 1;
            told.lock().unwrap().push(Told::Streamed(seq));
            if breaks && heard == 3 {
                return Err(Status::unavailable("the stream broke"));
            }
            Ok(v1::StreamSpansResponse { acked_through: seq, ..Default::default() })
        });
        Ok(Response::new(Box::pin(replies)))
    }
}
