//! The OpenAPI 3.1 document of REST. What the proto says is generated; what it
//! can't say, and routes that no rpc has, stand in `src/gateway/by_hand.openapi.json`,
//! which is laid over it.

mod comment;
mod schema;

use serde_json::{Map, Value, json};

use self::{
    comment::Commented as _,
    schema::{Schemas, Way, described, reference},
};
use crate::binding::Binding;

/// Under this the rpcs stand as they are.
const OWN_PREFIX: &str = "/api/v1/";

/// The document, with `by_hand` laid over what is generated.
pub(crate) fn document(bindings: &[Binding], by_hand: Value) -> Result<String, String> {
    let mut schemas = Schemas::default();
    let mut paths = Map::new();
    let mut tags: Vec<Value> = Vec::new();
    for (at, binding) in bindings.iter().enumerate() {
        let service = binding.rpc.parent_service();
        let tag = json!({ "name": service.name(), "description": service.comment() });
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        let before = bindings[..at].iter().filter(|other| other.rpc == binding.rpc).count();
        let operation = operation(binding, before, &mut schemas);
        let path = paths.entry(&binding.path).or_insert_with(|| json!({}));
        path[binding.verb.to_lowercase()] = operation;
    }
    schemas.add("Error", error_schema());
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {},
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": { "schemas": schemas.into_value(), "responses": error_responses() },
    });
    lay_over(&mut document, by_hand);
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    check(bindings, &document)?;
    serde_json::to_string(&document).map_err(|error| error.to_string())
}

fn operation(binding: &Binding, before: usize, schemas: &mut Schemas) -> Value {
    let Binding { rpc, path, path_fields, has_body, response_field, .. } = binding;
    let input = rpc.input();
    let parameters: Vec<_> = input
        .fields()
        .filter_map(|field| {
            let is_path = path_fields.iter().any(|name| name == field.name());
            if !is_path && *has_body {
                return None;
            }
            Some(json!({
                "name": field.name(),
                "in": if is_path { "path" } else { "query" },
                "required": is_path,
                "description": field.comment(),
                "schema": schemas.field(&field, Way::Read),
            }))
        })
        .collect();
    let id = match before {
        0 => rpc.name().to_owned(),
        _ => format!("{}_{}", rpc.name(), before + 1),
    };
    let tag = if path.starts_with(OWN_PREFIX) {
        rpc.parent_service().name().to_owned()
    } else {
        path.split('/').take(4).collect::<Vec<_>>().join("/")
    };
    let mut operation = json!({
        "operationId": id,
        "tags": [tag],
        "summary": rpc.title(),
        "description": rpc.comment(),
        "parameters": parameters,
    });
    if *has_body {
        let schema = if path_fields.is_empty() {
            schemas.message(&input, Way::Read)
        } else {
            schemas.object(&input, Way::Read, path_fields)
        };
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    let reply = match response_field.as_ref().and_then(|name| rpc.output().get_field_by_name(name))
    {
        Some(field) => described(schemas.field(&field, Way::Written), &field),
        None => schemas.message(&rpc.output(), Way::Written),
    };
    let mut responses = json!({ "200": { "description": rpc.output().comment() } });
    // A stream's media type, and what is in it, are said by hand.
    if binding.is_unary() {
        responses["200"]["content"] = json!({ "application/json": { "schema": reply } });
    }
    let failures = [
        ("400", "Invalid", true),
        ("404", "NotFound", !path_fields.is_empty() && !has_body),
        ("413", "TooLong", *has_body),
        ("415", "WrongType", *has_body),
        ("503", "Unavailable", true),
        ("default", "Failed", true),
    ];
    for (code, name, _) in failures.into_iter().filter(|(.., can_be)| *can_be) {
        responses[code] = json!({ "$ref": format!("#/components/responses/{name}") });
    }
    operation["responses"] = responses;
    operation
}

/// As `src/gateway/error.rs` writes it.
fn error_schema() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong: a google.rpc.Status, and a text to show.",
        "required": ["error", "code", "message", "details"],
        "properties": {
            "error": {
                "type": "string",
                "description": "A text to show: the message, but for a thing that does not exist, where \
                                it says what, as `Run not found`.",
            },
            "code": { "type": "integer", "description": "A google.rpc.Code." },
            "message": { "type": "string", "description": "What to change." },
            "details": {
                "type": "array",
                "description": "google.rpc.BadRequest names the fields or parameters that are wrong, \
                                google.rpc.RetryInfo says when to come again, \
                                google.rpc.ResourceInfo what does not exist.",
                "items": {
                    "type": "object",
                    "required": ["@type"],
                    "properties": {
                        "@type": { "type": "string", "description": "Which of them it is." },
                    },
                },
            },
        },
    })
}

fn error_responses() -> Value {
    let response = |description: &str| {
        json!({
            "description": description,
            "content": { "application/json": { "schema": reference("Error") } },
        })
    };
    let mut unavailable = response("The server cannot take it now. Send it again.");
    unavailable["headers"] = json!({
        "Retry-After": {
            "description": "In how many seconds.",
            "schema": { "type": "integer", "minimum": 0 },
        },
    });
    json!({
        "Invalid": response("Something in the request is wrong; the details name the field or parameter."),
        "NotFound": response("What was asked for does not exist."),
        "TooLong": response("The body is longer than is read."),
        "WrongType": response("The body is not JSON, or does not say so."),
        "Unavailable": unavailable,
        "Failed": response("Anything else that is no success."),
    })
}

/// Objects are merged; of anything else, what is above counts.
fn lay_over(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                lay_over(below.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(below), Value::Array(above)) => below.extend(above),
        (below, above) => *below = above,
    }
}

/// Whatever is answered has to have a media type.
fn check(bindings: &[Binding], document: &Value) -> Result<(), String> {
    for binding in bindings {
        let operation = &document["paths"][&binding.path][binding.verb.to_lowercase()];
        let responses = operation["responses"].as_object().into_iter().flatten();
        let mut successes = responses.filter(|(code, _)| code.starts_with('2'));
        if !successes.any(|(_, response)| response["content"].is_object()) {
            return Err(format!(
                "{} {} streams: say its media type in src/gateway/by_hand.openapi.json",
                binding.verb, binding.path
            ));
        }
    }
    Ok(())
}
