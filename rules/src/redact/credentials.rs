//! Secrets that are known by their own look, whatever stands around them.
//!
//! Every finder is called at an anchor and must stay linear over the text: it
//! either consumes what it read, or remembers how far reading was in vain.

use std::ops::Range;

/// The characters that a token's random part is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    Hex,
    Capitals,
    Letters,
    Slug,
    Dotted,
}

impl Alphabet {
    const COUNT: usize = 5;

    fn holds(self, byte: u8) -> bool {
        match self {
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Capitals => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Letters => byte.is_ascii_alphanumeric() || byte == b'_',
            Self::Slug => is_slug(byte),
            Self::Dotted => is_slug(byte) || byte == b'.',
        }
    }
}

/// A provider's key: its prefix, exactly so, then at least `min` characters.
#[derive(Debug)]
pub(super) struct TokenShape {
    pub(super) prefix: &'static str,
    min: usize,
    alphabet: Alphabet,
    /// The prefix alone could begin a plain word; a key has a digit.
    digit: bool,
}

const fn shape(prefix: &'static str, min: usize, alphabet: Alphabet) -> TokenShape {
    TokenShape { prefix, min, alphabet, digit: false }
}

const fn with_digit(prefix: &'static str, min: usize, alphabet: Alphabet) -> TokenShape {
    TokenShape { prefix, min, alphabet, digit: true }
}

use Alphabet::{Capitals, Dotted, Hex, Letters, Slug};

/// Token shapes as their providers publish them; lengths are lower bounds, so
/// that a longer successor is still caught.
pub(super) const TOKENS: [TokenShape; 58] = [
    // AWS access key ids
    shape("AKIA", 16, Capitals),
    shape("ASIA", 16, Capitals),
    shape("AROA", 16, Capitals),
    shape("AIDA", 16, Capitals),
    shape("ABIA", 16, Capitals),
    shape("ACCA", 16, Capitals),
    // Google
    shape("AIza", 30, Slug),
    shape("ya29.", 20, Slug),
    shape("GOCSPX-", 20, Slug),
    shape("1//0", 30, Slug),
    // GitHub, GitLab
    shape("ghp_", 20, Letters),
    shape("gho_", 20, Letters),
    shape("ghu_", 20, Letters),
    shape("ghs_", 20, Letters),
    shape("ghr_", 20, Letters),
    shape("github_pat_", 20, Letters),
    shape("glpat-", 16, Slug),
    shape("gldt-", 16, Slug),
    shape("glrt-", 16, Slug),
    // Slack
    shape("xoxa-", 10, Slug),
    shape("xoxb-", 10, Slug),
    shape("xoxc-", 10, Slug),
    shape("xoxd-", 10, Slug),
    shape("xoxe-", 10, Slug),
    shape("xoxe.", 10, Slug),
    shape("xoxo-", 10, Slug),
    shape("xoxp-", 10, Slug),
    shape("xoxr-", 10, Slug),
    shape("xoxs-", 10, Slug),
    shape("xapp-", 10, Slug),
    // Stripe
    shape("sk_live_", 10, Letters),
    shape("sk_test_", 10, Letters),
    shape("rk_live_", 10, Letters),
    shape("rk_test_", 10, Letters),
    shape("whsec_", 16, Letters),
    // Model providers
    shape("sk-ant-", 10, Slug),
    with_digit("sk-", 20, Slug),
    shape("gsk_", 20, Letters),
    shape("xai-", 30, Slug),
    shape("hf_", 20, Letters),
    shape("pplx-", 30, Letters),
    shape("r8_", 30, Letters),
    // Package registries
    shape("npm_", 30, Letters),
    shape("pypi-AgE", 30, Slug),
    shape("rubygems_", 30, Hex),
    // Hosting and services
    shape("dop_v1_", 30, Hex),
    shape("shpat_", 20, Hex),
    shape("shpss_", 20, Hex),
    shape("SG.", 30, Dotted),
    shape("hvs.", 20, Slug),
    shape("hvb.", 20, Slug),
    shape("lin_api_", 20, Letters),
    shape("ntn_", 30, Letters),
    shape("dp.pt.", 30, Letters),
    shape("dapi", 32, Hex),
    shape("ATATT3x", 30, Slug),
    shape("sq0csp-", 20, Slug),
    shape("AGE-SECRET-KEY-1", 20, Capitals),
];

fn is_slug(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Reads one text; remembers what it consumed.
pub(super) struct Scan<'t> {
    text: &'t [u8],
    /// Everything before this is redacted already.
    done: usize,
    /// A JWT's first part was sought in vain up to here.
    no_jwt: usize,
    /// Tokens that need a digit found none up to here, by alphabet.
    no_digit: [usize; Alphabet::COUNT],
}

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text: text.as_bytes(), done: 0, no_jwt: 0, no_digit: [0; Alphabet::COUNT] }
    }

    fn run(&self, from: usize, holds: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|byte| holds(**byte)).count()
    }

    /// No letter or digit stands before: not the end of a longer word.
    fn opens(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| self.text.get(before));
        !before.is_some_and(u8::is_ascii_alphanumeric)
    }

    fn take(&mut self, range: Range<usize>) -> Option<Range<usize>> {
        self.done = self.done.max(range.end);
        Some(range)
    }

    pub(super) fn token(&mut self, at: usize, index: usize) -> Option<Range<usize>> {
        let shape = TOKENS.get(index)?;
        let body = at + shape.prefix.len();
        let memo = shape.alphabet as usize;
        if at < self.done
            || !self.opens(at)
            || self.text.get(at..body)? != shape.prefix.as_bytes()
            || (shape.digit && body < self.no_digit[memo])
        {
            return None;
        }
        let end = self.run(body, |byte| shape.alphabet.holds(byte));
        if shape.digit && !self.text[body..end].iter().any(u8::is_ascii_digit) {
            self.no_digit[memo] = end;
            return None;
        }
        if end - body < shape.min {
            return None;
        }
        self.take(at..end)
    }

    /// Three base64url parts, the first beginning `{"`.
    pub(super) fn jwt(&mut self, at: usize) -> Option<Range<usize>> {
        if at < self.done
            || at < self.no_jwt
            || !self.opens(at)
            || !self.text[at..].starts_with(b"eyJ")
        {
            return None;
        }
        let header = self.run(at, is_slug);
        let payload = self.run(header + 1, is_slug);
        if self.text.get(header) != Some(&b'.') || payload - (header + 1) < 2 || header - at < 8 {
            self.no_jwt = header;
            return None;
        }
        let mut end = payload;
        // Two more parts where it is encrypted.
        for _ in 0..3 {
            if self.text.get(end) != Some(&b'.') {
                break;
            }
            let next = self.run(end + 1, is_slug);
            // A sentence may end in a full stop.
            if next == end + 1 && self.text.get(next) != Some(&b'.') {
                break;
            }
            end = next;
        }
        self.take(at..end)
    }

    /// A private key block, to its END line or else to the end of the text:
    /// a key that was cut is still a key.
    pub(super) fn private_key(&mut self, at: usize) -> Option<Range<usize>> {
        if at < self.done {
            return None;
        }
        let rest = &self.text[at..];
        let title = &rest[..rest.len().min(80)];
        let title_end = memchr::memmem::find(title, b"PRIVATE KEY")?;
        let holds = |byte: &u8| byte.is_ascii_uppercase() || matches!(byte, b' ' | b'-');
        if !title[..title_end].iter().all(holds) {
            return None;
        }
        let end = memchr::memmem::find(&rest[title_end..], b"-----END").map_or(
            self.text.len(),
            |footer| {
                let label = at + title_end + footer + b"-----END".len();
                let close = self.run(label, |byte| byte == b' ' || byte.is_ascii_uppercase());
                self.run(close, |byte| byte == b'-')
            },
        );
        self.take(at..end)
    }

    /// The password in `scheme://user:password@host`; `from` is behind `://`.
    pub(super) fn url_password(&mut self, from: usize) -> Option<Range<usize>> {
        let authority_end = self.run(from, |byte| {
            !byte.is_ascii_whitespace()
                && !matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\')
        });
        let authority = self.text.get(from..authority_end)?;
        let at = memchr::memrchr(b'@', authority)?;
        let colon = memchr::memchr(b':', &authority[..at])?;
        (colon + 1 < at).then_some(from + colon + 1..from + at)
    }

    /// The credentials after a scheme's name, and where they begin.
    fn scheme_credentials(&self, start: usize, end: usize) -> Option<Range<usize>> {
        if end < self.done || !self.opens(start) {
            return None;
        }
        let mut from = self.run(end, |byte| matches!(byte, b' ' | b'\t'));
        if from == end {
            let encoded = self.text.get(end..end + 3)?;
            if encoded != b"%20" {
                return None;
            }
            from = end + 3;
        }
        let holds = |byte| is_slug(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'=');
        Some(from..self.run(from, holds))
    }

    /// `Bearer …`; "bearer authentication failed" is a sentence.
    pub(super) fn bearer(&mut self, start: usize, end: usize) -> Option<Range<usize>> {
        let range = self.scheme_credentials(start, end)?;
        let token = &self.text[range.clone()];
        let telling = token
            .iter()
            .any(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b'=' | b'+' | b'/'));
        if token.len() < 16 && !(token.len() >= 6 && telling) {
            return None;
        }
        self.take(range)
    }

    /// `Basic …` with base64 that decodes to `user:password`.
    pub(super) fn basic(&mut self, start: usize, end: usize) -> Option<Range<usize>> {
        let range = self.scheme_credentials(start, end)?;
        let token = &self.text[range.clone()];
        if token.len() < 4 || !decodes_to_colon(token) {
            return None;
        }
        self.take(range)
    }

    /// An Entra ID client secret: three characters, `8Q~`, 31 to 34 more.
    pub(super) fn azure_secret(&mut self, at: usize) -> Option<Range<usize>> {
        let start = at.checked_sub(3).filter(|start| *start >= self.done)?;
        let holds = |byte: u8| is_slug(byte) || matches!(byte, b'~' | b'.');
        // Bounded: such a secret has 40 characters, and anchors may repeat.
        let rest = self.text.get(at..).unwrap_or_default();
        let end = at + rest.iter().take(48).take_while(|byte| holds(**byte)).count();
        let whole = self.text.get(start..at)?.iter().all(|byte| holds(*byte))
            && self.text[at..].starts_with(b"8Q~")
            && (37..=44).contains(&(end - start));
        if !whole {
            return None;
        }
        self.take(start..end)
    }

    /// What follows a chat webhook's host is its only secret.
    pub(super) fn webhook(&mut self, from: usize) -> Option<Range<usize>> {
        let end = self.run(from, |byte| is_slug(byte) || byte == b'/');
        if from < self.done || end - from < 16 {
            return None;
        }
        self.take(from..end)
    }
}

/// Whether base64 text holds a colon once decoded.
fn decodes_to_colon(text: &[u8]) -> bool {
    let mut bits = 0_u32;
    let mut count = 0;
    for byte in text {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return false,
        };
        bits = (bits << 6 | u32::from(six)) & 0xFFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            if (bits >> count) & 0xFF == u32::from(b':') {
                return true;
            }
        }
    }
    false
}

/// The least number of digits on a payment card.
const CARD_DIGITS: usize = 13;

/// The most.
const CARD_DIGITS_MAX: usize = 19;

/// A text with fewer digits holds no card; most have fewer.
pub(super) fn may_hold_card(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= CARD_DIGITS && {
        let digits = bytes.iter().filter(|byte| byte.is_ascii_digit());
        digits.count() >= CARD_DIGITS
    }
}

/// A JSON number that is a card number.
pub(super) fn is_card_number(number: u64) -> bool {
    let mut digits = [0_u8; 20];
    let mut rest = number;
    let mut at = digits.len();
    while rest > 0 {
        at -= 1;
        // A remainder of ten fits.
        digits[at] = u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
    is_card(&digits[at..], false)
}

/// Collects card numbers: 13 to 19 digits, in one piece or in a card's groups,
/// of a known issuer, with a right check digit.
pub(super) fn find_cards(text: &str, found: &mut Vec<Range<usize>>) {
    let text = text.as_bytes();
    let mut at = 0;
    while at < text.len() {
        if !text[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let run = digit_run(text, at);
        if let Some(end) = card_at(text, at, run) {
            found.push(at..end);
            at = end;
        } else {
            at = run;
        }
    }
}

fn digit_run(text: &[u8], from: usize) -> usize {
    let digits = text[from..].iter().take_while(|byte| byte.is_ascii_digit());
    from + digits.count()
}

fn card_at(text: &[u8], start: usize, run: usize) -> Option<usize> {
    // Part of a word, an id or a decimal fraction.
    let joined = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    if start.checked_sub(1).is_some_and(|before| joined(&text[before])) {
        return None;
    }
    let mut digits = [0_u8; CARD_DIGITS_MAX];
    let mut count = 0;
    let mut push = |bytes: &[u8]| {
        for byte in bytes {
            if let Some(slot) = digits.get_mut(count) {
                *slot = byte - b'0';
            }
            count += 1;
        }
    };
    push(&text[start..run]);
    let mut end = run;
    let grouped = run - start == 4;
    if grouped {
        let separator = text.get(run).filter(|byte| matches!(byte, b' ' | b'-'))?;
        // 4-4-4-4, 4-4-4-4-3, 4-6-5, 4-6-4
        while text.get(end) == Some(separator) {
            let next = digit_run(text, end + 1);
            if next == end + 1 || next - end - 1 > 6 || next - start > 23 {
                break;
            }
            push(&text[end + 1..next]);
            end = next;
        }
    }
    let after = text.get(end);
    let fraction = after == Some(&b'.') && text.get(end + 1).is_some_and(u8::is_ascii_digit);
    let closed = !after.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    (closed && !fraction && is_card(digits.get(..count)?, grouped)).then_some(end)
}

/// Issuer, length and Luhn check, over digits as numbers.
///
/// The issuer matters: one number in ten passes Luhn, and times in
/// nanoseconds have 19 digits.
fn is_card(digits: &[u8], grouped: bool) -> bool {
    if !(CARD_DIGITS..=CARD_DIGITS_MAX).contains(&digits.len()) {
        return false;
    }
    let prefix = digits.iter().take(4).fold(0_u16, |prefix, digit| prefix * 10 + u16::from(*digit));
    let known = match digits.len() {
        13 => prefix / 1000 == 4,
        14 => matches!(prefix, 3000..=3059 | 3600..=3699 | 3800..=3999),
        15 => matches!(prefix, 3400..=3499 | 3700..=3799),
        16 => matches!(
            prefix,
            4000..=4999 | 5100..=5599 | 2200..=2204 | 2221..=2720 | 6011 | 6440..=6599
                | 3528..=3589 | 6200..=6299
        ),
        19 if grouped => matches!(prefix, 4000..=4999 | 6200..=6299),
        _ => matches!(prefix, 6200..=6299),
    };
    known && passes_luhn(digits)
}

fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, &digit)| {
            let doubled = if index % 2 == 1 { digit * 2 } else { digit };
            u32::from(if doubled > 9 { doubled - 9 } else { doubled })
        })
        .sum();
    sum.is_multiple_of(10)
}
