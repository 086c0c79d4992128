//! What is answered where the answer is no success, and the one table of HTTP
//! codes.
//!
//! The body is a `google.rpc.Status` as JSON, with one field more: `error`, a text
//! to show. It is the message, but for a thing that does not exist: there it says
//! what, as `Run not found`.

use std::time::Duration;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, Method, StatusCode, Uri,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// How much of a path an answer repeats.
const SHOWN_PATH_BYTES: usize = 200;

/// A request that is not answered as it hoped.
#[derive(Debug)]
pub(super) struct Refusal {
    http: StatusCode,
    status: Status,
}

impl Refusal {
    /// What only HTTP knows: wrong methods, types, lengths.
    pub(super) fn http(http: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self { http, status: Status::new(code, message) }
    }

    /// A field, or a parameter of the query, is wrong.
    pub(super) fn invalid(field: &str, problem: &str) -> Self {
        let message =
            if field.is_empty() { problem.to_owned() } else { format!("{field}: {problem}") };
        let details = ErrorDetails::with_bad_request_violation(field, problem);
        Status::with_error_details(Code::InvalidArgument, message, details).into()
    }
}

/// What serde says of a message, without the second spelling of every field, in
/// lowerCamelCase, that it lists too.
pub(super) fn said_by_serde(problem: &str) -> String {
    let Some((_, known)) = problem.strip_prefix("unknown field ").and_then(|rest| {
        rest.split_once(", expected ").or_else(|| rest.split_once(", there are "))
    }) else {
        return problem.to_owned();
    };
    let names: Vec<_> = known
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| !name.contains(|c: char| c.is_ascii_uppercase()))
        .collect();
    if names.is_empty() {
        return "is not known here: there are no fields to send".to_owned();
    }
    format!("is not known here: the fields are {}", names.join(", "))
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self { http: http_status(status.code()), status }
    }
}

/// The HTTP code of a gRPC code, as `google/rpc/code.proto` has it.
fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Aborted | Code::AlreadyExists => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        // Has no name in HTTP: the client closed its request.
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let details = self.status.get_error_details();
        let mut response = Response::new(Body::from(document(&self.status, &details).to_string()));
        *response.status_mut() = self.http;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let delay = details.retry_info().and_then(|info| info.retry_delay);
        if let Some(delay) = delay {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(delay)));
        }
        response
    }
}

fn document(status: &Status, details: &ErrorDetails) -> Value {
    let error = details.resource_info().map_or_else(
        || status.message().to_owned(),
        |resource| format!("{} not found", resource.resource_type),
    );
    json!({
        "error": error,
        "code": status.code() as i32,
        "message": status.message(),
        "details": shown_details(details),
    })
}

/// The details as protobuf's JSON mapping has a `google.protobuf.Any`, with the
/// names of the proto.
fn shown_details(details: &ErrorDetails) -> Vec<Value> {
    let mut shown = Vec::new();
    if let Some(request) = details.bad_request() {
        let violations: Vec<_> = request
            .field_violations
            .iter()
            .map(|violation| {
                json!({ "field": violation.field, "description": violation.description })
            })
            .collect();
        shown.push(json!({
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "field_violations": violations,
        }));
    }
    if let Some(delay) = details.retry_info().and_then(|info| info.retry_delay) {
        shown.push(json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retry_delay": format!("{}s", delay.as_secs_f64()),
        }));
    }
    if let Some(resource) = details.resource_info() {
        shown.push(json!({
            "@type": "type.googleapis.com/google.rpc.ResourceInfo",
            "resource_type": resource.resource_type,
            "resource_name": resource.resource_name,
            "description": resource.description,
        }));
    }
    shown
}

/// Rounded up: a client that comes too early is turned away again.
fn whole_seconds(delay: Duration) -> u64 {
    delay.as_secs() + u64::from(delay.subsec_nanos() > 0)
}

/// Nothing is there.
pub(super) async fn no_such_route(method: Method, uri: Uri) -> Refusal {
    let path = shown_path(&uri);
    let message = format!("there is no {method} {path}: GET /api/openapi.json lists what there is");
    Refusal::http(StatusCode::NOT_FOUND, Code::NotFound, message)
}

/// Something is there, for another method. The router says which, in `Allow`.
pub(super) async fn wrong_method(method: Method, uri: Uri) -> Refusal {
    let path = shown_path(&uri);
    let message = format!("{method} is not allowed on {path}: the header Allow says what is");
    Refusal::http(StatusCode::METHOD_NOT_ALLOWED, Code::Unimplemented, message)
}

fn shown_path(uri: &Uri) -> String {
    let path = uri.path();
    if path.len() <= SHOWN_PATH_BYTES {
        return path.to_owned();
    }
    format!("{}…", &path[..path.floor_char_boundary(SHOWN_PATH_BYTES)])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http_body_util::BodyExt as _;

    use super::*;

    async fn answered(refusal: impl Into<Refusal>) -> (u16, Option<String>, Value) {
        let response = refusal.into().into_response();
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, retry_after, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn every_code_has_its_status() {
        for (code, http) in [
            (Code::Cancelled, 499),
            (Code::Unknown, 500),
            (Code::InvalidArgument, 400),
            (Code::DeadlineExceeded, 504),
            (Code::NotFound, 404),
            (Code::AlreadyExists, 409),
            (Code::PermissionDenied, 403),
            (Code::ResourceExhausted, 429),
            (Code::FailedPrecondition, 400),
            (Code::Aborted, 409),
            (Code::OutOfRange, 400),
            (Code::Unimplemented, 501),
            (Code::Internal, 500),
            (Code::Unavailable, 503),
            (Code::DataLoss, 500),
            (Code::Unauthenticated, 401),
        ] {
            let (status, retry_after, body) = answered(Status::new(code, "it failed")).await;
            assert_eq!((status, retry_after), (http, None), "{code:?}");
            let expected = json!({
                "error": "it failed", "code": code as i32, "message": "it failed", "details": [],
            });
            assert_eq!(body, expected);
        }
    }

    #[tokio::test]
    async fn details_are_told_as_json() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("window", "is too long");
        details.add_bad_request_violation("agent", "is too long as well");
        details.set_retry_info(Some(Duration::from_millis(1_500)));
        details.set_resource_info("Run", "run-1", "", "check the id");
        let status = Status::with_error_details(Code::Unavailable, "many things", details);
        let (_, retry_after, body) = answered(status).await;
        // In whole seconds, and never too early.
        assert_eq!(retry_after.as_deref(), Some("2"));
        let expected = json!({
            "error": "Run not found",
            "code": 14,
            "message": "many things",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.BadRequest",
                    "field_violations": [
                        {"field": "window", "description": "is too long"},
                        {"field": "agent", "description": "is too long as well"},
                    ],
                },
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retry_delay": "1.5s"},
                {
                    "@type": "type.googleapis.com/google.rpc.ResourceInfo",
                    "resource_type": "Run",
                    "resource_name": "run-1",
                    "description": "check the id",
                },
            ],
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn an_unknown_field_is_told_with_the_names_of_the_proto() {
        let told = "unknown field `a`, expected one of `runId`, `run_id`, `layer`";
        assert_eq!(said_by_serde(told), "is not known here: the fields are run_id, layer");
        let told = "unknown field `a`, expected `pageSize` or `page_size`";
        assert_eq!(said_by_serde(told), "is not known here: the fields are page_size");
        let told = "unknown field `a`, there are no fields";
        assert_eq!(said_by_serde(told), "is not known here: there are no fields to send");
        assert_eq!(said_by_serde("anything else"), "anything else");
    }
}
