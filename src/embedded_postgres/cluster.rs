//! Making the database cluster, once.
//!
//! It is made under another name and renamed at the end, so that the final
//! name only ever stands for a finished cluster with its database in it,
//! wherever a crash cuts in.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::binaries::{self, Binaries};
use super::error::EmbeddedPostgresError;
use super::identity::Identity;
use super::layout::Layout;
use super::log::last_lines;
use super::{DATABASE, USER};

/// Removes what starts that were cut short have left. Done whether or not a
/// cluster exists, since a crash may fall just after the rename of another.
pub(super) fn remove_drafts(layout: &Layout) -> Result<(), EmbeddedPostgresError> {
    for draft in layout.old_drafts()? {
        match fs::remove_dir_all(&draft) {
            Ok(()) => {
                tracing::info!(path = %draft.display(), "removed a half-made database cluster");
            }
            // Not fatal: an initdb whose livespan was killed may still be
            // writing there, and a new draft has a new name.
            Err(error) => {
                tracing::warn!(path = %draft.display(), %error, "could not remove a half-made database cluster");
            }
        }
    }
    Ok(())
}

/// The major version of the existing cluster, if there is one.
pub(super) fn existing_major(layout: &Layout) -> Result<Option<u32>, EmbeddedPostgresError> {
    let path = layout.cluster();
    if let Some(major) = binaries::major_on_disk(&path)? {
        return Ok(Some(major));
    }
    let in_the_way = |reason| EmbeddedPostgresError::NotACluster { path: path.clone(), reason };
    match fs::read_dir(&path) {
        Ok(mut entries) => match entries.next() {
            // Empty is fine: the rename replaces it.
            None => Ok(None),
            Some(_) => Err(in_the_way("it has no PG_VERSION file")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(in_the_way("it is not a folder"))
        }
        Err(error) => Err(EmbeddedPostgresError::io("list", path)(error)),
    }
}

/// Gives a cluster that belongs to root, for instance one restored from a
/// backup, to the user who runs Postgres.
pub(super) fn hand_over(layout: &Layout, identity: &Identity) -> Result<(), EmbeddedPostgresError> {
    let path = layout.cluster();
    let owner =
        fs::symlink_metadata(&path).map_err(EmbeddedPostgresError::io("look at", &path))?.uid();
    if owner == identity.uid().as_raw() {
        return Ok(());
    }
    tracing::info!(path = %path.display(), user = identity.name(), "handing the database cluster over");
    hand_over_tree(&path, identity)
}

fn hand_over_tree(path: &Path, identity: &Identity) -> Result<(), EmbeddedPostgresError> {
    // Content first: as long as the top is root's, a run that is cut short
    // will be done again.
    let found = fs::symlink_metadata(path).map_err(EmbeddedPostgresError::io("look at", path))?;
    if found.is_dir() {
        let entries = fs::read_dir(path).map_err(EmbeddedPostgresError::io("list", path))?;
        for entry in entries {
            let entry = entry.map_err(EmbeddedPostgresError::io("list", path))?;
            hand_over_tree(&entry.path(), identity)?;
        }
    }
    identity.take(path)
}

/// Makes a cluster with role and database `livespan`.
pub(super) async fn make(
    layout: &Layout,
    binaries: &Binaries,
    identity: &Identity,
) -> Result<(), EmbeddedPostgresError> {
    let draft = layout.draft();
    DirBuilder::new()
        .mode(0o700)
        .create(&draft)
        .map_err(EmbeddedPostgresError::io("create the folder", &draft))?;
    identity.take(&draft)?;
    let made = fill(&draft, binaries, identity).await;
    let made = made.and_then(|()| {
        fs::rename(&draft, layout.cluster())
            .map_err(EmbeddedPostgresError::io("move the new cluster to", layout.cluster()))
    });
    if let Err(error) = made {
        // The cause matters more than a leftover, which the next start removes.
        let _ = fs::remove_dir_all(&draft);
        return Err(error);
    }
    // The new name is on disk only once its folder is.
    File::open(layout.data_dir())
        .and_then(|dir| dir.sync_all())
        .map_err(EmbeddedPostgresError::io("flush", layout.data_dir()))
}

async fn fill(
    draft: &Path,
    binaries: &Binaries,
    identity: &Identity,
) -> Result<(), EmbeddedPostgresError> {
    let mut initdb = identity.command(binaries.initdb());
    initdb
        .arg("-D")
        .arg(draft)
        .args(["--username", USER])
        .args(["--encoding", "UTF8"])
        // Byte order: the fastest to compare, and it cannot change under the
        // indexes when the system's library is upgraded, as other locales do.
        // Ids and codes are what is sorted here, not words in a language.
        .arg("--locale=C")
        // No password: the folder of the socket decides who gets in, and there
        // is no other way in. (`peer` would demand that the collector runs as
        // the same user as Postgres, which it does not when it is root.)
        .args(["--auth-local=trust", "--auth-host=reject"])
        // A disk that returns something else than was written is reported.
        .arg("--data-checksums")
        .arg("--no-instructions");
    run(initdb, "initdb", "").await?;

    // A single-user session, so that the database is there before the cluster
    // gets its name, and nothing has to be checked at later starts.
    let mut postgres = identity.command(binaries.postgres());
    postgres.arg("--single").arg("-D").arg(draft).args(["-c", "exit_on_error=true", "postgres"]);
    run(postgres, "postgres --single", &format!("CREATE DATABASE {DATABASE}\n")).await
}

/// Runs a program to its end with `input`; what it printed is kept for the
/// error.
async fn run(
    mut command: Command,
    program: &'static str,
    input: &str,
) -> Result<(), EmbeddedPostgresError> {
    let failed = EmbeddedPostgresError::io("run", program);
    let ended = async {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Whoever gives up waiting does not want half a cluster.
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            match stdin.write_all(input.as_bytes()).await {
                // It ended without reading; its status says why.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
                _ => {}
            }
        }
        child.wait_with_output().await
    };
    let output = ended.await.map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let words = [output.stdout, output.stderr].concat();
    Err(EmbeddedPostgresError::Initdb {
        program,
        status: output.status,
        output: last_lines(&String::from_utf8_lossy(&words)),
    })
}
