//! Fields of questions, checked. Each check says what to send instead; the
//! caller adds the field's name.

use std::time::Duration;

use crate::{
    domain::{ids::RunId, reason::ReasonKind, status, time::Timestamp},
    proto::v1,
};

/// The longest text that a filter compares with. Nothing longer is stored.
const MOST_FILTER_BYTES: usize = 1_024;

/// From 0001-01-01T00:00:00Z, as `google.protobuf.Timestamp` has it.
const EARLIEST: Timestamp = Timestamp::from_micros(-62_135_596_800_000_000);

/// A run's id.
pub(super) fn run_id(text: &str) -> Result<RunId, String> {
    if text.is_empty() {
        return Err("is missing: send the run's uuid".to_owned());
    }
    text.parse().map_err(|problem| format!("{problem}"))
}

/// How many at most: `default` where 0 was sent.
pub(super) fn page_size(sent: u32, default: u32, most: u32) -> Result<u32, String> {
    match sent {
        0 => Ok(default),
        sent if sent <= most => Ok(sent),
        sent => Err(format!("is {sent}: send at most {most}")),
    }
}

/// A page token; none where the text is empty.
pub(super) fn page_token<T>(text: &str) -> Result<Option<T>, String>
where
    T: std::str::FromStr<Err: ToString>,
{
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|problem: T::Err| problem.to_string())
}

/// A text to compare with; none where it is empty.
pub(super) fn filter(text: String) -> Result<Option<String>, String> {
    if text.contains('\0') {
        return Err("holds a NUL character, which no stored text does: leave it out".to_owned());
    }
    if text.len() > MOST_FILTER_BYTES {
        let length = text.len();
        return Err(format!("is {length} bytes long: send at most {MOST_FILTER_BYTES}"));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// A length of time within bounds.
pub(super) fn duration(
    sent: prost_types::Duration,
    least: Duration,
    most: Duration,
) -> Result<Duration, String> {
    let range = || {
        let (least, days) = (least.as_secs(), most.as_secs() / 86_400);
        format!("is {sent}: send from {least} s to {days} days")
    };
    let duration = Duration::try_from(sent).map_err(|_| range())?;
    if (least..=most).contains(&duration) { Ok(duration) } else { Err(range()) }
}

/// An instant that can be stored.
pub(super) fn timestamp(sent: prost_types::Timestamp) -> Result<Timestamp, String> {
    let problem = || {
        let (seconds, nanos) = (sent.seconds, sent.nanos);
        format!(
            "is {seconds} s and {nanos} ns: send a time of the years 1 to 9999, nanos from 0 to \
             999999999"
        )
    };
    if !(0..1_000_000_000).contains(&sent.nanos) {
        return Err(problem());
    }
    sent.seconds
        .checked_mul(1_000_000)
        .and_then(|micros| micros.checked_add(i64::from(sent.nanos / 1_000)))
        .map(Timestamp::from_micros)
        .filter(|at| (EARLIEST..=Timestamp::MAX).contains(at))
        .ok_or_else(problem)
}

/// A status; none where it is not said.
pub(super) fn status(sent: i32) -> Result<Option<status::Status>, String> {
    use status::{EndStatus, Status};
    Ok(Some(match v1::Status::try_from(sent) {
        Ok(v1::Status::Unspecified) => return Ok(None),
        Ok(v1::Status::Running) => Status::Running,
        Ok(v1::Status::Success) => Status::Ended(EndStatus::Success),
        Ok(v1::Status::Failed) => Status::Ended(EndStatus::Failed),
        Ok(v1::Status::Cancelled) => Status::Ended(EndStatus::Cancelled),
        Err(_) => {
            return Err(format!(
                "is {sent}: send RUNNING (1), SUCCESS (2), FAILED (3) or CANCELLED (4)"
            ));
        }
    }))
}

/// A kind of failure.
pub(super) fn reason_kind(sent: i32) -> Result<ReasonKind, String> {
    v1::ReasonKind::try_from(sent)
        .map(|kind| match kind {
            v1::ReasonKind::Unknown => ReasonKind::Unknown,
            v1::ReasonKind::Transient => ReasonKind::Transient,
            v1::ReasonKind::Persistent => ReasonKind::Persistent,
            v1::ReasonKind::Resource => ReasonKind::Resource,
            v1::ReasonKind::Config => ReasonKind::Config,
        })
        .map_err(|_| {
            format!(
                "is {sent}: send UNKNOWN (0), TRANSIENT (1), PERSISTENT (2), RESOURCE (3) or \
                 CONFIG (4)"
            )
        })
}
