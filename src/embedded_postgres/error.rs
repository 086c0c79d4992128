//! What can go wrong while starting or stopping the private Postgres.
//!
//! These errors are for the person who runs the machine: each says what to
//! change, and those that come from Postgres carry its own words. They never
//! travel to a client of the collector.

use std::path::PathBuf;
use std::process::ExitStatus;

/// Why the private Postgres could not be started, kept or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedPostgresError {
    /// The folder that the operator named does not hold a usable Postgres.
    #[error(
        "{} has no usable PostgreSQL: {reason}; let --pg-bin (LIVESPAN_PG_BIN) name the folder that \
         holds `postgres` and `initdb`, or leave it out to have them searched for",
        dir.display()
    )]
    BinDir {
        /// The folder as given.
        dir: PathBuf,
        /// What was missing or unsuitable there.
        reason: String,
    },

    /// No server programs of an accepted version anywhere.
    #[error(
        "found no PostgreSQL server of version {minimum} or later{}; install one \
         (`apt-get install postgresql`, `dnf install postgresql-server`, `brew install postgresql`), \
         name its folder with --pg-bin (LIVESPAN_PG_BIN), or use a database that runs already with \
         LIVESPAN_DATABASE_URL",
        listed(" (found only ", found, ")")
    )]
    NotFound {
        /// The oldest major version accepted.
        minimum: u32,
        /// Versions seen and turned down, with their folders.
        found: Vec<String>,
    },

    /// The cluster on disk was made by a major version that is not installed.
    #[error(
        "the data in {} was made by PostgreSQL {wanted}, which is not installed{}; install it \
         (`apt-get install postgresql-{wanted}`), name its folder with --pg-bin (LIVESPAN_PG_BIN), or \
         convert the data with pg_upgrade",
        cluster.display(), listed(" (found ", found, ")")
    )]
    OtherMajor {
        /// The cluster's folder.
        cluster: PathBuf,
        /// The major version in its PG_VERSION file.
        wanted: u32,
        /// What is installed instead.
        found: Vec<String>,
    },

    /// Started as root on a machine without an account that Postgres could use.
    #[error(
        "PostgreSQL refuses to run as root and there is no user `postgres` to run it as; create one \
         (`useradd --system postgres`), start livespan as another user, or give {} to the user who \
         shall run it",
        data_dir.display()
    )]
    NoUser {
        /// The data dir, whose owner would have been the second choice.
        data_dir: PathBuf,
    },

    /// The unprivileged user cannot get to the data dir.
    #[error(
        "user {user}, who runs PostgreSQL because it refuses to run as root, cannot enter {}, which \
         is on the way to {}; open it with `chmod o+x {}` or move the data with --data-dir \
         (LIVESPAN_DATA_DIR), for instance to /var/lib/livespan",
        blocked.display(), data_dir.display(), blocked.display()
    )]
    NotReachable {
        /// Who would run Postgres.
        user: String,
        /// The folder that this user cannot enter.
        blocked: PathBuf,
        /// Where the way was to lead.
        data_dir: PathBuf,
    },

    /// The cluster belongs to someone else, and this process is not root.
    #[error(
        "{} belongs to user {owner}; start livespan as that user (or as root), or choose another \
         --data-dir (LIVESPAN_DATA_DIR)",
        cluster.display()
    )]
    ForeignCluster {
        /// The cluster's folder.
        cluster: PathBuf,
        /// Its owner.
        owner: String,
    },

    /// Another livespan holds this data dir.
    #[error(
        "{} is in use by another livespan{}; stop that one, or choose another --data-dir \
         (LIVESPAN_DATA_DIR)",
        data_dir.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    Locked {
        /// The data dir.
        data_dir: PathBuf,
        /// The holder, where its lock file could be read.
        pid: Option<i32>,
    },

    /// The place of the cluster is taken by something else.
    #[error("{} exists but is not a PostgreSQL cluster ({reason}); move it out of the way", path.display())]
    NotACluster {
        /// The folder or file in the way.
        path: PathBuf,
        /// How that shows.
        reason: &'static str,
    },

    /// The folder for the unix socket cannot be trusted.
    #[error(
        "{} cannot hold the database's socket: {reason}; remove it, or choose a --data-dir \
         (LIVESPAN_DATA_DIR) with a shorter path",
        path.display()
    )]
    SocketDir {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// The data dir's path cannot be handed to Postgres and to clients.
    #[error("the path {} is not valid UTF-8; choose another --data-dir (LIVESPAN_DATA_DIR)", data_dir.display())]
    PathNotText {
        /// The data dir.
        data_dir: PathBuf,
    },

    /// An extra setting that would break a promise, or is no setting.
    #[error("the extra PostgreSQL setting {name:?} is refused: {reason}")]
    Setting {
        /// The setting's name as given.
        name: String,
        /// Why.
        reason: &'static str,
    },

    /// Making the cluster failed.
    #[error("could not make a database cluster ({program}, {status}):\n{output}")]
    Initdb {
        /// Which program failed.
        program: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The last lines it printed.
        output: String,
    },

    /// The postmaster ended before it answered.
    #[error("PostgreSQL ended while starting ({status}); its log {} ends with:\n{tail}", log.display())]
    Start {
        /// How it ended.
        status: ExitStatus,
        /// The log file.
        log: PathBuf,
        /// The last lines of this start.
        tail: String,
    },

    /// The postmaster runs but gives no usable answer.
    #[error("PostgreSQL runs but does not serve: {reason}; its log {} ends with:\n{tail}", log.display())]
    NoService {
        /// What it answered, or that it did not.
        reason: String,
        /// The log file.
        log: PathBuf,
        /// The last lines of this start.
        tail: String,
    },

    /// What an earlier livespan left running does not end, not even by force.
    #[error("processes {pids:?} of an earlier livespan still use {} and cannot be ended; end them by hand", cluster.display())]
    StillRunning {
        /// Those processes.
        pids: Vec<i32>,
        /// The cluster that they hold.
        cluster: PathBuf,
    },

    /// The task that watches Postgres is gone, by a panic or with its runtime.
    #[error("the task that supervises PostgreSQL ended early")]
    SupervisorLost(#[source] tokio::task::JoinError),

    /// The operating system refused something.
    #[error("could not {action} {}", path.display())]
    Io {
        /// What was attempted, in words that fit between "could not" and the path.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl EmbeddedPostgresError {
    /// For `map_err`: what was attempted, and on what.
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

fn listed(before: &str, items: &[String], after: &str) -> String {
    if items.is_empty() { String::new() } else { format!("{before}{}{after}", items.join(", ")) }
}
