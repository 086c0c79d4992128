//! Why an export failed, as both receivers tell it.

use http::StatusCode;
use tonic::{Code, Status};

use crate::{ingest::IngestError, ingress::error::ApiError};

/// Why nothing of an export was acknowledged.
#[derive(Debug)]
pub(super) enum ExportError {
    /// More bytes than one request may have, as sent or decompressed.
    TooLarge {
        /// How many it may have.
        limit_bytes: usize,
    },
    /// The body did not come in time.
    TooSlow,
    /// The body is not what it says that it is. Says what is wrong.
    Malformed(String),
    /// The connection broke before the body was there.
    Cut,
    /// It could not be stored now, or not at all.
    Api(ApiError),
}

impl ExportError {
    /// The gRPC code. OpenTelemetry's clients send again what failed by
    /// UNAVAILABLE, and not what failed by RESOURCE_EXHAUSTED without RetryInfo.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } => Code::ResourceExhausted,
            Self::TooSlow => Code::DeadlineExceeded,
            Self::Malformed(_) => Code::InvalidArgument,
            Self::Cut => Code::Cancelled,
            Self::Api(error) => error.code(),
        }
    }

    /// The same over HTTP.
    pub(super) fn http_status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Malformed(_) | Self::Cut => StatusCode::BAD_REQUEST,
            Self::Api(error) => match error.code() {
                Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    /// What to tell the client.
    pub(super) fn message(&self) -> String {
        match self {
            Self::TooLarge { limit_bytes } => format!(
                "the request is larger than {limit_bytes} bytes, counted after decompression: \
                 export fewer spans at once, or raise --otlp-max-request"
            ),
            Self::TooSlow => {
                "the request's body did not arrive in time: send it at once".to_owned()
            }
            Self::Malformed(problem) => problem.clone(),
            Self::Cut => "the request broke off".to_owned(),
            Self::Api(error) => error.message(),
        }
    }
}

impl From<IngestError> for ExportError {
    fn from(error: IngestError) -> Self {
        Self::Api(error.into())
    }
}

impl From<ExportError> for Status {
    fn from(error: ExportError) -> Self {
        match error {
            // With RetryInfo where a retry helps.
            ExportError::Api(error) => error.into(),
            other => Self::new(other.code(), other.message()),
        }
    }
}
