//! `TraceService/Export` over gRPC, beside livespan's own services.
//!
//! gRPC's framing is read here rather than by tonic, which has a whole message
//! in memory, decompressed, before anything of it can be admitted.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use prost::Message as _;
use tonic::{Code, Status, body::Body, server::NamedService, transport::server::TcpConnectInfo};
use tower::Service;

use super::{
    Encoding, TraceExport,
    error::ExportError,
    inflow::{Coding, Received, next_piece},
};

const ENCODING: &str = "grpc-encoding";
const ACCEPT_ENCODING: &str = "grpc-accept-encoding";
const ACCEPTED: HeaderValue = HeaderValue::from_static("identity,gzip,zstd");

/// Before every message: whether it is compressed, and how long it is.
const PREFIX_BYTES: usize = 5;

/// The service.
#[derive(Clone)]
pub struct TraceServiceServer(Arc<TraceExport>);

impl TraceServiceServer {
    /// Serves exports by `export`.
    #[must_use]
    pub fn new(export: Arc<TraceExport>) -> Self {
        Self(export)
    }
}

impl NamedService for TraceServiceServer {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl Service<Request<Body>> for TraceServiceServer {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let export = Arc::clone(&self.0);
        Box::pin(async move {
            let coding = reply_coding(request.headers());
            let mut response = match answer(&export, request).await {
                Ok(message) => success(&message, coding),
                Err(status) => status.into_http(),
            };
            response.headers_mut().insert(ACCEPT_ENCODING, ACCEPTED);
            Ok(response)
        })
    }
}

async fn answer(export: &Arc<TraceExport>, request: Request<Body>) -> Result<Vec<u8>, Status> {
    let path = request.uri().path();
    if path.rsplit('/').next() != Some("Export") {
        return Err(Status::unimplemented(format!("there is no {path}")));
    }
    let coding = request
        .headers()
        .get(ENCODING)
        .map_or(Some(Coding::Identity), |name| name.to_str().ok().and_then(Coding::from_name));
    let coding = coding.ok_or_else(|| {
        Status::unimplemented("the request's grpc-encoding is not supported: use gzip or zstd")
    })?;
    let peer = request
        .extensions()
        .get::<TcpConnectInfo>()
        .and_then(TcpConnectInfo::remote_addr)
        .map(|peer| peer.ip().to_canonical().to_string());
    let body = request.into_body();
    let request = export.in_time(read_message(export, body, coding)).await?;
    Ok(export.export(request, Encoding::Protobuf, peer).await?.encode_to_vec())
}

/// Reads the one message of a unary call.
async fn read_message(
    export: &TraceExport,
    mut body: Body,
    coding: Coding,
) -> Result<Received, ExportError> {
    let malformed = |problem: &str| ExportError::Malformed(problem.to_owned());
    let mut prefix = BytesMut::with_capacity(PREFIX_BYTES);
    let mut rest = Bytes::new();
    while prefix.len() < PREFIX_BYTES {
        rest = next_piece(&mut body)
            .await?
            .ok_or_else(|| malformed("the call ended before its message"))?;
        let part = rest.split_to(rest.len().min(PREFIX_BYTES - prefix.len()));
        prefix.extend_from_slice(&part);
    }
    let coding = match prefix[0] {
        0 => Coding::Identity,
        1 => coding,
        _ => return Err(malformed("the message's compressed flag is neither 0 nor 1")),
    };
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    let mut inflow = export.inflow(coding, Some(length.into()))?;
    let mut missing = length as usize;
    loop {
        missing = missing
            .checked_sub(rest.len())
            .ok_or_else(|| malformed("there is more than one message in the call"))?;
        inflow.push(&rest)?;
        match next_piece(&mut body).await? {
            Some(piece) => rest = piece,
            None if missing == 0 => return inflow.finish(),
            None => return Err(malformed("the call ended within its message")),
        }
    }
}

/// In which coding the client takes a reply.
fn reply_coding(headers: &HeaderMap) -> Coding {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|names| names.to_str().ok());
    accepted
        .into_iter()
        .flat_map(|names| names.split(','))
        .filter_map(|name| Coding::from_name(name.trim()))
        .find(|coding| *coding != Coding::Identity)
        .unwrap_or(Coding::Identity)
}

fn success(message: &[u8], coding: Coding) -> Response<Body> {
    let compressed =
        coding.compress(message).ok().filter(|compressed| compressed.len() < message.len());
    let (flag, payload) = compressed.as_deref().map_or((0, message), |payload| (1, payload));
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + payload.len());
    frame.put_u8(flag);
    frame.put_u32(u32::try_from(payload.len()).unwrap_or(u32::MAX));
    frame.extend_from_slice(payload);

    let mut trailers = HeaderMap::new();
    trailers.insert(Status::GRPC_STATUS, HeaderValue::from(Code::Ok as i32));
    let body = Full::new(frame.freeze()).with_trailers(async { Some(Ok(trailers)) });
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    if flag == 1 {
        headers.insert(ENCODING, HeaderValue::from_static(coding.name()));
    }
    response
}
