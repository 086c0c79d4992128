//! Keeps a postmaster running for as long as the collector wants one.

use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::error::EmbeddedPostgresError;
use super::lock::DataDirLock;
use super::postmaster::{Launch, Postmaster};

/// The pause after the second failure in a row; it doubles with each further
/// one. The first restart is immediate: an accident is likelier than a fault.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Short enough that the database is back soon after its cause of death, a
/// full disk for instance, is gone: within two seconds, recovery included.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// A postmaster that ran so long is no longer counted as failing to start.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// Whether the database can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddedPostgresState {
    /// The postmaster runs.
    Up,
    /// The postmaster died and is being started again.
    Restarting,
    /// It was stopped, on request.
    Stopped,
}

/// The task's own things.
#[derive(Debug)]
pub(super) struct Supervisor {
    pub(super) launch: Launch,
    pub(super) state: watch::Sender<EmbeddedPostgresState>,
    /// Fires, or closes, when the database is no longer wanted.
    pub(super) stop: oneshot::Receiver<()>,
    /// Here rather than with the handle: the data dir is free only after the
    /// postmaster is gone.
    pub(super) lock: DataDirLock,
}

impl Supervisor {
    /// Watches `postmaster` and its successors until told to stop.
    pub(super) async fn run(mut self, postmaster: Postmaster) -> Result<(), EmbeddedPostgresError> {
        let stopped = self.watch(postmaster).await;
        self.state.send_replace(EmbeddedPostgresState::Stopped);
        drop(self.lock);
        stopped
    }

    async fn watch(&mut self, mut postmaster: Postmaster) -> Result<(), EmbeddedPostgresError> {
        let mut pause = Duration::ZERO;
        loop {
            let up_since = Instant::now();
            tokio::select! {
                biased;
                _ = &mut self.stop => return postmaster.stop(&self.launch).await,
                ended = postmaster.ended() => {
                    self.state.send_replace(EmbeddedPostgresState::Restarting);
                    // Whatever became of it, a new one begins by ending the old.
                    let status = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
                    tracing::error!(status, log = %postmaster.log().path().display(), "postgres ended unexpectedly, starting it again");
                }
            }
            if up_since.elapsed() >= SETTLED_AFTER {
                pause = Duration::ZERO;
            }
            let next = tokio::select! {
                biased;
                _ = &mut self.stop => None,
                next = start_again(&self.launch, &mut pause) => Some(next),
            };
            match next {
                Some(next) => postmaster = next,
                // The attempt was dropped, which asked its postmaster to end;
                // here is waited for that.
                None => return self.launch.clear().await,
            }
            self.state.send_replace(EmbeddedPostgresState::Up);
        }
    }
}

/// Tries until it works. The first failure of an outage is logged in full, the
/// rest would only repeat it.
async fn start_again(launch: &Launch, pause: &mut Duration) -> Postmaster {
    let down_since = Instant::now();
    let mut failures = 0_u32;
    loop {
        tokio::time::sleep(*pause).await;
        *pause = (*pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        match launch.start().await {
            Ok(postmaster) => {
                tracing::info!(
                    down_ms = down_since.elapsed().as_millis(),
                    failures,
                    "postgres is back"
                );
                return postmaster;
            }
            Err(error) if failures == 0 => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "could not start postgres again, will keep trying"
                );
            }
            Err(error) => tracing::debug!(%error, "could not start postgres again"),
        }
        failures = failures.saturating_add(1);
    }
}
