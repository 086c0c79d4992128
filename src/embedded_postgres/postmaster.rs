//! One postmaster: spawned, waited for until it serves, stopped.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;

use super::binaries::Binaries;
use super::error::EmbeddedPostgresError;
use super::identity::Identity;
use super::layout::Layout;
use super::log::StartLog;
use super::socket::{self, Answer};
use super::{predecessor, settings};

/// How long a postmaster may be silent before the start counts as failed. One
/// that says it is recovering is waited for as long as it lives: replaying a
/// big log takes minutes, and giving up would only make it begin again.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);

/// How often the log says that a start is still going on.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// Pauses between questions: short at first, for the usual start of a tenth
/// of a second.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// After SIGKILL of a postmaster its children need a moment to notice and to
/// let go of the shared memory. So long a start is repeated for that cause.
const SHARED_MEMORY_WAIT: Duration = Duration::from_secs(10);
const SHARED_MEMORY_PAUSE: Duration = Duration::from_millis(100);

/// How long a fast shutdown may take: it writes a checkpoint. The collector has
/// ten seconds for its exit, of which its clients and lanes take up to half
/// where Postgres hangs; this and the next fit into the rest.
const FAST_SHUTDOWN_WAIT: Duration = Duration::from_secs(3);
const IMMEDIATE_SHUTDOWN_WAIT: Duration = Duration::from_secs(1);

/// All that is needed to start a postmaster, again and again.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) layout: Layout,
    pub(super) binaries: Binaries,
    pub(super) identity: Identity,
    pub(super) socket_dir: PathBuf,
    pub(super) extra_settings: Vec<(String, String)>,
}

impl Launch {
    /// Starts a postmaster and waits until it serves.
    pub(super) async fn start(&self) -> Result<Postmaster, EmbeddedPostgresError> {
        let started = Instant::now();
        loop {
            self.clear().await?;
            settings::write(&self.layout, &self.extra_settings)?;
            let mut postmaster = Postmaster::spawn(self)?;
            match postmaster.served(self).await {
                Ok(()) => {
                    tracing::info!(
                        pid = postmaster.child.id(),
                        took_ms = started.elapsed().as_millis(),
                        "private postgres is up"
                    );
                    return Ok(postmaster);
                }
                Err(EmbeddedPostgresError::Start { tail, .. })
                    if tail.contains("shared memory block")
                        && tail.contains("still in use")
                        && started.elapsed() < SHARED_MEMORY_WAIT =>
                {
                    tokio::time::sleep(SHARED_MEMORY_PAUSE).await;
                }
                Err(error) => {
                    postmaster.stop(self).await?;
                    return Err(error);
                }
            }
        }
    }

    /// Ends and removes what an earlier postmaster left.
    pub(super) async fn clear(&self) -> Result<(), EmbeddedPostgresError> {
        predecessor::clear(&self.layout, &self.identity, &self.socket_dir).await
    }

    /// The same, where asking has been in vain.
    async fn clear_by_force(&self) -> Result<(), EmbeddedPostgresError> {
        predecessor::clear_by_force(&self.layout, &self.identity, &self.socket_dir).await
    }
}

/// A running postmaster. Dropped without `stop`, it is asked to shut down and
/// not waited for.
#[derive(Debug)]
pub(super) struct Postmaster {
    child: Child,
    log: StartLog,
}

impl Postmaster {
    fn spawn(launch: &Launch) -> Result<Self, EmbeddedPostgresError> {
        let (log, file) = StartLog::open(&launch.layout)?;
        let program = launch.binaries.postgres();
        let copy = file.try_clone().map_err(EmbeddedPostgresError::io("open again", log.path()))?;
        let child = launch
            .identity
            .command(&program)
            .args(settings::arguments(&launch.layout, &launch.socket_dir))
            .stdout(Stdio::from(copy))
            .stderr(Stdio::from(file))
            .spawn()
            .map_err(EmbeddedPostgresError::io("run", program))?;
        Ok(Self { child, log })
    }

    /// Resolves when it has ended, and has been reaped.
    pub(super) async fn ended(&mut self) -> Result<ExitStatus, EmbeddedPostgresError> {
        let waited = self.child.wait().await;
        waited.map_err(EmbeddedPostgresError::io("wait for", "postgres"))
    }

    /// The log from this start on.
    pub(super) fn log(&self) -> &StartLog {
        &self.log
    }

    /// Waits until a session can be opened.
    async fn served(&mut self, launch: &Launch) -> Result<(), EmbeddedPostgresError> {
        let mut last_answer = Instant::now();
        let mut last_report = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let answer = tokio::select! {
                biased;
                status = self.child.wait() => {
                    return Err(EmbeddedPostgresError::Start {
                        status: status.map_err(EmbeddedPostgresError::io("wait for", "postgres"))?,
                        log: self.log.path(),
                        tail: self.log.tail(),
                    });
                }
                answer = socket::ask(&launch.socket_dir) => answer,
            };
            match answer {
                Answer::Ready => return Ok(()),
                Answer::Refused(reason) => return Err(self.no_service(reason)),
                Answer::Starting => last_answer = Instant::now(),
                Answer::Silent(error) if last_answer.elapsed() > SILENCE_LIMIT => {
                    let limit = SILENCE_LIMIT.as_secs();
                    return Err(self.no_service(format!("no answer for {limit} s ({error})")));
                }
                Answer::Silent(_) => {}
            }
            if last_report.elapsed() > REPORT_EVERY {
                last_report = Instant::now();
                tracing::info!(log = %self.log.path().display(), "postgres is still starting, or recovering from a crash");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn no_service(&self, reason: String) -> EmbeddedPostgresError {
        EmbeddedPostgresError::NoService { reason, log: self.log.path(), tail: self.log.tail() }
    }

    /// Stops it: first with a checkpoint, then without, then by force, which
    /// its own recovery makes safe. Returns with all its processes gone.
    pub(super) async fn stop(mut self, launch: &Launch) -> Result<(), EmbeddedPostgresError> {
        for (signal, patience) in
            [(Signal::SIGINT, FAST_SHUTDOWN_WAIT), (Signal::SIGQUIT, IMMEDIATE_SHUTDOWN_WAIT)]
        {
            self.signal(signal);
            if let Ok(ended) = tokio::time::timeout(patience, self.ended()).await {
                return match ended {
                    Ok(_) => Ok(()),
                    // Somebody else reaped it, if it has ended at all.
                    Err(_) => launch.clear().await,
                };
            }
            tracing::warn!(%signal, "postgres does not stop in time, insisting");
        }
        self.signal(Signal::SIGKILL);
        let killed = self.ended().await;
        // The children would notice, unless whatever held up their parent holds
        // them up too.
        launch.clear_by_force().await?;
        killed.map(drop)
    }

    fn signal(&self, signal: Signal) {
        // No id once it was reaped, when the number may be another's.
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            // Fails only for a process that has just ended.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        self.signal(Signal::SIGINT);
    }
}
