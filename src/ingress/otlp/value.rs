//! Attributes and their values: OTLP's `KeyValue` and `AnyValue`.

use super::{
    Fault, MAX_VALUE_LEVELS, Malformed,
    request::Decoder,
    wire::{Field, Fields, Parts},
};
use crate::domain::otel::{KeyValue, Value};

/// What an `AnyValue` has said so far. Its last word counts, but lists that
/// follow each other are one list.
enum Said<'a> {
    Scalar(Value<'a>),
    Array(Parts<'a>),
    Map(Parts<'a>),
}

impl<'a> Decoder<'a> {
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
        self.attributes.push(KeyValue { key, value }, &mut self.allowance)
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
                self.values.push(value, &mut self.allowance)?;
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
