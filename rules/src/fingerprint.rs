//! One name for many failures: the same error on another host, with another
//! id, after another number of seconds, has the same fingerprint.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::{NoExpand, Regex};
use sha2::{Digest, Sha256};

/// How much of a message is masked, in bytes.
const MESSAGE_LIMIT_BYTES: usize = 4096;

/// How much of the masked text is hashed, in bytes. Far less than is masked,
/// so that ids of other lengths before the cut don't move other words over it.
const HASHED_BYTES: usize = 1024;

/// The masks in the order in which they are laid: what contains others first.
/// `tests/vectors/README.md` repeats them for other languages.
const MASKS: [(&str, &str); 13] = [
    // white space, save single spaces, which are what it becomes
    (r"[\s\x00-\x1f]{2,}|[\s\x00-\x1f&&[^ ]]", " "),
    // URLs, before paths and numbers
    (r#"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>`()\[\]{}]+"#, "<url>"),
    (r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", "<email>"),
    // quoted values; an apostrophe inside a word opens nothing
    (r#""(?:[^"\\]|\\.)*"|`[^`]*`|“[^”]*”|‘[^’]*’|«[^»]*»|\B'(?:[^']|\b'\b)*?'\B"#, "<value>"),
    (
        r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?Z|\b| ?[+-][0-9]{2}:?[0-9]{2})?)?(?:[+-][0-9]{2}:?[0-9]{2}|Z)?",
        "<time>",
    ),
    (
        r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? (?:[0-9]{1,2} )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)(?: [0-9]{1,2})? (?:[0-9]{4} )?[0-9]{2}:[0-9]{2}:[0-9]{2}(?: [0-9]{4}| GMT| UTC| [+-][0-9]{4})?",
        "<time>",
    ),
    (r"\b[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?\b", "<time>"),
    (r"\b[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\b", "<id>"),
    (
        r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]+)?\b|\[?\b(?:[0-9][0-9A-Fa-f]{0,3}|[Ff][C-Fc-f][0-9A-Fa-f]{2}):(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{1,4}\b(?:\](?::[0-9]+)?)?|\[?\B::1\b(?:\](?::[0-9]+)?)?",
        "<ip>",
    ),
    (
        r"\b[A-Za-z]:\\[^\s:*?<>|]+|\\\\[A-Za-z0-9._$-]+\\[^\s:*?<>|]+|\B(?:~|\.\.?)?(?:/[A-Za-z0-9_.@%+=~,$-]+)+/?|\b[A-Za-z0-9_.@-]+(?:/[A-Za-z0-9_.@-]+)+\.[A-Za-z0-9]{1,8}\b",
        "<path>",
    ),
    // ids and hashes: see `is_id`
    (r"\b(?:0[xX][0-9A-Fa-f]+|[A-Za-z0-9_-]{6,})\b", ""),
    (r"(?:\B[+-])?[0-9]+(?:[.,:][0-9]+)*(?:[eE][+-]?[0-9]+)?", "<n>"),
    // a list of numbers or values is as long as it happens to be
    (r"<n>(?:, ?<n>)+", "<n>"),
];

/// For each of [`MASKS`] the characters of which it needs one, all ASCII; none where
/// it may match without. Most messages have none of most, and to look whether a text
/// has them costs far less than to begin a search.
const NEEDED: [&str; 13] =
    ["", ":", "@", "", "-", ":", ":", "-", ":.", "/\\", "", "0123456789", ">"];

/// Where in [`MASKS`] the mask stands that asks [`is_id`].
const ID_MASK: usize = 10;

/// The masks, compiled at first use. They are constants, so a pattern that
/// doesn't compile is a defect that every test here meets.
#[allow(clippy::expect_used, reason = "constant patterns, all compiled by the tests")]
static COMPILED: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    MASKS
        .iter()
        .map(|(pattern, mask)| (Regex::new(pattern).expect("constant pattern"), *mask))
        .collect()
});

/// The group that a failure belongs to: 16 hex digits, stable over releases
/// and the same in every SDK.
///
/// They are the first 8 bytes of SHA-256 over the trimmed error type, a zero
/// byte, and the first 1,024 bytes of the masked message, ASCII letters in
/// lower case.
#[must_use]
pub fn fingerprint(error_type: Option<&str>, message: &str) -> String {
    let mut masked = mask(message);
    masked.truncate(masked.floor_char_boundary(HASHED_BYTES));
    masked.make_ascii_lowercase();
    let mut hash = Sha256::new();
    hash.update(error_type.unwrap_or_default().trim().as_bytes());
    hash.update([0]);
    hash.update(masked.as_bytes());
    hash.finalize().iter().take(8).fold(String::with_capacity(16), |mut hex, byte| {
        // Writing to a String can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The message with everything that changes from one occurrence to the next
/// replaced by a placeholder. Reads the first 4 KB.
///
/// Placeholders: `<url>`, `<email>`, `<value>` (quoted), `<time>`, `<id>`
/// (uuids, hashes, generated names), `<ip>`, `<path>`, `<n>` (numbers).
#[must_use]
pub fn mask(message: &str) -> String {
    let end = message.floor_char_boundary(MESSAGE_LIMIT_BYTES);
    let mut text = Cow::Borrowed(message.get(..end).unwrap_or(message));
    let mut present = ascii_in(&text);
    for (index, (pattern, placeholder)) in COMPILED.iter().enumerate() {
        let needed = NEEDED[index];
        if !needed.is_empty() && present & ascii_in(needed) == 0 {
            continue;
        }
        let masked = if index == ID_MASK {
            mask_ids(pattern, &text)
        } else {
            pattern.replace_all(&text, NoExpand(placeholder))
        };
        if let Cow::Owned(masked) = masked {
            present = ascii_in(&masked);
            text = Cow::Owned(masked);
        }
    }
    text.trim().to_owned()
}

/// The set of a text's ASCII characters, a bit each.
fn ascii_in(text: &str) -> u128 {
    text.bytes().filter(u8::is_ascii).fold(0, |set, byte| set | 1 << byte)
}

/// The text with a mask in place of those of `tokens` that are ids.
fn mask_ids<'t>(tokens: &Regex, text: &'t str) -> Cow<'t, str> {
    let mut masked = String::new();
    let mut kept_to = 0;
    for token in tokens.find_iter(text).filter(|token| is_id(token.as_str())) {
        masked.push_str(&text[kept_to..token.start()]);
        masked.push_str("<id>");
        kept_to = token.end();
    }
    if kept_to == 0 {
        return Cow::Borrowed(text);
    }
    masked.push_str(&text[kept_to..]);
    Cow::Owned(masked)
}

/// Whether a token was generated, not written: a hex number with a letter and
/// a digit, or a long mixture of letters and digits.
fn is_id(token: &str) -> bool {
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    let letters = token.bytes().filter(u8::is_ascii_alphabetic).count();
    if letters == 0 || digits == 0 {
        // Plain numbers are masked next; `deadbeef` may be a word, 16 such
        // letters are none.
        return digits == 0 && token.len() >= 16 && is_hex(token);
    }
    token.starts_with("0x")
        || token.starts_with("0X")
        || is_hex(token)
        || (token.len() >= 16 && digits >= 3)
        || token.split(['-', '_']).any(|part| part.len() >= 8 && mixes(part))
}

fn is_hex(token: &str) -> bool {
    token.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// At least two digits among letters, as in `7d9f8c6b5x`; not `worker12`,
/// whose digits only number the word.
fn mixes(part: &str) -> bool {
    let stem = part.trim_end_matches(|c: char| c.is_ascii_digit());
    stem.bytes().filter(u8::is_ascii_digit).count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mask_compiles_and_stands_where_it_is_expected() {
        assert_eq!(COMPILED.len(), MASKS.len());
        assert_eq!(MASKS[ID_MASK].1, "");
        assert_eq!(MASKS.iter().filter(|(_, mask)| mask.is_empty()).count(), 1);
    }

    #[test]
    fn a_mask_that_is_passed_over_would_have_matched_nothing() {
        let alphabet = "a7F :@-.,/\\\"'`>0x<n\u{201c}Z+TMon";
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let texts = proptest::collection::vec(
            proptest::sample::select(alphabet.chars().collect::<Vec<_>>()),
            0..40,
        );
        runner
            .run(&texts, |chars| {
                let text: String = chars.into_iter().collect();
                for ((pattern, _), needed) in COMPILED.iter().zip(NEEDED) {
                    let has_needed = needed.is_empty() || ascii_in(&text) & ascii_in(needed) != 0;
                    proptest::prop_assert!(has_needed || !pattern.is_match(&text), "{pattern}");
                }
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn a_fingerprint_is_sixteen_hex_digits() {
        let print = fingerprint(Some("TimeoutError"), "after 30 s");
        assert!(print.len() == 16 && is_hex(&print), "{print}");
        assert_eq!(print, fingerprint(Some("TimeoutError"), "after 31 s"));
        assert_ne!(print, fingerprint(Some("OSError"), "after 30 s"));
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        for pad in 0..4 {
            let text = format!("{}{}", "x".repeat(pad), "漢".repeat(3000));
            assert!(mask(&text).len() <= MESSAGE_LIMIT_BYTES);
            assert_eq!(fingerprint(None, &text).len(), 16);
        }
    }

    #[test]
    fn hostile_messages_stay_cheap() {
        let started = std::time::Instant::now();
        for unit in ["'", "a.", "/a", "0:", "a@", "\"\\", "-", "f-1"] {
            let _ = mask(&unit.repeat(4096));
        }
        assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    }
}
