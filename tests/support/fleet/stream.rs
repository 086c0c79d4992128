//! A client that streams spans and sends again, after every break, what was not
//! acknowledged.

use std::{collections::VecDeque, time::Duration};

use livespan_server::proto::v1::{
    span_service_client::SpanServiceClient, stream_spans_request::Event,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

use super::{
    Start, assert_excusable,
    content::{end_of, start_of},
    ledger::Fact,
};
use crate::requests::{Key, end, heartbeat, numbered, start};

/// How many events a client has under way.
const WINDOW: usize = 32;

struct Told {
    seq: u64,
    event: Event,
    key: Key,
    number: u64,
    fact: Fact,
}

pub(super) struct Client {
    with: Start,
    /// Whether it forgets what was under way when its stream breaks, as one
    /// does that is killed itself.
    forgetful: bool,
    unacked: VecDeque<Told>,
    planned: VecDeque<Told>,
    next_seq: u64,
    next_number: u64,
    run_id: Uuid,
}

impl Client {
    pub(super) fn new(mut with: Start, forgetful: bool) -> Self {
        let run_id = with.random.uuid();
        Self {
            with,
            forgetful,
            unacked: VecDeque::new(),
            planned: VecDeque::new(),
            next_seq: 1,
            next_number: 1,
            run_id,
        }
    }

    /// Streams until told to stop and everything is acknowledged. Panics where
    /// the server rejects what is right, or breaks a stream for no reason.
    pub(super) async fn run(mut self) {
        while !(*self.with.stop.borrow() && self.unacked.is_empty() && self.planned.is_empty()) {
            if self.session().await.is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if self.forgetful {
                self.unacked.clear();
                self.planned.clear();
            }
        }
    }

    /// One connection, to its end. None where there was none.
    async fn session(&mut self) -> Option<()> {
        let channel = self.with.target.endpoint().connect().await.ok()?;
        let (events, outgoing) = mpsc::channel(1);
        let mut events = Some(events);
        let mut spans = SpanServiceClient::new(channel);
        let opened = spans.stream_spans(ReceiverStream::new(outgoing)).await;
        let mut replies = match opened {
            Ok(response) => response.into_inner(),
            Err(status) => {
                assert_excusable(&status);
                return None;
            }
        };
        let mut sent = 0;
        let mut stop = self.with.stop.clone();
        loop {
            self.plan(*stop.borrow());
            let more = sent < self.unacked.len();
            if !more && *stop.borrow() && self.planned.is_empty() {
                // Says that nothing more comes.
                events = None;
            }
            tokio::select! {
                permit = async { events.as_ref().expect("open").reserve().await }, if more => {
                    let Ok(permit) = permit else { return Some(()) };
                    let told = &self.unacked[sent];
                    permit.send(numbered(told.seq, told.event.clone()));
                    sent += 1;
                }
                reply = replies.message() => match reply {
                    Ok(Some(reply)) => {
                        assert!(reply.rejected.is_empty(), "{:?}", reply.rejected);
                        sent -= self.settle(reply.acked_through);
                    }
                    Ok(None) => return Some(()),
                    Err(status) => {
                        assert_excusable(&status);
                        return Some(());
                    }
                },
                _ = stop.changed(), if !*self.with.stop.borrow() => {}
            }
        }
    }

    /// Takes further events under way as there is room.
    fn plan(&mut self, stopping: bool) {
        while self.unacked.len() < WINDOW {
            if self.planned.is_empty() && !stopping {
                self.invent();
            }
            let Some(mut told) = self.planned.pop_front() else { return };
            self.with.ledger.sends(&told.key, told.number, told.fact);
            told.seq = self.next_seq;
            self.next_seq += 1;
            self.unacked.push_back(told);
        }
    }

    /// A span: its start, up to three heartbeats, mostly its end.
    fn invent(&mut self) {
        let random = &mut self.with.random;
        if random.once_in(8) {
            self.run_id = random.uuid();
        }
        let key = Key::of(self.run_id, random.uuid());
        let number = self.next_number;
        self.next_number += 1;
        let mut events = vec![(start(start_of(&key, number)), Fact::Start)];
        for beat in 1..=random.below(4) {
            #[allow(clippy::cast_precision_loss)] // at most 3
            let progress = beat as f64;
            events.push((heartbeat(key.progress(progress)), Fact::Progress(progress)));
        }
        if !random.once_in(10) {
            events.push((end(end_of(&key, number)), Fact::End));
        }
        let told = |(event, fact)| Told { seq: 0, event, key: key.clone(), number, fact };
        self.planned.extend(events.into_iter().map(told));
    }

    /// Enters what is acknowledged. Returns how many events that was.
    fn settle(&mut self, acked_through: u64) -> usize {
        let settled = self.unacked.iter().take_while(|told| told.seq <= acked_through).count();
        let acked = self.unacked.iter().take(settled);
        self.with.ledger.enter(acked.map(|told| (&told.key, told.number, told.fact)));
        self.unacked.drain(..settled);
        settled
    }
}
