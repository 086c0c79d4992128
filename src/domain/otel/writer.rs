//! Attributes as JSON, redacted while they are written.
//!
//! The rules are [`Redactor::value`]'s; here no tree of values stands between
//! the request and the text. The result is JSON that Postgres takes: no NUL,
//! no NaN, and no number that a reader of doubles would round.

use std::{borrow::Cow, fmt::Write as _};

use super::{Event, KeyValue, Link, Resource, Scope, Value, harmless_keys::is_harmless};
use crate::domain::redact::{Detail, MARKER, Redactor};

/// How many containers may stand within each other in what is kept whole.
pub(super) const MAX_LEVELS: usize = 64;

/// The same in a summary; what is deeper is counted.
const SUMMARY_LEVELS: usize = 3;

/// The greatest number up to which doubles, and so JavaScript, tell whole
/// numbers apart.
const MAX_EXACT: u64 = 1 << 53;

/// No card number is less.
const LEAST_CARD: u64 = 1_000_000_000_000;

/// Writes JSON.
#[derive(Debug)]
pub(super) struct JsonWriter<'m> {
    redactor: &'m Redactor,
    out: String,
    /// Whether something nested deeper than [`MAX_LEVELS`].
    too_deep: bool,
}

impl<'m> JsonWriter<'m> {
    /// With room for `bytes`.
    pub(super) fn with_capacity(redactor: &'m Redactor, bytes: usize) -> Self {
        Self { redactor, out: String::with_capacity(bytes), too_deep: false }
    }

    /// What was written.
    pub(super) fn finish(self) -> String {
        self.out
    }

    /// Whether something nested deeper than [`MAX_LEVELS`] and was counted.
    pub(super) fn too_deep(&self) -> bool {
        self.too_deep
    }

    /// An object of attributes, kept whole.
    pub(super) fn attributes(&mut self, attributes: &[KeyValue<'_>]) {
        self.map(attributes, MAX_LEVELS, Detail::Whole);
    }

    /// A value as a summary shows it.
    pub(super) fn summary(&mut self, value: &Value<'_>) {
        self.value(value, SUMMARY_LEVELS, Detail::Summary);
    }

    /// The member that tells of a scope; none where nothing is set.
    pub(super) fn scope(&mut self, scope: &Scope<'_>) {
        if *scope != Scope::default() {
            self.key("scope");
            self.open();
            self.optional_text("name", scope.name);
            self.optional_text("version", scope.version);
            self.optional_attributes(scope.attributes);
            self.optional_count("dropped_attributes_count", scope.dropped_attributes_count);
            self.optional_text("schema_url", scope.schema_url);
            self.close();
        }
    }

    /// The member that tells of a resource; none where nothing is set.
    pub(super) fn resource(&mut self, resource: &Resource<'_>) {
        if *resource != Resource::default() {
            self.key("resource");
            self.open();
            self.optional_attributes(resource.attributes);
            self.optional_count("dropped_attributes_count", resource.dropped_attributes_count);
            self.optional_text("schema_url", resource.schema_url);
            self.close();
        }
    }

    /// The member that tells of a span's events; none where there are none.
    pub(super) fn events(&mut self, events: &[Event<'_>]) {
        self.objects("events", events, |writer, event| {
            if event.time_unix_nano > 0 {
                writer.key("time_unix_nano");
                writer.unsigned(event.time_unix_nano);
            }
            writer.optional_text("name", event.name);
            writer.optional_attributes(event.attributes);
            writer.optional_count("dropped_attributes_count", event.dropped_attributes_count);
        });
    }

    /// The member that tells of a span's links; none where there are none.
    pub(super) fn links(&mut self, links: &[Link<'_>]) {
        self.objects("links", links, |writer, link| {
            writer.optional_hex("trace_id", link.trace_id);
            writer.optional_hex("span_id", link.span_id);
            writer.optional_text("trace_state", link.trace_state);
            writer.optional_attributes(link.attributes);
            writer.optional_count("dropped_attributes_count", link.dropped_attributes_count);
            writer.optional_count("flags", link.flags);
        });
    }

    fn objects<T>(&mut self, key: &str, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        if items.is_empty() {
            return;
        }
        self.key(key);
        self.out.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.open();
            write(self, item);
            self.close();
        }
        self.out.push(']');
    }

    /// Begins an object whose members are written by [`Self::key`] and after.
    pub(super) fn open(&mut self) {
        self.out.push('{');
    }

    /// Ends an object.
    pub(super) fn close(&mut self) {
        self.out.push('}');
    }

    /// Members that were written by another writer.
    pub(super) fn members(&mut self, members: &str) {
        if !members.is_empty() {
            self.comma();
            self.out.push_str(members);
        }
    }

    /// A key of our own. It needs no redaction.
    pub(super) fn key(&mut self, key: &str) {
        self.comma();
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
    }

    /// A member with a word of our own, which needs no redaction.
    pub(super) fn word(&mut self, key: &str, word: &str) {
        self.key(key);
        quote(&mut self.out, word);
    }

    /// A member with somebody else's text, where there is one.
    pub(super) fn optional_text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.key(key);
            self.text(text);
        }
    }

    /// A member with a count, where there is one.
    pub(super) fn optional_count(&mut self, key: &str, count: u32) {
        if count > 0 {
            self.key(key);
            self.unsigned(count.into());
        }
    }

    /// A member with bytes as hex digits, where there are any.
    pub(super) fn optional_hex(&mut self, key: &str, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.key(key);
            self.out.push('"');
            for byte in bytes.iter().take(64) {
                // Writing to a String can't fail.
                let _ = write!(self.out, "{byte:02x}");
            }
            self.out.push('"');
        }
    }

    fn optional_attributes(&mut self, attributes: &[KeyValue<'_>]) {
        if !attributes.is_empty() {
            self.key("attributes");
            // Three containers stand around these at most.
            self.map(attributes, MAX_LEVELS - 3, Detail::Whole);
        }
    }

    /// Before a member or item that isn't its container's first.
    fn comma(&mut self) {
        if !matches!(self.out.as_bytes().last(), None | Some(b'{' | b'[')) {
            self.out.push(',');
        }
    }

    /// Somebody else's text, without secrets and cut.
    pub(super) fn text(&mut self, text: &str) {
        quote(&mut self.out, &self.redactor.text(text));
    }

    fn value(&mut self, value: &Value<'_>, levels: usize, detail: Detail) {
        match value {
            Value::Empty => self.out.push_str("null"),
            Value::Bool(truth) => self.out.push_str(if *truth { "true" } else { "false" }),
            Value::String(text) => self.text(text),
            Value::Int(number) => self.integer(*number),
            Value::Double(number) => self.double(*number),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::Array(items) if levels == 0 => self.count("array", items.len(), "item", detail),
            Value::Map(fields) if levels == 0 => self.count("object", fields.len(), "key", detail),
            Value::Array(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.out.push(',');
                    }
                    self.value(item, levels - 1, detail);
                }
                self.out.push(']');
            }
            Value::Map(fields) => self.map(fields, levels, detail),
        }
    }

    fn map(&mut self, fields: &[KeyValue<'_>], levels: usize, detail: Detail) {
        // Keys that held secrets and must not become one.
        let mut redacted: Vec<String> = Vec::new();
        self.out.push('{');
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            if is_harmless(self.redactor, field.key) {
                quote(&mut self.out, field.key);
                self.out.push(':');
                self.value(&field.value, levels - 1, detail);
                continue;
            }
            let key = self.redactor.text_whole(field.key);
            let mut secret = false;
            if !matches!(field.value, Value::Empty | Value::Bool(_)) {
                secret = self.redactor.is_secret_key(field.key);
            }
            match key {
                Cow::Borrowed(key) => quote(&mut self.out, key),
                Cow::Owned(mut key) => {
                    secret |= self.redactor.is_secret_key(&key)
                        && !matches!(field.value, Value::Empty | Value::Bool(_));
                    let mut doubles = 1_usize;
                    while redacted.contains(&key) {
                        doubles += 1;
                        key = format!("{MARKER} ({doubles})");
                    }
                    quote(&mut self.out, &key);
                    redacted.push(key);
                }
            }
            self.out.push(':');
            if secret {
                quote(&mut self.out, MARKER);
            } else {
                self.value(&field.value, levels - 1, detail);
            }
        }
        self.out.push('}');
    }

    fn count(&mut self, container: &str, count: usize, member: &str, detail: Detail) {
        self.too_deep |= detail == Detail::Whole;
        let plural = if count == 1 { "" } else { "s" };
        let _ = write!(self.out, "\"[{container}: {count} {member}{plural}]\"");
    }

    fn integer(&mut self, number: i64) {
        match u64::try_from(number) {
            Ok(number) => self.unsigned(number),
            Err(_) if number.unsigned_abs() > MAX_EXACT => {
                let _ = write!(self.out, "\"{number}\"");
            }
            Err(_) => {
                let _ = write!(self.out, "{number}");
            }
        }
    }

    fn unsigned(&mut self, number: u64) {
        if number >= LEAST_CARD && self.redactor.is_card_number(number) {
            quote(&mut self.out, MARKER);
        } else if number > MAX_EXACT {
            let _ = write!(self.out, "\"{number}\"");
        } else {
            let _ = write!(self.out, "{number}");
        }
    }

    fn double(&mut self, number: f64) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 2^53")]
        let is_card = number.fract() == 0.0
            && (1e12..9e15).contains(&number)
            && self.redactor.is_card_number(number as u64);
        if is_card {
            quote(&mut self.out, MARKER);
        } else if number.is_finite() {
            // Debug's spelling has an exponent where the number is long.
            let _ = write!(self.out, "{number:?}");
        } else if number.is_nan() {
            self.out.push_str("\"NaN\"");
        } else {
            self.out.push_str(if number > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        // Base64 hides a secret from whoever looks, not from whoever decodes.
        let hides_a_secret = std::str::from_utf8(bytes)
            .is_ok_and(|text| matches!(self.redactor.text_whole(text), Cow::Owned(_)));
        if hides_a_secret {
            quote(&mut self.out, MARKER);
        } else {
            self.text(&base64(bytes));
        }
    }

    /// A value that is redacted already.
    pub(super) fn redacted(&mut self, value: &serde_json::Value) {
        use serde_json::Value as Json;
        match value {
            Json::Null => self.out.push_str("null"),
            Json::Bool(truth) => self.out.push_str(if *truth { "true" } else { "false" }),
            Json::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), _, _) => self.unsigned(number),
                (_, Some(number), _) => self.integer(number),
                (_, _, Some(number)) => self.double(number),
                _ => quote(&mut self.out, &number.to_string()),
            },
            Json::String(text) => quote(&mut self.out, text),
            Json::Array(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.out.push(',');
                    }
                    self.redacted(item);
                }
                self.out.push(']');
            }
            Json::Object(fields) => {
                self.out.push('{');
                for (index, (key, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        self.out.push(',');
                    }
                    quote(&mut self.out, key);
                    self.out.push(':');
                    self.redacted(value);
                }
                self.out.push('}');
            }
        }
    }
}

/// A JSON string; U+FFFD stands for NUL, which Postgres cannot keep.
fn quote(out: &mut String, text: &str) {
    let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    out.push('"');
    // Without an early exit the compiler looks at many bytes at once, and most texts
    // are plain.
    if text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        out.push_str(text);
        out.push('"');
        return;
    }
    let mut kept_to = 0;
    for (index, byte) in text.bytes().enumerate() {
        if is_plain(byte) {
            continue;
        }
        // An ASCII byte is always a character's boundary.
        out.push_str(text.get(kept_to..index).unwrap_or_default());
        kept_to = index + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0 => out.push(char::REPLACEMENT_CHARACTER),
            other => {
                let _ = write!(out, "\\u{other:04x}");
            }
        }
    }
    out.push_str(text.get(kept_to..).unwrap_or_default());
    out.push('"');
}

const BASE64: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648's base64, padded.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let index = (group >> (18 - 6 * place) & 63) as usize;
            text.push(if place <= chunk.len() { char::from(BASE64[index]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn written(write: impl FnOnce(&mut JsonWriter<'_>)) -> String {
        let redactor = Redactor::standard();
        let mut writer = JsonWriter::with_capacity(&redactor, 64);
        write(&mut writer);
        writer.finish()
    }

    fn of(attributes: &[KeyValue<'_>]) -> serde_json::Value {
        let text = written(|writer| writer.attributes(attributes));
        serde_json::from_str(&text).unwrap_or_else(|error| unreachable!("{error}: {text}"))
    }

    fn key_value<'a>(key: &'a str, value: Value<'a>) -> KeyValue<'a> {
        KeyValue { key, value }
    }

    #[test]
    fn bytes_are_base64_as_rfc_4648_has_it() {
        let vectors =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, encoded) in vectors {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn numbers_that_json_readers_round_or_refuse_are_texts() {
        let doubles = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, 0.1, -0.0, 5e-324];
        let doubles = doubles.map(Value::Double);
        let integers = [1_i64 << 53, (1 << 53) + 1, -(1 << 53) - 1, i64::MIN, -7].map(Value::Int);
        assert_eq!(
            of(&[key_value("d", Value::Array(&doubles)), key_value("i", Value::Array(&integers))]),
            json!({
                "d": ["NaN", "Infinity", "-Infinity", 1e300, 0.1, -0.0, 5e-324],
                "i": [9_007_199_254_740_992_i64, "9007199254740993", "-9007199254740993",
                      "-9223372036854775808", -7],
            })
        );
    }

    #[test]
    fn a_nul_becomes_the_replacement_character_and_controls_are_escaped() {
        assert_eq!(
            of(&[key_value("a\0", Value::String("x\0\u{1}\"\\\n漢"))]),
            json!({ "a\u{fffd}": "x\u{fffd}\u{1}\"\\\n漢" })
        );
    }

    #[test]
    fn secrets_go_by_key_and_by_look_at_every_level() {
        let inner = [
            key_value("password", Value::Int(7)),
            key_value("header", Value::String("Bearer abcdefghijklmnopqrstuvwxyz0123456789")),
            key_value("token", Value::Bool(true)),
        ];
        let items = [Value::Map(&inner), Value::Bytes(b"password=hunter2hunter2")];
        assert_eq!(
            of(&[
                key_value("list", Value::Array(&items)),
                key_value("card", Value::Int(4_111_111_111_111_111)),
                key_value("price", Value::Double(4_111_111_111_111_111.0)),
                key_value("api_key", Value::Map(&inner)),
            ]),
            json!({
                "list": [
                    { "password": MARKER, "header": "Bearer [REDACTED]", "token": true },
                    MARKER,
                ],
                "card": MARKER,
                "price": MARKER,
                "api_key": MARKER,
            })
        );
    }

    #[test]
    fn long_values_are_cut_and_say_so() {
        let long = "x".repeat(5000);
        let bytes = [7; 5000];
        let object =
            of(&[key_value("s", Value::String(&long)), key_value("b", Value::Bytes(&bytes))]);
        for key in ["s", "b"] {
            let text = object[key].as_str().unwrap();
            assert!(text.len() <= 4096 && text.ends_with(" bytes left out]"), "{key}");
        }
    }

    #[test]
    fn what_nests_too_deep_is_counted_and_noted() {
        let redactor = Redactor::standard();
        let mut writer = JsonWriter::with_capacity(&redactor, 64);
        let mut arena: Vec<Box<[Value<'_>; 1]>> = Vec::new();
        let deepest = [Value::Int(1)];
        // Built from the inside out, each level borrowing the one before.
        fn nest<'a>(inner: Value<'a>, levels: usize, check: &mut dyn FnMut(Value<'_>)) {
            if levels == 0 {
                return check(inner);
            }
            nest(Value::Array(&[inner]), levels - 1, check);
        }
        arena.push(Box::new(deepest));
        nest(Value::Array(&*arena[0]), MAX_LEVELS, &mut |value| {
            writer.attributes(&[key_value("a", value)]);
        });
        assert!(writer.too_deep());
        serde_json::from_str::<serde_json::Value>(&writer.finish()).unwrap();
    }

    /// JSON values that both ways of redacting can express.
    fn json_value() -> impl Strategy<Value = serde_json::Value> {
        let text = prop::sample::select(vec![
            "plain",
            "password=hunter2",
            "Bearer abcdefghijklmnopqrstuvwxyz0123456789",
            r#"{"token":"abc"}"#,
            "a\"b\\c\nd",
            "漢字",
            "4111 1111 1111 1111",
        ]);
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            (-1000_i64..9_007_199_254_740_992).prop_map(Into::into),
            Just(json!(4_111_111_111_111_111_i64)),
            text.prop_map(Into::into),
        ];
        let key = prop::sample::select(vec![
            "a",
            "b.c",
            "password",
            "api_key",
            "http.request.header.cookie",
            "token=abcdefgh",
            "secret=abcdefgh",
        ]);
        leaf.prop_recursive(5, 32, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::vec((key.clone(), inner), 0..4).prop_map(|fields| {
                    let fields = fields.into_iter().map(|(key, value)| (key.to_owned(), value));
                    serde_json::Value::Object(fields.collect())
                }),
            ]
        })
    }

    /// Shows `value` to `check` as an exporter would have sent it.
    fn with_otlp(value: &serde_json::Value, check: &mut dyn FnMut(Value<'_>)) {
        use serde_json::Value as Json;
        match value {
            Json::Null => check(Value::Empty),
            Json::Bool(truth) => check(Value::Bool(*truth)),
            Json::Number(number) => check(Value::Int(number.as_i64().unwrap())),
            Json::String(text) => check(Value::String(text)),
            Json::Array(items) => {
                fn each(
                    rest: &[Json],
                    done: &mut Vec<Value<'_>>,
                    check: &mut dyn FnMut(&[Value<'_>]),
                ) {
                    let Some((first, rest)) = rest.split_first() else { return check(done) };
                    with_otlp(first, &mut |value| {
                        let mut done: Vec<Value<'_>> = done.clone();
                        done.push(value);
                        each(rest, &mut done, check);
                    });
                }
                each(items, &mut Vec::new(), &mut |items| check(Value::Array(items)));
            }
            Json::Object(fields) => {
                fn each(
                    rest: &[(&String, &Json)],
                    done: &mut Vec<KeyValue<'_>>,
                    check: &mut dyn FnMut(&[KeyValue<'_>]),
                ) {
                    let Some(((key, first), rest)) = rest.split_first() else { return check(done) };
                    with_otlp(first, &mut |value| {
                        let mut done: Vec<KeyValue<'_>> = done.clone();
                        done.push(KeyValue { key, value });
                        each(rest, &mut done, check);
                    });
                }
                let fields: Vec<_> = fields.iter().collect();
                each(&fields, &mut Vec::new(), &mut |fields| check(Value::Map(fields)));
            }
        }
    }

    proptest! {
        #[test]
        fn the_writer_redacts_as_the_redactor_does(value in json_value()) {
            let redactor = Redactor::standard();
            let expected = redactor.value(&value, Detail::Summary);
            let mut got = String::new();
            with_otlp(&value, &mut |value| got = written(|writer| writer.summary(&value)));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&got).unwrap(), expected);
        }

        #[test]
        fn whatever_is_written_is_json(key in any::<String>(), text in any::<String>(), number in any::<f64>()) {
            let values = [Value::String(&text), Value::Double(number), Value::Bytes(text.as_bytes())];
            let object = of(&[key_value(&key, Value::Array(&values))]);
            prop_assert!(!object.to_string().contains("\\u0000"));
        }
    }
}
