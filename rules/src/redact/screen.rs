//! One cheap pass that says whether a text can hold a secret at all, and where
//! a credential may begin.

use std::ops::Range;
use std::sync::LazyLock;

use super::credentials::{self, Scan, TOKENS};
use super::keys::CHINESE_NAMES;

/// What an anchor in the text suggests.
#[derive(Clone, Copy, Debug)]
enum Suspicion {
    /// Part of a secret key's name: look for `key=value`.
    Pair,
    Token(usize),
    Jwt,
    Pem,
    UserInfo,
    Bearer,
    Basic,
    AzureSecret,
    Webhook,
}

/// Pieces that every secret key's name contains at least one of (a test holds
/// them to it).
const KEY_PIECES: [&str; 25] = [
    "pass",
    "pwd",
    "token",
    "secret",
    "auth",
    "cookie",
    "cred",
    "key",
    "sess",
    "jwt",
    "otp",
    "cvv",
    "cvc",
    "ssn",
    "csrf",
    "xsrf",
    "connection",
    "connect",
    "signature",
    "sig=",
    "card",
    "mfa",
    "bearer",
    "social",
    "string",
];

/// What else begins something worth a look.
const ANCHORS: [(&str, Suspicion); 7] = [
    ("eyj", Suspicion::Jwt),
    ("-----begin", Suspicion::Pem),
    ("://", Suspicion::UserInfo),
    ("bearer", Suspicion::Bearer),
    ("basic", Suspicion::Basic),
    ("8q~", Suspicion::AzureSecret),
    ("hooks.slack.com/", Suspicion::Webhook),
];

/// The first three bytes of patterns, folded: a set that one shift, one xor
/// and one look-up a byte ask, an order cheaper than an automaton's steps,
/// each of which waits for the one before.
#[derive(Debug)]
struct Trigrams([u64; 512]);

/// Folds letters' case and thins out the rest to five bits.
const FOLD: [u16; 256] = {
    let mut fold = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        fold[byte] = match byte as u8 {
            letter @ b'a'..=b'z' => (letter - b'a' + 1) as u16,
            letter @ b'A'..=b'Z' => (letter - b'A' + 1) as u16,
            b'0'..=b'9' => 27,
            b'_' | b'-' => 28,
            b'.' => 29,
            b':' | b'/' | b'=' | b'~' => 30,
            128.. => 31,
            _ => 0,
        };
        byte += 1;
    }
    fold
};

/// Of anchors and key pieces: what [`Screen`] looks for.
static IN_TEXT: Trigrams = {
    let mut set = Trigrams([0; 512]).with_all(&KEY_PIECES).with_all(&CHINESE_NAMES);
    let mut index = 0;
    while index < ANCHORS.len() {
        set = set.with(ANCHORS[index].0);
        index += 1;
    }
    index = 0;
    while index < TOKENS.len() {
        set = set.with(TOKENS[index].prefix);
        index += 1;
    }
    set
};

/// Of key pieces alone.
static IN_KEYS: Trigrams = Trigrams([0; 512]).with_all(&KEY_PIECES).with_all(&CHINESE_NAMES);

impl Trigrams {
    const fn with(mut self, pattern: &str) -> Self {
        let bytes = pattern.as_bytes();
        let at = (FOLD[bytes[0] as usize] << 10)
            | (FOLD[bytes[1] as usize] << 5)
            | FOLD[bytes[2] as usize];
        self.0[(at >> 6) as usize] |= 1 << (at & 63);
        self
    }

    const fn with_all(mut self, patterns: &[&str]) -> Self {
        let mut index = 0;
        while index < patterns.len() {
            self = self.with(patterns[index]);
            index += 1;
        }
        self
    }

    /// The next place from `at` where a pattern of the set may begin.
    #[inline]
    fn next(&self, text: &[u8], at: usize) -> Option<usize> {
        let rest = text.get(at..)?;
        let offset = rest.array_windows::<3>().position(|[first, second, third]| {
            let trigram = (FOLD[usize::from(*first)] << 10)
                | (FOLD[usize::from(*second)] << 5)
                | FOLD[usize::from(*third)];
            self.0[usize::from(trigram >> 6)] & (1 << (trigram & 63)) != 0
        });
        offset.map(|offset| at + offset)
    }
}

/// Whether a key has no piece of a secret key's name.
pub(super) fn is_harmless_key(key: &[u8]) -> bool {
    IN_KEYS.next(key, 0).is_none()
}

/// The patterns, by their first byte in lower case.
#[derive(Debug)]
pub(super) struct Screen {
    patterns: [Vec<(&'static [u8], Suspicion)>; 256],
}

static STANDARD: LazyLock<Screen> = LazyLock::new(|| {
    let mut patterns = [const { Vec::new() }; 256];
    let pieces = KEY_PIECES.iter().chain(&CHINESE_NAMES);
    let pieces = pieces.map(|piece| (*piece, Suspicion::Pair));
    let tokens = TOKENS.iter().enumerate();
    let tokens = tokens.map(|(index, token)| (token.prefix, Suspicion::Token(index)));
    for (pattern, suspicion) in pieces.chain(ANCHORS).chain(tokens) {
        let bytes = pattern.as_bytes();
        let first = bytes.first().map_or(0, u8::to_ascii_lowercase);
        patterns[usize::from(first)].push((bytes, suspicion));
    }
    Screen { patterns }
});

/// Escapes that can hide a name or a URL; JSON in a string must be read to
/// see behind them.
fn may_hide_behind_escapes(text: &[u8]) -> bool {
    let Some(at) = memchr::memchr(b'\\', text) else {
        return false;
    };
    text[at..].array_windows::<2>().any(|pair| matches!(pair, [b'\\', b'u' | b'/']))
}

impl Screen {
    pub(super) fn standard() -> &'static Self {
        &STANDARD
    }

    /// Whether the text certainly holds no secret. Allocates nothing.
    pub(super) fn is_clean(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let mut at = 0;
        // Most URLs name no user; without an at sign none does. Sought once.
        let mut no_user = None;
        while let Some(place) = IN_TEXT.next(bytes, at) {
            let mut telling = self.confirmed(bytes, place).filter(|(suspicion, _)| {
                !matches!(suspicion, Suspicion::UserInfo)
                    || !*no_user.get_or_insert_with(|| memchr::memchr(b'@', bytes).is_none())
            });
            if telling.next().is_some() {
                return false;
            }
            at = place + 1;
        }
        !credentials::may_hold_card(text) && !may_hide_behind_escapes(bytes)
    }

    /// The patterns that begin at a place: what they suggest and where they end.
    fn confirmed(&self, text: &[u8], place: usize) -> impl Iterator<Item = (Suspicion, usize)> {
        let here = text.get(place..).unwrap_or_default();
        let first = here.first().map_or(0, u8::to_ascii_lowercase);
        self.patterns[usize::from(first)]
            .iter()
            .filter(|(pattern, _)| {
                here.get(..pattern.len()).is_some_and(|start| start.eq_ignore_ascii_case(pattern))
            })
            .map(move |(pattern, suspicion)| (*suspicion, place + pattern.len()))
    }

    /// Collects the credentials that stand at the anchors; true when there may
    /// be `key=value` pairs as well.
    pub(super) fn suspect(&self, text: &str, found: &mut Vec<Range<usize>>) -> bool {
        let mut pairs = false;
        let mut scan = Scan::new(text);
        let mut from = 0;
        while let Some(at) = IN_TEXT.next(text.as_bytes(), from) {
            from = at + 1;
            for (suspicion, end) in self.confirmed(text.as_bytes(), at) {
                let range = match suspicion {
                    Suspicion::Pair => {
                        pairs = true;
                        None
                    }
                    Suspicion::Token(index) => scan.token(at, index),
                    Suspicion::Jwt => scan.jwt(at),
                    Suspicion::Pem => scan.private_key(at),
                    Suspicion::UserInfo => scan.url_password(end),
                    Suspicion::Bearer => scan.bearer(at, end),
                    Suspicion::Basic => scan.basic(at, end),
                    Suspicion::AzureSecret => scan.azure_secret(at),
                    Suspicion::Webhook => scan.webhook(end),
                };
                found.extend(range);
            }
        }
        if credentials::may_hold_card(text) {
            credentials::find_cards(text, found);
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::keys;

    #[test]
    fn every_secret_keys_name_raises_suspicion() {
        for name in keys::every_ending() {
            assert!(!Screen::standard().is_clean(name), "{name}");
            assert!(!is_harmless_key(name.as_bytes()), "{name}");
        }
    }
}
