//! Exporters by hand: requests as they are on the wire, and answers likewise.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    io::{Read as _, Write as _},
    net::SocketAddr,
    time::Duration,
};

use bytes::Bytes;
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
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, CompressionEncoding},
    transport::Channel,
};

use crate::support::raw_codec::RawCodec;

pub const PROTOBUF: &str = "application/x-protobuf";
pub const JSON: &str = "application/json";

/// No answer takes longer than this, not on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A span from 1,000 s to 1,001 s after 1970; `trace` and `id` fill its ids.
pub fn span(trace: u64, id: u64) -> Span {
    Span {
        trace_id: [[7; 8], trace.to_be_bytes()].concat(),
        span_id: id.to_be_bytes().to_vec(),
        name: "fetch".to_owned(),
        start_time_unix_nano: 1_000_000_000_000,
        end_time_unix_nano: 1_001_000_000_000,
        ..Span::default()
    }
}

/// The same, and it has not ended.
pub fn unfinished(trace: u64, id: u64) -> Span {
    Span { end_time_unix_nano: 0, ..span(trace, id) }
}

/// The run that [`span`]s of `trace` are in.
pub fn run_id(trace: u64) -> uuid::Uuid {
    uuid::Uuid::from_u64_pair(u64::from_be_bytes([7; 8]), trace)
}

pub fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }],
    }
}

pub fn body(spans: Vec<Span>) -> Vec<u8> {
    request(spans).encode_to_vec()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 1).unwrap()
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), Some(JSON), "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn response(&self) -> ExportTraceServiceResponse {
        assert_eq!((self.status, self.header("content-type")), (200, Some(PROTOBUF)), "{self:?}");
        ExportTraceServiceResponse::decode(&*self.body).unwrap()
    }

    /// The error, which has to be in the request's content type.
    pub fn error(&self) -> tonic_types::Status {
        match self.header("content-type") {
            Some(PROTOBUF) => tonic_types::Status::decode(&*self.body).unwrap(),
            Some(JSON) => {
                let document = self.json();
                tonic_types::Status {
                    code: document["code"].as_i64().unwrap().try_into().unwrap(),
                    message: document["message"].as_str().unwrap().to_owned(),
                    details: Vec::new(),
                }
            }
            other => panic!("an error in {other:?}"),
        }
    }
}

/// A POST of `body` to `/v1/traces`, with more header fields.
pub async fn post(to: SocketAddr, content_type: &str, more: &[&str], body: &[u8]) -> Reply {
    let mut head = vec![format!("Content-Type: {content_type}")];
    head.push(format!("Content-Length: {}", body.len()));
    head.extend(more.iter().map(|line| (*line).to_owned()));
    send(to, "POST /v1/traces", &head, body).await
}

/// Any request.
pub async fn send(to: SocketAddr, line: &str, head: &[String], body: &[u8]) -> Reply {
    let mut connection = open(to, line, head).await;
    // A server that has answered may read no more.
    let _ = connection.write_all(body).await;
    read_reply(connection).await
}

/// A request whose body is still to be sent.
pub async fn open(to: SocketAddr, line: &str, head: &[String]) -> TcpStream {
    let mut connection = TcpStream::connect(to).await.unwrap();
    let head: String = head.iter().map(|line| format!("{line}\r\n")).collect();
    let head = format!("{line} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n{head}\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
    connection
}

pub async fn read_reply(mut connection: TcpStream) -> Reply {
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, connection.read_to_end(&mut bytes)).await.expect("an answer");
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {read:?} {bytes:?}"));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    Reply { status, head, body: bytes.split_off(end + 4) }
}

/// An export over gRPC, as a client that was compiled from the proto files.
pub async fn export(
    channel: &Channel,
    request: ExportTraceServiceRequest,
    compression: Option<CompressionEncoding>,
) -> Result<ExportTraceServiceResponse, Status> {
    let mut grpc = Grpc::new(channel.clone());
    if let Some(compression) = compression {
        grpc = grpc.send_compressed(compression).accept_compressed(compression);
    }
    let codec = tonic_prost::ProstCodec::default();
    call(grpc, "trace.v1.TraceService", Request::new(request), codec).await
}

/// The same with bytes as they are.
pub async fn export_raw(channel: &Channel, bytes: Vec<u8>) -> Result<Bytes, Status> {
    call(Grpc::new(channel.clone()), "trace.v1.TraceService", Request::new(bytes), RawCodec).await
}

/// A call with as many messages as there are in the stream.
pub async fn export_stream<S>(channel: &Channel, messages: S) -> Result<Bytes, Status>
where
    S: tokio_stream::Stream<Item = Vec<u8>> + Send + 'static,
{
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.expect("ready");
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    grpc.client_streaming(Request::new(messages), PathAndQuery::from_static(path), RawCodec)
        .await
        .map(tonic::Response::into_inner)
}

/// An export of another signal.
pub async fn export_to(channel: &Channel, service: &str) -> Result<Bytes, Status> {
    call(Grpc::new(channel.clone()), service, Request::new(Vec::new()), RawCodec).await
}

async fn call<C: Codec>(
    mut grpc: Grpc<Channel>,
    service: &str,
    request: Request<C::Encode>,
    codec: C,
) -> Result<C::Decode, Status>
where
    C::Encode: Send + Sync + 'static,
    C::Decode: Send + Sync + 'static,
{
    grpc.ready().await.expect("ready");
    let path = format!("/opentelemetry.proto.collector.{service}/Export");
    let path: PathAndQuery = path.parse().unwrap();
    grpc.unary(request, path, codec).await.map(tonic::Response::into_inner)
}
