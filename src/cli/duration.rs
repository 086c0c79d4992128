//! Lengths of time on the command line, `300s`, `2h` or `1h30m`, and on the wire.

use std::time::Duration;

/// Reads a length of time.
///
/// # Errors
///
/// Where it is something else.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}: write for example 500ms, 30s, 5m or 1h30m"))
}

/// Reads a length of time that is some time at all.
///
/// # Errors
///
/// As [`parse`], and where it is zero.
pub(crate) fn parse_some(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        Duration::ZERO => Err("has to be longer than no time at all".to_owned()),
        length => Ok(length),
    }
}

/// As it travels.
pub(crate) fn to_proto(length: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(length.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(length.subsec_nanos()).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_with_their_unit() {
        assert_eq!(parse_some("1h30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
        assert!(parse_some("0s").is_err());
        assert!(parse("300").is_err_and(|error| error.contains("30s")));
    }
}
