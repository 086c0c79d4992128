//! The private Postgres that `livespan serve` runs when it is given no
//! database: found on the machine, set up in the data dir, reached over a unix
//! socket only, kept running, and stopped at the end.
//!
//! In the data dir:
//!
//! | name | what |
//! |---|---|
//! | `postgres/` | the cluster |
//! | `postgres.conf` | settings, written at each start |
//! | `postgres.log`, `postgres.log.1` | what Postgres printed |
//! | `socket/` | the socket, closed to all but the user who runs Postgres |
//! | `livespan.lock` | keeps a second livespan out |
//!
//! The way of a start: take the lock (`lock`), decide who runs Postgres
//! (`identity`), find its programs (`binaries`), make the cluster if there
//! is none (`cluster`), end what a killed livespan left (`predecessor`),
//! start a postmaster and wait for its answer (`postmaster`, `socket`),
//! and watch over it (`supervisor`).

mod binaries;
mod cluster;
mod error;
mod identity;
mod layout;
mod lock;
mod log;
mod postmaster;
mod predecessor;
mod settings;
mod socket;
mod supervisor;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

pub use error::EmbeddedPostgresError;
pub use layout::default_data_dir;
pub use lock::DataDirLock;
pub use supervisor::EmbeddedPostgresState;

use binaries::Binaries;
use identity::Identity;
use layout::Layout;
use postmaster::Launch;
use supervisor::Supervisor;

/// The role that owns everything; a superuser of this private cluster.
pub const USER: &str = "livespan";

/// The database.
pub const DATABASE: &str = "livespan";

/// The port in the socket's name. Nothing listens on it: the server has no
/// network address.
pub const PORT: u16 = 5432;

/// What the private Postgres needs to know.
#[derive(Debug, Clone)]
pub struct EmbeddedPostgresConfig {
    /// Where everything lies; made if missing. See [`default_data_dir`].
    pub data_dir: PathBuf,
    /// The folder of `postgres` and `initdb` (`--pg-bin`, `LIVESPAN_PG_BIN`).
    /// `None` searches the machine.
    pub bin_dir: Option<PathBuf>,
    /// Further Postgres settings, name and plain value (quoted here). They win
    /// over livespan's own tuning, but cannot touch what livespan promises:
    /// durability, and that there is no way in but the socket.
    pub extra_settings: Vec<(String, String)>,
}

impl EmbeddedPostgresConfig {
    /// The usual: programs searched for, no further settings.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), bin_dir: None, extra_settings: Vec::new() }
    }
}

/// A Postgres that runs for this process alone.
///
/// A postmaster that dies is started again by a task, for as long as it takes;
/// connections break meanwhile, as with any database that restarts. Call
/// [`stop`](Self::stop) at the end. Dropping the handle also stops Postgres,
/// but nobody waits for that.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    socket_dir: PathBuf,
    url: String,
    state: watch::Receiver<EmbeddedPostgresState>,
    /// Its end, by use or by drop, tells the supervisor to stop.
    stop: oneshot::Sender<()>,
    supervisor: JoinHandle<Result<(), EmbeddedPostgresError>>,
}

impl EmbeddedPostgres {
    /// Starts Postgres on the data dir and returns once it serves, so that the
    /// next connection succeeds. Makes the cluster on first use.
    ///
    /// # Errors
    ///
    /// Anything that keeps it from serving; see [`EmbeddedPostgresError`]. A
    /// data dir that another livespan uses is found out at once. Nothing is
    /// left running after an error.
    pub async fn start(config: EmbeddedPostgresConfig) -> Result<Self, EmbeddedPostgresError> {
        settings::check_extra(&config.extra_settings)?;
        let layout = Layout::create(&config.data_dir)?;
        let lock = DataDirLock::acquire(&layout)?;
        let identity = Identity::choose(&layout)?;
        cluster::remove_drafts(&layout)?;
        let existing = cluster::existing_major(&layout)?;
        let binaries =
            Binaries::find(config.bin_dir.as_deref(), existing, &layout, &identity).await?;
        tracing::info!(
            data_dir = %layout.data_dir().display(),
            postgres = binaries.description(),
            user = identity.name(),
            "starting the private postgres"
        );
        match existing {
            Some(_) => cluster::hand_over(&layout, &identity)?,
            None => cluster::make(&layout, &binaries, &identity).await?,
        }
        let socket_dir = socket::folder(&layout, &identity)?;
        let launch = Launch {
            layout,
            binaries,
            identity,
            socket_dir: socket_dir.clone(),
            extra_settings: config.extra_settings,
        };
        let postmaster = launch.start().await?;

        let (stop, stop_wish) = oneshot::channel();
        let (state_sender, state) = watch::channel(EmbeddedPostgresState::Up);
        let supervisor = Supervisor { launch, state: state_sender, stop: stop_wish, lock };
        Ok(Self {
            url: url_of(&socket_dir),
            socket_dir,
            state,
            stop,
            supervisor: tokio::spawn(supervisor.run(postmaster)),
        })
    }

    /// Whether there is a cluster in the data dir. Makes nothing.
    #[must_use]
    pub fn exists(data_dir: &Path) -> bool {
        data_dir.join("postgres/PG_VERSION").exists()
    }

    /// Where the Postgres is reached that another livespan runs on the data dir.
    ///
    /// # Errors
    ///
    /// Where the folder of its socket is not what it should be.
    pub fn socket_dir_of(data_dir: &Path) -> Result<PathBuf, EmbeddedPostgresError> {
        let layout = Layout::create(data_dir)?;
        let identity = Identity::choose(&layout)?;
        socket::folder(&layout, &identity)
    }

    /// A connection URL that libpq, psql and sqlx understand. It holds no
    /// secret: the folder of the socket keeps others out.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder of the unix socket, absolute.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The role to connect as, always [`USER`].
    pub fn user(&self) -> &'static str {
        USER
    }

    /// The database to connect to, always [`DATABASE`].
    pub fn database(&self) -> &'static str {
        DATABASE
    }

    /// The port to connect to, always [`PORT`].
    pub fn port(&self) -> u16 {
        PORT
    }

    /// Follows whether Postgres is up, for health checks.
    pub fn state(&self) -> watch::Receiver<EmbeddedPostgresState> {
        self.state.clone()
    }

    /// Stops Postgres and returns when all its processes are gone: a shutdown
    /// with checkpoint, after 3 s one without, after 1 s more by force.
    /// Sessions that are open then are cut off, so close pools first.
    ///
    /// # Errors
    ///
    /// When a process cannot be ended, or the supervising task was lost.
    pub async fn stop(self) -> Result<(), EmbeddedPostgresError> {
        // Unheard only if the task has ended already, which the next shows.
        let _ = self.stop.send(());
        self.supervisor.await.map_err(EmbeddedPostgresError::SupervisorLost)?
    }
}

/// The folder goes into the query part, percent-encoded: a host cannot hold a
/// path.
fn url_of(socket_dir: &Path) -> String {
    let mut url = format!("postgres://{USER}@localhost:{PORT}/{DATABASE}?host=");
    for byte in socket_dir.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            url.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::url_of;
    use std::path::Path;

    #[test]
    fn url_carries_any_folder() {
        assert_eq!(
            url_of(Path::new("/a b/é&c")),
            "postgres://livespan@localhost:5432/livespan?host=%2Fa%20b%2F%C3%A9%26c"
        );
    }
}
