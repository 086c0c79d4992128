//! Removes secrets from everything before it is stored or logged: by the name
//! of the key that a value stands under, and by the look of the value itself.
//!
//! Most text holds nothing to hide, so `screen` reads it once and usually
//! says so without an allocation. Only what it suspects reaches the finders:
//! `credentials` (keys, tokens, cards), `pairs` (`password=…`) and
//! `json` (strings that hold JSON).

mod credentials;
mod json;
mod keys;
mod pairs;
mod screen;

use std::borrow::Cow;
use std::ops::Range;

use serde_json::{Map, Value};

use self::screen::Screen;

/// What a secret becomes.
pub const MARKER: &str = "[REDACTED]";

/// Longer texts are cut by [`Redactor::text`], in bytes.
pub const TEXT_LIMIT_BYTES: usize = 4096;

/// How much of a text that is too long stays, in bytes; the rest of the limit
/// is room for the words that say how much was left out.
const KEPT_BYTES: usize = 4032;

/// Containers nested deeper are named instead of shown in a summary.
const SUMMARY_LEVELS: usize = 3;

/// Containers nested deeper are named in every case: recursion has a floor.
const MAX_LEVELS: usize = 100;

/// How many strings inside strings are read as JSON.
const MAX_PARSES: u8 = 3;

/// How often a text is looked at again because the last look changed it. A
/// text that still changes is hostile and is redacted as a whole.
const MAX_LOOKS: usize = 8;

/// How much of a JSON value's nesting is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// All of it (attributes).
    Whole,
    /// Three levels; what is deeper becomes `[object: 5 keys]` (summaries of
    /// input and output).
    Summary,
}

/// The redactor, compiled once and shared.
#[derive(Clone, Copy, Debug)]
pub struct Redactor {
    screen: &'static Screen,
}

impl Redactor {
    /// The rules that every livespan server and SDK shares.
    #[must_use]
    pub fn standard() -> Self {
        Self { screen: Screen::standard() }
    }

    /// Whether the value under this key is a secret whatever it looks like.
    ///
    /// Case, `-`, `_`, `.` and camelCase don't matter: `X-Api-Key`, `apiKey`
    /// and `http.request.header.x-api-key` are one key.
    #[must_use]
    pub fn is_secret_key(&self, key: &str) -> bool {
        keys::is_secret(key)
    }

    /// Whether a number is a payment card's.
    #[must_use]
    pub fn is_card_number(&self, number: u64) -> bool {
        credentials::is_card_number(number)
    }

    /// The text without secrets and not over [`TEXT_LIMIT_BYTES`]; a text that
    /// was cut ends in ` [TRUNCATED: n bytes left out]`, n counted after
    /// redaction.
    ///
    /// Redacting twice gives the same text.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let is_clean = self.screen.is_clean(text);
        if is_clean && text.len() <= TEXT_LIMIT_BYTES {
            return Cow::Borrowed(text);
        }
        let look = if is_clean { Self::look } else { Self::look_closely };
        self.settled(text, |text| {
            // The notice of an earlier cut isn't the text's own words: behind
            // `password=` it would pass for a secret.
            let (head, left_out) = without_notice(text);
            let redacted = look(self, head, 0);
            match (&redacted, left_out) {
                (None, Some(_)) if text.len() <= TEXT_LIMIT_BYTES => None,
                (None, None) if head.len() <= TEXT_LIMIT_BYTES => None,
                _ => Some(fitted(redacted.as_deref().unwrap_or(head), left_out)),
            }
        })
    }

    /// The text without secrets at its whole length, for artifacts.
    ///
    /// A secret that spans two calls is not seen: give whole lines, and whole
    /// key blocks where there are any.
    #[must_use]
    pub fn text_whole<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.screen.is_clean(text) {
            return Cow::Borrowed(text);
        }
        self.settled(text, |text| self.look_closely(text, 0))
    }

    /// A copy without secrets: whole values under secret keys, secrets within
    /// strings and keys, strings cut as by [`Self::text`]. `null` and booleans
    /// stay even under a secret key: they say whether there was one.
    #[must_use]
    pub fn value(&self, value: &Value, detail: Detail) -> Value {
        let levels = match detail {
            Detail::Whole => MAX_LEVELS,
            Detail::Summary => SUMMARY_LEVELS,
        };
        self.value_within(value, levels)
    }

    fn value_within(&self, value: &Value, levels: usize) -> Value {
        match value {
            Value::Null | Value::Bool(_) => value.clone(),
            Value::Number(number) => match number.as_u64() {
                Some(digits) if credentials::is_card_number(digits) => MARKER.into(),
                _ => value.clone(),
            },
            Value::String(text) => Value::String(self.text(text).into_owned()),
            Value::Array(items) if levels == 0 => counted("array", items.len(), "item"),
            Value::Object(fields) if levels == 0 => counted("object", fields.len(), "key"),
            Value::Array(items) => {
                items.iter().map(|item| self.value_within(item, levels - 1)).collect()
            }
            Value::Object(fields) => Value::Object(self.fields_within(fields, levels - 1)),
        }
    }

    fn fields_within(&self, fields: &Map<String, Value>, levels: usize) -> Map<String, Value> {
        let mut redacted = Map::new();
        let mut doubles = 1_usize;
        for (key, value) in fields {
            let mut redacted_key = self.text_whole(key);
            let value = match value {
                Value::Null | Value::Bool(_) => value.clone(),
                // Both spellings, so that a second redaction decides the same.
                _ if keys::is_secret(key) || keys::is_secret(&redacted_key) => MARKER.into(),
                _ => self.value_within(value, levels),
            };
            // Two keys that were secrets themselves must not become one field.
            while redacted.contains_key(&*redacted_key) {
                doubles += 1;
                redacted_key = Cow::Owned(format!("{MARKER} ({doubles})"));
            }
            redacted.insert(redacted_key.into_owned(), value);
        }
        redacted
    }

    /// Repeats a look until it changes nothing, which makes redaction
    /// idempotent: removing one secret can uncover the edge of another.
    fn settled<'t>(&self, text: &'t str, look: impl Fn(&str) -> Option<String>) -> Cow<'t, str> {
        let mut settled = Cow::Borrowed(text);
        for _ in 0..MAX_LOOKS {
            match look(&settled) {
                Some(next) if next != *settled => settled = Cow::Owned(next),
                _ => return settled,
            }
        }
        Cow::Borrowed(MARKER)
    }

    /// One pass over a text; `None` when there is nothing to redact. `parses`
    /// counts the strings that this text was found inside of.
    fn look(&self, text: &str, parses: u8) -> Option<String> {
        if self.screen.is_clean(text) { None } else { self.look_closely(text, parses) }
    }

    /// The same of a text that is known not to be clean.
    fn look_closely(&self, text: &str, parses: u8) -> Option<String> {
        if parses < MAX_PARSES
            && json::looks_like_json(text)
            && let Ok(redacted) = json::redacted(text, &|inner| self.look(inner, parses + 1))
        {
            return redacted;
        }
        self.look_at_plain(text)
    }

    fn look_at_plain(&self, text: &str) -> Option<String> {
        let mut found = Vec::new();
        if self.screen.suspect(text, &mut found) {
            pairs::find(text, &mut found);
        }
        replaced(text, found)
    }
}

/// Replaces the found ranges, overlapping and touching ones by one marker.
/// `None` when there are none.
fn replaced(text: &str, mut found: Vec<Range<usize>>) -> Option<String> {
    if found.is_empty() {
        return None;
    }
    found.sort_unstable_by_key(|range| range.start);
    let mut result = String::with_capacity(text.len());
    let mut kept_to = 0;
    let mut ranges = found.into_iter().peekable();
    while let Some(range) = ranges.next() {
        let mut end = range.end;
        while let Some(next) = ranges.next_if(|next| next.start <= end) {
            end = end.max(next.end);
        }
        // Finders give ranges between ASCII bytes, so these always exist; a
        // finder's mistake must hide too much rather than too little.
        result.push_str(text.get(kept_to..range.start).unwrap_or_default());
        result.push_str(MARKER);
        kept_to = end;
    }
    result.push_str(text.get(kept_to..).unwrap_or_default());
    Some(result)
}

const NOTICE_START: &str = " [TRUNCATED: ";
const NOTICE_END: &str = " bytes left out]";

/// The text cut to the limit, with a notice of how many bytes were left out,
/// here and earlier.
fn fitted(text: &str, left_out: Option<usize>) -> String {
    let fits = match left_out {
        None => text.len() <= TEXT_LIMIT_BYTES,
        Some(_) => text.len() <= KEPT_BYTES,
    };
    let kept = if fits { text.len() } else { cut(text) };
    let head = text.get(..kept).unwrap_or_default();
    match left_out.unwrap_or_default() + text.len() - kept {
        0 => head.to_owned(),
        bytes => format!("{head}{NOTICE_START}{bytes}{NOTICE_END}"),
    }
}

/// Where to cut a text that is too long: between characters, and not within a
/// marker, which would no longer be one.
fn cut(text: &str) -> usize {
    let kept = text.floor_char_boundary(KEPT_BYTES);
    let near = kept.saturating_sub(MARKER.len() - 1);
    let around = text.as_bytes().get(near..kept + MARKER.len() - 1);
    around
        .and_then(|around| memchr::memmem::find(around, MARKER.as_bytes()))
        .map_or(kept, |at| near + at)
}

/// Splits off the notice of an earlier cut and reads its number.
fn without_notice(text: &str) -> (&str, Option<usize>) {
    let split = || {
        let (head, digits) = text.strip_suffix(NOTICE_END)?.rsplit_once(NOTICE_START)?;
        let plain = (1..=12).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        let bytes = digits.parse().ok().filter(|bytes| plain && *bytes > 0)?;
        Some((head, bytes))
    };
    split().map_or((text, None), |(head, bytes)| (head, Some(bytes)))
}

fn counted(container: &str, count: usize, member: &str) -> Value {
    let plural = if count == 1 { "" } else { "s" };
    Value::String(format!("[{container}: {count} {member}{plural}]"))
}

#[cfg(test)]
mod tests;
