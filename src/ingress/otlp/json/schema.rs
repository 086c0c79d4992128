//! What OTLP's messages for spans are made of: names in JSON, numbers and types
//! in protobuf.

/// A message type.
pub(super) struct Message {
    /// Its name in OTLP's proto files.
    pub(super) name: &'static str,
    /// Whether it is `AnyValue`, the one that nests without end.
    pub(super) is_value: bool,
    pub(super) fields: &'static [Field],
}

/// A field of a message.
pub(super) struct Field {
    /// Its name in JSON.
    pub(super) name: &'static str,
    /// Its number in protobuf.
    pub(super) number: u32,
    pub(super) kind: Kind,
}

/// A field's type, as far as the two encodings differ.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// Bytes that are hexadecimal in JSON.
    Id,
    /// Bytes that are base64 in JSON.
    Bytes,
    Scalar(Scalar),
    Message(&'static Message),
    Messages(&'static Message),
}

/// A number or a truth.
#[derive(Clone, Copy)]
pub(super) enum Scalar {
    Bool,
    /// A value's whole number. opentelemetry-js writes every number without a
    /// fraction as one, 1e300 too: past 64 bits it goes as the double of this
    /// field number.
    IntValue {
        double_value: u32,
    },
    Uint32,
    Fixed32,
    Fixed64,
    Double,
    /// The names of the values 0, 1, and so on.
    Enum(&'static [&'static str]),
}

impl Message {
    /// The field of a JSON name, which may also be the proto files' snake_case.
    pub(super) fn field(&self, name: &[u8]) -> Option<&'static Field> {
        self.fields.iter().find(|field| {
            field.name.as_bytes() == name || is_snake_case_of(name, field.name.as_bytes())
        })
    }
}

fn is_snake_case_of(snake: &[u8], camel: &[u8]) -> bool {
    let mut snake = snake.iter();
    camel.iter().all(|byte| {
        let same = |other: Option<&u8>| other == Some(&byte.to_ascii_lowercase());
        if byte.is_ascii_uppercase() {
            snake.next() == Some(&b'_') && same(snake.next())
        } else {
            same(snake.next())
        }
    }) && snake.next().is_none()
}

const fn field(name: &'static str, number: u32, kind: Kind) -> Field {
    Field { name, number, kind }
}

const fn message(name: &'static str, fields: &'static [Field]) -> Message {
    Message { name, is_value: false, fields }
}

use Kind::{Bytes, Id, Messages, Text};
use Scalar::{Bool, Double, Enum, Fixed32, Fixed64, IntValue, Uint32};

const UINT32: Kind = Kind::Scalar(Uint32);
const FIXED32: Kind = Kind::Scalar(Fixed32);
const FIXED64: Kind = Kind::Scalar(Fixed64);

pub(super) static REQUEST: Message =
    message("ExportTraceServiceRequest", &[field("resourceSpans", 1, Messages(&RESOURCE_SPANS))]);

static RESOURCE_SPANS: Message = message(
    "ResourceSpans",
    &[
        field("resource", 1, Kind::Message(&RESOURCE)),
        field("scopeSpans", 2, Messages(&SCOPE_SPANS)),
        field("schemaUrl", 3, Text),
    ],
);

static RESOURCE: Message = message(
    "Resource",
    &[field("attributes", 1, Messages(&KEY_VALUE)), field("droppedAttributesCount", 2, UINT32)],
);

static SCOPE_SPANS: Message = message(
    "ScopeSpans",
    &[
        field("scope", 1, Kind::Message(&SCOPE)),
        field("spans", 2, Messages(&SPAN)),
        field("schemaUrl", 3, Text),
    ],
);

static SCOPE: Message = message(
    "InstrumentationScope",
    &[
        field("name", 1, Text),
        field("version", 2, Text),
        field("attributes", 3, Messages(&KEY_VALUE)),
        field("droppedAttributesCount", 4, UINT32),
    ],
);

static SPAN: Message = message(
    "Span",
    &[
        field("traceId", 1, Id),
        field("spanId", 2, Id),
        field("traceState", 3, Text),
        field("parentSpanId", 4, Id),
        field("name", 5, Text),
        field("kind", 6, Kind::Scalar(Enum(SPAN_KINDS))),
        field("startTimeUnixNano", 7, FIXED64),
        field("endTimeUnixNano", 8, FIXED64),
        field("attributes", 9, Messages(&KEY_VALUE)),
        field("droppedAttributesCount", 10, UINT32),
        field("events", 11, Messages(&EVENT)),
        field("droppedEventsCount", 12, UINT32),
        field("links", 13, Messages(&LINK)),
        field("droppedLinksCount", 14, UINT32),
        field("status", 15, Kind::Message(&STATUS)),
        field("flags", 16, FIXED32),
    ],
);

const SPAN_KINDS: &[&str] = &[
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

static EVENT: Message = message(
    "Event",
    &[
        field("timeUnixNano", 1, FIXED64),
        field("name", 2, Text),
        field("attributes", 3, Messages(&KEY_VALUE)),
        field("droppedAttributesCount", 4, UINT32),
    ],
);

static LINK: Message = message(
    "Link",
    &[
        field("traceId", 1, Id),
        field("spanId", 2, Id),
        field("traceState", 3, Text),
        field("attributes", 4, Messages(&KEY_VALUE)),
        field("droppedAttributesCount", 5, UINT32),
        field("flags", 6, FIXED32),
    ],
);

static STATUS: Message = message(
    "Status",
    &[field("message", 2, Text), field("code", 3, Kind::Scalar(Enum(STATUS_CODES)))],
);

const STATUS_CODES: &[&str] = &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

static KEY_VALUE: Message =
    message("KeyValue", &[field("key", 1, Text), field("value", 2, Kind::Message(&ANY_VALUE))]);

const DOUBLE_VALUE: u32 = 4;

static ANY_VALUE: Message = Message {
    name: "AnyValue",
    is_value: true,
    fields: &[
        field("stringValue", 1, Text),
        field("boolValue", 2, Kind::Scalar(Bool)),
        field("intValue", 3, Kind::Scalar(IntValue { double_value: DOUBLE_VALUE })),
        field("doubleValue", DOUBLE_VALUE, Kind::Scalar(Double)),
        field("arrayValue", 5, Kind::Message(&ARRAY_VALUE)),
        field("kvlistValue", 6, Kind::Message(&KEY_VALUE_LIST)),
        field("bytesValue", 7, Bytes),
    ],
};

static ARRAY_VALUE: Message = message("ArrayValue", &[field("values", 1, Messages(&ANY_VALUE))]);

static KEY_VALUE_LIST: Message =
    message("KeyValueList", &[field("values", 1, Messages(&KEY_VALUE))]);
