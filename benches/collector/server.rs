//! The real `livespan serve` as a process of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const START_LIMIT: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    child: Child,
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
}

impl Server {
    /// Returns once it serves.
    pub(crate) fn start(program: &Path, database_url: &str, data_dir: &Path) -> Self {
        let mut child = Command::new(program)
            .arg("serve")
            .args(["--database-url", database_url])
            .arg("--data-dir")
            .arg(data_dir)
            .args(["--grpc-addr", "127.0.0.1:0", "--otlp-http-addr", "127.0.0.1:0"])
            .args(["--http-addr", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let log = BufReader::new(child.stderr.take().unwrap());
        let (found, serving) = mpsc::channel();
        thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let address = |field: &str| -> Option<SocketAddr> {
                    line.split_once(field)?.1.split_whitespace().next()?.parse().ok()
                };
                match (address("grpc_addr="), address("otlp_http_addr=")) {
                    (Some(grpc), Some(http)) => {
                        let _ = found.send((grpc, http));
                    }
                    _ if line.contains("WARN") || line.contains("ERROR") => println!("{line}"),
                    _ => {}
                }
            }
        });
        let (grpc, http) = serving.recv_timeout(START_LIMIT).expect("the server serves");
        Self { child, grpc, http }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Forgets the most memory that it had so far.
    pub(crate) fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").unwrap();
    }

    /// In order: everything that it has accepted is stored.
    pub(crate) fn stop(mut self) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "the server ended with {status}");
    }
}

impl Drop for Server {
    /// Where a figure has failed.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
