//! The attributes of a span or resource that somebody asks for, found in one
//! pass and without a map.

use std::borrow::Cow;

use super::{
    KeyValue, Value,
    mapping::{FAMILIES, Field, MAX_SLOTS, Mapping, Slot, Source, Special},
};

/// OTLP's kinds of spans, by number; 0 is none.
const KINDS: [&str; 6] = ["", "internal", "server", "client", "producer", "consumer"];

/// The number of the kind that makes requests.
const CLIENT: i32 = 3;

/// What was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes<'a> {
    slots: [Option<&'a Value<'a>>; MAX_SLOTS],
    /// The family that names the layer: an index into [`FAMILIES`].
    family: usize,
    /// The span's kind; 0 for a resource.
    kind: i32,
    /// The span's name; empty for a resource.
    name: &'a str,
}

/// A value for a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Hit<'a> {
    Value(&'a Value<'a>),
    Text(Cow<'a, str>),
    Number(i64),
}

impl<'a> Attributes<'a> {
    /// A resource's.
    pub(super) fn of_resource(mapping: &Mapping, attributes: &'a [KeyValue<'a>]) -> Self {
        let mut found =
            Self { slots: [None; MAX_SLOTS], family: FAMILIES.len(), kind: 0, name: "" };
        for attribute in attributes {
            found.take(mapping, attribute);
        }
        found
    }

    /// A span's.
    pub(super) fn of_span(
        mapping: &Mapping,
        attributes: &'a [KeyValue<'a>],
        kind: i32,
        name: &'a str,
    ) -> Self {
        Self { kind, name, ..Self::of_resource(mapping, attributes) }
    }

    fn take(&mut self, mapping: &Mapping, attribute: &'a KeyValue<'a>) {
        if let Some(slot) = mapping.slot(attribute.key)
            && attribute.value != Value::Empty
        {
            // Of two of one name the first counts.
            self.slots[slot.index()].get_or_insert(&attribute.value);
        }
        if matches!(attribute.key.as_bytes().first(), Some(b'c' | b'r' | b'd' | b'h' | b'm')) {
            let family = FAMILIES.iter().position(|(prefix, _)| attribute.key.starts_with(prefix));
            self.family = self.family.min(family.unwrap_or(FAMILIES.len()));
        }
    }

    fn at(&self, slot: Slot) -> Option<&'a Value<'a>> {
        self.slots[slot.index()]
    }

    /// The value of a special attribute.
    pub(super) fn special(&self, special: Special) -> Option<&'a Value<'a>> {
        self.at(special.into())
    }

    /// The value of `livespan.<field>`.
    pub(super) fn explicit(&self, mapping: &Mapping, field: Field) -> Option<Hit<'a>> {
        self.at(mapping.sources(field).explicit).map(Hit::Value)
    }

    /// The first of a field's other values that `read` takes. What is told in
    /// two attributes may stand on the span and the resource: `beside` is the
    /// other of the two.
    pub(super) fn first<T>(
        &self,
        mapping: &Mapping,
        field: Field,
        beside: Option<&Self>,
        read: impl Fn(Hit<'a>) -> Option<T>,
    ) -> Option<T> {
        mapping
            .sources(field)
            .from
            .iter()
            .find_map(|source| self.hit(*source, beside).and_then(&read))
    }

    fn hit(&self, source: Source, beside: Option<&Self>) -> Option<Hit<'a>> {
        // Where either of two is here, the other may be beside.
        let pair = |one: Slot, other: Slot| {
            self.at(one).or(self.at(other))?;
            let at = |slot| self.at(slot).or_else(|| beside?.at(slot));
            Some((at(one)?, at(other)?))
        };
        Some(match source {
            Source::Is(slot) => Hit::Value(self.at(slot)?),
            Source::Joined(one, other) => {
                let (one, other) = pair(one, other)?;
                Hit::Text(format!("{}/{}", text(one)?, text(other)?).into())
            }
            Source::Where(slot, other, says) => {
                let (value, said) = pair(slot, other)?;
                text(said).filter(|said| said.eq_ignore_ascii_case(says))?;
                Hit::Value(value)
            }
            Source::OneMoreInClients(slot) => {
                let count = integer(self.at(slot)?).filter(|count| *count >= 0)?;
                (self.kind == CLIENT).then_some(Hit::Number(count.saturating_add(1)))?
            }
            Source::Named(slot, layers) => {
                let word = text(self.at(slot)?)?;
                let (_, layer) = layers.iter().find(|(name, _)| word.eq_ignore_ascii_case(name))?;
                Hit::Text((*layer).into())
            }
            Source::Lower(slot) => Hit::Text(text(self.at(slot)?)?.to_lowercase().into()),
            Source::Family => Hit::Text(FAMILIES.get(self.family)?.1.into()),
            Source::Kind => Hit::Text(kind_name(self.kind)?.into()),
            Source::Name => Hit::Text(self.name.into()),
        })
    }
}

/// The name of a span's kind, in small letters; none where it is unsaid.
pub(super) fn kind_name(kind: i32) -> Option<&'static str> {
    let index = usize::try_from(kind).ok().filter(|index| *index > 0)?;
    KINDS.get(index).copied()
}

/// A scalar as text; none where it says nothing, or is a list or map.
pub(super) fn text<'a>(value: &Value<'a>) -> Option<Cow<'a, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(*text)).filter(|text| !text.trim().is_empty()),
        Value::Bool(truth) => Some(if *truth { "true" } else { "false" }.into()),
        Value::Int(number) => Some(number.to_string().into()),
        Value::Double(number) => Some(number.to_string().into()),
        Value::Empty | Value::Bytes(_) | Value::Array(_) | Value::Map(_) => None,
    }
}

/// A whole number, however it was sent.
pub(super) fn integer(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::String(text) => text.trim().parse().ok(),
        // Datadog's metrics are all floating-point numbers.
        #[allow(clippy::cast_possible_truncation, reason = "within 2^53 and whole")]
        Value::Double(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Some(*number as i64)
        }
        _ => None,
    }
}

impl<'a> Hit<'a> {
    /// As text; none where it says nothing.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Value(value) => text(value),
            Self::Text(said) => Some(said).filter(|said| !said.trim().is_empty()),
            Self::Number(number) => Some(number.to_string().into()),
        }
    }

    /// As a count from 1.
    pub(super) fn count(self) -> Option<i64> {
        match self {
            Self::Value(value) => integer(value),
            Self::Text(said) => said.trim().parse().ok(),
            Self::Number(number) => Some(number),
        }
        .filter(|count| *count >= 1)
    }
}
