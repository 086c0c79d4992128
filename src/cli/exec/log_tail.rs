//! The end of what a command has written: the part that says how it went.

use std::collections::VecDeque;

/// How much of the output is kept.
pub(super) const LOG_BYTES: usize = 64 * 1024;

/// How much of standard error is kept to find the last words in.
pub(super) const LAST_WORDS_BYTES: usize = 8 * 1024;

/// How many lines the last words are, and how long, at most.
const LAST_WORDS_LINES: usize = 5;
const LAST_WORDS_CHARS: usize = 2_000;

/// The last so many bytes of a stream.
#[derive(Debug)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
    most: usize,
    is_cut: bool,
}

impl Tail {
    /// An empty tail of at most so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { bytes: VecDeque::new(), most, is_cut: false }
    }

    /// Takes in what came next.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        let kept = &chunk[chunk.len().saturating_sub(self.most)..];
        let surplus = (self.bytes.len() + kept.len()).saturating_sub(self.most);
        self.is_cut |= surplus > 0 || kept.len() < chunk.len();
        self.bytes.drain(..surplus);
        self.bytes.extend(kept);
    }

    /// The bytes. Where earlier ones were dropped, it begins with a whole
    /// character, so that text stays text.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let is_continuation = |byte: &&u8| **byte & 0b1100_0000 == 0b1000_0000;
        let broken = if self.is_cut {
            self.bytes.iter().take(3).take_while(is_continuation).count()
        } else {
            0
        };
        self.bytes.iter().skip(broken).copied().collect()
    }

    /// Its last lines that say anything, as plain text.
    pub(super) fn last_words(&self) -> String {
        let bytes = self.to_bytes();
        let text = String::from_utf8_lossy(&bytes);
        let mut lines: Vec<String> = text
            .rsplit('\n')
            .map(plain_line)
            .filter(|line| !line.is_empty())
            .take(LAST_WORDS_LINES)
            .collect();
        lines.reverse();
        let words = lines.join("\n");
        let surplus = words.chars().count().saturating_sub(LAST_WORDS_CHARS);
        // The end of it is what an error's text is about.
        words.chars().skip(surplus).collect()
    }
}

/// A line as it looked in the end: without escape sequences, and only what
/// came after the last carriage return, which is how progress bars redraw.
fn plain_line(line: &str) -> String {
    let line = line.trim_end_matches('\r');
    let line = line.rsplit('\r').next().unwrap_or(line);
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => match characters.next() {
                // CSI: parameters up to a final byte.
                Some('[') => while characters.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
                // OSC: up to BEL, or ESC and a backslash.
                Some(']') => {
                    while let Some(c) = characters.next() {
                        if c == '\u{7}' || (c == '\u{1b}' && characters.next_if_eq(&'\\').is_some())
                        {
                            break;
                        }
                    }
                }
                _ => {}
            },
            '\t' => plain.push(' '),
            control if control.is_control() => {}
            other => plain.push(other),
        }
    }
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail_of(most: usize, chunks: &[&[u8]]) -> Tail {
        let mut tail = Tail::new(most);
        for chunk in chunks {
            tail.push(chunk);
        }
        tail
    }

    #[test]
    fn only_the_end_is_kept() {
        assert_eq!(tail_of(5, &[b"abc", b"def"]).to_bytes(), b"bcdef");
        assert_eq!(tail_of(5, &[b"abcdefgh"]).to_bytes(), b"defgh");
        assert_eq!(tail_of(5, &[b"", b"ab"]).to_bytes(), b"ab");
        assert_eq!(tail_of(5, &[b"abcde", b""]).to_bytes(), b"abcde");
    }

    #[test]
    fn a_cut_tail_begins_with_a_whole_character() {
        assert_eq!(tail_of(4, &["日本".as_bytes()]).to_bytes(), "本".as_bytes());
        // Bytes that were never text stay as they are.
        assert_eq!(tail_of(4, &[b"\x80\x80"]).to_bytes(), b"\x80\x80");
    }

    #[test]
    fn the_last_words_are_the_last_lines_that_say_anything() {
        let tail = tail_of(1_000, &[b"one\n\n two \r\n\x1b[31mError:\x1b[0m no\x00 disk\n\n  \n"]);
        assert_eq!(tail.last_words(), "one\ntwo\nError: no disk");
        let tail = tail_of(1_000, &[b"10%\r50%\r100%\n\x1b]0;title\x07done"]);
        assert_eq!(tail.last_words(), "100%\ndone");
        let many: String = (0..20).map(|n| format!("line {n}\n")).collect();
        assert_eq!(
            tail_of(1_000, &[many.as_bytes()]).last_words(),
            "line 15\nline 16\nline 17\nline 18\nline 19"
        );
    }

    #[test]
    fn endless_last_words_are_bounded() {
        let tail = tail_of(LAST_WORDS_BYTES, &[&[b'x'; 100_000]]);
        assert_eq!(tail.last_words().len(), LAST_WORDS_CHARS);
    }
}
