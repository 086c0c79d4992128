//! The one way in which a request fails, and the one table of gRPC codes.
//!
//! A message tells the client what to change. What went wrong inside goes to
//! the log, once, and never to the client.

use std::{error::Error, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{ingest::IngestError, storage::StorageError, telemetry::Chain};

/// After how long a client that was turned away may try again.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Why a request failed.
#[derive(Debug)]
pub enum ApiError {
    /// Fields of the request are wrong.
    Invalid(Vec<Violation>),
    /// What was asked for does not exist.
    NotFound {
        /// What it would be, to begin a sentence with: `Run`.
        kind: &'static str,
        /// Which one, as it was asked for.
        name: String,
        /// What to do.
        message: String,
    },
    /// The server cannot take it now. Trying again helps.
    Unavailable(&'static str),
    /// The question takes longer than questions may.
    TooSlow,
    /// A mistake of the server's, already logged.
    Internal,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field's name in the proto, with the way into it: `input.a[3]`.
    pub field: String,
    /// What is wrong with it, and what to send instead.
    pub problem: String,
}

impl ApiError {
    /// One field is wrong.
    #[must_use]
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation { field: field.into(), problem: problem.into() }])
    }

    /// There is no such thing.
    #[must_use]
    pub fn not_found(
        kind: &'static str,
        name: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::NotFound { kind, name: name.into(), message: message.into() }
    }

    /// A mistake of the server's: its cause is logged here.
    #[must_use]
    pub fn internal(cause: &dyn Error) -> Self {
        tracing::error!(cause = %Chain(cause), "request failed");
        Self::Internal
    }

    /// The gRPC code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::InvalidArgument,
            Self::NotFound { .. } => Code::NotFound,
            Self::Unavailable(_) => Code::Unavailable,
            Self::TooSlow => Code::DeadlineExceeded,
            Self::Internal => Code::Internal,
        }
    }

    /// What to tell the client.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Invalid(violations) => {
                let mut lines = violations.iter().map(|v| format!("{}: {}", v.field, v.problem));
                lines.next().map_or_else(String::new, |first| {
                    lines.fold(first, |all, line| all + "; " + &line)
                })
            }
            Self::NotFound { message, .. } => message.clone(),
            Self::Unavailable(message) => (*message).to_owned(),
            Self::TooSlow => {
                "the question took too long to answer: narrow it by a filter or a shorter window"
                    .to_owned()
            }
            Self::Internal => "the server failed to answer; its log says why".to_owned(),
        }
    }
}

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        let mut details = ErrorDetails::new();
        match &error {
            ApiError::Invalid(violations) => {
                for violation in violations {
                    details.add_bad_request_violation(&violation.field, &violation.problem);
                }
            }
            ApiError::Unavailable(_) => {
                details.set_retry_info(Some(RETRY_DELAY));
            }
            ApiError::NotFound { kind, name, message } => {
                details.set_resource_info(*kind, name, "", message);
            }
            ApiError::TooSlow | ApiError::Internal => {}
        }
        Self::with_error_details(error.code(), error.message(), details)
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(cause) => {
                tracing::warn!(cause = %Chain(&cause), "database is not available");
                Self::Unavailable("the database is not available; try again")
            }
            StorageError::TooSlow(cause) => {
                tracing::warn!(cause = %Chain(&cause), "question took too long");
                Self::TooSlow
            }
            StorageError::Serialization(cause) => {
                tracing::warn!(cause = %Chain(&cause), "transaction lost against another");
                Self::Unavailable("the database is busy; try again")
            }
            other => Self::internal(&other),
        }
    }
}

impl From<IngestError> for ApiError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Overloaded => {
                Self::Unavailable("the server has more to store than it can carry; try again")
            }
            IngestError::DatabaseAway => Self::Unavailable(
                "the database is not available; nothing was acknowledged; try again",
            ),
            IngestError::ShuttingDown => {
                Self::Unavailable("the server is shutting down; send it again to the next one")
            }
            // The lane has logged the cause.
            IngestError::Internal => Self::Internal,
        }
    }
}

/// Several checks whose complaints are told at once.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Notes a complaint.
    pub fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Violation { field: field.into(), problem: problem.into() });
    }

    /// Takes the value of a check, or notes its complaint about `field`.
    pub fn take<T, E: ToString>(&mut self, field: &str, checked: Result<T, E>) -> Option<T> {
        checked.map_err(|problem| self.add(field, problem.to_string())).ok()
    }

    /// Fails where there was a complaint.
    ///
    /// # Errors
    ///
    /// [`ApiError::Invalid`] with all of them.
    pub fn check(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::Invalid(self.0)) }
    }
}
