//! Places at which a test has the process killed: exactly there, and as
//! suddenly as by `kill -9`. Without the feature `failpoints` nothing of this is
//! in the program.
//!
//! A test names them in the variable `FAILPOINTS`, as
//! `before-commit=20*off->return`: passed twenty times, fatal the next.

#[cfg(feature = "failpoints")]
pub(crate) use armed::{arm, pass};

/// Does nothing.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub(crate) const fn pass(_name: &'static str) {}

#[cfg(feature = "failpoints")]
mod armed {
    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };

    /// Reads the variable. The points are armed for as long as this lives.
    pub(crate) fn arm() -> fail::FailScenario<'static> {
        fail::FailScenario::setup()
    }

    /// Ends the process where a test wants it to end here. No thread is held up
    /// and nothing is cleaned up: the kernel does it.
    pub(crate) fn pass(name: &'static str) {
        if is_due(name) {
            tracing::warn!(name, "failpoint reached");
            // Fails only for a process that is not there.
            let _ = kill(Pid::this(), Signal::SIGKILL);
        }
    }

    fn is_due(name: &str) -> bool {
        fail::fail_point!(name, |_| true);
        false
    }
}
