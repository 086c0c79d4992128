//! A folder of the operator's that artifacts may be in already.

use std::{
    io::{self, Read as _},
    path::PathBuf,
    str::FromStr,
};

use cap_std::{ambient_authority, fs::Dir};
use sha2::{Digest as _, Sha256};

use super::{ArtifactError, LOCAL, StoredFile};

/// A root as the operator names it: `nas=/mnt/nas/artifacts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootArg {
    /// The store's name, as in `storage_backend`.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
}

/// A text that names no root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoot {
    /// No `=`, or nothing on one side.
    #[error("write NAME=/absolute/folder, for example nas=/mnt/nas")]
    Malformed,
    /// The name is taken.
    #[error("the name local is the server's own store's: choose another")]
    Reserved,
}

impl FromStr for RootArg {
    type Err = InvalidRoot;

    fn from_str(text: &str) -> Result<Self, InvalidRoot> {
        let (name, folder) = text.split_once('=').ok_or(InvalidRoot::Malformed)?;
        let folder = PathBuf::from(folder);
        let named = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if !named || !folder.is_absolute() {
            return Err(InvalidRoot::Malformed);
        }
        if name == LOCAL {
            return Err(InvalidRoot::Reserved);
        }
        Ok(Self { name: name.to_owned(), folder })
    }
}

/// An open root. Paths are resolved beneath the folder as it was opened; the
/// kernel refuses what leads out of it, also where somebody swaps a link for a
/// folder in the middle.
#[derive(Debug)]
pub struct Root {
    name: String,
    dir: Dir,
}

impl Root {
    /// Opens the folder.
    ///
    /// # Errors
    ///
    /// Where it isn't there or can't be read; the message names it.
    pub fn open(arg: RootArg) -> io::Result<Self> {
        let dir = Dir::open_ambient_dir(&arg.folder, ambient_authority()).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", arg.folder.display()))
        })?;
        Ok(Self { name: arg.name, dir })
    }

    /// Removes a file. Returns whether it was there.
    pub(super) fn delete(&self, key: &str) -> io::Result<bool> {
        match self.dir.remove_file(key) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn examine(&self, key: &str) -> Result<StoredFile, ArtifactError> {
        let no_such_file = || ArtifactError::NoSuchFile { store: self.name.clone() };
        // Looked at before it is opened: opening a pipe would wait for a writer.
        let kind = self.dir.metadata(key).map_err(|_| no_such_file())?;
        if !kind.is_file() {
            return Err(ArtifactError::NotAFile);
        }
        let mut file = self.dir.open(key).map_err(|_| no_such_file())?;
        let mut sha256 = Sha256::new();
        let mut size_bytes = 0;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            sha256.update(&buffer[..read]);
            size_bytes += read as u64;
        }
        Ok(StoredFile {
            storage_backend: self.name.clone(),
            storage_key: key.to_owned(),
            size_bytes,
            sha256: sha256.finalize().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("shots")).unwrap();
        std::fs::write(folder.path().join("shots/1.png"), b"abc").unwrap();
        std::fs::write(folder.path().parent().unwrap().join("outside.txt"), b"secret").ok();
        let arg = RootArg { name: "nas".to_owned(), folder: folder.path().to_owned() };
        (folder, Root::open(arg).unwrap())
    }

    #[test]
    fn a_file_beneath_the_root_is_measured() {
        let (_folder, root) = root();
        let file = root.examine("shots/1.png").unwrap();
        assert_eq!((file.size_bytes, file.storage_backend.as_str()), (3, "nas"));
        assert_eq!(file.sha256[..4], [0xba, 0x78, 0x16, 0xbf]);
    }

    #[test]
    fn what_leads_out_of_the_root_is_not_found() {
        let (folder, root) = root();
        std::os::unix::fs::symlink("/etc", folder.path().join("etc")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("shots/passwd")).unwrap();
        for key in [
            "../outside.txt",
            "shots/../../outside.txt",
            "/etc/passwd",
            "etc/passwd",
            "shots/passwd",
            "",
            "nothing",
            "a\0b",
        ] {
            assert!(matches!(root.examine(key), Err(ArtifactError::NoSuchFile { .. })), "{key:?}");
        }
    }

    #[test]
    fn a_folder_is_not_a_file() {
        let (_folder, root) = root();
        assert!(matches!(root.examine("shots"), Err(ArtifactError::NotAFile)));
    }

    #[test]
    fn a_root_is_named_and_absolute() {
        assert_eq!("nas=/mnt/nas".parse::<RootArg>().unwrap().name, "nas");
        for text in ["", "nas", "=/mnt", "nas=mnt", "n s=/mnt"] {
            assert_eq!(text.parse::<RootArg>(), Err(InvalidRoot::Malformed), "{text}");
        }
        assert_eq!("local=/mnt".parse::<RootArg>(), Err(InvalidRoot::Reserved));
    }
}
