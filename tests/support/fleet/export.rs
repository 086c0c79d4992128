//! An exporter of OpenTelemetry's: batches of spans over gRPC or HTTP, each
//! sent again until the answer is that all of it is stored.

use std::{net::SocketAddr, time::Duration};

use http::uri::PathAndQuery;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tonic::{Request, Status, client::Grpc, transport::Channel};
use uuid::Uuid;

use super::{
    Start, assert_excusable,
    content::{exported, exported_key},
    ledger::Fact,
};

/// How long an answer is waited for, before the same is sent again.
const PATIENCE: Duration = Duration::from_secs(3);

/// How a batch travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Grpc,
    /// One request a connection.
    Http,
}

/// A span in a batch.
#[derive(Debug, Clone, Copy)]
struct Exported {
    run_id: Uuid,
    span_id: u64,
    number: u64,
    ended: bool,
}

pub(crate) struct Exporter {
    with: Start,
    way: Way,
    next_number: u64,
    /// Spans that were exported as they ran.
    running: Vec<Exported>,
    run_id: Uuid,
}

impl Exporter {
    pub(super) fn new(mut with: Start, way: Way) -> Self {
        let run_id = with.random.uuid();
        Self { with, way, next_number: 1, running: Vec::new(), run_id }
    }

    pub(super) async fn run(mut self) {
        let channel = self.with.target.endpoint().connect_lazy();
        while !*self.with.stop.borrow() {
            let batch = self.invent();
            while !self.export(&channel, &batch).await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Whether a new client's spans of eight runs, and so of all lanes, are
    /// stored.
    pub(crate) async fn probes(&mut self) -> bool {
        let batch: Vec<Exported> = (0..8)
            .map(|_| Exported { run_id: self.with.random.uuid(), ..self.next(true) })
            .collect();
        let channel = self.with.target.endpoint().connect_lazy();
        self.export(&channel, &batch).await
    }

    fn next(&mut self, ended: bool) -> Exported {
        let number = self.next_number;
        self.next_number += 1;
        Exported { run_id: self.run_id, span_id: self.with.random.next().max(1), number, ended }
    }

    /// Some that are over, some that run, and the ends of some that ran.
    fn invent(&mut self) -> Vec<Exported> {
        let mut batch: Vec<Exported> =
            self.running.drain(..).map(|span| Exported { ended: true, ..span }).collect();
        for _ in 0..=self.with.random.below(12) {
            if self.with.random.once_in(8) {
                self.run_id = self.with.random.uuid();
            }
            let ended = !self.with.random.once_in(4);
            let span = self.next(ended);
            if !ended {
                self.running.push(span);
            }
            batch.push(span);
        }
        batch
    }

    /// Whether the answer was that everything is stored.
    async fn export(&mut self, channel: &Channel, batch: &[Exported]) -> bool {
        let facts: Vec<_> = batch
            .iter()
            .flat_map(|span| {
                let key = exported_key(span.run_id, span.span_id);
                let end = span.ended.then(|| (key.clone(), span.number, Fact::End));
                std::iter::once((key, span.number, Fact::Start)).chain(end)
            })
            .collect();
        for (key, number, fact) in &facts {
            self.with.ledger.sends(key, *number, *fact);
        }
        let spans = batch
            .iter()
            .map(|span| exported(span.run_id, span.span_id, span.number, span.ended))
            .collect();
        let request = request(spans);
        let answered = match self.way {
            Way::Grpc => timeout(PATIENCE, call(channel, request)).await.ok().flatten(),
            Way::Http => {
                let json = self.with.random.once_in(2);
                let to = self.with.target.otlp_http;
                timeout(PATIENCE, post(to, &request, json)).await.ok().flatten()
            }
        };
        let Some(answer) = answered else { return false };
        assert_eq!(answer.partial_success, None, "all of it is right");
        self.with.ledger.enter(facts.iter().map(|(key, number, fact)| (key, *number, *fact)));
        true
    }
}

pub(crate) fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }],
    }
}

/// None where there was no answer, or none yet.
pub(crate) async fn call(
    channel: &Channel,
    request: ExportTraceServiceRequest,
) -> Option<ExportTraceServiceResponse> {
    match call_once(channel, request).await {
        Ok(answer) => Some(answer),
        Err(status) => {
            assert_excusable(&status);
            None
        }
    }
}

async fn call_once(
    channel: &Channel,
    request: ExportTraceServiceRequest,
) -> Result<ExportTraceServiceResponse, Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let codec = tonic_prost::ProstCodec::default();
    let path = PathAndQuery::from_static(path);
    grpc.unary(Request::new(request), path, codec).await.map(tonic::Response::into_inner)
}

/// None where there was no whole answer, or none yet.
pub(crate) async fn post(
    to: SocketAddr,
    request: &ExportTraceServiceRequest,
    json: bool,
) -> Option<ExportTraceServiceResponse> {
    let (content_type, body) = if json {
        ("application/json", serde_json::to_vec(request).expect("json"))
    } else {
        ("application/x-protobuf", request.encode_to_vec())
    };
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\
         Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = TcpStream::connect(to).await.ok()?;
    connection.write_all(&[head.as_bytes(), &body].concat()).await.ok()?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (std::str::from_utf8(&answer[..end]).ok()?, &answer[end + 4..]);
    let status: u16 = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    })?;
    if body.len() < length || status == 503 {
        return None;
    }
    assert_eq!(status, 200, "{head}");
    Some(if json {
        serde_json::from_slice(body).expect("an answer")
    } else {
        ExportTraceServiceResponse::decode(body).expect("an answer")
    })
}
