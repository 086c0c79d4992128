//! One livespan per data dir: an advisory lock that dies with its holder.
//!
//! It is flock(2), not the mere presence of a file: the kernel lets go of it
//! when the process ends, SIGKILL and power loss included, so there is never a
//! stale lock to remove by hand. The pid inside is for people; nothing decides
//! by it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::error::EmbeddedPostgresError;
use super::layout::Layout;

/// Holds the data dir until dropped.
#[derive(Debug)]
pub struct DataDirLock {
    /// The lock belongs to this open file. Rust opens files close-on-exec, so
    /// Postgres does not inherit it and cannot outlive us holding it.
    _file: File,
}

impl DataDirLock {
    /// For a livespan whose database is elsewhere: its artifacts are still here,
    /// and what another one is writing would look to it like a crash's leavings.
    /// [`EmbeddedPostgres::start`](super::EmbeddedPostgres::start) takes the lock
    /// by itself. The data dir is made where it is missing.
    ///
    /// # Errors
    ///
    /// [`EmbeddedPostgresError::Locked`] where another livespan has it.
    pub fn hold(data_dir: &Path) -> Result<Self, EmbeddedPostgresError> {
        Self::acquire(&Layout::create(data_dir)?)
    }

    /// Takes the lock at once, or says who has it.
    pub(super) fn acquire(layout: &Layout) -> Result<Self, EmbeddedPostgresError> {
        let path = layout.lock();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            // The text of a holder must survive until the lock is ours.
            .truncate(false)
            .mode(0o644)
            .open(&path)
            .map_err(EmbeddedPostgresError::io("open the lock file", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = match file.read_to_string(&mut text) {
                    Ok(_) => text.trim().parse().ok(),
                    Err(_) => None,
                };
                return Err(EmbeddedPostgresError::Locked {
                    data_dir: layout.data_dir().to_owned(),
                    pid,
                });
            }
            Err(TryLockError::Error(source)) => {
                return Err(EmbeddedPostgresError::io("lock", &path)(source));
            }
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(EmbeddedPostgresError::io("write to the lock file", &path))?;
        Ok(Self { _file: file })
    }
}
