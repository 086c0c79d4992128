//! Finding a Postgres server on this machine.
//!
//! Distributions keep the server programs out of PATH and side by side by
//! major version, so several may be there. A candidate counts only after both
//! programs ran, as the user who will run them, and gave the same version.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::EmbeddedPostgresError;
use super::identity::Identity;
use super::layout::Layout;

/// The oldest major version accepted: the migrations and the settings written
/// here are tried on 14 and later; 13 is out of its maintainers' care.
const MINIMUM_MAJOR: u32 = 14;

/// How long a program may take to print its version. Generous, for a cold
/// disk; it only bounds a program that hangs.
const VERSION_WAIT: Duration = Duration::from_secs(10);

/// Where packages put the server: parent folder, what the versioned folder's
/// name begins with, and the way on from there.
const PACKAGED: [(&str, &str, &str); 6] = [
    // Debian, Ubuntu
    ("/usr/lib/postgresql", "", "bin"),
    // the PostgreSQL project's packages for Red Hat and its kin
    ("/usr", "pgsql-", "bin"),
    // Alpine
    ("/usr/libexec", "postgresql", ""),
    // openSUSE
    ("/usr/lib", "postgresql", "bin"),
    // Homebrew on Apple silicon and on Intel
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
];

/// Folders without a version in their name: a build from source, then the
/// distributions that have one version only (Fedora, Arch). PATH may lack the
/// last under cron or systemd.
const UNVERSIONED: [&str; 2] = ["/usr/local/pgsql/bin", "/usr/bin"];

/// The server programs that will be used.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    dir: PathBuf,
    major: u32,
    version: String,
}

impl Binaries {
    /// Chooses the programs.
    ///
    /// `given` is the operator's folder, and then the only one looked at. Else
    /// the first usable one of `pg_config --bindir`, the packages' folders
    /// (newest version first) and PATH. `existing` is the major version that
    /// made the data on disk; no other can read it.
    pub(super) async fn find(
        given: Option<&Path>,
        existing: Option<u32>,
        layout: &Layout,
        identity: &Identity,
    ) -> Result<Self, EmbeddedPostgresError> {
        let other_major = |wanted, found| EmbeddedPostgresError::OtherMajor {
            cluster: layout.cluster(),
            wanted,
            found,
        };
        if let Some(dir) = given {
            let refuse = |reason| EmbeddedPostgresError::BinDir { dir: dir.to_owned(), reason };
            let binaries = Self::inspect(dir, identity).await.map_err(refuse)?;
            if binaries.major < MINIMUM_MAJOR {
                return Err(refuse(format!(
                    "its version is {}, and {MINIMUM_MAJOR} is the oldest accepted",
                    binaries.version
                )));
            }
            return match existing {
                Some(wanted) if wanted != binaries.major => {
                    Err(other_major(wanted, vec![binaries.description()]))
                }
                _ => Ok(binaries),
            };
        }

        let mut seen = HashSet::new();
        let mut unfit = Vec::new();
        for dir in candidates(identity).await {
            // The same folder may come by several ways, links among them.
            let Some(dir) = resolve(&dir).filter(|dir| seen.insert(dir.clone())) else {
                continue;
            };
            match Self::inspect(&dir, identity).await {
                Ok(found)
                    if found.major >= MINIMUM_MAJOR
                        && existing.is_none_or(|wanted| wanted == found.major) =>
                {
                    return Ok(found);
                }
                Ok(found) => unfit.push(found.description()),
                Err(reason) => {
                    tracing::debug!(dir = %dir.display(), reason, "folder has no usable postgres");
                }
            }
        }
        Err(match existing {
            Some(wanted) => other_major(wanted, unfit),
            None => EmbeddedPostgresError::NotFound { minimum: MINIMUM_MAJOR, found: unfit },
        })
    }

    /// The server itself.
    pub(super) fn postgres(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    /// The program that makes clusters.
    pub(super) fn initdb(&self) -> PathBuf {
        self.dir.join("initdb")
    }

    /// For messages: version and folder.
    pub(super) fn description(&self) -> String {
        format!("{} in {}", self.version, self.dir.display())
    }

    /// Runs both programs for their version; the error says what is wrong with
    /// the folder.
    async fn inspect(dir: &Path, identity: &Identity) -> Result<Self, String> {
        let server = printed(&dir.join("postgres"), "--version", identity).await?;
        let initdb = printed(&dir.join("initdb"), "--version", identity).await?;
        let version = version_in(&server).ok_or_else(|| {
            format!("`postgres --version` printed {server:?}, which names no version")
        })?;
        if version_in(&initdb) != Some(version) {
            return Err(format!(
                "`postgres` is of version {version}, but `initdb` printed {initdb:?}"
            ));
        }
        let major = major_of(version).ok_or_else(|| {
            format!("`postgres --version` printed {server:?}, which names no version")
        })?;
        Ok(Self { dir: dir.to_owned(), major, version: version.to_owned() })
    }
}

/// All folders worth a look, best first.
async fn candidates(identity: &Identity) -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    // Debian's development package has a pg_config, and no server; `inspect`
    // sorts that out.
    if let Ok(dir) = printed(Path::new("pg_config"), "--bindir", identity).await {
        dirs.push(PathBuf::from(dir));
    }
    let mut packaged: Vec<(u32, PathBuf)> = PACKAGED
        .iter()
        .flat_map(|(parent, prefix, rest)| {
            let entries = fs::read_dir(parent).into_iter().flatten().flatten();
            entries.filter_map(move |entry| {
                let major = entry.file_name().to_str()?.strip_prefix(prefix).and_then(major_of)?;
                Some((major, entry.path().join(rest)))
            })
        })
        .collect();
    packaged.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    dirs.extend(packaged.into_iter().map(|(_, dir)| dir));
    dirs.extend(UNVERSIONED.map(PathBuf::from));
    if let Some(path) = std::env::var_os("PATH") {
        dirs.extend(std::env::split_paths(&path).filter(|dir| dir.is_absolute()));
    }
    dirs
}

/// The folder that a candidate's `postgres` really lies in, because a link in
/// PATH may lead to the server while `initdb` has none beside it.
fn resolve(dir: &Path) -> Option<PathBuf> {
    let program = dir.join("postgres").canonicalize().ok()?;
    let real = program.parent()?;
    let complete = program.file_name()? == "postgres" && real.join("initdb").is_file();
    if complete {
        Some(real.to_owned())
    } else {
        dir.join("initdb").is_file().then(|| dir.to_owned())
    }
}

/// What a program prints on its first line.
async fn printed(program: &Path, argument: &str, identity: &Identity) -> Result<String, String> {
    let shown = format!("`{} {argument}`", program.display());
    let mut command = identity.command(program);
    command.arg(argument).kill_on_drop(true);
    let output = match tokio::time::timeout(VERSION_WAIT, command.output()).await {
        Err(_) => {
            return Err(format!("{shown} did not end within {} s", VERSION_WAIT.as_secs()));
        }
        Ok(Err(error)) => {
            return Err(format!("{shown} could not be run by user {} ({error})", identity.name()));
        }
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{shown} failed ({}) {}", output.status, words.trim()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` → `15.18`.
fn version_in(line: &str) -> Option<&str> {
    line.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
}

/// `15.18`, `16beta1`, `18` → 15, 16, 18. Versions before 10 (`9.6`) come out
/// as 9, which is as old as it needs to be.
fn major_of(version: &str) -> Option<u32> {
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version.get(..digits)?.parse().ok()
}

/// The major version that made the cluster in `dir`.
pub(super) fn major_on_disk(dir: &Path) -> Result<Option<u32>, EmbeddedPostgresError> {
    let path = dir.join("PG_VERSION");
    match fs::read_to_string(&path) {
        Ok(text) => match major_of(text.trim()) {
            Some(major) => Ok(Some(major)),
            None => Err(EmbeddedPostgresError::NotACluster {
                path: dir.to_owned(),
                reason: "its PG_VERSION file names no version",
            }),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(EmbeddedPostgresError::io("read", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::{major_of, version_in};

    #[test]
    fn version_is_read_from_what_servers_print() {
        for (line, version, major) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18", 15),
            ("postgres (PostgreSQL) 18beta1", "18beta1", 18),
            ("postgres (PostgreSQL) 17devel", "17devel", 17),
            ("initdb (PostgreSQL) 9.6.24", "9.6.24", 9),
        ] {
            assert_eq!(version_in(line), Some(version), "{line}");
            assert_eq!(major_of(version), Some(major), "{line}");
        }
        assert_eq!(version_in("command not found"), None);
        assert_eq!(major_of("beta"), None);
    }
}
