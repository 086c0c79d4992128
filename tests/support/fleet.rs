//! Many clients with ledgers, streaming at once.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::PgPool;
use tokio::{sync::watch, task::JoinHandle};

use super::{
    ledger::{self, Client, Ledger},
    random::Random,
    support::eventually,
};

/// Clients that stream until they are told to stop.
pub(crate) struct Fleet {
    acked: Arc<AtomicU64>,
    stop: watch::Sender<bool>,
    clients: Vec<JoinHandle<Ledger>>,
}

impl Fleet {
    pub(crate) fn start(url: &str, clients: usize, random: &mut Random) -> Self {
        let acked = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = watch::channel(false);
        let clients = (0..clients)
            .map(|number| {
                let forgetful = number % 4 == 0;
                let (acked, stopped) = (Arc::clone(&acked), stopped.clone());
                let client = Client::new(url.to_owned(), random.fork(), forgetful, acked, stopped);
                tokio::spawn(client.run())
            })
            .collect();
        Self { acked, stop, clients }
    }

    /// Waits until `more` further events are acknowledged.
    pub(crate) async fn moves(&self, more: u64) {
        let goal = self.acked.load(Ordering::SeqCst) + more;
        eventually("clients make progress", || async {
            let failed = self.clients.iter().any(JoinHandle::is_finished);
            assert!(!failed, "a client gave up");
            self.acked.load(Ordering::SeqCst) >= goal
        })
        .await;
    }

    /// Lets every client finish, and compares what they know with what is
    /// stored. `others` are the ledgers of further writers.
    pub(crate) async fn settle(self, pool: &PgPool, others: Vec<Ledger>) {
        self.stop.send_replace(true);
        let mut ledgers = others;
        for client in self.clients {
            let ledger = tokio::time::timeout(Duration::from_secs(60), client).await;
            ledgers.push(ledger.expect("the client finishes").expect("the client is content"));
        }
        let spans = ledger::compare(pool, ledgers).await;
        println!("{} events acknowledged, {spans} spans", self.acked.load(Ordering::SeqCst));
    }
}
