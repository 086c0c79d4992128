//! Secrets that stand behind their key in free text: `password=…`,
//! `"token": "…"`, `Authorization: …`, `--api-key …`, `<password>…`.
//!
//! Works from the separators outwards: a bounded look back for the key, a look
//! ahead for the value, and on behind it. Each byte is read a bounded number
//! of times.

use std::ops::Range;

use super::MARKER;
use super::keys;

/// How far back from a separator a key may begin, in bytes.
const LOOK_BACK_BYTES: usize = 96;

/// Collects the values of secret keys.
pub(super) fn find(text: &str, found: &mut Vec<Range<usize>>) {
    let mut separators = Separators::new(text);
    let mut at = 0;
    while let Some(step) = separators.next_from(at) {
        at = match value_at(text, step) {
            Some(range) => {
                let end = range.end.max(step + 1);
                found.push(range);
                end
            }
            None => step + 1,
        };
    }
}

/// Walks over what may stand between a key and its value. Remembers the next
/// place of each kind: looking for a rare one again from every place of a
/// frequent one would read the text over and over.
struct Separators<'t> {
    text: &'t [u8],
    next: [Option<usize>; 3],
}

impl<'t> Separators<'t> {
    fn new(text: &'t str) -> Self {
        let text = text.as_bytes();
        let next = [0, 1, 2].map(|kind| Self::seek(text, kind, 0));
        Self { text, next }
    }

    fn seek(text: &[u8], kind: usize, from: usize) -> Option<usize> {
        let rest = text.get(from..)?;
        let at = match kind {
            0 => memchr::memchr3(b'=', b':', b'>', rest),
            // A flag's value follows a space.
            1 => memchr::memmem::find(rest, b"--"),
            // The full-width colon, U+FF1A.
            _ => memchr::memmem::find(rest, "：".as_bytes()),
        };
        at.map(|at| from + at)
    }

    fn next_from(&mut self, from: usize) -> Option<usize> {
        for (kind, next) in self.next.iter_mut().enumerate() {
            if next.is_some_and(|at| at < from) {
                *next = Self::seek(self.text, kind, from);
            }
        }
        self.next.into_iter().flatten().min()
    }
}

fn value_at(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let next = bytes.get(at + 1).copied();
    let (key, from) = match bytes.get(at)? {
        b'-' => {
            // Bounded: a rule of dashes is no flag, and each dash is a step.
            let near = &bytes[..bytes.len().min(at + 2 + LOOK_BACK_BYTES)];
            let end = run(near, at + 2, is_key_byte);
            let value = run(bytes, end, |byte| byte == b' ');
            if end == value || matches!(bytes.get(value), None | Some(b'-')) {
                return None;
            }
            (Key::word(text, at + 2..end)?, value)
        }
        b'=' if next == Some(b'=') => return None,
        b'=' if next == Some(b'>') => (Key::before(text, at)?, at + 2),
        b':' if matches!(next, Some(b':')) || bytes.get(at + 1..at + 3) == Some(b"//") => {
            return None;
        }
        b':' if next == Some(b'=') => (Key::before(text, at)?, at + 2),
        b'>' => {
            let key = Key::before(text, at)?;
            // Only an opening tag: `<password>`; not `a->token > 5`.
            let tag = key.start.checked_sub(1).and_then(|before| bytes.get(before));
            if tag != Some(&b'<') {
                return None;
            }
            let end = run(bytes, at + 1, |byte| byte != b'<');
            return (key.is_secret() && end > at + 1).then_some(at + 1..end);
        }
        b'=' | b':' => (Key::before(text, at)?, at + 1),
        _ => (Key::before(text, at)?, at + "：".len()),
    };
    let value = Value { text: bytes, from: run(bytes, from, |byte| byte == b' ' || byte == b'\t') };
    let is_secret =
        key.is_secret() || (key.is_signature() && value.plain_end(value.from) - value.from >= 20);
    if !is_secret {
        return None;
    }
    let header = key.is_header().then(|| Header { enclosing: key.quote_before(bytes) });
    value.range(header)
}

fn run(text: &[u8], from: usize, holds: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| holds(**byte)).count()
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || !byte.is_ascii()
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// The word before a separator, and the words of a sentence that it ends.
struct Key<'t> {
    word: &'t str,
    phrase: &'t str,
    start: usize,
}

impl<'t> Key<'t> {
    fn word(text: &'t str, range: Range<usize>) -> Option<Self> {
        let word = text.get(range.clone()).filter(|word| !word.is_empty())?;
        Some(Self { word, phrase: word, start: range.start })
    }

    /// The key that ends at a separator, whatever closes it:
    /// `key=`, `"key" :`, `\"key\":`, `headers['key'] =`.
    fn before(text: &'t str, separator: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let floor = text.ceil_char_boundary(separator.saturating_sub(LOOK_BACK_BYTES));
        let back = |from: usize, holds: &dyn Fn(u8) -> bool| {
            let before = &bytes[floor..from];
            from - before.iter().rev().take_while(|byte| holds(**byte)).count()
        };
        let mut end = back(separator, &|byte| byte == b' ' || byte == b'\t');
        let spaced = end;
        end = back(end, &|byte| is_quote(byte) || byte == b'\\' || byte == b']');
        let quoted = end != spaced;
        let start = back(end, &is_key_byte);
        let mut key = Self::word(text, start..end)?;
        if !quoted {
            // One more word: "api key: …", but also "unexpected token: …".
            let gap = back(start, &|byte| byte == b' ');
            let more = back(gap, &is_key_byte);
            if start - gap == 1 && more < gap {
                key.phrase = text.get(more..end)?;
            }
        }
        Some(key)
    }

    fn is_secret(&self) -> bool {
        if self.word.eq_ignore_ascii_case("token") {
            return keys::phrase_ends_in_secret(self.phrase);
        }
        keys::is_secret(self.word)
            || (self.phrase.len() > self.word.len() && keys::phrase_ends_in_secret(self.phrase))
    }

    /// The signature of a shared-access link: secret, but too short a name to
    /// believe without a long value.
    fn is_signature(&self) -> bool {
        self.word.eq_ignore_ascii_case("sig")
    }

    /// The quote that opens right before the key, `"Cookie: …"`.
    fn quote_before(&self, text: &[u8]) -> Option<Quote> {
        let before = self.start.checked_sub(1)?;
        Quote::at(text, before)
    }

    /// Headers whose value has spaces and runs to the end of the line.
    fn is_header(&self) -> bool {
        let word = self.word.to_ascii_lowercase();
        word.ends_with("authorization") || word.ends_with("cookie")
    }
}

/// A quote, and how many backslashes escape it: `\"` within a quoted text.
#[derive(PartialEq, Eq)]
struct Quote {
    byte: u8,
    slashes: usize,
}

impl Quote {
    fn at(text: &[u8], at: usize) -> Option<Self> {
        let byte = text.get(at).copied().filter(|byte| is_quote(*byte))?;
        let slashes = text[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        Some(Self { byte, slashes })
    }
}

/// A header, and the quote that it stands in.
struct Header {
    enclosing: Option<Quote>,
}

/// What stands behind a separator.
struct Value<'t> {
    text: &'t [u8],
    from: usize,
}

impl Value<'_> {
    /// The bytes to redact; `None` where there is no value to hide.
    fn range(&self, header: Option<Header>) -> Option<Range<usize>> {
        let rest = self.text.get(self.from..)?;
        let first = *rest.first()?;
        // An escaped quote opens a value inside a quoted text: `\"`, `\\\"`.
        let slashes = run(self.text, self.from, |byte| byte == b'\\');
        let opener = self.text.get(slashes).copied().filter(|byte| is_quote(*byte));
        if let Some(quote) = opener {
            let open = slashes + 1;
            let end = self.quoted_end(open, quote, slashes - self.from);
            return (end > open).then_some(open..end);
        }
        let end = if let Some(header) = header {
            self.header_end(&header)
        } else if rest.starts_with(MARKER.as_bytes()) {
            self.plain_end(self.from + MARKER.len())
        } else if matches!(first, b'{' | b'[') {
            self.bracketed_end()
        } else {
            self.wrapped_end(self.with_scheme(self.plain_end(self.from)))
        };
        let end = self.trimmed(end);
        let nothing = ["null", "none", "nil", "true", "false", "undefined", "<nil>", "<none>"];
        let value = self.text.get(self.from..end).filter(|value| !value.is_empty())?;
        let empty = nothing.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()));
        (!empty).then_some(self.from..end)
    }

    /// The end of the line, or the quote that the header stands in. Quotes behind
    /// `=` are a parameter's: `Digest username="…", response="…"`.
    fn header_end(&self, header: &Header) -> usize {
        let end = run(self.text, self.from, |byte| !matches!(byte, b'\n' | b'\r'));
        let line = Value { text: &self.text[..end], from: self.from };
        let mut at = self.from;
        while at < end {
            let Some(quote) = Quote::at(line.text, at) else {
                at += 1;
                continue;
            };
            let before = line.text.get(self.from..at.saturating_sub(quote.slashes));
            let is_parameters = before.is_some_and(|before| before.ends_with(b"="));
            if !is_parameters || header.enclosing.as_ref() == Some(&quote) {
                return at;
            }
            at = line.quoted_end(at + 1, quote.byte, quote.slashes) + quote.slashes + 1;
        }
        end
    }

    fn trimmed(&self, mut end: usize) -> usize {
        while end > self.from && matches!(self.text[end - 1], b' ' | b'\t' | b'\\') {
            end -= 1;
        }
        end
    }

    /// The closing quote: one with as many backslashes before it as the
    /// opening one has, or the end of the text.
    fn quoted_end(&self, open: usize, quote: u8, slashes: usize) -> usize {
        let mut at = open;
        let mut before = 0;
        while let Some(&byte) = self.text.get(at) {
            if byte == quote && before <= slashes && before % 2 == slashes % 2 {
                return at - before;
            }
            before = if byte == b'\\' { before + 1 } else { 0 };
            at += 1;
        }
        at
    }

    /// The end of an unquoted word.
    fn plain_end(&self, from: usize) -> usize {
        let stops = |byte: u8| {
            byte.is_ascii_whitespace()
                || is_quote(byte)
                || matches!(byte, b',' | b';' | b'&' | b')' | b']' | b'}' | b'<' | b'>' | b'|')
        };
        let mut at = from;
        while let Some(&byte) = self.text.get(at) {
            let escape =
                byte == b'\\' && matches!(self.text.get(at + 1), Some(b'"' | b'\'' | b'n' | b'r'));
            if stops(byte) || escape {
                break;
            }
            at += 1;
        }
        at
    }

    /// `Bearer abc`: the scheme's name isn't the secret, the next word is.
    fn with_scheme(&self, end: usize) -> usize {
        let schemes: [&[u8]; 7] =
            [b"bearer", b"basic", b"token", b"digest", b"negotiate", b"apikey", b"key"];
        let word = &self.text[self.from..end];
        let scheme = schemes.iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
        if scheme && self.text.get(end) == Some(&b' ') {
            return self.plain_end(end + 1);
        }
        end
    }

    /// `Some("x")`, `b'x'`: the quoted rest belongs to the value.
    fn wrapped_end(&self, end: usize) -> usize {
        let word = &self.text[self.from..end];
        let prefix = word.ends_with(b"(")
            || (word.len() <= 2
                && word
                    .iter()
                    .all(|byte| matches!(byte.to_ascii_lowercase(), b'b' | b'r' | b'u' | b'f')));
        match self.text.get(end) {
            Some(&quote) if is_quote(quote) && prefix && !word.is_empty() => {
                let close = self.quoted_end(end + 1, quote, 0);
                (close + 1).min(self.text.len())
            }
            _ => end,
        }
    }

    /// The bracket that closes an object or list, or the end of the text.
    fn bracketed_end(&self) -> usize {
        let mut depth = 0_usize;
        for (index, byte) in self.text[self.from..].iter().enumerate() {
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return self.from + index + 1;
            }
        }
        self.text.len()
    }
}
