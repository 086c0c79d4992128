//! A table's rows for a terminal that is too narrow for its columns: one row
//! after the other, each value behind its column's name.

use unicode_width::UnicodeWidthStr as _;

use super::{Hue, Palette};

/// Blanks between two values of a line.
const GAP: usize = 2;

/// How far a record's further lines stand in.
const INDENT: usize = 2;

/// How far the further lines of one value stand in.
const DEEP_INDENT: usize = 4;

/// A value of a record.
pub(super) struct Entry<'a> {
    /// Its column; empty for the value that names the record.
    pub(super) name: &'a str,
    /// It, made visible.
    pub(super) text: &'a str,
    /// Its colour.
    pub(super) hue: Option<Hue>,
}

/// The lines of one record. None is wider than `width` but for words that are.
pub(super) fn lines<'a>(
    entries: impl IntoIterator<Item = Entry<'a>>,
    width: usize,
    palette: Palette,
) -> Vec<String> {
    let mut lines = Lines { done: Vec::new(), line: String::new(), taken: 0, width };
    for entry in entries {
        let paint = |text: &str| match entry.hue {
            Some(hue) => palette.paint(hue, text),
            None => text.to_owned(),
        };
        let whole = match entry.name {
            "" => entry.text.width(),
            name => name.width() + 1 + entry.text.width(),
        };
        lines.begin(whole);
        if !entry.name.is_empty() {
            lines.push(&palette.paint(Hue::Faint, entry.name), entry.name.width());
        }
        for (number, word) in entry.text.split(' ').enumerate() {
            lines.word(&paint(word), word.width(), number > 0 || !entry.name.is_empty());
        }
    }
    lines.done.push(lines.line);
    lines.done
}

/// Lines being filled.
struct Lines {
    done: Vec<String>,
    line: String,
    /// How many columns of the line are taken.
    taken: usize,
    width: usize,
}

impl Lines {
    /// Makes room for a value of `width` columns: behind the last where it fits,
    /// else on a line of its own.
    fn begin(&mut self, width: usize) {
        let is_first = self.taken == 0;
        if !is_first && self.taken + GAP + width <= self.width {
            self.blanks(GAP);
        } else if !is_first {
            self.break_at(INDENT);
        }
    }

    /// Adds a word of a value, behind a blank where it follows something.
    fn word(&mut self, painted: &str, width: usize, follows: bool) {
        if follows {
            // A line that the indent alone fills is as good as any other.
            if self.taken + 1 + width > self.width && self.taken > DEEP_INDENT {
                self.break_at(DEEP_INDENT);
            } else {
                self.blanks(1);
            }
        }
        self.push(painted, width);
    }

    fn push(&mut self, painted: &str, width: usize) {
        self.line.push_str(painted);
        self.taken += width;
    }

    fn blanks(&mut self, count: usize) {
        self.line.extend(std::iter::repeat_n(' ', count));
        self.taken += count;
    }

    fn break_at(&mut self, indent: usize) {
        self.done.push(std::mem::take(&mut self.line));
        self.taken = 0;
        self.blanks(indent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(width: usize, entries: &[(&str, &str)]) -> Vec<String> {
        let entries = entries.iter().map(|(name, text)| Entry { name, text, hue: None });
        lines(entries, width, Palette::plain())
    }

    #[test]
    fn values_share_a_line_for_as_long_as_they_fit() {
        let entries = [("", "0af7"), ("STEP", "copy"), ("HOST", "hk-vps"), ("TASK", "sync")];
        assert_eq!(told(40, &entries), ["0af7  STEP copy  HOST hk-vps  TASK sync"]);
        assert_eq!(told(30, &entries), ["0af7  STEP copy  HOST hk-vps", "  TASK sync"]);
    }

    #[test]
    fn a_long_value_is_broken_between_words() {
        let entries = [("", "0af7"), ("EVIDENCE", "no heartbeat for 394 s, limit 300 s")];
        assert_eq!(
            told(24, &entries),
            ["0af7", "  EVIDENCE no heartbeat", "    for 394 s, limit 300", "    s"]
        );
    }

    #[test]
    fn words_wider_than_the_terminal_are_left_to_it() {
        assert_eq!(told(1, &[("", "0af7"), ("STEP", "a b")]), ["0af7", "  STEP", "    a", "    b"]);
        assert_eq!(told(8, &[("", "渲染"), ("S", "场")]), ["渲染", "  S 场"]);
    }
}
