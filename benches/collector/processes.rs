//! What processes cost, as `/proc` tells it.

use rustix::process::{Resource, getrlimit, setrlimit};
use std::{
    fs,
    time::{Duration, Instant},
};

/// `/proc` counts in hundredths of a second on every Linux.
const TICKS_PER_SECOND: u64 = 100;

/// Lets this process and those that it starts have as many connections as the
/// system allows: a thousand executors are a thousand connections.
pub(crate) fn allow_connections() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

/// The fields of `/proc/PID/stat` from the state on, which is the third.
fn stat(pid: u32) -> Option<Vec<u64>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold anything, also brackets.
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect())
}

fn ticks(fields: &[u64]) -> Duration {
    Duration::from_millis(fields.iter().sum::<u64>() * 1000 / TICKS_PER_SECOND)
}

/// CPU time that a process has used itself.
pub(crate) fn cpu(pid: u32) -> Duration {
    ticks(&stat(pid).expect("the process lives")[11..13])
}

/// CPU time of a process and all its children, also those that have ended.
pub(crate) fn cpu_with_children(pid: u32) -> Duration {
    let own = ticks(&stat(pid).expect("the process lives")[11..15]);
    let children = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(stat)
        .filter(|fields| fields[1] == u64::from(pid))
        .map(|fields| ticks(&fields[11..13]));
    own + children.sum::<Duration>()
}

/// The most memory that a process has had since it began or was told to
/// forget, in bytes.
pub(crate) fn peak_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// What one side of a comparison took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) elapsed: Duration,
    /// Of Postgres and whoever wrote to it.
    pub(crate) cpu: Duration,
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
impl Cost {
    pub(crate) fn per_second(&self, spans: usize) -> f64 {
        spans as f64 / self.elapsed.as_secs_f64()
    }

    pub(crate) fn cpu_micros(&self, spans: usize) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / spans as f64
    }
}

/// Runs while one side works.
pub(crate) struct Meter {
    postmaster: u32,
    writer: u32,
    cpu: Duration,
    begin: Instant,
}

impl Meter {
    /// `writer` is the process that writes to Postgres.
    pub(crate) fn start(postmaster: u32, writer: u32) -> Self {
        let cpu = cpu_with_children(postmaster) + cpu(writer);
        Self { postmaster, writer, cpu, begin: Instant::now() }
    }

    pub(crate) fn stop(self) -> Cost {
        let elapsed = self.begin.elapsed();
        let cpu = cpu_with_children(self.postmaster) + cpu(self.writer) - self.cpu;
        Cost { elapsed, cpu }
    }
}
