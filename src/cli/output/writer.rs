//! Standard output, whoever reads it. A reader that has seen enough
//! (`| head`) closes the pipe, and that is no error.

use std::{
    io::{self, BufWriter, IsTerminal as _, Stdout, Write as _},
    process::ExitCode,
};

use serde::Serialize;

use super::paint::Palette;

/// Standard output, buffered.
pub(crate) struct Output {
    stdout: BufWriter<Stdout>,
    is_terminal: bool,
    palette: Palette,
    /// The first write that failed; nothing is written after it.
    failed: Option<io::Error>,
}

impl Output {
    /// Standard output. Colours only where it is a terminal that wants them.
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        Self {
            stdout: BufWriter::new(stdout),
            is_terminal,
            palette: Palette::for_terminal(is_terminal),
            failed: None,
        }
    }

    /// Whether a person reads it as it comes.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Its colours.
    pub(crate) fn palette(&self) -> Palette {
        self.palette
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, text: &str) {
        if self.failed.is_none() {
            self.failed = writeln!(self.stdout, "{text}").err();
        }
    }

    /// Writes an answer as one JSON document, which is what REST answers too, so that
    /// a script may move between the two.
    pub(crate) fn json(&mut self, document: &impl Serialize) {
        if self.failed.is_none() {
            let written =
                serde_json::to_writer(&mut self.stdout, document).map_err(io::Error::from);
            self.failed = written.err();
        }
        self.line("");
    }

    /// Shows what was written so far.
    pub(crate) fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = self.stdout.flush().err();
        }
    }

    /// Writes out what is buffered, and gives `code` back.
    ///
    /// # Errors
    ///
    /// Where standard output failed otherwise than by closing early.
    pub(crate) fn finish(mut self, code: ExitCode) -> anyhow::Result<ExitCode> {
        self.flush();
        // What is still buffered must not be tried again while unwinding.
        let (_, _) = self.stdout.into_parts();
        match self.failed {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(anyhow::Error::new(error).context("cannot write to standard output"))
            }
            _ => Ok(code),
        }
    }
}
