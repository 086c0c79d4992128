//! Where a fault is played: a server process with a private Postgres or one by
//! URL, a fleet of clients, and a record of how long service was away.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    fleet::{Fleet, Target},
    proxy::{Abandoned, Mode, Proxy},
    random::Random,
    server_process::{Home, ServerProcess},
    support::eventually,
};

/// How soon after its cause is gone a fault is over, where the machine does
/// nothing else.
const LIMIT: Duration = Duration::from_secs(2);

/// How much longer that may take where other tests run at the same time: what is
/// to be noticed there is a wait of a timeout's length, such as 15 s.
const AMONG_OTHERS: u32 = 5;

/// What service managers give at least.
pub(crate) const EXIT_LIMIT: Duration = Duration::from_secs(10);

/// What is asked for: a share of the nightly volume, or nothing in each run of the
/// tests.
fn asked() -> Option<String> {
    std::env::var("LIVESPAN_FAULTS").ok()
}

fn is_each_run() -> bool {
    asked().is_none()
}

/// How many faults there are to be: in each run of the tests, in a nightly one,
/// and in one of a share of that.
pub(crate) fn volume(each_run: u32, nightly: u32) -> u32 {
    let Some(asked) = asked() else { return each_run };
    let percent = match asked.as_str() {
        "nightly" => Some(100),
        share => share.strip_suffix('%').and_then(|percent| percent.parse::<u32>().ok()),
    };
    let Some(percent) = percent else {
        panic!("LIVESPAN_FAULTS={asked}: leave it out, or say nightly or a share of it such as 10%")
    };
    (nightly * percent / 100).max(each_run)
}

/// One fault at a time: others would be blamed for how long it takes.
static TURN: Mutex<()> = Mutex::new(());

/// A cluster that nobody runs.
static TEMPLATE: Mutex<Option<PathBuf>> = Mutex::new(None);

/// With owners and modes.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp");
    assert!(copied.success(), "cp {}", from.display());
}

/// A server, and what it stands on.
pub(crate) struct Stage {
    /// Before its home, which is the order in which they go.
    server: Option<ServerProcess>,
    pub(crate) home: Arc<Home>,
    pub(crate) at: Target,
    /// Where the test itself finds the database.
    pub(crate) database_url: String,
    variables: Vec<(String, String)>,
    _turn: std::sync::MutexGuard<'static, ()>,
}

impl Stage {
    /// With a private Postgres.
    pub(crate) async fn open(variables: &[(&str, &str)]) -> Self {
        Self::open_in(Home::new(), None, variables).await
    }

    /// Copies the cluster of the first stage, since making one takes seconds.
    fn furnish(&mut self) {
        let cluster = self.home.path().join("postgres");
        let mut template = TEMPLATE.lock().expect("template");
        if let Some(template) = &*template {
            copy(template, &cluster);
            return;
        }
        self.start(&[]);
        assert!(self.terminate().1, "the first server ends in order: {}", self.log());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cluster");
        // Of an earlier run, where it is there.
        let _ = fs::remove_dir_all(&folder);
        copy(&cluster, &folder);
        *template = Some(folder);
    }

    /// With the database of this URL, which the server finds at another.
    pub(crate) async fn open_at(
        database_url: String,
        url_for_server: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut variables = variables.to_vec();
        variables.push(("LIVESPAN_DATABASE_URL", url_for_server));
        Self::open_in(Home::new(), Some(database_url), &variables).await
    }

    pub(crate) async fn open_in(
        home: Home,
        database_url: Option<String>,
        variables: &[(&str, &str)],
    ) -> Self {
        // What another test broke is of no concern here.
        let turn =
            tokio::task::block_in_place(|| TURN.lock().unwrap_or_else(PoisonError::into_inner));
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let private = database_url.is_none();
        let mut stage = Self {
            database_url: database_url.unwrap_or_else(|| home.database_url()),
            home: Arc::new(home),
            at: Target { grpc: free_port(), otlp_http: free_port() },
            variables: variables.iter().map(own).collect(),
            server: None,
            _turn: turn,
        };
        if private {
            tokio::task::block_in_place(|| stage.furnish());
        }
        stage.start(&[]);
        stage
    }

    /// Starts the server on what the last one left, and waits until it serves.
    pub(crate) fn start(&mut self, more: &[(&str, &str)]) {
        let otlp_http = self.at.otlp_http.to_string();
        let mut variables: Vec<(&str, &str)> =
            self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        variables.push(("LIVESPAN_OTLP_HTTP_ADDR", &otlp_http));
        variables.extend(more);
        let server = tokio::task::block_in_place(|| {
            ServerProcess::spawn_with(&self.home, self.at.grpc, &variables).until_it_serves()
        });
        self.server = Some(server.expect("the server starts on what is there"));
    }

    pub(crate) fn server(&mut self) -> &mut ServerProcess {
        self.server.as_mut().expect("a server")
    }

    pub(crate) fn log(&self) -> String {
        self.server.as_ref().map(ServerProcess::log).unwrap_or_default()
    }

    /// Waits until the server has logged this once more than `before`.
    pub(crate) async fn says(&self, what: &str, before: usize) {
        eventually(what, || async { self.log().matches(what).count() > before }).await;
    }

    /// Waits for the end of the server by SIGKILL, whoever sent it.
    pub(crate) fn is_killed(&mut self) {
        let server = self.server();
        let status = tokio::task::block_in_place(|| server.wait(Duration::from_secs(60)));
        let status = status.expect("it is killed");
        assert_eq!(status.signal(), Some(Signal::SIGKILL as i32), "{status}: {}", server.log());
    }

    /// Ends the server by SIGTERM, in time. Returns how long that took, and
    /// whether it ended in order.
    pub(crate) fn terminate(&mut self) -> (Duration, bool) {
        let asked = Instant::now();
        let server = self.server();
        server.signal(Signal::SIGTERM);
        let status = tokio::task::block_in_place(|| server.wait(EXIT_LIMIT));
        (asked.elapsed(), status.expect("it ends in time").success())
    }

    /// Clients of this server.
    pub(crate) fn fleet(&self, clients: usize, random: &mut Random) -> Fleet {
        self.fleet_at(self.at, self.at, clients, random)
    }

    /// Clients that find it elsewhere, and what looks for service elsewhere too.
    pub(crate) fn fleet_at(
        &self,
        at: Target,
        probed: Target,
        clients: usize,
        random: &mut Random,
    ) -> Fleet {
        Fleet::start(at, probed, clients, Some(self.home.path().join("artifacts")), random)
    }
}

impl Drop for Stage {
    /// What the server says of a test that fails.
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(server) = &self.server
        {
            println!("the server's log:\n{}", server.log());
        }
    }
}

/// A way for clients to the server that a test can close and spoil.
pub(crate) struct Road {
    pub(crate) grpc: Proxy,
    pub(crate) otlp_http: Proxy,
}

impl Road {
    pub(crate) async fn to(stage: &Stage) -> Self {
        Self {
            grpc: Proxy::before_port(stage.at.grpc).await,
            otlp_http: Proxy::before_port(stage.at.otlp_http).await,
        }
    }

    pub(crate) fn at(&self) -> Target {
        Target { grpc: self.grpc.address(), otlp_http: self.otlp_http.address() }
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.grpc.set(mode);
        self.otlp_http.set(mode);
    }

    /// The connections that there are keep this mode; new ones pass.
    pub(crate) fn abandon_in(&mut self, mode: Mode) -> [Abandoned; 2] {
        [self.grpc.abandon_in(mode), self.otlp_http.abandon_in(mode)]
    }
}

/// One that no outgoing connection of this machine is given: a server that is
/// started again finds it free.
fn free_port() -> SocketAddr {
    static NEXT: Mutex<u16> = Mutex::new(0);
    let mut next = NEXT.lock().expect("port");
    loop {
        *next += 1;
        let port =
            20_000 + (u16::try_from(std::process::id() % 10_000).expect("small") + *next) % 12_000;
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener.local_addr().expect("address");
        }
    }
}

fn limit() -> Duration {
    if is_each_run() { LIMIT * AMONG_OTHERS } else { LIMIT }
}

/// How long service was away.
pub(crate) struct Record {
    what: &'static str,
    faults: u32,
    longest: Duration,
}

impl Record {
    pub(crate) fn of(what: &'static str) -> Self {
        Self { what, faults: 0, longest: Duration::ZERO }
    }

    /// Waits until service is back, and holds it to the limit.
    pub(crate) async fn back_in_service(
        &mut self,
        fleet: &mut Fleet,
        gone_at: Instant,
        fault: &str,
    ) {
        let took = fleet.in_service(gone_at).await;
        println!("{}: {fault}: back in service after {took:?}", self.what);
        assert!(took < limit(), "{fault}: {took:?}");
        self.took(took);
    }

    /// A fault that is over.
    pub(crate) fn took(&mut self, took: Duration) {
        self.faults += 1;
        self.longest = self.longest.max(took);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        println!("faults: {}: {}, longest {:?}", self.what, self.faults, self.longest);
    }
}
