//! A TCP proxy before Postgres' unix socket, to take the database away from a
//! collector: cut off, or silent.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::PathBuf;

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, UnixStream},
    sync::watch,
};

/// What happens to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They go through.
    Pass,
    /// They wait, and so does the news that a side is gone.
    Stall,
    /// Connections are closed, and new ones at once.
    Cut,
}

/// The proxy. Each generation of connections has a mode of its own.
pub(crate) struct Proxy {
    mode: watch::Sender<Mode>,
    next: watch::Sender<watch::Receiver<Mode>>,
    port: u16,
}

impl Proxy {
    /// Before the test Postgres.
    pub(crate) async fn start(database_url: &str) -> Self {
        let folder = database_url.split_once("host=").expect("a unix socket").1;
        let folder = folder.split('&').next().expect("folder").replace("%2F", "/");
        let socket = PathBuf::from(folder).join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let port = listener.local_addr().expect("address").port();
        let (mode, watched) = watch::channel(Mode::Pass);
        let (next, generation) = watch::channel(watched);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mode = generation.borrow().clone();
                let socket = socket.clone();
                tokio::spawn(async move {
                    let _ = client.set_nodelay(true);
                    let Ok(server) = UnixStream::connect(socket).await else { return };
                    let (client_reads, client_writes) = client.into_split();
                    let (server_reads, server_writes) = server.into_split();
                    tokio::select! {
                        () = pump(client_reads, server_writes, mode.clone()) => {}
                        () = pump(server_reads, client_writes, mode.clone()) => {}
                        () = cut(mode) => {}
                    }
                });
            }
        });
        Self { mode, next, port }
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
    /// ones pass: a way to the database that was lost without a word.
    pub(crate) fn abandon(&mut self) -> Abandoned {
        self.set(Mode::Stall);
        let (mode, watched) = watch::channel(Mode::Pass);
        self.next.send_replace(watched);
        Abandoned(std::mem::replace(&mut self.mode, mode))
    }
}

/// Connections that are silent as long as this lives.
pub(crate) struct Abandoned(#[allow(dead_code)] watch::Sender<Mode>);

async fn cut(mut mode: watch::Receiver<Mode>) {
    if mode.wait_for(|mode| *mode == Mode::Cut).await.is_err() {
        // The test is over.
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut mode: watch::Receiver<Mode>,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await;
        if mode.wait_for(|mode| *mode != Mode::Stall).await.is_err() {
            return;
        }
        let Ok(read) = read else { return };
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
