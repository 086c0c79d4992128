//! A TCP proxy that does to a connection what networks do. It stands before
//! Postgres' unix socket, or before a collector's port.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    time::{Instant, sleep, timeout},
};

/// What happens to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They go through.
    Pass,
    /// They wait, and so does the news that a side is gone. What waits arrives
    /// in the end, also where its sender has long given up.
    Stall,
    /// Connections are closed, and new ones at once.
    Cut,
    /// The same by RST: what is on its way to either side is lost.
    Reset,
    /// What the client sends arrives, what it is answered does not.
    Mute,
    /// One byte at a time, each in a packet of its own.
    Slices,
    /// Each piece is late by as much.
    Late(Duration),
    /// So many more bytes pass in a direction, then the connection is reset.
    CutAfter(Direction, usize),
    /// This direction ends in order; the other goes on.
    Ended(Direction),
    /// They go through, and when the mode changes, all that was sent on a
    /// connection since its beginning is sent once more on another.
    Twice,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// What the client sends.
    Sent,
    /// What it is answered.
    Answered,
}

/// The proxy. Each generation of connections has a mode of its own.
pub(crate) struct Proxy {
    mode: watch::Sender<Mode>,
    next: watch::Sender<watch::Receiver<Mode>>,
    port: u16,
}

/// What the proxy stands before.
#[derive(Debug, Clone)]
enum Upstream {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Proxy {
    /// Before the test Postgres.
    pub(crate) async fn start(database_url: &str) -> Self {
        let folder = database_url.split_once("host=").expect("a unix socket").1;
        let folder = folder.split('&').next().expect("folder").replace("%2F", "/");
        Self::before(Upstream::Unix(PathBuf::from(folder).join(".s.PGSQL.5432"))).await
    }

    /// Before a server's port.
    pub(crate) async fn before_port(server: SocketAddr) -> Self {
        Self::before(Upstream::Tcp(server)).await
    }

    async fn before(upstream: Upstream) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let port = listener.local_addr().expect("address").port();
        let (mode, watched) = watch::channel(Mode::Pass);
        let (next, generation) = watch::channel(watched);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mode = generation.borrow().clone();
                let upstream = upstream.clone();
                tokio::spawn(async move {
                    let _ = client.set_nodelay(true);
                    match &upstream {
                        Upstream::Tcp(address) => {
                            let Ok(server) = TcpStream::connect(address).await else { return };
                            let _ = server.set_nodelay(true);
                            carry(client, server, mode, &upstream).await;
                        }
                        Upstream::Unix(path) => {
                            let Ok(server) = UnixStream::connect(path).await else { return };
                            carry(client, server, mode, &upstream).await;
                        }
                    }
                });
            }
        });
        Self { mode, next, port }
    }

    /// Where the proxy is.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The URL of the same database by way of the proxy.
    pub(crate) fn url_of(&self, database_url: &str) -> String {
        let database = database_url.split('?').next().and_then(|url| url.rsplit('/').next());
        format!("postgres://livespan@127.0.0.1:{}/{}", self.port, database.expect("database"))
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// The connections that there are stay silent until the proxy goes; new
    /// ones pass: a way to the server that was lost without a word.
    pub(crate) fn abandon(&mut self) -> Abandoned {
        self.abandon_in(Mode::Stall)
    }

    /// The connections that there are keep this mode; new ones pass.
    pub(crate) fn abandon_in(&mut self, mode: Mode) -> Abandoned {
        self.set(mode);
        let (mode, watched) = watch::channel(Mode::Pass);
        self.next.send_replace(watched);
        Abandoned(std::mem::replace(&mut self.mode, mode))
    }
}

/// Connections that are left to themselves as long as this lives.
pub(crate) struct Abandoned(watch::Sender<Mode>);

impl Abandoned {
    /// What becomes of them after all.
    pub(crate) fn set(&self, mode: Mode) {
        self.0.send_replace(mode);
    }
}

/// The server's side of a connection.
trait Served: AsyncRead + AsyncWrite + Unpin + Send {
    /// Has its end be a reset.
    fn reset(&self);
}

impl Served for TcpStream {
    fn reset(&self) {
        let _ = self.set_zero_linger();
    }
}

impl Served for UnixStream {
    /// There is no such thing between processes: what was written is read.
    fn reset(&self) {}
}

/// What was sent on a connection, as long as it may be wanted.
type Recording = Arc<Mutex<Vec<u8>>>;

async fn carry<S: Served>(
    mut client: TcpStream,
    mut server: S,
    mode: watch::Receiver<Mode>,
    upstream: &Upstream,
) {
    let recording = (*mode.borrow() == Mode::Twice).then(|| Arc::new(Mutex::new(Vec::<u8>::new())));
    let reset = {
        let (client_reads, client_writes) = client.split();
        let (server_reads, server_writes) = split(&mut server);
        let sent = Pump { direction: Direction::Sent, mode: mode.clone() };
        let answered = Pump { direction: Direction::Answered, mode: mode.clone() };
        let pumps = async {
            let sent = sent.run(client_reads, server_writes, recording.clone());
            let answered = answered.run(server_reads, client_writes, None);
            tokio::pin!(sent, answered);
            // One that ends by itself takes the other along, unless only a
            // direction was to end.
            let (reset, other_goes_on) = tokio::select! {
                end = &mut sent => (end == End::Reset, end == End::Direction),
                end = &mut answered => (end == End::Reset, end == End::Direction),
            };
            if !other_goes_on {
                return reset;
            }
            let mode = *mode.borrow();
            match mode {
                Mode::Ended(Direction::Sent) => answered.await == End::Reset,
                _ => sent.await == End::Reset,
            }
        };
        tokio::select! {
            biased;
            // Where it is the mode already, not a byte passes.
            reset = cut(mode.clone()) => reset,
            reset = pumps => reset,
        }
    };
    if reset {
        let _ = client.set_zero_linger();
        server.reset();
    }
    drop((client, server));
    if let Some(recording) = recording {
        let said = std::mem::take(&mut *recording.lock().expect("recording"));
        repeat(upstream, &said).await;
    }
}

/// Sends what was sent before, and reads the answers to nobody.
async fn repeat(upstream: &Upstream, said: &[u8]) {
    match upstream {
        Upstream::Tcp(address) => {
            if let Ok(server) = TcpStream::connect(address).await {
                say(server, said).await;
            }
        }
        Upstream::Unix(path) => {
            if let Ok(server) = UnixStream::connect(path).await {
                say(server, said).await;
            }
        }
    }
}

async fn say(server: impl AsyncRead + AsyncWrite + Unpin, said: &[u8]) {
    let (mut answers, mut to) = split(server);
    let mut nowhere = tokio::io::sink();
    let talk =
        async { tokio::join!(tokio::io::copy(&mut answers, &mut nowhere), to.write_all(said)) };
    // The server may wait for more, which never comes.
    let _ = timeout(Duration::from_secs(2), talk).await;
}

/// Resolves when the connection is to end, and whether by reset.
async fn cut(mut mode: watch::Receiver<Mode>) -> bool {
    let was_twice = *mode.borrow() == Mode::Twice;
    let ended = mode
        .wait_for(|mode| {
            matches!(mode, Mode::Cut | Mode::Reset) || (was_twice && *mode != Mode::Twice)
        })
        .await;
    // Otherwise the test is over.
    ended.is_ok_and(|mode| *mode == Mode::Reset)
}

/// How the bytes of a direction came to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// A side closed it.
    Closed,
    /// It is to be reset.
    Reset,
    /// Only this direction is over.
    Direction,
}

/// Carries the bytes of a direction.
struct Pump {
    direction: Direction,
    mode: watch::Receiver<Mode>,
}

impl Pump {
    async fn run(
        mut self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        recording: Option<Recording>,
    ) -> End {
        let mut buffer = vec![0; 64 * 1024];
        // How many bytes have passed since they are counted.
        let mut counted = 0;
        loop {
            let ended = Mode::Ended(self.direction);
            let read = tokio::select! {
                read = from.read(&mut buffer) => Some(read),
                Ok(_) = self.mode.wait_for(|mode| *mode == ended) => None,
            };
            let Some(read) = read else {
                let _ = to.shutdown().await;
                return End::Direction;
            };
            let Ok(mode) = self.mode.wait_for(|mode| *mode != Mode::Stall).await.map(|mode| *mode)
            else {
                return End::Closed;
            };
            let Ok(read) = read else { return End::Closed };
            if read == 0 {
                return End::Closed;
            }
            let piece = &buffer[..read];
            if let Some(recording) = &recording {
                recording.lock().expect("recording").extend_from_slice(piece);
            }
            let written = match mode {
                Mode::Mute if self.direction == Direction::Answered => Ok(()),
                Mode::Slices => self.slice(piece, &mut to).await,
                Mode::Late(by) => {
                    sleep(by).await;
                    to.write_all(piece).await
                }
                Mode::CutAfter(direction, bytes) if direction == self.direction => {
                    let left = bytes.saturating_sub(counted);
                    counted += read;
                    let written = to.write_all(&piece[..left.min(read)]).await;
                    if read >= left {
                        let _ = to.flush().await;
                        return End::Reset;
                    }
                    written
                }
                _ => to.write_all(piece).await,
            };
            if written.is_err() {
                return End::Closed;
            }
        }
    }

    /// A byte at a time, for as long as that is the mode.
    async fn slice(&self, piece: &[u8], to: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
        let until = Instant::now() + Duration::from_secs(1);
        for (number, byte) in piece.iter().enumerate() {
            if *self.mode.borrow() != Mode::Slices || Instant::now() > until {
                return to.write_all(&piece[number..]).await;
            }
            to.write_all(&[*byte]).await?;
            to.flush().await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}
