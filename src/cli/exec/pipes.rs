//! The command's output on its way through: read from a pipe, kept in part,
//! and written on as it comes.
//!
//! Each pipe has a thread of its own. A reader of this process's output that
//! is slow then slows down the command, as it would without us in between,
//! and holds up nothing else.

use std::{
    fs::File,
    io::{self, IsTerminal, PipeReader, PipeWriter, Read as _, Write as _},
    os::fd::{AsFd, OwnedFd},
    process::Stdio,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::{fs::fstat, io::ioctl_fionread};
use tokio::{sync::oneshot, time::Instant};

use super::log_tail::{LAST_WORDS_BYTES, LOG_BYTES, Tail};

/// How long a pipe that somebody still holds open is listened to after the
/// command's end while nothing comes.
const IDLE_WAIT: Duration = Duration::from_millis(500);

/// How long while something keeps coming, beyond what the command itself had
/// written.
const BUSY_WAIT: Duration = Duration::from_secs(1);

/// Which of the command's outputs are captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capture {
    /// Those that are no terminals.
    Auto,
    /// Both.
    Always,
    /// Neither.
    Never,
}

/// The ends of the pipes that the command gets.
pub(super) struct CommandEnds {
    /// Its standard output.
    pub(super) stdout: Stdio,
    /// Its standard error.
    pub(super) stderr: Stdio,
}

/// The captured outputs.
pub(super) struct Pipes {
    pumps: Vec<Pump>,
    kept: Kept,
}

/// What is kept of them, shared with the threads.
#[derive(Clone)]
struct Kept {
    log: Arc<Mutex<Tail>>,
    errors: Arc<Mutex<Tail>>,
}

/// A pipe's thread, seen from outside.
struct Pump {
    /// To ask how much the pipe still holds. The thread alone keeps it open: a
    /// command that writes to a closed pipe has to notice.
    pipe: Weak<PipeReader>,
    counts: Arc<Counts>,
    ended: Option<oneshot::Receiver<()>>,
}

#[derive(Default)]
struct Counts {
    read_bytes: AtomicU64,
    written_bytes: AtomicU64,
}

impl Pipes {
    /// Lays the pipes that `capture` asks for.
    ///
    /// # Errors
    ///
    /// Where the process may open no more files.
    pub(super) fn lay(capture: Capture) -> io::Result<(Self, CommandEnds)> {
        let kept = Kept {
            log: Arc::new(Mutex::new(Tail::new(LOG_BYTES))),
            errors: Arc::new(Mutex::new(Tail::new(LAST_WORDS_BYTES))),
        };
        let mut pipes = Self { pumps: Vec::new(), kept };
        let stdout = wanted(capture, &io::stdout());
        let stderr = wanted(capture, &io::stderr());
        let ends = if stdout && stderr && lead_to_one_file() {
            // As with 2>&1: through one pipe, what is written to both keeps
            // its order.
            let end = pipes.lay_one(io::stdout().as_fd().try_clone_to_owned()?, true)?;
            CommandEnds { stdout: end.try_clone()?.into(), stderr: end.into() }
        } else {
            let end = |pipes: &mut Self, is_wanted, own: io::Result<OwnedFd>, is_errors| {
                if is_wanted {
                    pipes.lay_one(own?, is_errors).map(Stdio::from)
                } else {
                    Ok(Stdio::inherit())
                }
            };
            let own_stdout = io::stdout().as_fd().try_clone_to_owned();
            let own_stderr = io::stderr().as_fd().try_clone_to_owned();
            CommandEnds {
                stdout: end(&mut pipes, stdout, own_stdout, false)?,
                stderr: end(&mut pipes, stderr, own_stderr, true)?,
            }
        };
        Ok((pipes, ends))
    }

    /// Lays a pipe whose content goes to `destination`.
    fn lay_one(&mut self, destination: OwnedFd, is_errors: bool) -> io::Result<PipeWriter> {
        let (pipe, end) = io::pipe()?;
        let reader = Arc::new(pipe);
        let pipe = Arc::downgrade(&reader);
        let counts = Arc::new(Counts::default());
        let (end_told, ended) = oneshot::channel();
        let (kept, shared) = (self.kept.clone(), Arc::clone(&counts));
        // Not joined: a pipe that a background process holds open is left
        // behind when this process ends.
        thread::Builder::new().name("output".to_owned()).spawn(move || {
            pump(&reader, File::from(destination), &kept, is_errors, &shared);
            drop(reader);
            let _ = end_told.send(());
        })?;
        self.pumps.push(Pump { pipe, counts, ended: Some(ended) });
        Ok(end)
    }

    /// Whether anything is captured.
    pub(super) fn has_log(&self) -> bool {
        !self.pumps.is_empty()
    }

    /// Waits, after the command's end, until all that it wrote has passed.
    ///
    /// What the command left in a pipe is passed on however slow the reader is.
    /// A background process that inherited the pipe is not waited for.
    pub(super) async fn drain(&mut self) {
        for pump in &mut self.pumps {
            pump.drain().await;
        }
    }

    /// The end of everything that was written.
    pub(super) fn log(&self) -> Vec<u8> {
        lock(&self.kept.log).to_bytes()
    }

    /// The last lines of standard error.
    pub(super) fn last_words(&self) -> String {
        lock(&self.kept.errors).last_words()
    }
}

impl Pump {
    async fn drain(&mut self) {
        let Some(mut ended) = self.ended.take() else { return };
        let Some(pipe) = self.pipe.upgrade() else { return };
        let pending = ioctl_fionread(&*pipe).unwrap_or(0);
        drop(pipe);
        // Read between the two calls counts twice; then the idle wait ends it.
        let commands_own = self.counts.read_bytes.load(Ordering::SeqCst) + pending;
        let start = Instant::now();
        let mut last_read = (u64::MAX, start);
        loop {
            tokio::select! {
                _ = &mut ended => return,
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
            let read = self.counts.read_bytes.load(Ordering::SeqCst);
            let written = self.counts.written_bytes.load(Ordering::SeqCst);
            if read != last_read.0 {
                last_read = (read, Instant::now());
            }
            let is_passed_on = written == read;
            if is_passed_on && last_read.1.elapsed() >= IDLE_WAIT {
                return;
            }
            if written >= commands_own && start.elapsed() >= BUSY_WAIT {
                return;
            }
        }
    }
}

/// Passes everything on until there is nothing more to come, or nobody who
/// wants it.
fn pump(
    mut pipe: &PipeReader,
    mut destination: File,
    kept: &Kept,
    is_errors: bool,
    counts: &Counts,
) {
    let mut buffer = vec![0; LOG_BYTES];
    loop {
        let chunk = match pipe.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => &buffer[..length],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        counts.read_bytes.fetch_add(chunk.len() as u64, Ordering::SeqCst);
        lock(&kept.log).push(chunk);
        if is_errors {
            lock(&kept.errors).push(chunk);
        }
        // A reader that has gone away: closing the pipe tells the command, by
        // the same SIGPIPE that it would have had without us.
        if write_all(&mut destination, chunk).is_err() {
            return;
        }
        counts.written_bytes.fetch_add(chunk.len() as u64, Ordering::SeqCst);
    }
}

/// As `Write::write_all`, but also for a descriptor that whoever shares it has
/// made non-blocking.
fn write_all(destination: &mut File, mut chunk: &[u8]) -> io::Result<()> {
    while !chunk.is_empty() {
        match destination.write(chunk) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => chunk = &chunk[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn wanted(capture: Capture, stream: &impl IsTerminal) -> bool {
    match capture {
        Capture::Auto => !stream.is_terminal(),
        Capture::Always => true,
        Capture::Never => false,
    }
}

/// Whether standard output and standard error are the same file.
fn lead_to_one_file() -> bool {
    match (fstat(io::stdout()), fstat(io::stderr())) {
        (Ok(stdout), Ok(stderr)) => {
            (stdout.st_dev, stdout.st_ino) == (stderr.st_dev, stderr.st_ino)
        }
        _ => false,
    }
}

/// A thread that panicked left bytes behind, which are as good as ever.
fn lock(tail: &Mutex<Tail>) -> std::sync::MutexGuard<'_, Tail> {
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}
