//! Which user Postgres runs as, and starting programs as that user.
//!
//! Postgres refuses to run as root. Started as root, livespan keeps its own
//! privileges and gives them up for the child only, by the standard library's
//! `uid` and `gid`: these also clear the supplementary groups (std calls
//! setgroups(2) with none when it changes the uid as root), so neither
//! `setpriv` nor `runuser` is needed, and no unsafe `pre_exec`.
//!
//! The child is not tied to livespan's life by PR_SET_PDEATHSIG: that needs
//! `pre_exec`, is lost on a change of uid, and fires when the *thread* that
//! spawned it ends, which in an async runtime is any time. What outlives a
//! killed livespan is taken over at the next start instead.

use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::unistd::{Gid, Uid, User, getegid, geteuid};
use tokio::process::Command;

use super::error::EmbeddedPostgresError;
use super::layout::Layout;

/// Variables that programs may need from our environment. All others stay
/// away from them: `PGPORT` and its kin would change what Postgres does, and
/// credentials have no business in its environment.
const KEPT_VARIABLES: [&str; 5] =
    ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "TMPDIR"];

/// The user who runs Postgres.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    uid: Uid,
    gid: Gid,
    name: String,
    /// Whether livespan is root and the children are not.
    drops_privileges: bool,
}

impl Identity {
    /// Decides who runs Postgres.
    ///
    /// Not root: the current user. Root: the owner of the cluster, once there
    /// is one; else the user `postgres`; else the owner of the data dir. Never
    /// `nobody`: other services use that account too and could read the data.
    pub(super) fn choose(layout: &Layout) -> Result<Self, EmbeddedPostgresError> {
        let cluster = layout.cluster();
        let cluster_owner = owner_of(&cluster)?;
        let me = geteuid();
        if !me.is_root() {
            return match cluster_owner {
                Some((uid, _)) if uid != me => {
                    Err(EmbeddedPostgresError::ForeignCluster { cluster, owner: name_of(uid) })
                }
                _ => {
                    Ok(Self { uid: me, gid: getegid(), name: name_of(me), drops_privileges: false })
                }
            };
        }
        let candidates = match cluster_owner {
            Some((uid, gid)) if !uid.is_root() => vec![(uid, gid)],
            _ => {
                let postgres = User::from_name("postgres").ok().flatten();
                let owner = owner_of(layout.data_dir())?.filter(|(uid, _)| !uid.is_root());
                postgres.map(|user| (user.uid, user.gid)).into_iter().chain(owner).collect()
            }
        };
        let mut refusal = EmbeddedPostgresError::NoUser { data_dir: layout.data_dir().to_owned() };
        // Backwards, so that the refusal kept is that of the first choice.
        let mut chosen = None;
        for (uid, gid) in candidates.into_iter().rev() {
            let identity = Self { uid, gid, name: name_of(uid), drops_privileges: true };
            match identity.check_reach(layout.data_dir()) {
                Ok(()) => chosen = Some(identity),
                Err(error) => refusal = error,
            }
        }
        chosen.ok_or(refusal)
    }

    /// The user's id.
    pub(super) fn uid(&self) -> Uid {
        self.uid
    }

    /// The user's name, for messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Gives a file or folder to this user; does nothing where it already is
    /// theirs by being ours. Links are given away themselves, not their goals.
    pub(super) fn take(&self, path: &Path) -> Result<(), EmbeddedPostgresError> {
        if !self.drops_privileges {
            return Ok(());
        }
        lchown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
            .map_err(EmbeddedPostgresError::io("give to the user who runs PostgreSQL", path))
    }

    /// A command that runs as this user, in a clean environment, in a process
    /// group of its own: Ctrl-C on the terminal reaches livespan only, which
    /// still needs the database to drain what it has accepted.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = std::process::Command::new(program);
        command.env_clear();
        for name in KEPT_VARIABLES {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            // Messages in English, for the log and for those who search for them.
            .env("LC_ALL", "C")
            // The current folder may be closed to this user, and must not be
            // kept busy by a database.
            .current_dir("/")
            .stdin(Stdio::null())
            .process_group(0);
        if self.drops_privileges {
            command.gid(self.gid.as_raw()).uid(self.uid.as_raw());
        }
        Command::from(command)
    }

    /// Tries to enter the folder as this user. A trial rather than arithmetic
    /// on mode bits, which know nothing of access control lists.
    fn check_reach(&self, data_dir: &Path) -> Result<(), EmbeddedPostgresError> {
        let entered = std::process::Command::new("/bin/sh")
            .args(["-c", ":"])
            .current_dir(data_dir)
            .uid(self.uid.as_raw())
            .gid(self.gid.as_raw())
            .stdin(Stdio::null())
            .status();
        match entered {
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                Err(EmbeddedPostgresError::NotReachable {
                    user: self.name.clone(),
                    blocked: self.first_closed_folder(data_dir),
                    data_dir: data_dir.to_owned(),
                })
            }
            // Anything else will show itself, with better words, in initdb.
            _ => Ok(()),
        }
    }

    /// The folder nearest to the root that this user may not pass.
    fn first_closed_folder(&self, data_dir: &Path) -> PathBuf {
        let mut way: Vec<&Path> = data_dir.ancestors().collect();
        way.reverse();
        way.into_iter()
            .find(|dir| {
                dir.metadata().is_ok_and(|found| {
                    let bit = if found.uid() == self.uid.as_raw() {
                        0o100
                    } else if found.gid() == self.gid.as_raw() {
                        0o010
                    } else {
                        0o001
                    };
                    found.mode() & bit == 0
                })
            })
            .unwrap_or(data_dir)
            .to_owned()
    }
}

/// Who owns the path, or nothing where there is nothing.
fn owner_of(path: &Path) -> Result<Option<(Uid, Gid)>, EmbeddedPostgresError> {
    match path.symlink_metadata() {
        Ok(found) => Ok(Some((Uid::from_raw(found.uid()), Gid::from_raw(found.gid())))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(EmbeddedPostgresError::io("look at", path)(error)),
    }
}

fn name_of(uid: Uid) -> String {
    User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}
