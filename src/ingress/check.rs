//! Checks of single fields. Each says what is wrong and what to send instead;
//! the caller adds the field's name.

use std::{str::FromStr, time::Duration};

use crate::{
    domain::{ids::IdError, reason::ReasonKind, status, time::Timestamp},
    proto::v1,
};

/// The longest name: of a step, layer, agent, host, task.
pub(super) const MAX_NAME_BYTES: usize = 1024;

/// The longest liveness limit.
pub(super) const MAX_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);

const SECOND: Duration = Duration::from_secs(1);

/// An id that must be there.
pub(super) fn id<T: FromStr<Err = IdError>>(text: &str) -> Result<T, String> {
    if text.is_empty() {
        return Err("is missing: send a uuid".to_owned());
    }
    text.parse().map_err(|problem: IdError| problem.to_string())
}

/// An id that may be absent.
pub(super) fn optional_id<T: FromStr<Err = IdError>>(text: &str) -> Result<Option<T>, String> {
    if text.is_empty() { Ok(None) } else { id(text).map(Some) }
}

/// A text that Postgres can keep, of at most `max_bytes`.
pub(super) fn text(text: &str, max_bytes: usize) -> Result<(), String> {
    let length = text.len();
    if length > max_bytes {
        return Err(format!("is {length} bytes long, the most is {max_bytes}: shorten it"));
    }
    match memchr::memchr(0, text.as_bytes()) {
        None => Ok(()),
        Some(at) => {
            Err(format!("holds a NUL character at byte {at}, which cannot be stored: remove it"))
        }
    }
}

/// A client's time, from 1970 to 9999.
pub(super) fn time(sent: prost_types::Timestamp) -> Result<Timestamp, String> {
    if !(0..1_000_000_000).contains(&sent.nanos) {
        return Err(format!("has {} nanos: send 0 to 999999999", sent.nanos));
    }
    sent.seconds
        .checked_mul(1_000_000)
        .and_then(|micros| micros.checked_add(i64::from(sent.nanos / 1_000)))
        .map(Timestamp::from_micros)
        .filter(|at| (Timestamp::EPOCH..=Timestamp::MAX).contains(at))
        .ok_or_else(|| {
            "is before 1970 or after 9999: send seconds since 1970, not milliseconds, or leave it \
             out"
            .to_owned()
        })
}

/// A duration from 1 s to `most`.
pub(super) fn duration(sent: prost_types::Duration, most: Duration) -> Result<Duration, String> {
    Some(sent)
        // The conversion itself negates, which the least number has no room for.
        .filter(|sent| sent.seconds >= 0)
        .and_then(|sent| Duration::try_from(sent).ok())
        .filter(|duration| (SECOND..=most).contains(duration))
        .ok_or_else(|| {
            format!("is out of bounds: send from 1 s to {} days", most.as_secs() / 86_400)
        })
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
    match v1::ReasonKind::try_from(sent) {
        Ok(v1::ReasonKind::Unknown) => Ok(ReasonKind::Unknown),
        Ok(v1::ReasonKind::Transient) => Ok(ReasonKind::Transient),
        Ok(v1::ReasonKind::Persistent) => Ok(ReasonKind::Persistent),
        Ok(v1::ReasonKind::Resource) => Ok(ReasonKind::Resource),
        Ok(v1::ReasonKind::Config) => Ok(ReasonKind::Config),
        Err(_) => Err(format!(
            "is {sent}: send UNKNOWN (0), TRANSIENT (1), PERSISTENT (2), RESOURCE (3) or CONFIG (4)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::RunId;

    #[test]
    fn an_id_that_is_missing_malformed_or_zero_is_said_to_be_so() {
        for (text, problem) in [
            ("", "is missing"),
            ("7", "is not a uuid"),
            ("00000000000000000000000000000000", "is all zero"),
        ] {
            let complaint = id::<RunId>(text).unwrap_err();
            assert!(complaint.starts_with(problem), "{text}: {complaint}");
        }
    }

    #[test]
    fn times_outside_1970_to_9999_are_refused() {
        for (seconds, nanos) in [
            (-1, 0),
            (253_402_300_800, 0),
            (i64::MAX, 0),
            (i64::MIN, 0),
            (0, -1),
            (0, 1_000_000_000),
        ] {
            time(prost_types::Timestamp { seconds, nanos }).unwrap_err();
        }
        let last = prost_types::Timestamp { seconds: 253_402_300_799, nanos: 999_999_999 };
        assert_eq!(time(last), Ok(Timestamp::MAX));
    }

    #[test]
    fn durations_are_at_least_a_second_and_not_endless() {
        for seconds in [0, -1, i64::MIN, i64::MAX] {
            duration(prost_types::Duration { seconds, nanos: 0 }, MAX_LIMIT).unwrap_err();
        }
        let second = prost_types::Duration { seconds: 1, nanos: 0 };
        assert_eq!(duration(second, MAX_LIMIT), Ok(SECOND));
    }

    #[test]
    fn a_nul_and_a_megabyte_are_refused() {
        assert!(text("a\0b", 1024).unwrap_err().contains("NUL character at byte 1"));
        assert!(text(&"x".repeat(1 << 20), 1024).unwrap_err().contains("1048576 bytes"));
    }
}
