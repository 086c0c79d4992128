//! Attributes and their values: OTLP's `KeyValue` and `AnyValue`.

use bumpalo::Bump;

use super::{
    Fault, MAX_VALUE_LEVELS, Malformed,
    stack::{Allowance, Stack},
    wire::{Field, Fields, Parts},
};
use crate::domain::otel::{KeyValue, Value};

/// Reads attributes and text. Its stacks hold the lists that are still growing.
pub(super) struct ValueDecoder<'a> {
    pub(super) arena: &'a Bump,
    pub(super) allowance: Allowance,
    pub(super) attributes: Stack<KeyValue<'a>>,
    pub(super) values: Stack<Value<'a>>,
}

/// What an `AnyValue` has said so far. Its last word counts, but lists that
/// follow each other are one list.
enum Said<'a> {
    Scalar(Value<'a>),
    Array(Parts<'a>),
    Map(Parts<'a>),
}

impl<'a> ValueDecoder<'a> {
    pub(super) fn new(allowance: Allowance, arena: &'a Bump) -> Self {
        Self { arena, allowance, attributes: Stack::new(), values: Stack::new() }
    }

    /// Text as it is in the request, or mended in the arena. Exporters that cut
    /// text to a number of bytes cut through characters, and a span is worth
    /// more than a character.
    #[inline]
    pub(super) fn text(&mut self, bytes: &'a [u8]) -> Result<&'a str, Malformed> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(_) => {
                let mended = String::from_utf8_lossy(bytes);
                self.allowance.take(mended.len(), "string")?;
                Ok(self.arena.alloc_str(&mended))
            }
        }
    }

    /// Reads one attribute onto the stack of attributes; `level` is its value's.
    #[inline]
    pub(super) fn push_attribute(&mut self, bytes: &'a [u8], level: u32) -> Result<(), Malformed> {
        let mut key: &[u8] = &[];
        let mut value = Parts::default();
        let mut fields = Fields::new("KeyValue", bytes);
        while let Some(field) = fields.next()? {
            match field {
                (1, Field::Bytes(text)) => key = text,
                (2, Field::Bytes(part)) => value.add(part),
                _ => {}
            }
        }
        let key = self.text(key)?;
        let value = self.value(&value, level)?;
        self.attributes.push(KeyValue { key, value }, &mut self.allowance, "KeyValue")
    }

    fn value(&mut self, parts: &Parts<'a>, level: u32) -> Result<Value<'a>, Malformed> {
        const MESSAGE: &str = "AnyValue";
        if level > MAX_VALUE_LEVELS {
            return Err(Malformed { message: MESSAGE, fault: Fault::TooDeep });
        }
        let mut said = Said::Scalar(Value::Empty);
        let mut fields = parts.fields(MESSAGE);
        while let Some(field) = fields.next()? {
            let scalar = match field {
                (1, Field::Bytes(text)) => Value::String(self.text(text)?),
                (2, Field::Varint(truth)) => Value::Bool(truth != 0),
                (3, Field::Varint(number)) => Value::Int(number.cast_signed()),
                (4, Field::Fixed64(bits)) => Value::Double(f64::from_bits(bits)),
                (5, Field::Bytes(part)) => {
                    match &mut said {
                        Said::Array(parts) => parts.add(part),
                        _ => said = Said::Array(Parts::new(part)),
                    }
                    continue;
                }
                (6, Field::Bytes(part)) => {
                    match &mut said {
                        Said::Map(parts) => parts.add(part),
                        _ => said = Said::Map(Parts::new(part)),
                    }
                    continue;
                }
                (7, Field::Bytes(bytes)) => Value::Bytes(bytes),
                _ => continue,
            };
            said = Said::Scalar(scalar);
        }
        match said {
            Said::Scalar(value) => Ok(value),
            Said::Array(parts) => self.array(&parts, level + 1),
            Said::Map(parts) => self.map(&parts, level + 1),
        }
    }

    fn array(&mut self, parts: &Parts<'a>, level: u32) -> Result<Value<'a>, Malformed> {
        let mark = self.values.mark();
        let mut fields = parts.fields("ArrayValue");
        while let Some(field) = fields.next()? {
            if let (1, Field::Bytes(element)) = field {
                let value = self.value(&Parts::new(element), level)?;
                self.values.push(value, &mut self.allowance, "ArrayValue")?;
            }
        }
        Ok(Value::Array(self.values.keep(mark, self.arena)))
    }

    fn map(&mut self, parts: &Parts<'a>, level: u32) -> Result<Value<'a>, Malformed> {
        let mark = self.attributes.mark();
        let mut fields = parts.fields("KeyValueList");
        while let Some(field) = fields.next()? {
            if let (1, Field::Bytes(entry)) = field {
                self.push_attribute(entry, level)?;
            }
        }
        Ok(Value::Map(self.attributes.keep(mark, self.arena)))
    }
}
