//! The OpenAPI document, and the page that shows it.

use serde_json::Value;

use crate::{
    client::{get, send},
    support::TestApp,
};

/// Every operation of the document: method, path, operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, operations)| {
        operations
            .as_object()
            .unwrap()
            .iter()
            .map(|(method, operation)| (method.to_uppercase(), path.clone(), operation.clone()))
    });
    each.collect()
}

/// Every `$ref` in a value.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn what_the_document_names_is_served_and_explained() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    let document = get(to, "/api/openapi.json").await.document();
    assert_eq!(document["openapi"], "3.1.0");
    let operations = operations(&document);
    assert!(operations.len() >= 22, "{}", operations.len());
    let mut ids = Vec::new();
    for (method, path, operation) in &operations {
        ids.push(operation["operationId"].as_str().unwrap());
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{path}");
        let asked = path.replace(['{', '}'], "");
        let answer = send(to, &format!("{method} {asked}"), &[], b"").await;
        assert!(![404, 405].contains(&answer.status), "{method} {path}: {answer:?}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(!parameter["description"].as_str().unwrap().is_empty(), "{path}: {parameter}");
        }
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "each operation has an id of its own");
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_schema_is_referred_to() {
    let app = TestApp::start().await;
    let document = get(app.app.http_addr(), "/api/openapi.json").await.document();
    let mut found = Vec::new();
    references(&document, &mut found);
    for reference in &found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some_and(Value::is_object), "{reference}");
    }
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(found.contains(&reference), "{reference} is for nothing");
        }
    }
}

#[tokio::test]
async fn every_field_of_the_schemas_has_the_protos_comment() {
    let app = TestApp::start().await;
    let document = get(app.app.http_addr(), "/api/openapi.json").await.document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(!schema["description"].as_str().unwrap().is_empty(), "{name}");
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            assert!(!schema["description"].as_str().unwrap().is_empty(), "{name}.{field}");
        }
    }
    let span = &document["components"]["schemas"]["Span"];
    assert_eq!(span["properties"]["reason_kind"]["anyOf"][1]["type"], "null");
    assert_eq!(span["required"].as_array().unwrap().len(), 30);
}

#[tokio::test]
async fn the_page_and_all_that_it_needs_come_from_here() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    let page = get(to, "/api/docs").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    let text = String::from_utf8(page.body).unwrap();
    assert!(!text.contains("//"), "{text}");
    for (name, media_type, least) in [
        ("swagger-ui-bundle.js", "text/javascript", 1_000_000),
        ("swagger-ui.css", "text/css", 100_000),
        ("start.js", "text/javascript", 100),
    ] {
        assert!(text.contains(&format!("\"docs/{name}\"")), "{name}");
        let plain = get(to, &format!("/api/docs/{name}")).await;
        assert_eq!((plain.status, plain.header("content-type")), (200, Some(media_type)), "{name}");
        assert_eq!(plain.header("x-content-type-options"), Some("nosniff"));
        assert!(plain.body.len() > least, "{name}");
    }
    let packed = ["Accept-Encoding: gzip"];
    let packed = send(to, "GET /api/docs/swagger-ui-bundle.js", &packed, b"").await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() < 600_000, "{}", packed.body.len());
    let moved = get(to, "/api/docs/").await;
    assert_eq!((moved.status, moved.header("location")), (308, Some("../docs")));
}
