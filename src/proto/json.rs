//! `google.protobuf.Struct` and `Value` as they travel: bytes, turned into JSON
//! only where JSON is needed.
//!
//! prost's own types build a tree of maps while they decode, and stop with the
//! whole request where it nests deeper than they allow. Here a request is
//! decoded whatever it carries, and the field that nests too deep is named.

use std::fmt;

use bytes::{Buf, BufMut};
use prost::{
    DecodeError, Message,
    encoding::{
        DecodeContext, WireType, bytes as bytes_field, encode_key, encode_varint, fixed32, fixed64,
        skip_field, uint64,
    },
};
use serde_json::{Map, Number, Value};

/// How deep JSON may nest.
pub const MAX_DEPTH: usize = 64;

/// Up to here a double holds every whole number.
pub(super) const EXACT: f64 = 9_007_199_254_740_992.0;

/// How many messages deep an answer's Struct or Value may nest. The libraries of
/// most languages read a hundred and refuse the whole answer beyond, every other
/// span of it included; the rest is for what stands around it. An object takes
/// three messages, a list two.
const READERS_LEVELS: usize = 90;

/// How long the way to a problem may be; it is cut at its end.
const MAX_PATH_BYTES: usize = 256;

/// What is wrong with a Struct or Value that a client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonProblem {
    /// A NUL character, which Postgres cannot keep.
    #[error("holds a NUL character (\\u0000), which cannot be stored: remove it")]
    Nul,
    /// More levels than [`MAX_DEPTH`].
    #[error("nests deeper than {MAX_DEPTH} levels: flatten it, or send it as an artifact")]
    TooDeep,
    /// Bytes that are no such message.
    #[error("is not a valid google.protobuf.Struct")]
    Malformed,
}

/// A problem, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// The way from the field to the place: `.a.b[3]`; empty for the field itself.
    pub path: String,
    /// What is wrong there.
    pub problem: JsonProblem,
}

/// A JSON object on the wire: `google.protobuf.Struct`.
#[derive(Clone, PartialEq, Default)]
pub struct JsonObject(pub(super) Vec<u8>);

/// Any JSON value on the wire: `google.protobuf.Value`.
#[derive(Clone, PartialEq, Default)]
pub struct JsonValue(pub(super) Vec<u8>);

impl JsonObject {
    /// The object.
    ///
    /// # Errors
    ///
    /// Where it nests too deep, holds a NUL character, or is malformed.
    pub fn to_map(&self) -> Result<Map<String, Value>, JsonError> {
        read_struct(&self.0, 1)
    }

    /// The object as any client can read it: what nests too deep for their
    /// libraries stands there as a text, its JSON.
    #[must_use]
    pub fn for_readers(map: &Map<String, Value>) -> Self {
        let mut wire = Vec::new();
        write_struct(map, READERS_LEVELS - OBJECT_LEVELS, &mut wire);
        Self(wire)
    }
}

impl JsonValue {
    /// The value.
    ///
    /// # Errors
    ///
    /// Where it nests too deep, holds a NUL character, or is malformed.
    pub fn to_value(&self) -> Result<Value, JsonError> {
        read_value(&self.0, 0)
    }

    /// The value as any client can read it; see [`JsonObject::for_readers`].
    #[must_use]
    pub fn for_readers(value: &Value) -> Self {
        let mut wire = Vec::new();
        write_value(value, READERS_LEVELS - 1, &mut wire);
        Self(wire)
    }
}

impl From<&Map<String, Value>> for JsonObject {
    fn from(map: &Map<String, Value>) -> Self {
        let mut wire = Vec::new();
        write_struct(map, usize::MAX, &mut wire);
        Self(wire)
    }
}

impl From<&Value> for JsonValue {
    fn from(value: &Value) -> Self {
        let mut wire = Vec::new();
        write_value(value, usize::MAX, &mut wire);
        Self(wire)
    }
}

macro_rules! carried_as_bytes {
    ($name:ident, $read:ident) => {
        impl Message for $name {
            fn encode_raw(&self, buf: &mut impl BufMut) {
                buf.put_slice(&self.0);
            }

            fn merge_field(
                &mut self,
                tag: u32,
                wire_type: WireType,
                buf: &mut impl Buf,
                ctx: DecodeContext,
            ) -> Result<(), DecodeError> {
                keep_field(&mut self.0, tag, wire_type, buf, ctx)
            }

            fn encoded_len(&self) -> usize {
                self.0.len()
            }

            fn clear(&mut self) {
                self.0.clear();
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.$read() {
                    Ok(json) => json.fmt(f),
                    Err(error) => error.fmt(f),
                }
            }
        }
    };
}

carried_as_bytes!(JsonObject, to_map);
carried_as_bytes!(JsonValue, to_value);

/// Appends a field to `wire` as it came.
fn keep_field(
    wire: &mut Vec<u8>,
    tag: u32,
    wire_type: WireType,
    buf: &mut impl Buf,
    ctx: DecodeContext,
) -> Result<(), DecodeError> {
    match wire_type {
        WireType::Varint => {
            let mut value = 0;
            uint64::merge(wire_type, &mut value, buf, ctx)?;
            encode_key(tag, wire_type, wire);
            encode_varint(value, wire);
        }
        WireType::SixtyFourBit => {
            let mut value = 0;
            fixed64::merge(wire_type, &mut value, buf, ctx)?;
            fixed64::encode(tag, &value, wire);
        }
        WireType::ThirtyTwoBit => {
            let mut value = 0;
            fixed32::merge(wire_type, &mut value, buf, ctx)?;
            fixed32::encode(tag, &value, wire);
        }
        WireType::LengthDelimited => {
            let mut value = Vec::new();
            bytes_field::merge(wire_type, &mut value, buf, ctx)?;
            bytes_field::encode(tag, &value, wire);
        }
        // Neither message has groups: this is a field of a later version.
        WireType::StartGroup | WireType::EndGroup => skip_field(wire_type, tag, buf, ctx)?,
    }
    Ok(())
}

impl JsonError {
    fn here(problem: JsonProblem) -> Self {
        Self { path: String::new(), problem }
    }

    fn beneath(mut self, step: &str) -> Self {
        // A key may be a megabyte long; the message only has to point at it.
        let shown: String = step.chars().filter(|c| !c.is_control()).take(64).collect();
        self.path.insert_str(0, &shown);
        // Errors travel in headers, of which clients take 8 KiB.
        if self.path.len() > MAX_PATH_BYTES {
            self.path.truncate(self.path.floor_char_boundary(MAX_PATH_BYTES));
            self.path.push('…');
        }
        self
    }
}

impl From<DecodeError> for JsonError {
    fn from(_: DecodeError) -> Self {
        Self::here(JsonProblem::Malformed)
    }
}

/// One field of a message: its number and its content.
pub(super) enum Field<'a> {
    Varint(u64),
    Double(f64),
    Bytes(&'a [u8]),
}

/// Reads the next field from `wire`, which it shortens.
pub(super) fn next_field<'a>(wire: &mut &'a [u8]) -> Result<Option<(u32, Field<'a>)>, JsonError> {
    loop {
        if wire.is_empty() {
            return Ok(None);
        }
        let (tag, wire_type) = prost::encoding::decode_key(wire)?;
        let field = match wire_type {
            WireType::Varint => Field::Varint(prost::encoding::decode_varint(wire)?),
            WireType::SixtyFourBit if wire.len() >= 8 => Field::Double(wire.get_f64_le()),
            WireType::LengthDelimited => {
                let length = usize::try_from(prost::encoding::decode_varint(wire)?)
                    .map_err(|_| JsonError::here(JsonProblem::Malformed))?;
                let (bytes, rest) = wire
                    .split_at_checked(length)
                    .ok_or_else(|| JsonError::here(JsonProblem::Malformed))?;
                *wire = rest;
                Field::Bytes(bytes)
            }
            _ => {
                skip_field(wire_type, tag, wire, DecodeContext::default())?;
                continue;
            }
        };
        return Ok(Some((tag, field)));
    }
}

pub(super) fn read_text(bytes: &[u8]) -> Result<&str, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::here(JsonProblem::Malformed))?;
    if memchr::memchr(0, bytes).is_some() {
        return Err(JsonError::here(JsonProblem::Nul));
    }
    Ok(text)
}

fn read_struct(mut wire: &[u8], depth: usize) -> Result<Map<String, Value>, JsonError> {
    if depth > MAX_DEPTH {
        return Err(JsonError::here(JsonProblem::TooDeep));
    }
    let mut map = Map::new();
    while let Some((tag, field)) = next_field(&mut wire)? {
        let (1, Field::Bytes(mut entry)) = (tag, field) else { continue };
        let (mut key, mut value) = (String::new(), Value::Null);
        let mut value_wire: Option<&[u8]> = None;
        while let Some(field) = next_field(&mut entry)? {
            match field {
                (1, Field::Bytes(bytes)) => {
                    key = read_text(bytes).map_err(|e| e.beneath(" (a key)"))?.to_owned();
                }
                (2, Field::Bytes(bytes)) => value_wire = Some(bytes),
                _ => {}
            }
        }
        if let Some(wire) = value_wire {
            value = read_value(wire, depth).map_err(|e| e.beneath(&key).beneath("."))?;
        }
        map.insert(key, value);
    }
    Ok(map)
}

fn read_list(mut wire: &[u8], depth: usize) -> Result<Vec<Value>, JsonError> {
    if depth > MAX_DEPTH {
        return Err(JsonError::here(JsonProblem::TooDeep));
    }
    let mut list = Vec::new();
    while let Some((tag, field)) = next_field(&mut wire)? {
        let (1, Field::Bytes(bytes)) = (tag, field) else { continue };
        let value =
            read_value(bytes, depth).map_err(|e| e.beneath(&format!("[{}]", list.len())))?;
        list.push(value);
    }
    Ok(list)
}

fn read_value(mut wire: &[u8], depth: usize) -> Result<Value, JsonError> {
    let mut value = Value::Null;
    while let Some(field) = next_field(&mut wire)? {
        value = match field {
            (1, _) => Value::Null,
            (2, Field::Double(number)) => read_number(number),
            (3, Field::Bytes(bytes)) => Value::String(read_text(bytes)?.to_owned()),
            (4, Field::Varint(truth)) => Value::Bool(truth != 0),
            (5, Field::Bytes(bytes)) => Value::Object(read_struct(bytes, depth + 1)?),
            (6, Field::Bytes(bytes)) => Value::Array(read_list(bytes, depth + 1)?),
            _ => continue,
        };
    }
    Ok(value)
}

/// Whole numbers are written without a fraction; what JSON has no number for
/// is written as text.
fn read_number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[allow(clippy::cast_possible_truncation)] // just checked
        return Value::Number(Number::from(number as i64));
    }
    let in_words = || {
        if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
    };
    Number::from_f64(number).map_or_else(|| Value::String(in_words().to_owned()), Value::Number)
}

/// A Struct, its entry, and the entry's Value.
const OBJECT_LEVELS: usize = 3;
/// A `ListValue`, and its Value.
const LIST_LEVELS: usize = 2;

/// `levels` is how many messages may nest in each of the map's values.
fn write_struct(map: &Map<String, Value>, levels: usize, wire: &mut Vec<u8>) {
    for (key, value) in map {
        let mut entry = Vec::new();
        prost::encoding::string::encode(1, key, &mut entry);
        let mut inner = Vec::new();
        write_value(value, levels, &mut inner);
        bytes_field::encode(2, &inner, &mut entry);
        bytes_field::encode(1, &entry, wire);
    }
}

/// `levels` is how many messages may nest in this one.
fn write_value(value: &Value, levels: usize, wire: &mut Vec<u8>) {
    match value {
        Value::Null => {
            encode_key(1, WireType::Varint, wire);
            encode_varint(0, wire);
        }
        Value::Number(number) => {
            prost::encoding::double::encode(2, &number.as_f64().unwrap_or(f64::NAN), wire);
        }
        Value::String(text) => prost::encoding::string::encode(3, text, wire),
        Value::Bool(truth) => prost::encoding::bool::encode(4, truth, wire),
        Value::Object(map) if levels >= OBJECT_LEVELS => {
            let mut inner = Vec::new();
            write_struct(map, levels - OBJECT_LEVELS, &mut inner);
            bytes_field::encode(5, &inner, wire);
        }
        Value::Array(list) if levels >= LIST_LEVELS => {
            let mut inner = Vec::new();
            for item in list {
                let mut value = Vec::new();
                write_value(item, levels - LIST_LEVELS, &mut value);
                bytes_field::encode(1, &value, &mut inner);
            }
            bytes_field::encode(6, &inner, wire);
        }
        Value::Object(_) | Value::Array(_) => {
            prost::encoding::string::encode(3, &value.to_string(), wire);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> JsonObject {
        JsonObject::from(value.as_object().unwrap())
    }

    #[test]
    fn an_object_comes_back_as_it_went() {
        let value = json!({"a": 1, "b": [true, null, "x", 1.5], "c": {"d": {}}, "": -3});
        let wire = object(&value).encode_to_vec();
        let back = JsonObject::decode(wire.as_slice()).unwrap().to_map().unwrap();
        assert_eq!(Value::Object(back), value);
    }

    #[test]
    fn prosts_own_types_read_the_same_bytes() {
        let wire = object(&json!({"a": {"b": [1, "x"]}})).encode_to_vec();
        let theirs = prost_types::Struct::decode(wire.as_slice()).unwrap();
        assert_eq!(
            JsonObject::decode(theirs.encode_to_vec().as_slice()).unwrap(),
            object(&json!({"a": {"b": [1, "x"]}}))
        );
    }

    #[test]
    fn what_nests_too_deep_is_named() {
        let mut value = json!(1);
        for _ in 0..200 {
            value = json!({ "k": value });
        }
        let error = object(&value).to_map().unwrap_err();
        assert_eq!(error.problem, JsonProblem::TooDeep);
        assert!(error.path.starts_with(".k.k.k"), "{}", error.path);
    }

    #[test]
    fn a_nul_is_named_by_its_place() {
        let error = object(&json!({"a": {"b": ["fine", "no\u{0}t"]}})).to_map().unwrap_err();
        assert_eq!((error.path.as_str(), error.problem), (".a.b[1]", JsonProblem::Nul));
        let error = object(&json!({"a\u{0}": 1})).to_map().unwrap_err();
        assert_eq!(error.problem, JsonProblem::Nul);
    }

    #[test]
    fn numbers_without_a_json_form_become_text() {
        for (number, text) in
            [(f64::NAN, "NaN"), (f64::INFINITY, "Infinity"), (f64::NEG_INFINITY, "-Infinity")]
        {
            let mut wire = Vec::new();
            prost::encoding::double::encode(2, &number, &mut wire);
            assert_eq!(JsonValue(wire).to_value().unwrap(), json!(text));
        }
    }

    #[test]
    fn what_readers_could_not_read_is_told_as_text() {
        for one_level in [
            (|inner| json!({ "k": inner })) as fn(Value) -> Value,
            |inner| json!([inner]),
            |inner| json!({ "k": [inner] }),
        ] {
            let mut value = json!("deep");
            for _ in 0..MAX_DEPTH / 2 {
                value = one_level(value);
            }
            let value = one_level(json!({ "deep": value, "flat": [1, { "a": null }] }));
            let told = JsonValue::for_readers(&value);
            // Ten messages around it, which is more than there are.
            let mut wire = told.encode_to_vec();
            for _ in 0..5 {
                let mut list = Vec::new();
                bytes_field::encode(1, &wire, &mut list);
                wire.clear();
                bytes_field::encode(6, &list, &mut wire);
            }
            prost_types::Value::decode(wire.as_slice()).expect("within any reader's depth");

            fn whole(value: Value) -> Value {
                match value {
                    Value::String(text) => serde_json::from_str(&text).map_or(text.into(), whole),
                    Value::Array(items) => items.into_iter().map(whole).collect(),
                    Value::Object(map) => map.into_iter().map(|(k, v)| (k, whole(v))).collect(),
                    other => other,
                }
            }
            assert_eq!(whole(told.to_value().unwrap()), value, "and nothing is lost");
        }
        let flat = json!({ "a": [{ "b": [1, 2] }] });
        assert_eq!(JsonValue::for_readers(&flat), JsonValue::from(&flat));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(object) = JsonObject::decode(bytes.as_slice()) {
                let _ = object.to_map();
            }
            let _ = JsonValue(bytes).to_value();
        }
    }
}
