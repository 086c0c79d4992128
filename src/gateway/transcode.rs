//! From an HTTP request to a message, and from a reply to JSON. The generated
//! routes consist of these steps.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts as _, RawPathParams, Request},
    response::Response,
};
use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE},
    request::Parts,
};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::error::Category;
use tokio::time::timeout;
use tonic::{Code, metadata::MetadataMap, transport::server::TcpConnectInfo};

use super::{
    error::{Refusal, said_by_serde},
    query_string,
};
use crate::{http_listener::Ends, telemetry::Chain};

/// The longest body: an artifact of 4 MiB as base64, with what is said about it.
const MAX_BODY_BYTES: usize = 6 * 1024 * 1024;

/// How long a body may take to come.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// A request to an rpc.
pub(super) struct Call {
    head: Parts,
    /// The fields that stand in the path.
    segments: Vec<(String, String)>,
    body: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Call {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let (mut head, body) = request.into_parts();
        let segments = RawPathParams::from_request_parts(&mut head, state).await.map_err(|_| {
            let message = "the path holds bytes that are not UTF-8, percent-encoded";
            Refusal::http(StatusCode::BAD_REQUEST, Code::InvalidArgument, message)
        })?;
        let segments =
            segments.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        // A body without a meaning is not read.
        let body = if head.method.is_safe() { Bytes::new() } else { read_body(body).await? };
        Ok(Self { head, segments, body })
    }
}

impl Call {
    /// The message whose fields are the query's parameters.
    pub(super) fn query<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        query_string::read(self.head.uri.query().unwrap_or_default())
            .map_err(|error| Refusal::invalid(&error.parameter, &error.problem))
    }

    /// The message that the body holds as JSON; an empty one where there is none.
    pub(super) fn body<T: DeserializeOwned + Default>(&self) -> Result<T, Refusal> {
        if let Some(query) = self.head.uri.query().filter(|query| !query.is_empty()) {
            let name = query.split(['=', '&']).next().unwrap_or_default();
            return Err(Refusal::invalid(name, "is no parameter here: put it into the body"));
        }
        check_type(&self.head.headers, self.body.is_empty())?;
        if self.body.is_empty() {
            return Ok(T::default());
        }
        let mut json = serde_json::Deserializer::from_slice(&self.body);
        let message = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let field = if path == "." { "" } else { path.as_str() };
            Refusal::invalid(field, &problem_of(error.inner()))
        })?;
        json.end().map_err(|error| Refusal::invalid("", &problem_of(&error)))?;
        Ok(message)
    }

    /// Puts the path's segment `name` into its field, unless the rest of the
    /// request says something else.
    pub(super) fn place(&mut self, name: &str, field: &mut String) -> Result<(), Refusal> {
        let segment = self.segments.iter_mut().find(|(known, _)| known == name);
        let segment = segment.map(|(_, value)| std::mem::take(value)).unwrap_or_default();
        if !field.is_empty() && *field != segment {
            return Err(Refusal::invalid(name, "is another one in the path: leave it out here"));
        }
        *field = segment;
        Ok(())
    }

    /// The call as gRPC would make it: the headers are its metadata.
    pub(super) fn request<T>(self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        *request.metadata_mut() = MetadataMap::from_headers(self.head.headers);
        if let Some(ends) = self.head.extensions.get::<Ends>() {
            request.extensions_mut().insert(TcpConnectInfo {
                local_addr: Some(ends.local),
                remote_addr: Some(ends.peer),
            });
        }
        request
    }
}

/// A reply, or a field of one, as the answer.
pub(super) fn answer<T: Serialize>(reply: &T) -> Result<Response, Refusal> {
    let json = serde_json::to_vec(reply).map_err(|error| {
        tracing::error!(cause = %Chain(&error), "an answer can't be written as JSON");
        Refusal::from(tonic::Status::internal("the server failed to answer; its log says why"))
    })?;
    let mut response = Response::new(Body::from(json));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // What was true a moment ago is asked again.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Only JSON is read, and no body but an empty one comes without saying so: what a
/// page of another site can send without asking is of another type.
fn check_type(headers: &HeaderMap, is_empty: bool) -> Result<(), Refusal> {
    let unsupported =
        |message| Refusal::http(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument, message);
    let is_coded = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().any(is_coded) {
        return Err(unsupported("the body is compressed: send it as it is"));
    }
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return if is_empty {
            Ok(())
        } else {
            Err(unsupported("send Content-Type: application/json"))
        };
    };
    let media_type = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    if media_type.trim().eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(unsupported(
            "the body is of another type: send JSON, with Content-Type: application/json",
        ))
    }
}

/// Where in the body a mistake is helps with JSON that is none; else the field is
/// named.
fn problem_of(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match error.classify() {
        Category::Data => said_by_serde(said.strip_suffix(&place).unwrap_or(&said)),
        Category::Io | Category::Syntax | Category::Eof => {
            format!("the body is no JSON as it is read here: {said}")
        }
    }
}

async fn read_body(body: Body) -> Result<Bytes, Refusal> {
    match timeout(BODY_TIMEOUT, collect(body)).await {
        Ok(read) => read,
        Err(_) => {
            let message = "the body took too long to come: send it again";
            Err(Refusal::http(StatusCode::REQUEST_TIMEOUT, Code::DeadlineExceeded, message))
        }
    }
}

async fn collect(mut body: Body) -> Result<Bytes, Refusal> {
    let too_long = || {
        let message = format!(
            "the body is longer than {MAX_BODY_BYTES} bytes: send less, or a file as an upload"
        );
        Refusal::http(StatusCode::PAYLOAD_TOO_LARGE, Code::ResourceExhausted, message)
    };
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        return Err(too_long());
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            let message = "the body broke off: send it again";
            Refusal::http(StatusCode::BAD_REQUEST, Code::InvalidArgument, message)
        })?;
        let Ok(piece) = frame.into_data() else { continue };
        if whole.len() + piece.len() > MAX_BODY_BYTES {
            return Err(too_long());
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}
