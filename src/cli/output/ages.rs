//! Times and sizes as people say them.

use prost_types::Timestamp;

/// A length of time: `340 ms`, `1.2s`, `3m 04s`, `2h 10m`, `3d 4h`.
pub(crate) fn seconds(length: f64) -> String {
    if !length.is_finite() {
        return "?".to_owned();
    }
    let length = length.max(0.0);
    if length < 0.9995 {
        return format!("{:.0}ms", length * 1e3);
    }
    if length < 59.95 {
        return format!("{length:.1}s");
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    // saturates, and is not negative
    let whole = length.round() as u64;
    let (minutes, hours, days) = (whole / 60, whole / 3_600, whole / 86_400);
    match () {
        () if hours == 0 => format!("{minutes}m {:02}s", whole % 60),
        () if days == 0 && whole.is_multiple_of(3_600) => format!("{hours}h"),
        () if days == 0 => format!("{hours}h {:02}m", minutes % 60),
        () if whole.is_multiple_of(86_400) => format!("{days}d"),
        () => format!("{days}d {}h", hours % 24),
    }
}

/// How long before `now` something was; a dash where it never was.
pub(crate) fn age(at: Option<&Timestamp>, now: std::time::SystemTime) -> String {
    let Some(at) = at else { return "-".to_owned() };
    let now: Timestamp = now.into();
    #[allow(clippy::cast_precision_loss)] // seconds since 1970 fit a double
    let length =
        (now.seconds - at.seconds) as f64 + f64::from(now.nanos - at.nanos) / 1_000_000_000.0;
    // Clocks differ between machines; "in 0.2 s" would only puzzle.
    if length < 1.0 { "now".to_owned() } else { format!("{} ago", coarse(length)) }
}

/// A length of time in one unit: what an age needs.
fn coarse(length: f64) -> String {
    match length {
        s if s < 60.0 => format!("{s:.0}s"),
        s if s < 3_600.0 => format!("{:.0}m", (s / 60.0).floor()),
        s if s < 86_400.0 => format!("{:.0}h", (s / 3_600.0).floor()),
        s => format!("{:.0}d", (s / 86_400.0).floor()),
    }
}

/// A size: `512 B`, `64.0 KiB`, `3.1 MiB`.
pub(crate) fn bytes(size: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if size < 1024 {
        return format!("{size} B");
    }
    #[allow(clippy::cast_precision_loss)] // shown with one decimal
    let mut amount = size as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 1023.95 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{amount:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn lengths_of_time_take_the_unit_that_fits() {
        for (length, said) in [
            (0.0, "0ms"),
            (0.34, "340ms"),
            (0.9999, "1.0s"),
            (59.94, "59.9s"),
            (59.96, "1m 00s"),
            (184.0, "3m 04s"),
            (7_200.0, "2h"),
            (7_800.0, "2h 10m"),
            (86_400.0, "1d"),
            (273_600.0, "3d 4h"),
            (-1.0, "0ms"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(seconds(length), said);
        }
    }

    #[test]
    fn ages_are_counted_from_now() {
        let now = UNIX_EPOCH + Duration::from_secs(100_000);
        let at = |secs| Timestamp { seconds: secs, nanos: 0 };
        assert_eq!(age(None, now), "-");
        assert_eq!(age(Some(&at(100_005)), now), "now");
        assert_eq!(age(Some(&at(99_000)), now), "16m ago");
    }

    #[test]
    fn sizes_take_the_unit_that_fits() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(65_536), "64.0 KiB");
        assert_eq!(bytes(1_048_575), "1.0 MiB");
    }
}
