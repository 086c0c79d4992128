//! Where artifacts' bytes are: in the server's own store, or in a file beneath
//! a root that the operator named.
//!
//! A client never names a path of the server's: its key is looked up beneath a
//! root, and neither `..` nor a link leads out of it.

mod local;
mod root;

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc};

use bytes::Bytes;
pub use local::LocalStore;
pub use root::{Root, RootArg};
use tokio::sync::Semaphore;

use crate::domain::ids::{ArtifactId, RunId};

/// The name of the server's own store.
pub const LOCAL: &str = "local";

/// Why an artifact cannot be stored.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// No store of that name.
    #[error("is not a store of this server; it has: {known}")]
    UnknownStore {
        /// Those that there are.
        known: String,
    },
    /// The key leads nowhere, or out of the root.
    #[error("names no file beneath the root of store {store}")]
    NoSuchFile {
        /// The store.
        store: String,
    },
    /// The key leads to a folder, a device or a pipe.
    #[error("names no regular file")]
    NotAFile,
    /// The disk failed.
    #[error("the artifact store failed")]
    Io(#[from] io::Error),
}

/// Bytes that are safely on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Which store.
    pub storage_backend: String,
    /// Where in it.
    pub storage_key: String,
    /// How many bytes.
    pub size_bytes: u64,
    /// Their SHA-256.
    pub sha256: [u8; 32],
}

/// How many files beneath roots are read at once: they may be large and far
/// away, and must not keep the server's own store waiting for a thread.
const MAX_EXAMINED_AT_ONCE: usize = 4;

/// All stores.
#[derive(Debug)]
pub struct Artifacts {
    /// Absent where this process is beside no server of this machine.
    local: Option<Arc<LocalStore>>,
    roots: BTreeMap<String, Arc<Root>>,
    examined: Semaphore,
}

impl Artifacts {
    /// The server's own store in `folder`, and the roots that the operator named.
    ///
    /// # Errors
    ///
    /// Where a folder can't be opened; the message names it.
    pub fn open(folder: PathBuf, roots: Vec<RootArg>) -> io::Result<Self> {
        Self::new(Some(LocalStore::open(folder)?), roots)
    }

    /// The same stores beside the server that writes to them: what it has begun
    /// is left alone.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn beside_their_server(folder: PathBuf, roots: Vec<RootArg>) -> io::Result<Self> {
        Self::new(LocalStore::beside_its_server(folder)?, roots)
    }

    fn new(local: Option<LocalStore>, roots: Vec<RootArg>) -> io::Result<Self> {
        let roots = roots
            .into_iter()
            .map(|arg| Ok((arg.name.clone(), Arc::new(Root::open(arg)?))))
            .collect::<io::Result<_>>()?;
        let local = local.map(Arc::new);
        Ok(Self { local, roots, examined: Semaphore::new(MAX_EXAMINED_AT_ONCE) })
    }

    /// Writes `content` into the server's own store. It is on disk, under its
    /// final name, when this returns.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Io`] where the disk fails; nothing is left behind then.
    pub async fn store(
        &self,
        run: RunId,
        id: ArtifactId,
        content: Bytes,
    ) -> Result<StoredFile, ArtifactError> {
        let local = self.local.clone().ok_or_else(|| self.unknown_store())?;
        in_background(move || local.write(run, id, &content)).await
    }

    /// Removes what [`Self::store`] wrote, where nothing will refer to it.
    pub async fn discard(&self, file: StoredFile) {
        let Some(local) = self.local.clone() else { return };
        let removed = in_background(move || Ok(local.remove(&file.storage_key)?)).await;
        if let Err(error) = removed {
            tracing::warn!(%error, "an artifact that nothing refers to could not be removed");
        }
    }

    /// Finds the file that `key` names beneath the root of `store`, and reads it
    /// once for its length and checksum.
    ///
    /// # Errors
    ///
    /// Where there is no such store or file.
    pub async fn find(&self, store: &str, key: &str) -> Result<StoredFile, ArtifactError> {
        let root = self.roots.get(store).cloned().ok_or_else(|| self.unknown_store())?;
        let key = key.to_owned();
        // Never closed, so this is always a permit.
        let _turn = self.examined.acquire().await;
        in_background(move || root.examine(&key)).await
    }

    /// Deletes the file that `key` names in `store`. Returns whether it was there.
    ///
    /// # Errors
    ///
    /// Where there is no such store, or it fails.
    pub async fn delete(&self, store: &str, key: &str) -> Result<bool, ArtifactError> {
        let key = key.to_owned();
        if store == LOCAL {
            let local = self.local.clone().ok_or_else(|| self.unknown_store())?;
            return in_background(move || Ok(local.delete(&key)?)).await;
        }
        let root = self.roots.get(store).cloned().ok_or_else(|| self.unknown_store())?;
        in_background(move || Ok(root.delete(&key)?)).await
    }

    fn unknown_store(&self) -> ArtifactError {
        ArtifactError::UnknownStore {
            known: if self.roots.is_empty() {
                "none (see --artifact-root)".to_owned()
            } else {
                self.roots.keys().cloned().collect::<Vec<_>>().join(", ")
            },
        }
    }
}

async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ArtifactError> + Send + 'static,
) -> Result<T, ArtifactError> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
