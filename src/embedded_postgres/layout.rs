//! Where things lie under the data dir.
//!
//! Everything that livespan itself writes lies beside the cluster's folder,
//! not in it: started as root, it would otherwise write into a folder that a
//! less privileged user owns, and could be led elsewhere by a planted link.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::{User, geteuid};

use super::error::EmbeddedPostgresError;

/// What names of half-made clusters begin with.
const DRAFT_PREFIX: &str = "postgres.initdb.";

/// The paths of one data dir, absolute and known to be text.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    data_dir: PathBuf,
    label: String,
}

impl Layout {
    /// Makes the data dir where there is none yet.
    ///
    /// Started as root, others may pass through the folders made here (0711),
    /// because Postgres runs as one of those others; else they are the
    /// owner's alone. Folders that exist keep their modes.
    pub(super) fn create(data_dir: &Path) -> Result<Self, EmbeddedPostgresError> {
        let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
        let absolute = std::path::absolute(data_dir)
            .map_err(EmbeddedPostgresError::io("make an absolute path of", data_dir))?;
        let missing: Vec<&Path> = absolute.ancestors().take_while(|dir| !dir.exists()).collect();
        for dir in missing.into_iter().rev() {
            DirBuilder::new()
                .mode(mode)
                .create(dir)
                // Not left to the umask, which may be stricter.
                .and_then(|()| fs::set_permissions(dir, Permissions::from_mode(mode)))
                .map_err(EmbeddedPostgresError::io("create the folder", dir))?;
        }
        let data_dir = absolute
            .canonicalize()
            .map_err(EmbeddedPostgresError::io("resolve the folder", &absolute))?;
        let label = match data_dir.to_str() {
            Some(text) => format!("livespan-{:016x}", fnv1a_64(text.as_bytes())),
            None => return Err(EmbeddedPostgresError::PathNotText { data_dir }),
        };
        Ok(Self { data_dir, label })
    }

    /// The data dir itself.
    pub(super) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// A short name that only this data dir has. As `cluster_name` it stands
    /// in the title of each of its processes, which is how they are told from
    /// those of other clusters.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// The cluster: what Postgres calls its data directory.
    pub(super) fn cluster(&self) -> PathBuf {
        self.data_dir.join("postgres")
    }

    /// A fresh name for a cluster that is being made. Process ids repeat
    /// (in a container each start may be process 1), hence the time.
    pub(super) fn draft(&self) -> PathBuf {
        let nanos = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos());
        self.data_dir.join(format!("{DRAFT_PREFIX}{}-{nanos}", std::process::id()))
    }

    /// Half-made clusters of earlier starts that did not get to the end.
    pub(super) fn old_drafts(&self) -> Result<Vec<PathBuf>, EmbeddedPostgresError> {
        let entries = fs::read_dir(&self.data_dir)
            .map_err(EmbeddedPostgresError::io("list", &self.data_dir))?;
        Ok(entries
            .flatten()
            .filter(|entry| {
                entry.file_name().to_str().is_some_and(|name| name.starts_with(DRAFT_PREFIX))
            })
            .map(|entry| entry.path())
            .collect())
    }

    /// The configuration that livespan writes at each start.
    pub(super) fn settings(&self) -> PathBuf {
        self.data_dir.join("postgres.conf")
    }

    /// What Postgres has to say.
    pub(super) fn log(&self) -> PathBuf {
        self.data_dir.join("postgres.log")
    }

    /// The lock that keeps a second livespan out.
    pub(super) fn lock(&self) -> PathBuf {
        self.data_dir.join("livespan.lock")
    }
}

/// Where the data goes when nobody says: `/var/lib/livespan` for root, because
/// root's home is closed to the user who will run Postgres; else
/// `$XDG_DATA_HOME/livespan`, and `~/.local/share/livespan` where that is not
/// set (XDG base directory specification; relative values are ignored as it
/// demands). An account without a home gets `livespan-data` in the current
/// folder.
pub fn default_data_dir() -> PathBuf {
    if geteuid().is_root() {
        return PathBuf::from("/var/lib/livespan");
    }
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| {
            absolute("HOME")
                .or_else(|| User::from_uid(geteuid()).ok().flatten().map(|user| user.dir))
                .map(|home| home.join(".local/share"))
        })
        .map_or_else(|| PathBuf::from("livespan-data"), |base| base.join("livespan"))
}

/// FNV-1a. Not std's hasher, whose results may change between Rust releases:
/// the name must be the same for the livespan that takes over after an upgrade.
fn fnv1a_64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::fnv1a_64;

    #[test]
    fn hash_agrees_with_the_published_vectors() {
        assert_eq!(fnv1a_64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a_64(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
