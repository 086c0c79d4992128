//! Identities: runs, spans and artifacts, and how they meet OpenTelemetry's.
//!
//! A run is a trace: its 16 bytes are the trace id. A span's last 8 bytes are
//! the OpenTelemetry span id, so that whatever an instrumented library exports
//! under a span's `traceparent` finds its parent here.

use std::{fmt, str::FromStr};

use uuid::Uuid;

/// Why a text or bytes are not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 32 hex digits, with or without hyphens.
    #[error("is not a uuid: send 32 hex digits, with or without hyphens")]
    Malformed,
    /// The id that stands for no id.
    #[error("is all zero, which stands for no id: send a random uuid or leave it out")]
    Zero,
    /// A span id whose last 8 bytes are zero: OpenTelemetry's no id.
    #[error("ends in 8 zero bytes, which OpenTelemetry reserves for no span: send another uuid")]
    ZeroSpan,
}

fn parse_uuid(text: &str) -> Result<Uuid, IdError> {
    // `Uuid::from_str` also takes braces and `urn:uuid:`, which other readers
    // of the same ids do not.
    if !matches!(text.len(), 32 | 36) {
        return Err(IdError::Malformed);
    }
    let id = Uuid::try_parse(text).map_err(|_| IdError::Malformed)?;
    if id.is_nil() { Err(IdError::Zero) } else { Ok(id) }
}

macro_rules! display_as_uuid {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

/// A run: one attempt to do a task. Never all zero when parsed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(Uuid);

display_as_uuid!(RunId);

impl RunId {
    /// A new run. Version 7, so that runs of one time lie together on disk.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The run that is this trace; none for the id that stands for no trace.
    #[must_use]
    pub fn from_trace(trace_id: [u8; 16]) -> Option<Self> {
        Some(Self(Uuid::from_bytes(trace_id))).filter(|run| !run.0.is_nil())
    }

    /// An id that was stored, and so was checked when it came in.
    #[must_use]
    pub fn from_stored(id: Uuid) -> Self {
        Self(id)
    }

    /// The trace id's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// A number for sharding that is alike on every machine. Taken from the
    /// last bytes, which are random in every version of uuid in use.
    #[must_use]
    pub fn shard(&self) -> u64 {
        let (_, low) = self.0.as_u64_pair();
        low
    }
}

impl FromStr for RunId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        parse_uuid(text).map(Self)
    }
}

/// A span: one step of a run. Its last 8 bytes are never all zero when parsed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(Uuid);

display_as_uuid!(SpanId);

impl SpanId {
    /// A new span of `run`: the run's first 8 bytes, then 8 random ones.
    #[must_use]
    pub fn generate(run: RunId) -> Self {
        // The last 8 bytes of a version 4 uuid hold the variant's bits and are
        // therefore never all zero.
        let (_, random) = Uuid::new_v4().as_u64_pair();
        Self::from_otel(run, random.to_be_bytes())
    }

    /// The span of `run` that OpenTelemetry calls by these 8 bytes.
    #[must_use]
    pub fn from_otel(run: RunId, otel: [u8; 8]) -> Self {
        let (high, _) = run.0.as_u64_pair();
        Self(Uuid::from_u64_pair(high, u64::from_be_bytes(otel)))
    }

    /// An id that was stored, and so was checked when it came in.
    #[must_use]
    pub fn from_stored(id: Uuid) -> Self {
        Self(id)
    }

    /// The OpenTelemetry span id, as a number. Parents are matched by it.
    #[must_use]
    pub fn otel(&self) -> u64 {
        self.0.as_u64_pair().1
    }

    /// The id's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl FromStr for SpanId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let id = Self(parse_uuid(text)?);
        if id.otel() == 0 { Err(IdError::ZeroSpan) } else { Ok(id) }
    }
}

/// A file that a span left behind. The server's to give.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArtifactId(Uuid);

display_as_uuid!(ArtifactId);

impl ArtifactId {
    /// A new artifact.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// An id that was stored.
    #[must_use]
    pub fn from_stored(id: Uuid) -> Self {
        Self(id)
    }
}

impl FromStr for ArtifactId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        parse_uuid(text).map(Self)
    }
}

/// A span's whole name: its run and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanKey {
    /// The run.
    pub run_id: RunId,
    /// The span.
    pub span_id: SpanId,
}

impl SpanKey {
    /// The W3C `traceparent` header that puts a library's spans under this one.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{}-{:016x}-01", self.run_id.0.simple(), self.span_id.otel())
    }

    /// Reads a `traceparent` header. Versions other than 00 are read as 00, as
    /// the W3C recommendation asks for; `None` where it is not one.
    #[must_use]
    pub fn from_traceparent(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
        let hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let shaped = version.len() == 2 && trace.len() == 32 && span.len() == 16;
        if !shaped || !hex(version) || version == "ff" || !hex(trace) || !hex(span) {
            return None;
        }
        let run_id: RunId = trace.parse().ok()?;
        let otel = u64::from_str_radix(span, 16).ok().filter(|otel| *otel != 0)?;
        Some(Self { run_id, span_id: SpanId::from_otel(run_id, otel.to_be_bytes()) })
    }
}

impl From<(RunId, SpanId)> for SpanKey {
    fn from((run_id, span_id): (RunId, SpanId)) -> Self {
        Self { run_id, span_id }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_run_id_is_read_with_and_without_hyphens() {
        let hyphens: RunId = "0af76519-16cd-43dd-8448-eb211c80319c".parse().unwrap();
        assert_eq!(hyphens, "0af7651916cd43dd8448eb211c80319c".parse().unwrap());
    }

    #[test]
    fn what_is_no_uuid_is_refused() {
        for text in [
            "",
            "x",
            "0af76519",
            "{0af76519-16cd-43dd-8448-eb211c80319c}",
            "0af7651916cd43dd8448eb211c80319g",
        ] {
            assert_eq!(text.parse::<RunId>(), Err(IdError::Malformed), "{text}");
        }
    }

    #[test]
    fn zero_stands_for_no_id() {
        let zero = "00000000-0000-0000-0000-000000000000";
        assert_eq!(zero.parse::<RunId>(), Err(IdError::Zero));
        assert_eq!(zero.parse::<SpanId>(), Err(IdError::Zero));
        assert_eq!(
            "0af76519-16cd-43dd-0000-000000000000".parse::<SpanId>(),
            Err(IdError::ZeroSpan)
        );
    }

    #[test]
    fn a_traceparent_leads_back_to_its_span() {
        let run_id = RunId::generate();
        let key = SpanKey { run_id, span_id: SpanId::generate(run_id) };
        assert_eq!(SpanKey::from_traceparent(&key.traceparent()), Some(key));
    }

    #[test]
    fn what_is_no_traceparent_is_none() {
        for header in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        ] {
            assert_eq!(SpanKey::from_traceparent(header), None, "{header}");
        }
    }
}
