//! Tables: fitted to a terminal's width, and as wide as they are elsewhere, so
//! that `grep` finds a row on one line. On a terminal too narrow for columns
//! each row is a record of a few lines.

use comfy_table::{
    Cell, CellAlignment, ColumnConstraint, ContentArrangement, ContentLineStyle, Table, TableStyle,
};

use super::{
    Hue, Output, Palette,
    records::{self, Entry},
    visible,
};

/// Columns apart by blanks: nothing to cut away in a script, nothing to copy
/// by mistake.
const PLAIN: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction(' '))
    .content_lines(ContentLineStyle::none().junction(' '));

/// Columns apart, in blanks: a cell's padding and the junction.
const GAP: usize = 2;

/// What a column that may be wrapped needs to be readable; less, where all of its
/// cells are shorter.
const READABLE: usize = 16;

/// A table being filled.
pub(crate) struct Sheet {
    header: Vec<String>,
    /// Whether a column is never wrapped, column by column.
    whole: Vec<bool>,
    /// Which columns hold numbers.
    numbers: Vec<usize>,
    rows: Vec<Vec<Field>>,
    is_terminal: bool,
    palette: Palette,
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
        Self {
            header: header.iter().map(|name| (*name).to_owned()).collect(),
            whole: header.iter().map(|name| whole.contains(name)).collect(),
            numbers: Vec::new(),
            rows: Vec::new(),
            is_terminal: output.is_terminal(),
            palette: output.palette(),
        }
    }

    /// Aligns a column of numbers to the right.
    pub(crate) fn numbers(&mut self, index: usize) {
        self.numbers.push(index);
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, fields: [Field; N]) {
        self.rows.push(fields.into());
    }

    /// Writes the table.
    pub(crate) fn write(&self, output: &mut Output) {
        let mut table = self.table();
        // A terminal that doesn't know its width says 0.
        let width = table.width().filter(|width| self.is_terminal && *width > 0);
        let Some(width) = width.map(usize::from) else {
            table.set_content_arrangement(ContentArrangement::Disabled);
            return write_lines(table.lines(), output);
        };
        if self.least_width(&table) <= width {
            return write_lines(table.lines(), output);
        }
        for row in &self.rows {
            write_lines(records::lines(self.entries(row), width, self.palette), output);
        }
    }

    fn table(&self) -> Table {
        let styled = |cell: Cell, hue: Option<Hue>| match hue {
            Some(hue) if self.palette.is_on() => hue.style(cell),
            _ => cell,
        };
        let mut table = Table::new();
        table.load_style(PLAIN);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(self.header.iter().map(|name| styled(Cell::new(name), Some(Hue::Strong))));
        for row in &self.rows {
            table.add_row(row.iter().map(|field| {
                let text = if field.text.is_empty() { "-" } else { &field.text };
                styled(Cell::new(text), field.hue)
            }));
        }
        for (index, whole) in self.whole.iter().enumerate() {
            let Some(column) = table.column_mut(index) else { continue };
            column.set_padding((0, 1));
            if *whole {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
            if self.numbers.contains(&index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    /// How wide a terminal must be for columns.
    fn least_width(&self, table: &Table) -> usize {
        let widths = table.column_max_content_widths().into_iter().map(usize::from);
        widths
            .zip(&self.whole)
            .map(|(width, whole)| GAP + if *whole { width } else { width.min(READABLE) })
            .sum()
    }

    /// A row as a record: its first value names it; what is empty is left out.
    fn entries<'a>(&'a self, row: &'a [Field]) -> impl Iterator<Item = Entry<'a>> {
        let named = self.header.iter().zip(row).enumerate();
        named.filter(|(_, (_, field))| !field.text.is_empty()).map(|(index, (name, field))| {
            let is_first = index == 0;
            Entry {
                name: if is_first { "" } else { name },
                text: &field.text,
                hue: field.hue.or(is_first.then_some(Hue::Strong)),
            }
        })
    }
}

fn write_lines(lines: impl IntoIterator<Item = String>, output: &mut Output) {
    for line in lines {
        output.line(line.trim_end());
    }
}
