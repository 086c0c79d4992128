//! What an earlier livespan, or a postmaster that died, has left behind.
//!
//! An orphaned postmaster is stopped and a new one started, rather than
//! adopted: a process that is not our child cannot be waited for, may run
//! programs and settings from before an upgrade, and may itself be half dead.
//! The price is one shutdown checkpoint, well under a second as a rule.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::EmbeddedPostgresError;
use super::identity::Identity;
use super::layout::Layout;
use super::socket;

/// How long each signal is given before the next, harsher one.
const PATIENCE: [(Signal, Duration); 3] = [
    // Fast shutdown: clients are disconnected, then a checkpoint is written.
    (Signal::SIGINT, Duration::from_secs(4)),
    // Immediate shutdown: no checkpoint; the next start recovers from the log.
    (Signal::SIGQUIT, Duration::from_secs(2)),
    // Safe for the data too, since recovery starts from what is on disk.
    (Signal::SIGKILL, Duration::from_secs(4)),
];

/// How often to look whether they are gone.
const LOOK_AGAIN: Duration = Duration::from_millis(15);

/// A process of this data dir's cluster.
#[derive(Debug, Clone, Copy)]
struct Member {
    pid: Pid,
    /// A postmaster (or about to become one of its children), as opposed to a
    /// child that has taken its title.
    is_postmaster: bool,
}

/// Ends every process of the cluster that still runs, and removes the files
/// that would make a new postmaster believe that one does. The caller holds
/// the data dir's lock, so all that is found has lost its owner.
pub(super) async fn clear(
    layout: &Layout,
    identity: &Identity,
    socket_dir: &Path,
) -> Result<(), EmbeddedPostgresError> {
    clear_by(&PATIENCE, layout, identity, socket_dir).await
}

/// The same for processes that were asked before, and did not listen.
pub(super) async fn clear_by_force(
    layout: &Layout,
    identity: &Identity,
    socket_dir: &Path,
) -> Result<(), EmbeddedPostgresError> {
    clear_by(&PATIENCE[2..], layout, identity, socket_dir).await
}

async fn clear_by(
    signals: &[(Signal, Duration)],
    layout: &Layout,
    identity: &Identity,
    socket_dir: &Path,
) -> Result<(), EmbeddedPostgresError> {
    let mut left = members(layout, identity)?;
    if !left.is_empty() {
        let started = Instant::now();
        tracing::info!(
            processes = left.len(),
            "stopping the postgres that an earlier run left behind"
        );
        for &(signal, patience) in signals {
            for member in &left {
                // SIGINT only cancels a statement in a child; a child whose
                // postmaster is gone leaves by itself.
                if member.is_postmaster || signal != Signal::SIGINT {
                    // Fails only for one that has just gone.
                    let _ = kill(member.pid, signal);
                }
            }
            let until = Instant::now() + patience;
            while !left.is_empty() && Instant::now() < until {
                tokio::time::sleep(LOOK_AGAIN).await;
                left = members(layout, identity)?;
            }
            if left.is_empty() {
                break;
            }
        }
        if !left.is_empty() {
            return Err(EmbeddedPostgresError::StillRunning {
                pids: left.iter().map(|member| member.pid.as_raw()).collect(),
                cluster: layout.cluster(),
            });
        }
        tracing::info!(took_ms = started.elapsed().as_millis(), "the earlier postgres has stopped");
    }
    socket::remove_stale(socket_dir)?;
    remove_misleading_pid_file(layout)
}

/// Removes `postmaster.pid` when the id in it has gone to a process that has
/// nothing to do with the cluster. Postgres would take that process for a
/// postmaster if it runs as the same user. An id that nobody has is left for
/// Postgres, which then also checks for shared memory in use.
fn remove_misleading_pid_file(layout: &Layout) -> Result<(), EmbeddedPostgresError> {
    let path = layout.cluster().join("postmaster.pid");
    let Ok(text) = fs::read_to_string(&path) else {
        return Ok(());
    };
    // Negative for a single-user session.
    let pid = text.lines().next().and_then(|line| line.trim().parse::<i32>().ok());
    let Some(pid) = pid.map(|pid| Pid::from_raw(pid.saturating_abs())) else {
        return Ok(());
    };
    let alive = kill(pid, None).is_ok();
    // Somebody may run the cluster by hand, without our arguments. Postgres
    // stays in its data folder, where the system lets us see that.
    let works_there =
        fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|folder| folder == layout.cluster());
    if alive && !works_there {
        tracing::warn!(%pid, "the process id of the last postmaster now belongs to another program");
        fs::remove_file(&path).map_err(EmbeddedPostgresError::io("remove", path))?;
    }
    Ok(())
}

/// All processes of the cluster, told by the label in their titles, which
/// only this data dir has, and by their user.
fn members(layout: &Layout, identity: &Identity) -> Result<Vec<Member>, EmbeddedPostgresError> {
    let argument = format!("cluster_name={}", layout.label());
    let title = format!("postgres: {}: ", layout.label());
    Ok(command_lines(identity)?
        .into_iter()
        .filter_map(|(pid, line)| {
            let is_postmaster = line.contains(&argument);
            (is_postmaster || line.starts_with(&title)).then_some(Member { pid, is_postmaster })
        })
        .collect())
}

/// The command lines of the identity's processes, arguments parted by spaces.
#[cfg(target_os = "linux")]
fn command_lines(identity: &Identity) -> Result<Vec<(Pid, String)>, EmbeddedPostgresError> {
    use std::os::unix::fs::MetadataExt;

    let processes = fs::read_dir("/proc").map_err(EmbeddedPostgresError::io("list", "/proc"))?;
    Ok(processes
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            if entry.metadata().ok()?.uid() != identity.uid().as_raw() {
                return None;
            }
            // Readable for everybody, unlike `cwd` and `exe`, which a container
            // without CAP_SYS_PTRACE hides even from root. Empty for a zombie.
            let bytes = fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&bytes).replace('\0', " ");
            Some((Pid::from_raw(pid), line))
        })
        .collect())
}

/// The same where there is no /proc.
#[cfg(not(target_os = "linux"))]
fn command_lines(identity: &Identity) -> Result<Vec<(Pid, String)>, EmbeddedPostgresError> {
    let output = std::process::Command::new("ps")
        .args(["-axww", "-o", "pid=,uid=,command="])
        .output()
        .map_err(EmbeddedPostgresError::io("run", "ps"))?;
    let own = identity.uid().to_string();
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let (pid, rest) = line.trim_start().split_once(' ')?;
            let (uid, command) = rest.trim_start().split_once(' ')?;
            let pid = pid.parse().ok()?;
            (uid == own).then(|| (Pid::from_raw(pid), command.trim_start().to_owned()))
        })
        .collect())
}
