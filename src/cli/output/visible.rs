//! Makes visible what must never reach a terminal raw. Names, errors and
//! outputs come from other machines: an escape sequence in one of them could
//! retitle the window, hide a line, or write to the clipboard.

use std::{borrow::Cow, fmt::Write as _};

/// The text with control characters, escape sequences, line breaks and marks
/// that reorder text written as escapes (`\n`, `\x1b`, `\u{202e}`).
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            hidden if is_hidden(hidden) => {
                let code = u32::from(hidden);
                let written = if code < 0x100 {
                    write!(shown, "\\x{code:02x}")
                } else {
                    write!(shown, "\\u{{{code:x}}}")
                };
                // Writing to a String cannot fail.
                let _ = written;
            }
            other => shown.push(other),
        }
    }
    Cow::Owned(shown)
}

/// The text made visible, and cut after `most` characters.
pub(crate) fn clip(text: &str, most: usize) -> String {
    let shown = visible(text.trim());
    match shown.char_indices().nth(most) {
        None => shown.into_owned(),
        Some((end, _)) => format!("{}…", shown[..end].trim_end()),
    }
}

fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // Zero width, line and paragraph separators, marks that reorder
            // what follows, the byte order mark, and invisible tags.
            '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{061c}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_as_it_is() {
        for text in ["", "render scene", "渲染场景 🎬", "C:\\temp"] {
            assert_eq!(visible(text), text);
        }
    }

    #[test]
    fn escape_sequences_are_shown_not_sent() {
        assert_eq!(visible("\u{1b}]0;owned\u{7}x"), "\\x1b]0;owned\\x07x");
        assert_eq!(visible("\u{9b}31m\u{7f}"), "\\x9b31m\\x7f");
        assert_eq!(visible("one\r\ntwo\tthree"), "one\\r\\ntwo\\tthree");
        assert_eq!(visible("a\u{202e}b\u{200b}"), "a\\u{202e}b\\u{200b}");
    }

    #[test]
    fn what_is_long_is_cut_at_a_character() {
        assert_eq!(clip("  渲染场景完成 ", 4), "渲染场景…");
        assert_eq!(clip("short", 5), "short");
    }
}
