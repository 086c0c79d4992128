//! Spans as OpenTelemetry exporters send them, and how they become ours.
//!
//! The types here are borrowed from the bytes of one request: a decoder fills
//! them, the mapper reads them, and nothing of a span is copied in between.

mod attributes;
mod dialects;
mod evidence;
mod harmless_keys;
mod mapper;
mod mapping;
mod writer;

pub use self::{
    mapper::{MAX_ATTRIBUTES, Mapper, ResourceContext, SpanProblem, scope_bytes, shared_bytes},
    mapping::{Mapping, MappingError},
};
use std::borrow::Cow;

use smol_str::{SmolStr, format_smolstr};

use super::redact::Redactor;

/// The longest name that is stored: of a step, layer, agent, host or task.
/// The tasks' index could not take one much longer.
const MAX_NAME_BYTES: usize = 1024;

/// A text as it may be stored: without secrets, cut to 4 KB, and with U+FFFD
/// for NUL, which Postgres cannot keep.
fn stored_text<'t>(redactor: &Redactor, text: &'t str) -> Cow<'t, str> {
    let text = redactor.text(text);
    if memchr::memchr(0, text.as_bytes()).is_some() {
        text.replace('\0', "\u{fffd}").into()
    } else {
        text
    }
}

/// A name as it may be stored: as [`stored_text`], and not over
/// [`MAX_NAME_BYTES`].
fn stored_name(redactor: &Redactor, name: &str) -> SmolStr {
    let name = stored_text(redactor, name);
    if name.len() > MAX_NAME_BYTES {
        let room = MAX_NAME_BYTES - '…'.len_utf8();
        format_smolstr!("{}…", &name[..name.floor_char_boundary(room)])
    } else {
        SmolStr::from(name)
    }
}

/// An attribute's value: OTLP's `AnyValue`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// No value, which OTLP allows.
    Empty,
    /// Text.
    String(&'a str),
    /// Truth.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number; NaN and the infinities are allowed.
    Double(f64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A list, of values of any kind.
    Array(&'a [Value<'a>]),
    /// Named values; a name may come twice.
    Map(&'a [KeyValue<'a>]),
}

/// An attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeyValue<'a> {
    /// Its name.
    pub key: &'a str,
    /// Its value.
    pub value: Value<'a>,
}

impl KeyValue<'_> {
    /// How many bytes its names and values have, whatever they are written in.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.key.len().saturating_add(self.value.bytes())
    }
}

impl Value<'_> {
    /// How many bytes it has, with those within; a number is 8. It nests no deeper
    /// than its decoder lets it.
    fn bytes(&self) -> usize {
        match self {
            Self::Empty | Self::Bool(_) | Self::Int(_) | Self::Double(_) => 8,
            Self::String(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Array(values) => values.iter().map(Self::bytes).fold(8, usize::saturating_add),
            Self::Map(entries) => {
                entries.iter().map(KeyValue::bytes).fold(8, usize::saturating_add)
            }
        }
    }
}

/// Something that happened during a span, such as an exception.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event<'a> {
    /// When, in nanoseconds since 1970; 0 where unknown.
    pub time_unix_nano: u64,
    /// What.
    pub name: &'a str,
    /// More about it.
    pub attributes: &'a [KeyValue<'a>],
    /// How many attributes the exporter left out.
    pub dropped_attributes_count: u32,
}

/// A pointer from a span to another that caused it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link<'a> {
    /// The other span's trace: 16 bytes, unchecked.
    pub trace_id: &'a [u8],
    /// The other span: 8 bytes, unchecked.
    pub span_id: &'a [u8],
    /// The other span's W3C trace state.
    pub trace_state: &'a str,
    /// More about the link.
    pub attributes: &'a [KeyValue<'a>],
    /// How many attributes the exporter left out.
    pub dropped_attributes_count: u32,
    /// The other span's W3C trace flags.
    pub flags: u32,
}

/// What sent spans: a process, its host and its service.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Resource<'a> {
    /// What is said of it.
    pub attributes: &'a [KeyValue<'a>],
    /// How many attributes the exporter left out.
    pub dropped_attributes_count: u32,
    /// Which version of the conventions its attributes follow.
    pub schema_url: &'a str,
}

/// The instrumentation that made spans.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Scope<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// More about it.
    pub attributes: &'a [KeyValue<'a>],
    /// How many attributes the exporter left out.
    pub dropped_attributes_count: u32,
    /// Which version of the conventions the spans' attributes follow.
    pub schema_url: &'a str,
}

/// A span, unchecked.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Span<'a> {
    /// Its trace: 16 bytes in a valid span.
    pub trace_id: &'a [u8],
    /// Its own id: 8 bytes in a valid span.
    pub span_id: &'a [u8],
    /// The span that it is a part of: 8 bytes; empty or all zero in a root.
    pub parent_span_id: &'a [u8],
    /// The W3C trace state.
    pub trace_state: &'a str,
    /// The W3C trace flags in the low 8 bits.
    pub flags: u32,
    /// What it does.
    pub name: &'a str,
    /// 1 internal, 2 server, 3 client, 4 producer, 5 consumer; 0 where unsaid.
    pub kind: i32,
    /// When it began, in nanoseconds since 1970; 0 where unknown.
    pub start_time_unix_nano: u64,
    /// When it ended, in nanoseconds since 1970; 0 where it has not ended.
    pub end_time_unix_nano: u64,
    /// What is said of it.
    pub attributes: &'a [KeyValue<'a>],
    /// How many attributes the exporter left out.
    pub dropped_attributes_count: u32,
    /// What happened during it, in time order as a rule.
    pub events: &'a [Event<'a>],
    /// How many events the exporter left out.
    pub dropped_events_count: u32,
    /// The spans that caused it.
    pub links: &'a [Link<'a>],
    /// How many links the exporter left out.
    pub dropped_links_count: u32,
    /// 1 ok, 2 error; 0 where unsaid.
    pub status_code: i32,
    /// What went wrong, where something did.
    pub status_message: &'a str,
}
