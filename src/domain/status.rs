//! Where a span stands.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How a span ended. A terminal state is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EndStatus {
    /// Well.
    Success,
    /// With an error.
    Failed,
    /// Because somebody asked for it.
    Cancelled,
}

impl EndStatus {
    /// As it is spelled in proto, JSON, SQL and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// Where a span, or a run, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Started, or first heard of, and not ended.
    Running,
    /// Over.
    Ended(EndStatus),
}

impl Status {
    /// As it is spelled in proto, JSON, SQL and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Ended(end) => end.as_str(),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a status: RUNNING, SUCCESS, FAILED or CANCELLED")]
pub struct UnknownStatus;

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Ok(match text {
            "RUNNING" => Self::Running,
            "SUCCESS" => Self::Ended(EndStatus::Success),
            "FAILED" => Self::Ended(EndStatus::Failed),
            "CANCELLED" => Self::Ended(EndStatus::Cancelled),
            _ => return Err(UnknownStatus),
        })
    }
}
