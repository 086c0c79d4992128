//! Signals on their way to the command.

use std::{fs, future::poll_fn, task::Poll};

use rustix::process::{Pid, Signal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use tokio::signal::unix::{self, SignalKind};

/// The signals that are passed on, with their names. Stop and continue are not
/// among them: job control sends those to the whole process group, which must
/// then stop and continue this process as well.
const PASSED_ON: [(Signal, &str); 6] = [
    (Signal::HUP, "SIGHUP"),
    (Signal::INT, "SIGINT"),
    (Signal::QUIT, "SIGQUIT"),
    (Signal::TERM, "SIGTERM"),
    (Signal::USR1, "SIGUSR1"),
    (Signal::USR2, "SIGUSR2"),
];

/// Names of the others that a command may die of.
const OTHERS: [(Signal, &str); 13] = [
    (Signal::ILL, "SIGILL"),
    (Signal::TRAP, "SIGTRAP"),
    (Signal::ABORT, "SIGABRT"),
    (Signal::BUS, "SIGBUS"),
    (Signal::FPE, "SIGFPE"),
    (Signal::KILL, "SIGKILL"),
    (Signal::SEGV, "SIGSEGV"),
    (Signal::PIPE, "SIGPIPE"),
    (Signal::ALARM, "SIGALRM"),
    (Signal::XCPU, "SIGXCPU"),
    (Signal::XFSZ, "SIGXFSZ"),
    (Signal::VTALARM, "SIGVTALRM"),
    (Signal::SYS, "SIGSYS"),
];

/// A signal's name, such as `SIGKILL`.
pub(super) fn name(number: i32) -> String {
    PASSED_ON
        .iter()
        .chain(&OTHERS)
        .find(|(signal, _)| signal.as_raw() == number)
        .map_or_else(|| format!("signal {number}"), |(_, name)| (*name).to_owned())
}

/// The signals that this process receives.
pub(super) struct Signals {
    streams: Vec<(Signal, unix::Signal)>,
}

impl Signals {
    /// Receives them from now on, instead of being ended by them.
    ///
    /// Those that this process was told to ignore (`nohup`, a shell's `&`) stay
    /// ignored: a command started after a handler is set would be ended by
    /// what it should never have noticed.
    pub(super) fn listen() -> Self {
        let ignored = ignored_mask();
        let streams = PASSED_ON
            .iter()
            .filter(|(signal, _)| ignored & (1 << (signal.as_raw() - 1)) == 0)
            .filter_map(|(signal, _)| {
                let kind = SignalKind::from_raw(signal.as_raw());
                unix::signal(kind).ok().map(|stream| (*signal, stream))
            })
            .collect();
        Self { streams }
    }

    /// The next signal.
    pub(super) async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            for (signal, stream) in &mut self.streams {
                if let Poll::Ready(Some(())) = stream.poll_recv(context) {
                    return Poll::Ready(*signal);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Whether a signal asks for an end.
pub(super) fn asks_to_stop(signal: Signal) -> bool {
    matches!(signal, Signal::HUP | Signal::INT | Signal::QUIT | Signal::TERM)
}

/// The same of a signal's number.
pub(super) fn asks_to_stop_by_number(number: i32) -> bool {
    PASSED_ON.iter().any(|(signal, _)| signal.as_raw() == number && asks_to_stop(*signal))
}

/// Passes a signal on to the command.
///
/// The command is in this process's own group, so that Ctrl-C and Ctrl-Z reach
/// it as if it stood there alone. Hence Ctrl-C and Ctrl-\ have reached it
/// already, and sending the signal again would make it two: many programs take
/// the second for "now, and without tidying up". Nothing tells apart a SIGINT
/// of the terminal from one of `kill`, so what counts is whether this group is
/// the one that the terminal's keys go to.
pub(super) fn pass_on(signal: Signal, command: Pid) {
    let by_key = matches!(signal, Signal::INT | Signal::QUIT) && is_terminals_foreground();
    if !by_key {
        // It fails only where the command has just ended.
        let _ = kill_process(command, signal);
    }
}

/// Whether the controlling terminal, wherever the standard streams lead, sends
/// its keys' signals to this process group.
fn is_terminals_foreground() -> bool {
    let Ok(terminal) = fs::File::open("/dev/tty") else { return false };
    tcgetpgrp(&terminal).is_ok_and(|group| group == getpgrp())
}

/// Which signals this process was told to ignore when it started: bit n-1 for
/// signal n. Only Linux tells; elsewhere none.
fn ignored_mask() -> u64 {
    fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
            u64::from_str_radix(line.trim(), 16).ok()
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_their_names() {
        assert_eq!(name(9), "SIGKILL");
        assert_eq!(name(15), "SIGTERM");
        assert_eq!(name(63), "signal 63");
    }
}
