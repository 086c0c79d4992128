//! The fields of messages as protobuf's JSON mapping writes them, where serde
//! would do otherwise. The attributes that `build/json.rs` puts on the generated
//! types name these functions.
//!
//! All fields of an answer are written, in the order of the proto: those that hold
//! their zero value too, and null for a message or a time that is absent.
//!
//! What is read may be in any of the forms that the mapping allows: numbers as
//! text, enumerations as numbers, null for what is absent.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    fmt::Display,
    marker::PhantomData,
    str::FromStr,
};

use ::base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serializer,
    de::{Error, Visitor},
};

/// A number as JSON writes it.
pub(crate) trait Number: FromStr {
    /// What to send.
    const WANTED: &'static str;
}

impl Number for u32 {
    const WANTED: &'static str = "a whole number from 0 to 4294967295";
}

impl Number for i32 {
    const WANTED: &'static str = "a whole number from -2147483648 to 2147483647";
}

impl Number for u64 {
    const WANTED: &'static str = "a whole number from 0 to 18446744073709551615";
}

impl Number for f64 {
    const WANTED: &'static str = "a number";
}

/// A protobuf enumeration.
pub(crate) trait Enumeration: Copy + Into<i32> + TryFrom<i32> + 'static {
    /// Every value.
    const VALUES: &'static [Self];

    /// Its name in the proto.
    fn name(self) -> &'static str;
}

/// A text that stands for a message, as those of a time and a length of time do.
pub(crate) trait Text: FromStr + Display {
    /// What to send.
    const WANTED: &'static str;
}

impl Text for prost_types::Timestamp {
    const WANTED: &'static str = "a time as RFC 3339 writes it, such as 2026-01-31T12:00:00Z";
}

impl Text for prost_types::Duration {
    const WANTED: &'static str = "a number of seconds followed by s, such as 90s or 1.5s";
}

/// Anything, and its default for null.
///
/// # Errors
///
/// Where it can't be read.
pub(crate) fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A number, or the same as text; 0 for null.
///
/// # Errors
///
/// Where it is none, or does not fit.
pub(crate) fn number<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Number + Default,
    D: Deserializer<'de>,
{
    optional_number(deserializer).map(Option::unwrap_or_default)
}

/// A number, or the same as text; none for null.
///
/// # Errors
///
/// As [`number`].
pub(crate) fn optional_number<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Number,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(Parsed::<T>::new(T::WANTED, str_of_number))
}

/// An enumeration by name or number; its zero for null. A number that no value
/// has is for the service to refuse.
///
/// # Errors
///
/// Where there is no value of that name.
pub(crate) fn enumeration<'de, E, D>(deserializer: D) -> Result<i32, D::Error>
where
    E: Enumeration,
    D: Deserializer<'de>,
{
    optional_enumeration::<E, D>(deserializer).map(Option::unwrap_or_default)
}

/// An enumeration by name or number; none for null.
///
/// # Errors
///
/// As [`enumeration`].
pub(crate) fn optional_enumeration<'de, E, D>(deserializer: D) -> Result<Option<i32>, D::Error>
where
    E: Enumeration,
    D: Deserializer<'de>,
{
    let named = |name: &str| {
        let value = E::VALUES.iter().find(|value| value.name() == name);
        value.map(|value| (*value).into()).or_else(|| name.parse().ok())
    };
    let names: Vec<_> = E::VALUES.iter().map(|value| value.name()).collect();
    let wanted = format!("one of {}", names.join(", "));
    deserializer.deserialize_any(Parsed::new(&wanted, named))
}

/// A time or a length of time; none for null.
///
/// # Errors
///
/// Where it is not in the form that [`Text::WANTED`] names.
pub(crate) fn optional_text<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Text,
    D: Deserializer<'de>,
{
    let sent: Option<String> = Option::deserialize(deserializer)?;
    let parse = |sent: String| {
        sent.parse().map_err(|_| Error::custom(format_args!("is {sent:?}: send {}", T::WANTED)))
    };
    sent.map(parse).transpose()
}

/// Bytes as base64, in the usual or the URL alphabet, padded or not.
///
/// # Errors
///
/// Where it is no base64.
pub(crate) fn base64<'de, D>(deserializer: D) -> Result<Bytes, D::Error>
where
    D: Deserializer<'de>,
{
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const USUAL: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
    let sent: Option<String> = Option::deserialize(deserializer)?;
    let sent = sent.unwrap_or_default();
    let engine = if sent.contains(['-', '_']) { &URL } else { &USUAL };
    let decoded = engine.decode(sent);
    decoded.map(Bytes::from).map_err(|problem| {
        Error::custom(format_args!("is no base64 ({problem}): send the bytes encoded as base64"))
    })
}

/// A number of 64 bits, as text: JavaScript's numbers are not wide enough.
///
/// # Errors
///
/// The serializer's.
#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
pub(crate) fn as_text<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// An enumeration by its name, or its number where this program knows no name.
///
/// # Errors
///
/// The serializer's.
#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
pub(crate) fn enum_name<E, S>(number: &i32, serializer: S) -> Result<S::Ok, S::Error>
where
    E: Enumeration,
    S: Serializer,
{
    match E::try_from(*number) {
        Ok(value) => serializer.serialize_str(value.name()),
        Err(_) => serializer.serialize_i32(*number),
    }
}

/// The same; null where absent.
///
/// # Errors
///
/// The serializer's.
pub(crate) fn optional_enum_name<E, S>(
    number: &Option<i32>,
    serializer: S,
) -> Result<S::Ok, S::Error>
where
    E: Enumeration,
    S: Serializer,
{
    match number {
        Some(number) => enum_name::<E, S>(number, serializer),
        None => serializer.serialize_none(),
    }
}

/// A time or a length of time; null where absent.
///
/// # Errors
///
/// The serializer's.
pub(crate) fn optional_as_text<T, S>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error>
where
    T: Text,
    S: Serializer,
{
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// A map in the order of its keys, so that the same answer is the same text.
///
/// # Errors
///
/// The serializer's.
pub(crate) fn in_order<S: Serializer>(
    map: &HashMap<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(map.iter().collect::<BTreeMap<_, _>>())
}

/// `text` as a number of type `T`; whole ones may have a fraction of nothing.
fn str_of_number<T: Number>(text: &str) -> Option<T> {
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        if number.fract() == 0.0 { format!("{number:.0}").parse().ok() } else { None }
    })
}

/// Reads a JSON number or text, both by way of text.
struct Parsed<'w, T, F = fn(&str) -> Option<T>> {
    wanted: &'w str,
    parse: F,
    parsed: PhantomData<T>,
}

impl<'w, T, F: Fn(&str) -> Option<T>> Parsed<'w, T, F> {
    fn new(wanted: &'w str, parse: F) -> Self {
        Self { wanted, parse, parsed: PhantomData }
    }

    fn read<E: Error>(&self, shown: impl Display, text: &str) -> Result<Option<T>, E> {
        let parsed = (self.parse)(text);
        parsed.map(Some).ok_or_else(|| E::custom(format_args!("is {shown}: send {}", self.wanted)))
    }
}

impl<'de, T, F: Fn(&str) -> Option<T>> Visitor<'de> for Parsed<'_, T, F> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wanted)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        self.read(number, &number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        self.read(number, &number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        self.read(number, &number.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        self.read(format_args!("{text:?}"), text)
    }
}

#[cfg(test)]
mod tests;
