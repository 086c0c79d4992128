//! One cheap pass that says whether a text can hold a secret at all, and where
//! a credential may begin.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::credentials::{self, Scan, TOKENS};
use super::keys::CHINESE_NAMES;

/// What an anchor in the text suggests.
#[derive(Clone, Copy, Debug)]
enum Suspicion {
    /// Part of a secret key's name: look for `key=value`.
    Pair,
    /// An escape that may hide something: read it as JSON.
    Escape,
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
const KEY_PIECES: [&str; 17] = [
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
];

const MORE_KEY_PIECES: [&str; 8] =
    ["connect", "signature", "sig=", "card", "mfa", "bearer", "social", "string"];

/// The automaton and what each of its patterns means.
#[derive(Debug)]
pub(super) struct Screen {
    anchors: AhoCorasick,
    suspicions: Vec<Suspicion>,
}

/// Compiled at first use from constants; a set that doesn't compile is a
/// defect that every test meets.
#[allow(clippy::expect_used, reason = "constant patterns, compiled by every test")]
static STANDARD: LazyLock<Screen> = LazyLock::new(|| {
    let pairs = KEY_PIECES.iter().chain(&MORE_KEY_PIECES).chain(&CHINESE_NAMES);
    let mut patterns: Vec<(&str, Suspicion)> =
        pairs.map(|piece| (*piece, Suspicion::Pair)).collect();
    patterns.extend([
        ("\\u", Suspicion::Escape),
        (":\\/", Suspicion::Escape),
        ("eyj", Suspicion::Jwt),
        ("-----begin", Suspicion::Pem),
        ("://", Suspicion::UserInfo),
        ("bearer", Suspicion::Bearer),
        ("basic", Suspicion::Basic),
        ("8q~", Suspicion::AzureSecret),
        ("hooks.slack.com/", Suspicion::Webhook),
    ]);
    let tokens = TOKENS.iter().enumerate();
    patterns.extend(tokens.map(|(index, token)| (token.prefix, Suspicion::Token(index))));
    let anchors = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        // A byte costs one look-up; the set is small enough for that.
        .kind(Some(AhoCorasickKind::DFA))
        .build(patterns.iter().map(|(pattern, _)| pattern))
        .expect("constant patterns");
    let suspicions = patterns.into_iter().map(|(_, suspicion)| suspicion).collect();
    Screen { anchors, suspicions }
});

impl Screen {
    pub(super) fn standard() -> &'static Self {
        &STANDARD
    }

    /// Whether the text certainly holds no secret. Allocates nothing.
    pub(super) fn is_clean(&self, text: &str) -> bool {
        !credentials::may_hold_card(text) && !self.anchors.is_match(text)
    }

    /// Collects the credentials that stand at the anchors; true when there may
    /// be `key=value` pairs as well.
    pub(super) fn suspect(&self, text: &str, found: &mut Vec<Range<usize>>) -> bool {
        let mut pairs = false;
        let mut scan = Scan::new(text);
        for hit in self.anchors.find_overlapping_iter(text) {
            let at = hit.start();
            let range = match self.suspicions[hit.pattern().as_usize()] {
                Suspicion::Pair => {
                    pairs = true;
                    None
                }
                Suspicion::Escape => None,
                Suspicion::Token(index) => scan.token(at, index),
                Suspicion::Jwt => scan.jwt(at),
                Suspicion::Pem => scan.private_key(at),
                Suspicion::UserInfo => scan.url_password(hit.end()),
                Suspicion::Bearer => scan.bearer(hit.start(), hit.end()),
                Suspicion::Basic => scan.basic(hit.start(), hit.end()),
                Suspicion::AzureSecret => scan.azure_secret(at),
                Suspicion::Webhook => scan.webhook(hit.end()),
            };
            found.extend(range);
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
    use crate::domain::redact::keys;

    #[test]
    fn every_secret_keys_name_raises_suspicion() {
        for name in keys::every_ending() {
            assert!(!Screen::standard().is_clean(name), "{name}");
        }
    }
}
