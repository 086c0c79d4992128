//! The kind of a failure: the one word that tells an operator, or a retry
//! loop, whether trying again is worth it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a span failed, as far as a retry is concerned.
///
/// Spelled the same in the proto, in JSON, in SQL and on the command line:
/// upper case, without a prefix. `Unknown` is the proto's zero value.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum ReasonKind {
    /// Nothing is known: nobody said, and no evidence was recognised.
    #[default]
    Unknown,
    /// Passes by itself: the same attempt, made later, may succeed.
    Transient,
    /// Repeats itself: the same attempt fails again until its input changes.
    Persistent,
    /// Something ran out: memory, disk, file handles, quota.
    Resource,
    /// Somebody has to change a setting, a credential or a permission.
    Config,
}

impl ReasonKind {
    /// Every kind, in the order of the proto's numbers.
    pub const ALL: [Self; 5] =
        [Self::Unknown, Self::Transient, Self::Persistent, Self::Resource, Self::Config];

    /// The spelling shared by proto, JSON, SQL and CLI.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Transient => "TRANSIENT",
            Self::Persistent => "PERSISTENT",
            Self::Resource => "RESOURCE",
            Self::Config => "CONFIG",
        }
    }
}

impl fmt::Display for ReasonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad`, not `write_str`: tables on a terminal give a width.
        f.pad(self.as_str())
    }
}

/// A text that names no [`ReasonKind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownReasonKind(String);

impl fmt::Display for UnknownReasonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no reason_kind: use TRANSIENT, PERSISTENT, RESOURCE, CONFIG or UNKNOWN",
            self.0
        )
    }
}

impl std::error::Error for UnknownReasonKind {}

impl FromStr for ReasonKind {
    type Err = UnknownReasonKind;

    /// Reads the shared spelling. Case doesn't matter, because people type
    /// `--kind transient`; everything written is upper case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = text.trim();
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(wanted))
            .ok_or_else(|| UnknownReasonKind(wanted.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_from_its_own_spelling() {
        for kind in ReasonKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(kind.as_str().to_lowercase().parse(), Ok(kind));
            assert_eq!(kind.to_string(), kind.as_str());
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
            assert_eq!(serde_json::from_str::<ReasonKind>(&json).unwrap(), kind);
        }
    }

    #[test]
    fn a_kind_nobody_named_is_unknown() {
        assert_eq!(ReasonKind::default(), ReasonKind::Unknown);
    }

    #[test]
    fn a_wrong_spelling_is_told_the_right_ones() {
        let error = "TRANSIENTT".parse::<ReasonKind>().unwrap_err().to_string();
        assert!(error.contains("TRANSIENTT") && error.contains("PERSISTENT"));
    }

    #[test]
    fn a_width_pads_the_word() {
        assert_eq!(format!("{:<10}|", ReasonKind::Config), "CONFIG    |");
    }
}
