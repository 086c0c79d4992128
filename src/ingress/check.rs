//! Checks of single fields: what is wrong is said before anything is stored.

use std::{str::FromStr, time::Duration};

use super::error::Violations;
use crate::domain::{ids::IdError, time::Timestamp};

/// The longest name: of a step, layer, agent, host, task.
pub(super) const MAX_NAME_BYTES: usize = 1024;

/// The longest limit or lifetime of a span.
const MAX_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// An id that must be there.
pub(super) fn id<T: FromStr<Err = IdError>>(
    field: &str,
    text: &str,
    violations: &mut Violations,
) -> Option<T> {
    if text.is_empty() {
        violations.add(field, "is missing: send a uuid");
        return None;
    }
    violations.take(field, text.parse())
}

/// An id that may be absent.
pub(super) fn optional_id<T: FromStr<Err = IdError>>(
    field: &str,
    text: &str,
    violations: &mut Violations,
) -> Option<T> {
    if text.is_empty() { None } else { violations.take(field, text.parse()) }
}

/// A text that Postgres can keep, of at most `max_bytes`.
pub(super) fn text(field: &str, text: &str, max_bytes: usize, violations: &mut Violations) {
    if text.len() > max_bytes {
        violations.add(
            field,
            format!("is {} bytes long, the most is {max_bytes}: shorten it, or send it as an attribute or artifact", text.len()),
        );
    } else if let Some(at) = memchr::memchr(0, text.as_bytes()) {
        violations.add(
            field,
            format!("holds a NUL character at byte {at}, which cannot be stored: remove it"),
        );
    }
}

/// A client's time, from 1970 to 9999.
pub(super) fn time(
    field: &str,
    time: Option<&prost_types::Timestamp>,
    violations: &mut Violations,
) -> Option<Timestamp> {
    let time = time?;
    if !(0..1_000_000_000).contains(&time.nanos) {
        violations.add(field, format!("has {} nanos: send 0 to 999,999,999", time.nanos));
        return None;
    }
    let micros = time
        .seconds
        .checked_mul(1_000_000)
        .and_then(|micros| micros.checked_add(i64::from(time.nanos / 1_000)))
        .map(Timestamp::from_micros)
        .filter(|at| (Timestamp::EPOCH..=Timestamp::MAX).contains(at));
    if micros.is_none() {
        violations.add(
            field,
            "is before 1970 or after 9999: send seconds since 1970, not milliseconds, or leave it out",
        );
    }
    micros
}

/// A duration from 1 s to `most`.
pub(super) fn duration(
    field: &str,
    duration: Option<&prost_types::Duration>,
    most: Duration,
    violations: &mut Violations,
) -> Option<Duration> {
    let checked = Some(*duration?)
        // The conversion itself negates, which the least number has no room for.
        .filter(|duration| duration.seconds >= 0)
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| (Duration::from_secs(1)..=most).contains(duration));
    if checked.is_none() {
        violations.add(field, format!("is not between 1 s and {} days", most.as_secs() / 86_400));
    }
    checked
}

/// A liveness limit: from 1 s to 365 days.
pub(super) fn limit(
    field: &str,
    limit: Option<&prost_types::Duration>,
    violations: &mut Violations,
) -> Option<Duration> {
    duration(field, limit, MAX_LIMIT, violations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::RunId;

    fn complaints(check: impl FnOnce(&mut Violations)) -> String {
        let mut violations = Violations::default();
        check(&mut violations);
        violations.check().err().map(|error| error.message()).unwrap_or_default()
    }

    #[test]
    fn an_id_that_is_missing_malformed_or_zero_is_named() {
        for (text, problem) in [
            ("", "run_id: is missing"),
            ("7", "run_id: is not a uuid"),
            ("00000000000000000000000000000000", "run_id: is all zero"),
        ] {
            let complaint = complaints(|v| assert_eq!(id::<RunId>("run_id", text, v), None));
            assert!(complaint.starts_with(problem), "{text}: {complaint}");
        }
    }

    #[test]
    fn times_outside_1970_to_9999_are_named() {
        for (seconds, nanos) in [
            (-1, 0),
            (253_402_300_800, 0),
            (i64::MAX, 0),
            (i64::MIN, 0),
            (0, -1),
            (0, 1_000_000_000),
        ] {
            let wire = prost_types::Timestamp { seconds, nanos };
            let complaint = complaints(|v| assert_eq!(time("end_time", Some(&wire), v), None));
            assert!(complaint.starts_with("end_time: "), "{seconds}: {complaint}");
        }
        let last = prost_types::Timestamp { seconds: 253_402_300_799, nanos: 999_999_999 };
        assert!(
            complaints(|v| assert_eq!(time("t", Some(&last), v), Some(Timestamp::MAX))).is_empty()
        );
    }

    #[test]
    fn limits_are_at_least_a_second() {
        let zero = prost_types::Duration { seconds: 0, nanos: 0 };
        assert!(!complaints(|v| assert_eq!(limit("stuck_after", Some(&zero), v), None)).is_empty());
    }

    #[test]
    fn a_nul_and_a_megabyte_are_named() {
        assert!(
            complaints(|v| text("step_name", "a\0b", 1024, v)).contains("NUL character at byte 1")
        );
        assert!(
            complaints(|v| text("step_name", &"x".repeat(1 << 20), 1024, v))
                .contains("1048576 bytes")
        );
    }
}
