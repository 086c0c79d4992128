//! Tables: fitted to a terminal's width, and as wide as they are elsewhere, so
//! that `grep` finds a row on one line.

use comfy_table::{
    Cell, CellAlignment, ColumnConstraint, ContentArrangement, ContentLineStyle, Table, TableStyle,
};

use super::{Hue, Output, visible};

/// Columns apart by blanks: nothing to cut away in a script, nothing to copy
/// by mistake.
const PLAIN: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction(' '))
    .content_lines(ContentLineStyle::none().junction(' '));

/// A table being filled.
pub(crate) struct Sheet {
    table: Table,
    has_colours: bool,
}

/// One cell of a [`Sheet`].
pub(crate) struct Field {
    text: String,
    hue: Option<Hue>,
}

impl Field {
    /// A cell in a colour.
    pub(crate) fn hued(text: &str, hue: Hue) -> Self {
        Self { text: visible(text).into_owned(), hue: Some(hue) }
    }
}

impl<T: AsRef<str>> From<T> for Field {
    fn from(text: T) -> Self {
        Self { text: visible(text.as_ref()).into_owned(), hue: None }
    }
}

impl Sheet {
    /// An empty table for `output`. Columns named in `whole` are never wrapped:
    /// an id that is broken in two can't be copied.
    pub(crate) fn new(output: &Output, header: &[&str], whole: &[&str]) -> Self {
        let has_colours = output.palette().is_on();
        let mut table = Table::new();
        table.load_style(PLAIN);
        table.set_content_arrangement(if output.is_terminal() {
            ContentArrangement::Dynamic
        } else {
            ContentArrangement::Disabled
        });
        table.set_header(header.iter().map(|name| {
            let cell = Cell::new(name);
            if has_colours { Hue::Strong.style(cell) } else { cell }
        }));
        for (index, name) in header.iter().enumerate() {
            let Some(column) = table.column_mut(index) else { continue };
            column.set_padding((0, 1));
            if whole.contains(name) {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        Self { table, has_colours }
    }

    /// Aligns a column of numbers to the right.
    pub(crate) fn numbers(&mut self, index: usize) {
        if let Some(column) = self.table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, fields: [Field; N]) {
        let has_colours = self.has_colours;
        self.table.add_row(fields.into_iter().map(|field| {
            let text = if field.text.is_empty() { "-".to_owned() } else { field.text };
            match field.hue {
                Some(hue) if has_colours => hue.style(Cell::new(text)),
                _ => Cell::new(text),
            }
        }));
    }

    /// Writes the table.
    pub(crate) fn write(&self, output: &mut Output) {
        for line in self.table.lines() {
            output.line(line.trim_end());
        }
    }
}
