//! Messages and enumerations as JSON schemas.

use std::collections::BTreeMap;

use protox::prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::comment::Commented as _;

/// Which way a message travels: what is read may be incomplete, what is written is
/// whole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Read,
    Written,
}

/// The schemas that are referred to, by name.
#[derive(Default)]
pub(super) struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    /// Adds one that is no message.
    pub(super) fn add(&mut self, name: &str, schema: Value) {
        self.0.insert(name.to_owned(), schema);
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0.into_iter().collect())
    }

    /// A reference to the schema of `message`.
    pub(super) fn message(&mut self, message: &MessageDescriptor, way: Way) -> Value {
        let name = message_name(message, way);
        if !self.0.contains_key(&name) {
            // Before its fields: one may lead back here.
            self.0.insert(name.clone(), Value::Null);
            let schema = self.object(message, way, &[]);
            self.0.insert(name.clone(), schema);
        }
        reference(&name)
    }

    /// The schema of `message` without the fields `except`.
    pub(super) fn object(
        &mut self,
        message: &MessageDescriptor,
        way: Way,
        except: &[String],
    ) -> Value {
        let fields: Vec<_> = message
            .fields()
            .filter(|field| !except.iter().any(|name| name == field.name()))
            .collect();
        let properties: Map<_, _> = fields
            .iter()
            .map(|field| (field.name().to_owned(), described(self.field(field, way), field)))
            .collect();
        let mut object = json!({
            "type": "object",
            "description": message.comment(),
            "properties": properties,
        });
        match way {
            Way::Read => object["additionalProperties"] = false.into(),
            Way::Written => {
                object["required"] = fields.iter().map(|field| field.name()).collect();
            }
        }
        object
    }

    /// A field, and null where it may be absent from what is written.
    pub(super) fn field(&mut self, field: &FieldDescriptor, way: Way) -> Value {
        if field.is_map() {
            return json!({ "type": "object", "additionalProperties": { "type": "string" } });
        }
        let schema = self.kind(field, way);
        if field.is_list() {
            return json!({ "type": "array", "items": schema });
        }
        if way == Way::Written && field.supports_presence() { or_null(schema) } else { schema }
    }

    fn kind(&mut self, field: &FieldDescriptor, way: Way) -> Value {
        match field.kind() {
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::Double => json!({ "type": "number", "format": "double" }),
            Kind::Int32 => json!({ "type": "integer", "format": "int32" }),
            Kind::Uint32 => {
                json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": u32::MAX })
            }
            Kind::Uint64 => json!({ "type": "string", "pattern": "^[0-9]+$" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Enum(kind) => self.enumeration(&kind),
            Kind::Message(message) => match message.full_name() {
                "google.protobuf.Timestamp" => json!({ "type": "string", "format": "date-time" }),
                "google.protobuf.Duration" => {
                    json!({ "type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$" })
                }
                "google.protobuf.Struct" => json!({ "type": "object" }),
                "google.protobuf.Value" => json!({}),
                _ => self.message(&message, way),
            },
            _ if is_uuid(field) => json!({ "type": "string", "format": "uuid" }),
            _ => json!({ "type": "string" }),
        }
    }

    fn enumeration(&mut self, kind: &EnumDescriptor) -> Value {
        let values: Vec<_> = kind.values().collect();
        let explained = values.iter().fold(kind.comment() + "\n", |all, value| {
            format!("{all}\n- `{}`: {}", value.name(), value.comment())
        });
        let names: Vec<_> = values.iter().map(|value| value.name()).collect();
        self.add(kind.name(), json!({ "type": "string", "enum": names, "description": explained }));
        reference(kind.name())
    }
}

/// By its comment. One that may be empty is none.
fn is_uuid(field: &FieldDescriptor) -> bool {
    let comment = field.comment();
    field.kind() == Kind::String && comment.contains("a uuid") && !comment.contains("empty")
}

/// With its comment; beside a reference too, which OpenAPI allows since 3.1.
pub(super) fn described(mut schema: Value, field: &FieldDescriptor) -> Value {
    schema["description"] = field.comment().into();
    schema
}

pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn or_null(schema: Value) -> Value {
    match schema.get("type") {
        Some(kind) => {
            let mut schema = schema.clone();
            schema["type"] = json!([kind, "null"]);
            schema
        }
        None if schema.get("$ref").is_some() => {
            json!({ "anyOf": [schema, { "type": "null" }] })
        }
        // Anything, null among it.
        None => schema,
    }
}

/// A message that travels both ways has a schema for each.
fn message_name(message: &MessageDescriptor, way: Way) -> String {
    let name = message.name();
    if way == Way::Read && !name.ends_with("Request") {
        format!("{name}Input")
    } else {
        name.to_owned()
    }
}
