//! The file that takes what Postgres prints.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::error::EmbeddedPostgresError;
use super::layout::Layout;

/// Beyond this size the file is put aside at the next start. With statement
/// errors not logged, years of ordinary running stay below it.
const ROTATION_BYTES: u64 = 10 * 1024 * 1024;

/// How much of the end an error message carries.
const TAIL_LINES: usize = 20;
const TAIL_BYTES: u64 = 8 * 1024;

/// The log from one start on.
#[derive(Debug, Clone)]
pub(super) struct StartLog {
    path: PathBuf,
    begins_at: u64,
}

impl StartLog {
    /// Opens the log for appending. A file that has grown too big becomes
    /// `postgres.log.1`, in place of the one that had that name.
    pub(super) fn open(layout: &Layout) -> Result<(Self, File), EmbeddedPostgresError> {
        let path = layout.log();
        if fs::metadata(&path).is_ok_and(|found| found.len() > ROTATION_BYTES) {
            fs::rename(&path, path.with_extension("log.1"))
                .map_err(EmbeddedPostgresError::io("put aside", &path))?;
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(EmbeddedPostgresError::io("open the log", &path))?;
        let begins_at = file.metadata().map_err(EmbeddedPostgresError::io("look at", &path))?.len();
        Ok((Self { path, begins_at }, file))
    }

    /// The file.
    pub(super) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// The last lines of this start. An unreadable log gives none: this text
    /// only accompanies an error that is more important.
    pub(super) fn tail(&self) -> String {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(&self.path)?;
            let length = file.metadata()?.len();
            let from = self.begins_at.max(length.saturating_sub(TAIL_BYTES));
            file.seek(SeekFrom::Start(from))?;
            let mut bytes = Vec::new();
            file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        last_lines(&String::from_utf8_lossy(&read().unwrap_or_default()))
    }
}

/// The end of a program's words, short enough for an error message.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL_LINES);
    lines.get(from..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{TAIL_LINES, last_lines};

    #[test]
    fn only_the_end_is_kept() {
        let text: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let kept = last_lines(&text);
        assert_eq!(kept.lines().count(), TAIL_LINES);
        assert!(kept.ends_with("line 99"));
        assert_eq!(last_lines("one"), "one");
    }
}
