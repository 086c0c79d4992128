//! Numbers, truths and bytes, as clients write them in JSON.

use super::{
    output::{push_fixed32, push_fixed64, push_varint},
    schema::Scalar,
};

/// A scalar as JSON gave it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given<'s> {
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'s str),
}

impl Given<'_> {
    /// A whole number: protobuf writes those of 64 bits as strings, and some
    /// clients write any of them as strings, or as 1e9.
    fn whole(self) -> Option<i128> {
        match self {
            Self::Bool(_) => None,
            Self::Unsigned(number) => Some(i128::from(number)),
            Self::Signed(number) => Some(i128::from(number)),
            Self::Float(number) => whole(number),
            Self::Text(text) => text.parse().ok().or_else(|| text.parse().ok().and_then(whole)),
        }
    }

    /// A number; "NaN", "Infinity" and "-Infinity" are strings in JSON.
    fn float(self) -> Option<f64> {
        match self {
            Self::Bool(_) => None,
            Self::Unsigned(number) => Some(number as f64),
            Self::Signed(number) => Some(number as f64),
            Self::Float(number) => Some(number),
            Self::Text(text) => text.parse().ok(),
        }
    }

    fn truth(self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(truth),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
}

fn whole(number: f64) -> Option<i128> {
    (number.fract() == 0.0).then_some(number as i128)
}

impl Scalar {
    /// Writes `given` as this type; `None` where it can't be.
    pub(super) fn push(self, output: &mut Vec<u8>, number: u32, given: Given<'_>) -> Option<()> {
        match self {
            Self::Bool => push_varint(output, number, u64::from(given.truth()?)),
            Self::IntValue { double_value } => match i64::try_from(given.whole()?) {
                Ok(value) => push_varint(output, number, value.cast_unsigned()),
                Err(_) => push_fixed64(output, double_value, given.float()?.to_bits()),
            },
            Self::Uint32 => {
                push_varint(output, number, u32::try_from(given.whole()?).ok()?.into());
            }
            Self::Fixed32 => push_fixed32(output, number, u32::try_from(given.whole()?).ok()?),
            Self::Fixed64 => push_fixed64(output, number, u64::try_from(given.whole()?).ok()?),
            Self::Double => push_fixed64(output, number, given.float()?.to_bits()),
            Self::Enum(names) => {
                let named = match given {
                    Given::Text(text) => names.iter().position(|name| *name == text),
                    _ => None,
                };
                let value = match named {
                    Some(value) => value as i64,
                    None => i32::try_from(given.whole()?).ok()?.into(),
                };
                push_varint(output, number, value.cast_unsigned());
            }
        }
        Some(())
    }

    /// What a client should send, for errors.
    pub(super) fn expectation(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::IntValue { .. } => "a whole number",
            Self::Uint32 | Self::Fixed32 => "a whole number from 0 to 4294967295",
            Self::Fixed64 => "a whole number from 0 to 18446744073709551615",
            Self::Double => "a number, \"NaN\", \"Infinity\" or \"-Infinity\"",
            Self::Enum(_) => "an enum's number",
        }
    }
}

/// An id from hexadecimal digits of either case. Anything else becomes a single
/// byte, which is no id: whoever checks ids refuses that span, and only that one.
pub(super) fn id(hex: &[u8]) -> Vec<u8> {
    let (pairs, odd) = hex.as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes = pairs.iter().map(|[high, low]| Some((digit(*high)? << 4 | digit(*low)?) as u8));
    match bytes.collect::<Option<Vec<u8>>>() {
        Some(bytes) if odd.is_empty() => bytes,
        _ => vec![0xff],
    }
}

/// Bytes from base64 of either alphabet, padded or not.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let mut bytes = Vec::with_capacity(end / 4 * 3 + 2);
    for group in text[..end].chunks(4) {
        let mut bits = 0_u32;
        for byte in group {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(digit);
        }
        bits <<= 6 * (4 - group.len());
        let [_, decoded @ ..] = bits.to_be_bytes();
        // One digit alone is less than a byte.
        let count = group.len().checked_sub(1).filter(|count| *count > 0)?;
        bytes.extend_from_slice(&decoded[..count]);
    }
    Some(bytes)
}
