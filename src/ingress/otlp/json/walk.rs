//! Walks the JSON by the schema and writes what it meets.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    super::MAX_VALUE_LEVELS,
    output::{begin_message, end_message, push_bytes},
    scalar::{Given, base64, id},
    schema::{Field, Kind, Message, REQUEST, Scalar},
};

/// The request itself.
pub(super) struct Body<'o> {
    pub(super) output: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Body<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(Fields { message: &REQUEST, output: self.output, level: 0 })
    }
}

/// The fields of a message, within `level` levels of values.
struct Fields<'o> {
    message: &'static Message,
    output: &'o mut Vec<u8>,
    level: u32,
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an object with the fields of {}", self.message.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key_seed(Name(self.message))? {
            match field {
                Some(field) => {
                    map.next_value_seed(Content { field, output: self.output, level: self.level })?;
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// A field's name. Read as bytes, because those of unknown fields need not be
/// sound text.
struct Name(&'static Message);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<&'static Field>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<&'static Field>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a field of {}", self.0.name)
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Self::Value, E> {
        Ok(self.0.field(name))
    }
}

/// What follows a field's name; null is as if the field were absent.
struct Content<'o> {
    field: &'static Field,
    output: &'o mut Vec<u8>,
    level: u32,
}

impl<'de> DeserializeSeed<'de> for Content<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Content<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.field.name)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { field, output, level } = self;
        match field.kind {
            Kind::Text | Kind::Id | Kind::Bytes => {
                deserializer.deserialize_bytes(Text { field, output })
            }
            Kind::Scalar(scalar) => deserializer.deserialize_any(Number { field, scalar, output }),
            Kind::Message(message) => {
                Element { message, number: field.number, output, level }.visit_some(deserializer)
            }
            Kind::Messages(message) => {
                deserializer.deserialize_seq(Elements { message, field, output, level })
            }
        }
    }
}

/// A message within a message.
struct Element<'o> {
    message: &'static Message,
    number: u32,
    output: &'o mut Vec<u8>,
    level: u32,
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.message.name)
    }

    /// In a list of values a null has a place, in others it has no meaning.
    fn visit_none<E: Error>(self) -> Result<(), E> {
        if self.message.is_value {
            push_bytes(self.output, self.number, &[]);
        }
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { message, number, output, level } = self;
        let level = level + u32::from(message.is_value);
        let start = begin_message(output, number);
        if level > MAX_VALUE_LEVELS {
            // One value too deep is enough for the decoder to refuse it.
            deserializer.deserialize_ignored_any(IgnoredAny)?;
        } else {
            deserializer.deserialize_map(Fields { message, output: &mut *output, level })?;
        }
        end_message(output, start);
        Ok(())
    }
}

/// A list of messages.
struct Elements<'o> {
    message: &'static Message,
    field: &'static Field,
    output: &'o mut Vec<u8>,
    level: u32,
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: a list of {}", self.field.name, self.message.name)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        loop {
            let element = Element {
                message: self.message,
                number: self.field.number,
                output: &mut *self.output,
                level: self.level,
            };
            if list.next_element_seed(element)?.is_none() {
                return Ok(());
            }
        }
    }
}

/// A field that JSON has as text. Read as bytes, because clients that cut text
/// to a length leave halves of surrogate pairs, which no `str` can hold.
struct Text<'o> {
    field: &'static Field,
    output: &'o mut Vec<u8>,
}

impl Visitor<'_> for Text<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.field.kind {
            Kind::Bytes => "base64 in a string",
            _ => "a string",
        };
        write!(formatter, "{}: {kind}", self.field.name)
    }

    fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<(), E> {
        let Field { number, kind, name } = self.field;
        match kind {
            Kind::Id => push_bytes(self.output, *number, &id(text)),
            Kind::Bytes => {
                let bytes =
                    base64(text).ok_or_else(|| E::custom(format_args!("{name} is not base64")))?;
                push_bytes(self.output, *number, &bytes);
            }
            _ => push_bytes(self.output, *number, text),
        }
        Ok(())
    }
}

/// A field that is a number or a truth.
struct Number<'o> {
    field: &'static Field,
    scalar: Scalar,
    output: &'o mut Vec<u8>,
}

impl Number<'_> {
    fn push<E: Error>(self, given: Given<'_>) -> Result<(), E> {
        let Self { field: Field { number, name, .. }, scalar, output } = self;
        scalar
            .push(output, *number, given)
            .ok_or_else(|| E::custom(format_args!("{name} must be {}", scalar.expectation())))
    }
}

impl Visitor<'_> for Number<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.field.name, self.scalar.expectation())
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<(), E> {
        self.push(Given::Bool(truth))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.push(Given::Unsigned(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.push(Given::Signed(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.push(Given::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.push(Given::Text(text))
    }
}
