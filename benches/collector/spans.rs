//! Spans as instrumented programs export them: ten attributes each, of the
//! kinds that HTTP clients, database drivers and LLM clients report.

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{
        Span, Status,
        span::{Event, SpanKind},
        status::StatusCode,
    },
};

/// SplitMix64: never the same number twice, and none like the one before.
#[derive(Debug, Clone)]
pub(crate) struct Ids(u64);

impl Ids {
    /// Goes another way in every run of the program.
    pub(crate) fn new() -> Self {
        Self(uuid::Uuid::new_v4().as_u64_pair().0)
    }

    /// The same in every run: for contents.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn span(&mut self) -> [u8; 8] {
        self.next().to_be_bytes()
    }

    pub(crate) fn trace(&mut self) -> [u8; 16] {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.span());
        id[8..].copy_from_slice(&self.span());
        id
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn number(&mut self, from: i64, to: i64) -> Value {
        Value::IntValue(from + i64::try_from(self.below(to.abs_diff(from))).unwrap())
    }

    fn one_of(&mut self, choices: &[&'static str]) -> &'static str {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

fn text(text: impl Into<String>) -> Value {
    Value::StringValue(text.into())
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn pairs<const N: usize>(pairs: [(&str, Value); N]) -> Vec<KeyValue> {
    pairs.into_iter().map(|(key, value)| pair(key, value)).collect()
}

/// Who exports.
pub(crate) fn resource() -> Resource {
    Resource {
        attributes: pairs([
            ("service.name", text("checkout")),
            ("service.version", text("2.14.0")),
            ("service.instance.id", text("627cc493-f310-47de-96bd-71410b7dec09")),
            ("host.name", text("ip-10-0-3-17.eu-central-1.compute.internal")),
            ("process.runtime.name", text("cpython")),
            ("telemetry.sdk.language", text("python")),
            ("telemetry.sdk.version", text("1.35.0")),
        ]),
        ..Resource::default()
    }
}

/// What a span says, save its ids and times. One in fifty has failed.
pub(crate) fn contents(random: &mut Ids) -> Span {
    let failed = random.below(50) == 0;
    let (name, kind, attributes) = match random.below(10) {
        0..6 => http_client(random, failed),
        6..9 => database(random),
        _ => language_model(random),
    };
    Span {
        name,
        kind: kind.into(),
        flags: 0x101,
        attributes,
        events: if failed { vec![exception(random)] } else { Vec::new() },
        status: failed.then(|| Status {
            code: StatusCode::Error.into(),
            message: "the upstream did not answer".to_owned(),
        }),
        ..Span::default()
    }
}

type Contents = (String, SpanKind, Vec<KeyValue>);

fn http_client(random: &mut Ids, failed: bool) -> Contents {
    let method = random.one_of(&["GET", "GET", "GET", "POST", "PUT"]);
    let noun = random.one_of(&["orders", "customers", "invoices", "stock", "sessions"]);
    let host = random.one_of(&["api.example.com", "stock.internal", "billing.internal"]);
    let url = format!("https://{host}/v1/{noun}/{}/items?page=2", random.below(10_000_000));
    let attributes = pairs([
        ("http.request.method", text(method)),
        ("url.full", text(url)),
        ("server.address", text(host)),
        ("server.port", Value::IntValue(443)),
        ("http.response.status_code", Value::IntValue(if failed { 503 } else { 200 })),
        ("network.protocol.version", text("1.1")),
        ("user_agent.original", text("python-requests/2.32.3")),
        ("thread.name", text(format!("ThreadPoolExecutor-0_{}", random.below(32)))),
        ("thread.id", random.number(140_211_334_000_000, 140_211_335_000_000)),
        ("code.function.name", text("shop.orders.client.OrderClient.add_item")),
    ]);
    (format!("{method} /v1/{noun}/{{id}}/items"), SpanKind::Client, attributes)
}

fn database(random: &mut Ids) -> Contents {
    let table = random.one_of(&["orders", "order_items", "customers", "stock"]);
    let query = format!(
        "SELECT id, state, created_at, total FROM {table} WHERE customer_id = $1 AND state = $2 \
         ORDER BY created_at DESC LIMIT 50"
    );
    let attributes = pairs([
        ("db.system.name", text("postgresql")),
        ("db.namespace", text("shop")),
        ("db.operation.name", text("SELECT")),
        ("db.collection.name", text(table)),
        ("db.query.text", text(query)),
        ("db.response.returned_rows", random.number(0, 50)),
        ("server.address", text("db-1.internal")),
        ("server.port", Value::IntValue(5432)),
        ("thread.name", text(format!("ThreadPoolExecutor-0_{}", random.below(32)))),
        ("thread.id", random.number(140_211_334_000_000, 140_211_335_000_000)),
    ]);
    (format!("SELECT {table}"), SpanKind::Client, attributes)
}

fn language_model(random: &mut Ids) -> Contents {
    let model = random.one_of(&["small-1", "large-2"]);
    let finish = ArrayValue { values: vec![AnyValue { value: Some(text("stop")) }] };
    let attributes = pairs([
        ("gen_ai.operation.name", text("chat")),
        ("gen_ai.provider.name", text("example")),
        ("gen_ai.request.model", text(model)),
        ("gen_ai.request.max_tokens", Value::IntValue(4096)),
        ("gen_ai.request.temperature", Value::DoubleValue(0.7)),
        ("gen_ai.response.id", text(format!("chatcmpl-{:016x}", random.next()))),
        ("gen_ai.response.finish_reasons", Value::ArrayValue(finish)),
        ("gen_ai.usage.input_tokens", random.number(100, 20_000)),
        ("gen_ai.usage.output_tokens", random.number(10, 4_000)),
        ("server.address", text("models.example.com")),
    ]);
    (format!("chat {model}"), SpanKind::Client, attributes)
}

fn exception(random: &mut Ids) -> Event {
    let line = random.below(400);
    let stack = format!(
        "Traceback (most recent call last):\n\
         \x20 File \"/srv/shop/orders/client.py\", line {line}, in add_item\n\
         \x20   response = self.session.post(url, json=body, timeout=30)\n\
         \x20 File \"/usr/lib/python3.12/site-packages/requests/sessions.py\", line 637, in post\n\
         \x20   return self.request(\"POST\", url, data=data, json=json, **kwargs)\n\
         \x20 File \"/usr/lib/python3.12/site-packages/requests/adapters.py\", line 700, in send\n\
         \x20   raise ConnectionError(e, request=request)\n\
         requests.exceptions.ConnectionError: connection to api.example.com timed out after 30 s"
    );
    Event {
        name: "exception".to_owned(),
        attributes: pairs([
            ("exception.type", text("requests.exceptions.ConnectionError")),
            ("exception.message", text("connection to api.example.com timed out after 30 s")),
            ("exception.stacktrace", text(stack)),
        ]),
        ..Event::default()
    }
}
