//! The server's own store: a folder, with a folder for each run.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{ArtifactError, LOCAL, StoredFile};
use crate::{
    domain::ids::{ArtifactId, RunId},
    failpoint,
};

/// Files in the making, which a crash may leave behind.
const UNFINISHED: &str = "unfinished";

/// A folder that livespan alone writes to.
#[derive(Debug)]
pub struct LocalStore {
    folder: PathBuf,
}

impl LocalStore {
    /// Opens the store in `folder`, which is made where it is missing. What a
    /// crash left unfinished is removed.
    ///
    /// # Errors
    ///
    /// Where the folder can't be made or written to.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        let unfinished = folder.join(UNFINISHED);
        make_folder(&unfinished).map_err(|error| named(&folder, &error))?;
        for entry in fs::read_dir(&unfinished)? {
            fs::remove_file(entry?.path())?;
        }
        Ok(Self { folder })
    }

    /// Writes under a name of its own first, so that nobody ever reads half a
    /// file, and returns when both the bytes and the name are on disk.
    pub(super) fn write(
        &self,
        run: RunId,
        id: ArtifactId,
        content: &[u8],
    ) -> Result<StoredFile, ArtifactError> {
        let unfinished = self.folder.join(UNFINISHED).join(id.to_string());
        let folder = self.folder.join(run.to_string());
        let storage_key = format!("{run}/{id}");
        let written = (|| -> io::Result<()> {
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
            file.write_all(content)?;
            file.sync_all()?;
            make_folder(&folder)?;
            failpoint::pass("before-rename");
            fs::rename(&unfinished, self.folder.join(&storage_key))?;
            failpoint::pass("after-rename");
            File::open(&folder)?.sync_all()?;
            File::open(&self.folder)?.sync_all()
        })();
        if let Err(error) = written {
            // Whichever of the two is there; the error that counts is the first.
            let _ = fs::remove_file(&unfinished);
            let _ = fs::remove_file(self.folder.join(&storage_key));
            return Err(error.into());
        }
        Ok(StoredFile {
            storage_backend: LOCAL.to_owned(),
            storage_key,
            size_bytes: content.len() as u64,
            sha256: Sha256::digest(content).into(),
        })
    }

    pub(super) fn remove(&self, storage_key: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(storage_key))
    }
}

/// For livespan's own eyes, as its files are: spans leave things behind that
/// other users of the machine must not see.
fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
