//! The real `livespan serve` as a process of its own: to be killed, and to be
//! started again on what it left behind.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    fs::{self, Permissions},
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

/// How long a start may take on a busy machine: the first makes a cluster.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A data dir that the user who runs the private Postgres can enter. When it
/// goes, whatever still works in it goes too.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("livespan-").tempdir_in("/tmp").expect("folder");
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("mode");
        Self(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The private Postgres, as an operator would reach it.
    pub(crate) fn database_url(&self) -> String {
        let socket = self.path().join("socket").display().to_string().replace('/', "%2F");
        format!("postgres://livespan@localhost/livespan?host={socket}")
    }

    /// The private postmaster, where one runs.
    pub(crate) fn postmaster(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.path().join("postgres/postmaster.pid")).ok()?;
        text.lines().next()?.parse().ok().map(Pid::from_raw)
    }

    /// The processes that work in the cluster's folder.
    pub(crate) fn postgres_processes(&self) -> Vec<Pid> {
        let cluster = self.path().join("postgres");
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        entries
            .flatten()
            .filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == cluster))
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw))
            .collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for pid in self.postgres_processes() {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

/// A running server.
pub(crate) struct ServerProcess {
    child: Child,
    grpc_addr: SocketAddr,
    otlp_http_addr: Option<SocketAddr>,
    /// Gets both addresses once it serves there, and ends with the process.
    serving: mpsc::Receiver<(SocketAddr, SocketAddr)>,
    log: Arc<Mutex<String>>,
}

impl ServerProcess {
    /// Starts it with a private Postgres in `home` and waits until it serves.
    /// The error is what it logged.
    pub(crate) fn start(home: &Home, grpc_addr: SocketAddr) -> Result<Self, String> {
        Self::spawn(home, grpc_addr).until_it_serves()
    }

    /// Waits until it serves. The error is what it logged.
    pub(crate) fn until_it_serves(mut self) -> Result<Self, String> {
        match self.serving.recv_timeout(START_LIMIT) {
            Ok((grpc_addr, otlp_http_addr)) => {
                self.grpc_addr = grpc_addr;
                self.otlp_http_addr = Some(otlp_http_addr);
                Ok(self)
            }
            Err(_) => {
                let _ = self.child.kill();
                let status = self.child.wait().expect("reap");
                Err(format!("{status}: {}", self.log()))
            }
        }
    }

    /// Starts it and waits for nothing.
    pub(crate) fn spawn(home: &Home, grpc_addr: SocketAddr) -> Self {
        Self::spawn_with(home, grpc_addr, &[])
    }

    /// Starts it with further variables, and waits for nothing.
    pub(crate) fn spawn_with(
        home: &Home,
        grpc_addr: SocketAddr,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_livespan"))
            .arg("serve")
            .arg("--data-dir")
            .arg(home.path())
            .arg("--grpc-addr")
            .arg(grpc_addr.to_string())
            .env("LIVESPAN_OTLP_HTTP_ADDR", "127.0.0.1:0")
            .env("LIVESPAN_HTTP_ADDR", "127.0.0.1:0")
            .env_remove("LIVESPAN_DATABASE_URL")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let stderr = child.stderr.take().expect("piped");
        let log = Arc::new(Mutex::new(String::new()));
        let (found, serving) = mpsc::channel();
        let all = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let address = |field| {
                    let (_, rest) = line.split_once(field)?;
                    rest.split_whitespace().next()?.parse().ok()
                };
                if let (Some(grpc), Some(http)) =
                    (address(" grpc_addr="), address(" otlp_http_addr="))
                {
                    let _ = found.send((grpc, http));
                }
                let mut all = all.lock().expect("log");
                all.push_str(&line);
                all.push('\n');
            }
        });
        Self { child, grpc_addr, otlp_http_addr: None, serving, log }
    }

    pub(crate) fn grpc_addr(&self) -> SocketAddr {
        self.grpc_addr
    }

    /// Where it takes OTLP over HTTP, once it is known to serve.
    pub(crate) fn otlp_http_addr(&self) -> SocketAddr {
        self.otlp_http_addr.expect("it serves")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.grpc_addr)
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("pid"))
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("log").clone()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("signal");
    }

    /// As the system does when memory runs out: no chance to clean up.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("reap");
    }

    /// Waits for its end, at most this long. What it logged is in the error.
    pub(crate) fn wait(&mut self, at_most: Duration) -> Result<ExitStatus, String> {
        let deadline = Instant::now() + at_most;
        loop {
            if let Some(status) = self.child.try_wait().expect("wait") {
                return Ok(status);
            }
            if Instant::now() > deadline {
                return Err(format!("still runs after {at_most:?}: {}", self.log()));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for ServerProcess {
    /// In order, so that its Postgres goes with it.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill(self.pid(), Signal::SIGTERM);
            if self.wait(Duration::from_secs(15)).is_err() {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
    }
}
