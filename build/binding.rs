//! The `google.api.http` rules of the proto: which rpc is reached by which method
//! and path.

use protox::prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, Kind, MethodDescriptor, Value,
};

/// One way to reach an rpc over HTTP.
pub(crate) struct Binding {
    pub(crate) rpc: MethodDescriptor,
    /// `GET`, `POST`, …
    pub(crate) verb: &'static str,
    /// `/api/v1/runs/{run_id}`: literal segments, and fields in braces.
    pub(crate) path: String,
    /// The fields that are segments of the path.
    pub(crate) path_fields: Vec<String>,
    /// Whether the body holds all other fields; else the query does.
    pub(crate) has_body: bool,
    /// The field of the reply that is the answer; the whole reply where absent.
    pub(crate) response_field: Option<String>,
}

impl Binding {
    /// Whether one request has one reply. What streams is served by hand.
    pub(crate) fn is_unary(&self) -> bool {
        !self.rpc.is_client_streaming() && !self.rpc.is_server_streaming()
    }
}

/// Every binding, in the order of the proto.
pub(crate) fn read(pool: &DescriptorPool) -> Result<Vec<Binding>, String> {
    let http = pool
        .get_extension_by_name("google.api.http")
        .ok_or("the proto files do not import google/api/annotations.proto")?;
    let mut bindings = Vec::new();
    for rpc in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        read_rpc(&rpc, &http, &mut bindings)
            .map_err(|problem| format!("{}: {problem}", rpc.full_name()))?;
    }
    Ok(bindings)
}

fn read_rpc(
    rpc: &MethodDescriptor,
    http: &ExtensionDescriptor,
    bindings: &mut Vec<Binding>,
) -> Result<(), String> {
    let options = rpc.options();
    if !options.has_extension(http) {
        return Ok(());
    }
    let rule = options.get_extension(http);
    let rule = rule.as_message().ok_or("google.api.http is no message")?;
    bindings.push(read_rule(rpc, rule)?);
    let others = rule.get_field_by_name("additional_bindings");
    for other in others.as_ref().and_then(|others| others.as_list()).unwrap_or_default() {
        bindings.push(read_rule(rpc, other.as_message().ok_or("a binding is no message")?)?);
    }
    Ok(())
}

fn read_rule(rpc: &MethodDescriptor, rule: &DynamicMessage) -> Result<Binding, String> {
    let text = |field: &str| {
        let value = rule.get_field_by_name(field);
        value.as_deref().and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let verbs = ["get", "put", "post", "delete", "patch"]
        .iter()
        .zip(["GET", "PUT", "POST", "DELETE", "PATCH"]);
    let (path, verb) = verbs
        .map(|(field, verb)| (text(field), verb))
        .find(|(path, _)| !path.is_empty())
        .ok_or("a rule has none of get, put, post, delete and patch")?;
    let path_fields = path_fields(rpc, &path)?;
    let has_body = match text("body").as_str() {
        "" => false,
        "*" => true,
        field => return Err(format!("body: \"{field}\" is not supported, only \"*\"")),
    };
    let response_field = Some(text("response_body")).filter(|field| !field.is_empty());
    if let Some(field) = &response_field
        && rpc.output().get_field_by_name(field).is_none()
    {
        return Err(format!("response_body: the reply has no {field}"));
    }
    Ok(Binding { rpc: rpc.clone(), verb, path, path_fields, has_body, response_field })
}

/// The fields in braces. Templates of more than one segment are not supported.
fn path_fields(rpc: &MethodDescriptor, path: &str) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let segments = path.strip_prefix('/').ok_or_else(|| format!("{path} begins with no /"))?;
    for segment in segments.split('/') {
        let inner = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let is_plain = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        };
        if !is_plain(inner.unwrap_or(segment)) {
            return Err(format!("{path}: the segment {segment} is not supported"));
        }
        let Some(name) = inner else { continue };
        let field = rpc.input().get_field_by_name(name);
        if field.is_none_or(|field| field.kind() != Kind::String || field.is_list()) {
            return Err(format!("{path}: the request has no text field {name}"));
        }
        fields.push(name.to_owned());
    }
    Ok(fields)
}
