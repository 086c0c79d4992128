//! Page tokens: where the page before ended, as a text that clients hand back.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::{
    domain::{
        ids::{RunId, SpanId},
        time::Timestamp,
    },
    storage::RunPosition,
};

/// A text that is no token of the kind that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no page token: send next_page_token of the page before, unchanged, or leave it out")]
pub struct InvalidPageToken;

/// Which order a token is a place in. A change of an order takes a new letter.
const RUNS: u8 = b'r';
const SPANS: u8 = b't';

/// Where a page of runs ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunPageToken(pub RunPosition);

/// Where a page of a run's spans ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanPageToken {
    /// When the last span of the page started.
    pub starts_at: Timestamp,
    /// That span.
    pub span_id: SpanId,
}

impl fmt::Display for RunPageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_token(f, RUNS, self.0.started_at, self.0.run_id.into())
    }
}

impl FromStr for RunPageToken {
    type Err = InvalidPageToken;

    fn from_str(text: &str) -> Result<Self, InvalidPageToken> {
        let (started_at, id) = read_token(text, RUNS)?;
        Ok(Self(RunPosition { started_at, run_id: RunId::from_stored(id) }))
    }
}

impl fmt::Display for SpanPageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_token(f, SPANS, self.starts_at, self.span_id.into())
    }
}

impl FromStr for SpanPageToken {
    type Err = InvalidPageToken;

    fn from_str(text: &str) -> Result<Self, InvalidPageToken> {
        let (starts_at, id) = read_token(text, SPANS)?;
        Ok(Self { starts_at, span_id: SpanId::from_stored(id) })
    }
}

/// One letter, the microseconds' 8 bytes and the id's 16, in hex.
fn write_token(f: &mut fmt::Formatter<'_>, kind: u8, at: Timestamp, id: Uuid) -> fmt::Result {
    write!(f, "{}{:016x}{}", char::from(kind), at.as_micros().cast_unsigned(), id.simple())
}

fn read_token(text: &str, kind: u8) -> Result<(Timestamp, Uuid), InvalidPageToken> {
    let hex = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let (first, rest) = text.as_bytes().split_first().ok_or(InvalidPageToken)?;
    if *first != kind || rest.len() != 48 || !rest.iter().all(hex) {
        return Err(InvalidPageToken);
    }
    let micros = u64::from_str_radix(&text[1..17], 16).map_err(|_| InvalidPageToken)?;
    let id = Uuid::try_parse(&text[17..]).map_err(|_| InvalidPageToken)?;
    let at = Timestamp::from_micros(micros.cast_signed());
    // What lies outside cannot have come from here, nor go into timestamptz.
    if at < EARLIEST || at > Timestamp::MAX { Err(InvalidPageToken) } else { Ok((at, id)) }
}

/// The first instant that Postgres' timestamps can hold, in 4714 BC.
const EARLIEST: Timestamp = Timestamp::from_micros(-210_866_803_200_000_000);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn token() -> RunPageToken {
        RunPageToken(RunPosition {
            started_at: Timestamp::from_micros(-5),
            run_id: RunId::generate(),
        })
    }

    #[test]
    fn a_token_leads_back_to_its_place() {
        assert_eq!(token().to_string().len(), 49);
        let token = token();
        assert_eq!(token.to_string().parse(), Ok(token));
    }

    #[test]
    fn a_token_of_another_order_is_refused() {
        assert_eq!(token().to_string().parse::<SpanPageToken>(), Err(InvalidPageToken));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let token = token().to_string();
        let upper = token.to_uppercase();
        let far = format!("r{}{}", "7fffffffffffffff", "0".repeat(32));
        for text in ["", "r", "x", &token[1..], &token[..48], &upper, &far, &format!("{token}0")] {
            assert_eq!(text.parse::<RunPageToken>(), Err(InvalidPageToken), "{text}");
        }
    }

    #[test]
    fn a_text_of_many_bytes_a_letter_is_refused() {
        let text = format!("r{}", "é".repeat(24));
        assert_eq!(text.parse::<RunPageToken>(), Err(InvalidPageToken));
    }
}
