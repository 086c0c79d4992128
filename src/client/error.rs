//! What a failed call means to the person who typed the command.

use std::{error::Error, io, time::Duration};

use tonic::{Code, Status};

use super::CollectorUrl;

/// Why a question has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError {
    /// Nobody listens there.
    #[error(
        "no collector at {url}: start one with `livespan serve`, or name it with --server or LIVESPAN_SERVER"
    )]
    Unreachable {
        /// Where it was looked for.
        url: CollectorUrl,
    },
    /// Somebody listens there, and says nothing.
    #[error(
        "no answer from {url} within {timeout:?}: is it a collector? --timeout gives it longer"
    )]
    NoAnswer {
        /// Where it was looked for.
        url: CollectorUrl,
        /// How long it was given.
        timeout: Duration,
    },
    /// The connection broke, or what answers speaks another protocol.
    #[error("the connection to {url} failed: is it a collector's gRPC address? ({cause})")]
    Broken {
        /// Where it was looked for.
        url: CollectorUrl,
        /// What the connection's end said.
        cause: String,
    },
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// The question makes no sense to the collector.
    #[error("{0}")]
    Invalid(String),
    /// The collector cannot answer now, or at all.
    #[error("the collector at {url} answered {}: {message}", code_name(*code))]
    Refused {
        /// Which collector.
        url: CollectorUrl,
        /// The gRPC code.
        code: Code,
        /// What it said.
        message: String,
    },
}

impl AskError {
    /// Reads what tonic makes of a failed call.
    #[must_use]
    pub fn from_status(url: &CollectorUrl, status: &Status) -> Self {
        let (url, message) = (url.clone(), status.message().to_owned());
        if is_unreachable(status) {
            return Self::Unreachable { url };
        }
        // A status that the server sent has no source; one that tonic made of
        // a broken connection does.
        if let Some(source) = status.source() {
            return Self::Broken { url, cause: root_cause(source).to_string() };
        }
        match status.code() {
            Code::NotFound => Self::NotFound(message),
            Code::InvalidArgument | Code::OutOfRange => Self::Invalid(message),
            code => Self::Refused { url, code, message },
        }
    }

    /// Whether the collector said so itself, and not only the way to it.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        match self {
            Self::NotFound(_) | Self::Invalid(_) | Self::Refused { .. } => true,
            Self::Unreachable { .. } | Self::NoAnswer { .. } | Self::Broken { .. } => false,
        }
    }
}

/// Whether a call failed because nobody listens at the address, or there is no
/// way there: what a retry in the next second won't change.
#[must_use]
pub fn is_unreachable(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return match io.kind() {
                io::ErrorKind::ConnectionRefused
                | io::ErrorKind::NotFound
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::NetworkDown
                | io::ErrorKind::AddrNotAvailable => true,
                // What a name that does not resolve comes as.
                _ => io.to_string().contains("lookup address"),
            };
        }
        // hyper's connector names a failed lookup "dns error", and keeps an io
        // error of no certain kind beneath it.
        if error.to_string() == "dns error" {
            return true;
        }
        cause = error.source();
    }
    false
}

fn root_cause<'a>(mut error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

/// The code as gRPC spells it.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_servers_own_status_is_no_broken_connection() {
        let url: CollectorUrl = "localhost:1".parse().unwrap();
        let error = AskError::from_status(&url, &Status::unavailable("busy"));
        assert_eq!(
            error.to_string(),
            "the collector at http://localhost:1 answered UNAVAILABLE: busy"
        );
        let error = AskError::from_status(&url, &Status::not_found("no such run"));
        assert!(matches!(error, AskError::NotFound(text) if text == "no such run"));
    }
}
