//! `Struct` and `Value` between their bytes and JSON text, without a tree between.

use std::fmt;

use prost::encoding::{WireType, bytes as bytes_field, encode_key, encode_varint};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap as _, SerializeSeq as _},
};

use super::json::{EXACT, Field, JsonError, JsonObject, JsonValue, next_field, read_text};

impl Serialize for JsonObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StructBytes(&self.0).serialize(serializer)
    }
}

impl Serialize for JsonValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ValueBytes(&self.0).serialize(serializer)
    }
}

struct StructBytes<'a>(&'a [u8]);
struct ListBytes<'a>(&'a [u8]);
struct ValueBytes<'a>(&'a [u8]);

#[allow(clippy::needless_pass_by_value)] // as map_err calls it
fn shown<E: serde::ser::Error>(error: JsonError) -> E {
    E::custom(error.problem)
}

impl Serialize for StructBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut wire = self.0;
        while let Some((tag, field)) = next_field(&mut wire).map_err(shown)? {
            let (1, Field::Bytes(mut entry)) = (tag, field) else { continue };
            let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
            while let Some(field) = next_field(&mut entry).map_err(shown)? {
                match field {
                    (1, Field::Bytes(bytes)) => key = bytes,
                    (2, Field::Bytes(bytes)) => value = bytes,
                    _ => {}
                }
            }
            map.serialize_entry(read_text(key).map_err(shown)?, &ValueBytes(value))?;
        }
        map.end()
    }
}

impl Serialize for ListBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        let mut wire = self.0;
        while let Some((tag, field)) = next_field(&mut wire).map_err(shown)? {
            if let (1, Field::Bytes(bytes)) = (tag, field) {
                list.serialize_element(&ValueBytes(bytes))?;
            }
        }
        list.end()
    }
}

impl Serialize for ValueBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut wire = self.0;
        let mut last = None;
        while let Some(field) = next_field(&mut wire).map_err(shown)? {
            // As in any oneof, the last one counts.
            if (1..=6).contains(&field.0) {
                last = Some(field);
            }
        }
        match last {
            Some((2, Field::Double(number))) => serialize_number(number, serializer),
            Some((3, Field::Bytes(text))) => {
                serializer.serialize_str(read_text(text).map_err(shown)?)
            }
            Some((4, Field::Varint(truth))) => serializer.serialize_bool(truth != 0),
            Some((5, Field::Bytes(inner))) => StructBytes(inner).serialize(serializer),
            Some((6, Field::Bytes(inner))) => ListBytes(inner).serialize(serializer),
            _ => serializer.serialize_unit(),
        }
    }
}

/// Whole numbers without a fraction; what JSON has no number for, as text.
fn serialize_number<S: Serializer>(number: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[allow(clippy::cast_possible_truncation)] // just checked
        serializer.serialize_i64(number as i64)
    } else if number.is_finite() {
        serializer.serialize_f64(number)
    } else {
        serializer.collect_str(&number)
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut wire = Vec::new();
        deserializer.deserialize_map(ObjectInto(&mut wire))?;
        Ok(Self(wire))
    }
}

impl<'de> Deserialize<'de> for JsonValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut wire = Vec::new();
        ValueInto(&mut wire).deserialize(deserializer)?;
        Ok(Self(wire))
    }
}

/// Appends an object as the fields of a Struct.
struct ObjectInto<'w>(&'w mut Vec<u8>);

/// Appends anything as the fields of a Value.
struct ValueInto<'w>(&'w mut Vec<u8>);

impl<'de> Visitor<'de> for ObjectInto<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (mut entry, mut value) = (Vec::new(), Vec::new());
        while let Some(key) = map.next_key::<String>()? {
            entry.clear();
            value.clear();
            map.next_value_seed(ValueInto(&mut value))?;
            prost::encoding::string::encode(1, &key, &mut entry);
            bytes_field::encode(2, &value, &mut entry);
            bytes_field::encode(1, &entry, self.0);
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for ValueInto<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueInto<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        encode_key(1, WireType::Varint, self.0);
        encode_varint(0, self.0);
        Ok(())
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<(), E> {
        prost::encoding::bool::encode(4, &truth, self.0);
        Ok(())
    }

    #[allow(clippy::cast_precision_loss)] // a Value has no other numbers
    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.visit_f64(number as f64)
    }

    #[allow(clippy::cast_precision_loss)] // likewise
    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.visit_f64(number as f64)
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        prost::encoding::double::encode(2, &number, self.0);
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        encode_key(3, WireType::LengthDelimited, self.0);
        encode_varint(text.len() as u64, self.0);
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let (mut items, mut item) = (Vec::new(), Vec::new());
        while list.next_element_seed(ValueInto(&mut item))?.is_some() {
            bytes_field::encode(1, &item, &mut items);
            item.clear();
        }
        bytes_field::encode(6, &items, self.0);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let mut inner = Vec::new();
        ObjectInto(&mut inner).visit_map(map)?;
        bytes_field::encode(5, &inner, self.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-zé\"\\\\\n]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{0,3}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn text_becomes_the_same_bytes_and_comes_back(value in any_json()) {
            let tree = JsonValue::from(&value);
            let read: JsonValue = serde_json::from_str(&value.to_string()).unwrap();
            prop_assert_eq!(&read.0, &tree.0);
            let text = serde_json::to_string(&tree).unwrap();
            prop_assert_eq!(text, tree.to_value().unwrap().to_string());
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = serde_json::to_string(&JsonValue(bytes.clone()));
            let _ = serde_json::to_string(&JsonObject(bytes));
        }
    }

    #[test]
    fn numbers_without_a_json_form_become_text() {
        let mut wire = Vec::new();
        prost::encoding::double::encode(2, &f64::NAN, &mut wire);
        assert_eq!(serde_json::to_value(JsonValue(wire)).unwrap(), json!("NaN"));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for wrong in ["[1]", "1", "null", "\"x\""] {
            serde_json::from_str::<JsonObject>(wrong).unwrap_err();
        }
    }
}
