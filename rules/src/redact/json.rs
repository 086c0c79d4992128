//! Strings that hold JSON: secrets are found by key within, and everything
//! else stays as it was written, byte for byte.
//!
//! The text is walked rather than parsed into values and written anew: a
//! parser keeps the last of two equal keys, rounds long numbers and refuses
//! lone surrogates, and each of these would change or hide what was said.

use super::{MARKER, credentials, keys};

/// Deeper nesting is read as plain text.
const MAX_DEPTH: usize = 128;

/// The text is no JSON that this module reads.
#[derive(Debug)]
pub(super) struct NotJson;

/// Whether reading the text as JSON is worth a try.
pub(super) fn looks_like_json(text: &str) -> bool {
    let text = text.trim_ascii();
    (text.starts_with('{') && text.ends_with('}')) || (text.starts_with('[') && text.ends_with(']'))
}

/// The JSON without secrets, or `None` where it holds none. `look` redacts the
/// text of one string.
pub(super) fn redacted(
    text: &str,
    look: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, NotJson> {
    let mut walk = Walk { text, at: 0, kept_to: 0, result: String::new(), look };
    walk.space();
    walk.value(0)?;
    walk.space();
    if walk.at != text.len() {
        return Err(NotJson);
    }
    if walk.kept_to == 0 {
        return Ok(None);
    }
    walk.result.push_str(&text[walk.kept_to..]);
    Ok(Some(walk.result))
}

struct Walk<'t> {
    text: &'t str,
    at: usize,
    /// Everything before this is in `result`.
    kept_to: usize,
    result: String,
    look: &'t dyn Fn(&str) -> Option<String>,
}

impl<'t> Walk<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), NotJson> {
        if self.peek() != Some(byte) {
            return Err(NotJson);
        }
        self.at += 1;
        Ok(())
    }

    /// Puts a string in place of the text from `start` to here.
    fn replace(&mut self, start: usize, with: &str) {
        // A string always becomes JSON.
        let quoted = serde_json::Value::from(with).to_string();
        self.result.push_str(&self.text[self.kept_to..start]);
        self.result.push_str(&quoted);
        self.kept_to = self.at;
    }

    fn value(&mut self, depth: usize) -> Result<(), NotJson> {
        if depth > MAX_DEPTH {
            return Err(NotJson);
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => {
                let start = self.at;
                let inner = self.string()?;
                if let Some(redacted) = (self.look)(&unescaped(inner)) {
                    self.replace(start, &redacted);
                }
                Ok(())
            }
            _ => {
                let start = self.at;
                let scalar = self.scalar()?;
                if scalar.parse().is_ok_and(credentials::is_card_number) {
                    self.replace(start, MARKER);
                }
                Ok(())
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), NotJson> {
        self.expect(b'{')?;
        self.space();
        if self.peek() == Some(b'}') {
            return self.expect(b'}');
        }
        loop {
            let start = self.at;
            let key = unescaped(self.string()?);
            if let Some(redacted) = (self.look)(&key) {
                self.replace(start, &redacted);
            }
            self.space();
            self.expect(b':')?;
            self.space();
            self.field(&key, depth + 1)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => return self.expect(b'}'),
            }
            self.space();
        }
    }

    fn field(&mut self, key: &str, depth: usize) -> Result<(), NotJson> {
        if !keys::is_secret(key) {
            return self.value(depth);
        }
        let start = self.at;
        self.skip(depth)?;
        if !matches!(&self.text[start..self.at], "null" | "true" | "false") {
            self.replace(start, MARKER);
        }
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), NotJson> {
        self.expect(b'[')?;
        self.space();
        if self.peek() == Some(b']') {
            return self.expect(b']');
        }
        loop {
            self.value(depth + 1)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => return self.expect(b']'),
            }
            self.space();
        }
    }

    /// Past a value that is replaced as a whole, without looking into it.
    fn skip(&mut self, depth: usize) -> Result<(), NotJson> {
        let text = self.text;
        let mut blind =
            Walk { text, at: self.at, kept_to: 0, result: String::new(), look: &|_| None };
        blind.value(depth)?;
        self.at = blind.at;
        Ok(())
    }

    /// A string's inside as written, with its escapes.
    fn string(&mut self) -> Result<&'t str, NotJson> {
        self.expect(b'"')?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            self.at += memchr::memchr2(b'"', b'\\', rest).ok_or(NotJson)?;
            if bytes[self.at] == b'"' {
                break;
            }
            // Past the escape; a backslash at the very end is none.
            if bytes.get(self.at + 1).is_none_or(|byte| !byte.is_ascii()) {
                return Err(NotJson);
            }
            self.at += 2;
        }
        let inner = &self.text[start..self.at];
        self.at += 1;
        Ok(inner)
    }

    fn scalar(&mut self) -> Result<&'t str, NotJson> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        {
            self.at += 1;
        }
        let scalar = &self.text[start..self.at];
        let number = || {
            scalar.starts_with(|c: char| c == '-' || c.is_ascii_digit())
                && scalar.parse::<f64>().is_ok()
        };
        if matches!(scalar, "null" | "true" | "false") || number() {
            return Ok(scalar);
        }
        Err(NotJson)
    }
}

/// A string's inside without escapes. Half a surrogate pair becomes U+FFFD:
/// what is compared need not be what is written.
fn unescaped(inner: &str) -> std::borrow::Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', inner.as_bytes()) else {
        return inner.into();
    };
    let mut plain = String::with_capacity(inner.len());
    let (head, mut rest) = inner.split_at(first);
    plain.push_str(head);
    while let Some(escape) = rest.strip_prefix('\\') {
        let mut chars = escape.chars();
        let letter = chars.next();
        rest = chars.as_str();
        match letter {
            Some('u') => rest = unicode_escape(rest, &mut plain),
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('r') => plain.push('\r'),
            Some('b') => plain.push('\u{8}'),
            Some('f') => plain.push('\u{c}'),
            Some(other) => plain.push(other),
            None => {}
        }
        let next = memchr::memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(next);
        plain.push_str(head);
        rest = tail;
    }
    plain.into()
}

/// Reads what follows `\u`; returns the rest.
fn unicode_escape<'t>(text: &'t str, plain: &mut String) -> &'t str {
    let unit = |text: &str| {
        let digits = text.get(..4)?;
        let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    let Some(first) = unit(text) else {
        plain.push(char::REPLACEMENT_CHARACTER);
        return text;
    };
    let rest = text.get(4..).unwrap_or_default();
    if let Some(low_text) = rest.strip_prefix("\\u")
        && (0xD800..0xDC00).contains(&first)
        && let Some(low) = unit(low_text).filter(|low| (0xDC00..0xE000).contains(low))
    {
        let code = 0x1_0000 + ((first - 0xD800) << 10) + (low - 0xDC00);
        plain.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        return low_text.get(4..).unwrap_or_default();
    }
    plain.push(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
    rest
}
