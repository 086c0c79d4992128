//! `POST /v1/traces`: protobuf or JSON in, the same out.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, VARY,
    },
};
use http_body::Body;
use http_body_util::Full;
use prost::Message as _;
use tonic::Code;

use super::{
    Encoding, TraceExport,
    error::ExportError,
    inflow::{Coding, Received, next_piece},
    reply::status_json,
};

/// When a client that was turned away may come again, in seconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// An answer that is no success.
struct Refusal {
    status: StatusCode,
    code: Code,
    message: String,
    /// Whether another Content-Encoding would have been taken. Only then may the
    /// answer name those that are: a client tells by that which of the two kinds
    /// of unsupported media it has sent (RFC 9110, 12.5.3).
    is_of_coding: bool,
}

impl Refusal {
    fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), is_of_coding: false }
    }
}

impl From<ExportError> for Refusal {
    fn from(error: ExportError) -> Self {
        Self::new(error.http_status(), error.code(), error.message())
    }
}

/// Answers a request of the host `peer`.
pub(super) async fn answer<B>(
    export: Arc<TraceExport>,
    request: Request<B>,
    peer: IpAddr,
) -> Response<Full<Bytes>>
where
    B: Body<Data = Bytes> + Unpin + Send + 'static,
{
    let encoding = encoding(request.headers());
    let reply_encoding = encoding.unwrap_or(Encoding::Json);
    let reply_coding = reply_coding(request.headers());
    let answered = take(&export, request, encoding, peer).await;
    let (status, body, is_of_coding) = match answered {
        Ok(body) => (StatusCode::OK, body, false),
        Err(refusal) => {
            let status = tonic_types::Status {
                code: refusal.code as i32,
                message: refusal.message,
                details: Vec::new(),
            };
            let body = match reply_encoding {
                Encoding::Protobuf => status.encode_to_vec(),
                Encoding::Json => status_json(&status),
            };
            (refusal.status, body, refusal.is_of_coding)
        }
    };
    let mut response = response(status, body, reply_encoding, reply_coding);
    if is_of_coding {
        response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd"));
    }
    response
}

async fn take<B>(
    export: &Arc<TraceExport>,
    request: Request<B>,
    encoding: Option<Encoding>,
    peer: IpAddr,
) -> Result<Vec<u8>, Refusal>
where
    B: Body<Data = Bytes> + Unpin + Send + 'static,
{
    let (head, mut body) = request.into_parts();
    let read = async {
        if head.uri.path() != "/v1/traces" {
            let message = format!(
                "there is no {}: livespan takes traces, by POST to /v1/traces",
                head.uri.path()
            );
            return Err(Refusal::new(StatusCode::NOT_FOUND, Code::NotFound, message));
        }
        if head.method != Method::POST {
            let message = format!("{} is not allowed on /v1/traces: send POST", head.method);
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::Unimplemented, message));
        }
        let unsupported = |message: &str| {
            Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument, message)
        };
        let encoding = encoding.ok_or_else(|| {
            unsupported("the Content-Type is neither application/x-protobuf nor application/json")
        })?;
        let coding = request_coding(&head.headers).ok_or_else(|| Refusal {
            is_of_coding: true,
            ..unsupported("the Content-Encoding is not supported: use gzip, zstd or identity")
        })?;
        let received = export.in_time(read_body(export, &mut body, coding)).await?;
        Ok((received, encoding))
    };
    let (received, encoding) = read.await?;
    let peer = peer.to_canonical().to_string();
    let reply = export.export(received, encoding, Some(peer)).await?;
    Ok(match encoding {
        Encoding::Protobuf => reply.encode_to_vec(),
        Encoding::Json => reply.to_json(),
    })
}

async fn read_body<B>(
    export: &TraceExport,
    body: &mut B,
    coding: Coding,
) -> Result<Received, ExportError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut inflow = export.inflow(coding, body.size_hint().exact())?;
    while let Some(piece) = next_piece(body).await? {
        inflow.push(&piece)?;
    }
    inflow.finish()
}

/// How the request's body is written; none where livespan can't read it.
fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = value.split(';').next()?.trim();
    if media_type.eq_ignore_ascii_case("application/x-protobuf") {
        Some(Encoding::Protobuf)
    } else if media_type.eq_ignore_ascii_case("application/json") {
        Some(Encoding::Json)
    } else {
        None
    }
}

fn request_coding(headers: &HeaderMap) -> Option<Coding> {
    let mut names = headers.get_all(CONTENT_ENCODING).iter();
    let name = names.next().map_or(Some(""), |name| name.to_str().ok())?;
    if names.next().is_some() {
        return None;
    }
    Coding::from_name(name.trim())
}

/// The first coding that the client takes and livespan writes.
fn reply_coding(headers: &HeaderMap) -> Coding {
    headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|offer| {
            let mut parts = offer.split(';').map(str::trim);
            let coding = Coding::from_name(parts.next()?)?;
            let refused = parts
                .filter_map(|parameter| parameter.strip_prefix("q="))
                .any(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0));
            (!refused && coding != Coding::Identity).then_some(coding)
        })
        .next()
        .unwrap_or(Coding::Identity)
}

fn response(
    status: StatusCode,
    body: Vec<u8>,
    encoding: Encoding,
    coding: Coding,
) -> Response<Full<Bytes>> {
    // Most answers are of a few bytes, which any coding only makes longer.
    let compressed = Some(coding)
        .filter(|coding| *coding != Coding::Identity)
        .and_then(|coding| coding.compress(&body).ok())
        .filter(|compressed| compressed.len() < body.len());
    let is_compressed = compressed.is_some();
    let body = compressed.unwrap_or(body);
    let length = body.len();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let content_type = match encoding {
        Encoding::Protobuf => "application/x-protobuf",
        Encoding::Json => "application/json",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if is_compressed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        _ => {}
    }
    response
}
