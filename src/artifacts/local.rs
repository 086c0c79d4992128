//! The server's own store: a folder, with a folder for each run.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use cap_std::{ambient_authority, fs::Dir};
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

    /// The store in `folder` beside the server that writes to it; `None` where
    /// there is none.
    ///
    /// # Errors
    ///
    /// Where the folder can't be looked at.
    pub fn beside_its_server(folder: PathBuf) -> io::Result<Option<Self>> {
        match folder.try_exists() {
            Ok(there) => Ok(there.then_some(Self { folder })),
            Err(error) => Err(named(&folder, &error)),
        }
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
            failpoint::pass("before-rename");
            Self::rename_into(&folder, &unfinished, &self.folder.join(&storage_key))?;
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

    /// Makes the folder of a run and moves a file into it. A gc that has just
    /// emptied the folder may remove it in between, once.
    fn rename_into(folder: &Path, from: &Path, to: &Path) -> io::Result<()> {
        make_folder(folder)?;
        match fs::rename(from, to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_folder(folder)?;
                fs::rename(from, to)
            }
            renamed => renamed,
        }
    }

    pub(super) fn remove(&self, storage_key: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(storage_key))
    }

    /// Removes a file, and its run's folder with the last of them. Returns whether
    /// the file was there. Beneath the store, whatever somebody has written into
    /// the database.
    pub(super) fn delete(&self, storage_key: &str) -> io::Result<bool> {
        let store = Dir::open_ambient_dir(&self.folder, ambient_authority())?;
        let was_there = match store.remove_file(storage_key) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if let Some((folder, _)) = storage_key.rsplit_once('/') {
            // Fails where there is more in it, or another has removed it.
            let _ = store.remove_dir(folder);
        }
        Ok(was_there)
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
