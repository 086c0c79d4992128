//! Colours, for terminals that want them.

use std::env;

use crate::proto::v1::{ReasonKind, Status};

/// What a colour means here. The four kinds of failure look as they do on the
/// dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hue {
    /// Went well.
    Good,
    /// Went wrong.
    Bad,
    /// May pass by itself.
    Warning,
    /// Something ran out.
    Scarce,
    /// Somebody has to change a setting.
    Setting,
    /// Is going on.
    Lively,
    /// Beside the point.
    Faint,
    /// The point.
    Strong,
}

impl Hue {
    /// How a status looks.
    pub(crate) fn of_status(status: Status) -> Self {
        match status {
            Status::Success => Self::Good,
            Status::Failed => Self::Bad,
            Status::Running => Self::Lively,
            Status::Cancelled | Status::Unspecified => Self::Faint,
        }
    }

    /// How a kind of failure looks: TRANSIENT yellow, PERSISTENT red, RESOURCE
    /// orange, CONFIG blue.
    pub(crate) fn of_kind(kind: ReasonKind) -> Self {
        match kind {
            ReasonKind::Transient => Self::Warning,
            ReasonKind::Persistent => Self::Bad,
            ReasonKind::Resource => Self::Scarce,
            ReasonKind::Config => Self::Setting,
            ReasonKind::Unknown => Self::Faint,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "31",
            Self::Warning => "33",
            // Orange is among the 256 colours only.
            Self::Scarce => "38;5;208",
            Self::Setting => "34",
            Self::Lively => "36",
            Self::Faint => "2",
            Self::Strong => "1",
        }
    }

    /// The same for the table library.
    pub(super) fn style(self, cell: comfy_table::Cell) -> comfy_table::Cell {
        use comfy_table::{Attribute, Color};
        match self {
            Self::Good => cell.fg(Color::DarkGreen),
            Self::Bad => cell.fg(Color::DarkRed),
            Self::Warning => cell.fg(Color::DarkYellow),
            Self::Scarce => cell.fg(Color::AnsiValue(208)),
            Self::Setting => cell.fg(Color::DarkBlue),
            Self::Lively => cell.fg(Color::DarkCyan),
            Self::Faint => cell.add_attribute(Attribute::Dim),
            Self::Strong => cell.add_attribute(Attribute::Bold),
        }
    }
}

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Palette {
    is_on: bool,
}

impl Palette {
    /// On for a terminal, unless NO_COLOR is set to anything, or the terminal
    /// calls itself dumb.
    pub(super) fn for_terminal(is_terminal: bool) -> Self {
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self { is_on: is_terminal && !refused && !dumb }
    }

    /// No colours.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { is_on: false }
    }

    /// Whether there are colours.
    pub(super) fn is_on(self) -> bool {
        self.is_on
    }

    /// The text in a colour.
    pub(crate) fn paint(self, hue: Hue, text: &str) -> String {
        if self.is_on { format!("\u{1b}[{}m{text}\u{1b}[0m", hue.code()) } else { text.to_owned() }
    }
}
