//! Many clients of all kinds at once, each with a ledger of what it was told is
//! stored; and the comparison of their ledgers with what is stored.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod audit;
pub(crate) mod content;
pub(crate) mod export;
pub(crate) mod ledger;
mod stream;
mod unary;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use audit::Audit;
use export::Exporter;
use ledger::{Book, Ledger};
use tokio::{sync::watch, task::JoinHandle};
use tonic::{Code, transport::Endpoint};

use crate::{random::Random, support::eventually};

/// Where clients find the collector.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) grpc: SocketAddr,
    pub(crate) otlp_http: SocketAddr,
}

impl Target {
    /// As clients that notice in time when nobody is there any more.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::from_shared(format!("http://{}", self.grpc))
            .expect("url")
            .connect_timeout(Duration::from_secs(2))
            .http2_keep_alive_interval(Duration::from_millis(500))
            .keep_alive_timeout(Duration::from_secs(1))
            .keep_alive_while_idle(true)
    }
}

/// Clients that go on until they are told to stop.
pub(crate) struct Fleet {
    pub(crate) book: Arc<Book>,
    audit: Audit,
    probe: Exporter,
    stop: watch::Sender<bool>,
    clients: Vec<Member>,
}

struct Member {
    task: JoinHandle<()>,
    /// How many facts it was told are stored.
    acked: Arc<AtomicU64>,
}

/// What a client is made from.
struct Start {
    target: Target,
    random: Random,
    ledger: Ledger,
    /// Becomes true when nothing new is to be sent.
    stop: watch::Receiver<bool>,
}

impl Fleet {
    /// Clients of `target`; a new one, to see whether there is service, goes to
    /// `probed`. `artifacts` is the folder of the collector's own store.
    pub(crate) fn start(
        target: Target,
        probed: Target,
        clients: usize,
        artifacts: Option<PathBuf>,
        random: &mut Random,
    ) -> Self {
        let book = Book::new();
        let (stop, stopped) = watch::channel(false);
        let clients = (0..clients)
            .map(|number| {
                let ledger = book.ledger();
                let acked = Arc::clone(&ledger.acked);
                let start = Start { target, random: random.fork(), ledger, stop: stopped.clone() };
                let task = match number % 5 {
                    0 => tokio::spawn(stream::Client::new(start, false).run()),
                    1 => tokio::spawn(unary::Client::new(start).run()),
                    2 => tokio::spawn(Exporter::new(start, export::Way::Grpc).run()),
                    3 => tokio::spawn(Exporter::new(start, export::Way::Http).run()),
                    _ => tokio::spawn(stream::Client::new(start, true).run()),
                };
                Member { task, acked }
            })
            .collect();
        let probe =
            Start { target: probed, random: random.fork(), ledger: book.ledger(), stop: stopped };
        Self {
            audit: Audit::new(&book, artifacts),
            probe: Exporter::new(probe, export::Way::Grpc),
            book,
            stop,
            clients,
        }
    }

    /// Waits until `more` further facts are acknowledged.
    pub(crate) async fn moves(&self, more: u64) {
        let goal = self.book.acked() + more;
        eventually("clients make progress", || async {
            self.assert_content();
            self.book.acked() >= goal
        })
        .await;
    }

    /// Waits until each client has been acknowledged something more.
    pub(crate) async fn all_move(&self) {
        let acked = |member: &Member| member.acked.load(Ordering::SeqCst);
        let before: Vec<u64> = self.clients.iter().map(acked).collect();
        eventually("each client makes progress", || async {
            self.assert_content();
            self.clients.iter().zip(&before).all(|(member, before)| acked(member) > *before)
        })
        .await;
    }

    fn assert_content(&self) {
        let failed = self.clients.iter().any(|member| member.task.is_finished());
        assert!(!failed, "a client gave up");
    }

    /// How long after `since` a new client finds every lane in service.
    pub(crate) async fn in_service(&mut self, since: Instant) -> Duration {
        loop {
            if self.probe.probes().await {
                return since.elapsed();
            }
            assert!(since.elapsed() < Duration::from_secs(60), "never back in service");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Compares what clients know by now with what is stored, while they go on.
    pub(crate) async fn check(&mut self, database_url: &str) {
        self.assert_content();
        self.audit.check(database_url).await;
    }

    /// Lets every client finish, and compares what they know with what is
    /// stored.
    pub(crate) async fn settle(mut self, database_url: &str) {
        self.stop.send_replace(true);
        for (number, client) in self.clients.into_iter().enumerate() {
            let ended = tokio::time::timeout(Duration::from_secs(60), client.task).await;
            let Ok(ended) = ended else {
                let acked = client.acked.load(Ordering::SeqCst);
                panic!("client {number} does not finish, with {acked} facts acknowledged");
            };
            ended.expect("the client is content");
        }
        let spans = self.audit.check(database_url).await;
        println!("{} facts acknowledged, {spans} spans", self.book.acked());
    }
}

/// Breaks are part of these tests; anything but a break is a bug.
pub(crate) fn assert_excusable(status: &tonic::Status) {
    let broken = matches!(status.code(), Code::Unavailable)
        || (matches!(status.code(), Code::Unknown | Code::Cancelled | Code::Internal)
            && std::error::Error::source(status).is_some());
    assert!(broken, "{status:?}");
}
