//! How the messages that REST carries are written as JSON: serde's derives on the
//! generated types, and for each field that serde would write otherwise the
//! function that does it, in `src/proto/json_fields.rs`.

use std::collections::BTreeMap;

use protox::prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use tonic_prost_build::Builder;

use crate::binding::Binding;

const FIELDS: &str = "crate::proto::json_fields";

/// In which directions a message travels.
#[derive(Clone, Copy, Default)]
struct Ways {
    is_read: bool,
    is_written: bool,
}

/// Adds the derives and attributes for all that `bindings` reach.
pub(crate) fn attributes(mut builder: Builder, bindings: &[Binding]) -> Result<Builder, String> {
    let mut messages = BTreeMap::new();
    for binding in bindings {
        // A stream's messages are written one by one; none is read as JSON.
        if !binding.rpc.is_client_streaming() {
            reach(&binding.rpc.input(), Ways { is_read: true, is_written: false }, &mut messages);
        }
        reach(&binding.rpc.output(), Ways { is_read: false, is_written: true }, &mut messages);
    }
    for (name, (message, ways)) in messages {
        if ways.is_read {
            builder = builder.message_attribute(
                &name,
                "#[derive(serde::Deserialize)] #[serde(default, deny_unknown_fields)]",
            );
        }
        if ways.is_written {
            builder = builder.message_attribute(&name, "#[derive(serde::Serialize)]");
        }
        for field in message.fields() {
            let attributes = field_attributes(&field, ways)
                .map_err(|problem| format!("{}: {problem}", field.full_name()))?;
            if !attributes.is_empty() {
                let attribute = format!("#[serde({})]", attributes.join(", "));
                builder = builder.field_attribute(format!("{name}.{}", field.name()), attribute);
            }
        }
    }
    Ok(builder)
}

/// Notes `message` and every message in it.
fn reach(
    message: &MessageDescriptor,
    ways: Ways,
    found: &mut BTreeMap<String, (MessageDescriptor, Ways)>,
) {
    if message.package_name() != "livespan.v1" {
        return;
    }
    let (_, known) = found
        .entry(message.full_name().to_owned())
        .or_insert_with(|| (message.clone(), Ways::default()));
    if (known.is_read || !ways.is_read) && (known.is_written || !ways.is_written) {
        return;
    }
    known.is_read |= ways.is_read;
    known.is_written |= ways.is_written;
    for field in message.fields().filter(|field| !field.is_map()) {
        if let Kind::Message(inner) = field.kind() {
            reach(&inner, ways, found);
        }
    }
}

fn field_attributes(field: &FieldDescriptor, ways: Ways) -> Result<Vec<String>, String> {
    let mut attributes = Vec::new();
    if ways.is_read && field.json_name() != field.name() {
        attributes.push(format!("alias = {:?}", field.json_name()));
    }
    let (read, written) = functions(field)?;
    if ways.is_written && matches!(field.kind(), Kind::Bytes) {
        return Err("bytes are not supported in a reply of REST".to_owned());
    }
    if let Some(function) = read.filter(|_| ways.is_read) {
        attributes.push(format!("deserialize_with = \"{FIELDS}::{function}\""));
    }
    if let Some(function) = written.filter(|_| ways.is_written) {
        attributes.push(format!("serialize_with = \"{FIELDS}::{function}\""));
    }
    Ok(attributes)
}

/// What reads and what writes a field, where serde's own way isn't protobuf's.
fn functions(field: &FieldDescriptor) -> Result<(Option<String>, Option<String>), String> {
    let own = |name: &str| Some(name.to_owned());
    let optional = if field.supports_presence() { "optional_" } else { "" };
    if field.containing_oneof().is_some_and(|oneof| oneof.fields().len() > 1) {
        return Err("a oneof is not supported in REST".to_owned());
    }
    let kind = field.kind();
    if field.is_map() {
        return Ok((own("or_default"), own("in_order")));
    }
    if field.is_list() {
        return match kind {
            Kind::String | Kind::Message(_) | Kind::Uint32 => Ok((own("or_default"), None)),
            _ => Err("a list of these is not supported in REST".to_owned()),
        };
    }
    match kind {
        Kind::String | Kind::Bool if optional.is_empty() => Ok((own("or_default"), None)),
        Kind::Double | Kind::Int32 | Kind::Uint32 => Ok((Some(format!("{optional}number")), None)),
        Kind::Uint64 if optional.is_empty() => Ok((own("number"), own("as_text"))),
        Kind::Bytes if optional.is_empty() => Ok((own("base64"), None)),
        Kind::Enum(kind) => {
            let kind = format!("crate::proto::v1::{}", kind.name());
            Ok((
                Some(format!("{optional}enumeration::<{kind}, _>")),
                Some(format!("{optional}enum_name::<{kind}, _>")),
            ))
        }
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" | "google.protobuf.Duration" => {
                Ok((own("optional_text"), own("optional_as_text")))
            }
            "google.protobuf.Struct" | "google.protobuf.Value" => Ok((None, None)),
            name if name.starts_with("livespan.v1.") => Ok((None, None)),
            name => Err(format!("{name} is not supported in REST")),
        },
        _ => Err(format!("{kind:?} is not supported in REST")),
    }
}
