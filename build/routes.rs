//! Writes REST's routes as Rust: a function for each service, which mounts every
//! binding of its unary rpcs on a service of that trait.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::binding::Binding;

/// The code, to be included by `src/gateway/routes.rs`.
pub(crate) fn code(bindings: &[Binding]) -> String {
    let mut services = BTreeMap::<String, String>::new();
    for binding in bindings.iter().filter(|binding| binding.is_unary()) {
        let service = binding.rpc.parent_service().name().to_owned();
        services.entry(service).or_default().push_str(&route(binding));
    }
    let mut code = String::new();
    for (service, routes) in services {
        let function = snake_case(&service);
        let _ = write!(
            code,
            "/// Every binding of the unary rpcs of `{service}`.\n\
             pub(super) fn {function}<S: v1::{function}_server::{service}>(service: &Arc<S>) -> Router {{\n\
             Router::new()\n{routes}}}\n"
        );
    }
    code
}

fn route(binding: &Binding) -> String {
    let Binding { rpc, verb, path, path_fields, has_body, response_field } = binding;
    let method = snake_case(rpc.name());
    let input = rpc.input();
    let source = if *has_body { "body" } else { "query" };
    let placed = path_fields.iter().fold(String::new(), |mut all, field| {
        let _ = writeln!(all, "call.place({field:?}, &mut message.{field})?;");
        all
    });
    let mutable = if path_fields.is_empty() { "" } else { "mut " };
    let answer = response_field.as_ref().map_or(String::new(), |field| format!(".{field}"));
    format!(
        ".route({path:?}, routing::on(MethodFilter::{verb}, {{
            let service = Arc::clone(service);
            move |{mutable}call: Call| async move {{
                let {mutable}message = call.{source}::<v1::{input}>()?;
                {placed}let reply = service.{method}(call.request(message)).await?;
                answer(&reply.get_ref(){answer})
            }}
        }}))\n",
        input = input.name(),
    )
}

/// As tonic names its modules and functions.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}
