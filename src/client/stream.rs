//! Spans sent over one `StreamSpans` connection: whatever is not acknowledged
//! is sent again over the next one.

use std::{collections::VecDeque, time::Duration};

use futures_util::FutureExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::{AskError, Collector};
use crate::proto::v1::{
    RejectedEvent, StreamSpansRequest, StreamSpansResponse, stream_spans_request::Event,
};

/// How many events may be under way. A stream that isn't acknowledged makes its
/// senders wait, rather than its process grow.
const IN_FLIGHT_EVENTS: usize = 4096;

/// How often a broken stream is opened again before the sender is told.
const MAX_RECONNECTS: u32 = 5;

/// The pause before the first of these; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// A stream of span events. Clones share it; it ends when the last one has
/// been closed or dropped.
#[derive(Debug, Clone)]
pub struct SpanStream {
    events: mpsc::Sender<Event>,
}

/// What has become of a stream's events.
#[derive(Debug, Default)]
pub struct StreamOutcome {
    /// How many events were acknowledged as committed.
    pub committed: u64,
    /// Those that never will be.
    pub rejected: Vec<RejectedEvent>,
}

impl SpanStream {
    /// Opens a stream to `collector`. The receiver tells how it ended, once
    /// every event is acknowledged after the last sender is gone.
    #[must_use]
    pub fn open(
        collector: &Collector,
    ) -> (Self, oneshot::Receiver<Result<StreamOutcome, AskError>>) {
        let (events, queue) = mpsc::channel(256);
        let (told, outcome) = oneshot::channel();
        let courier = Courier {
            collector: collector.clone(),
            queue,
            queue_open: true,
            last_seq: 0,
            unacked: VecDeque::new(),
            outcome: StreamOutcome::default(),
        };
        tokio::spawn(async move {
            // A receiver that is gone doesn't want to know.
            let _ = told.send(courier.deliver().await);
        });
        (Self { events }, outcome)
    }

    /// Sends an event, once there is room for it. Returns whether the stream
    /// still takes any; where not, the outcome says why.
    pub async fn send(&self, event: Event) -> bool {
        self.events.send(event).await.is_ok()
    }

    /// Whether it takes no more events.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.events.is_closed()
    }
}

/// Owns the connection and what was not acknowledged yet.
struct Courier {
    collector: Collector,
    queue: mpsc::Receiver<Event>,
    queue_open: bool,
    last_seq: u64,
    unacked: VecDeque<StreamSpansRequest>,
    outcome: StreamOutcome,
}

/// How one connection ended.
enum Ending {
    /// All was said and acknowledged.
    Done,
    /// It broke; whether anything was acknowledged over it.
    Broken(Status, bool),
}

impl Courier {
    async fn deliver(mut self) -> Result<StreamOutcome, AskError> {
        let mut tries = 0;
        loop {
            match self.over_one_connection().await {
                Ending::Done => return Ok(self.outcome),
                Ending::Broken(status, progressed) => {
                    if progressed {
                        tries = 0;
                    }
                    tries += 1;
                    let passes = matches!(
                        status.code(),
                        Code::Unavailable
                            | Code::Unknown
                            | Code::Internal
                            | Code::Cancelled
                            | Code::DeadlineExceeded
                    );
                    if !passes || tries > MAX_RECONNECTS {
                        return Err(AskError::from_status(self.collector.url(), &status));
                    }
                    tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(tries - 1)).await;
                }
            }
        }
    }

    async fn over_one_connection(&mut self) -> Ending {
        let (requests, body) = mpsc::channel(64);
        let mut requests = Some(requests);
        let mut client = self.collector.spans();
        let opening = client.stream_spans(ReceiverStream::new(body));
        // The server may answer the call only once it has read an event, so
        // events are sent while the answer is awaited.
        let mut opening = Box::pin(opening.fuse());
        let mut replies = None;
        let mut outgoing: VecDeque<StreamSpansRequest> = self.unacked.clone();
        let mut progressed = false;
        loop {
            let has_room = self.unacked.len() < IN_FLIGHT_EVENTS;
            if !self.queue_open && outgoing.is_empty() {
                // Half-closed: the server acknowledges what is left, and ends.
                requests = None;
                if self.unacked.is_empty() && replies.is_none() && self.last_seq == 0 {
                    return Ending::Done;
                }
            }
            tokio::select! {
                opened = &mut opening, if replies.is_none() => match opened {
                    Ok(response) => replies = Some(response.into_inner()),
                    Err(status) => return Ending::Broken(status, progressed),
                },
                reply = next_reply(&mut replies), if replies.is_some() => match reply {
                    Ok(Some(reply)) => {
                        progressed = true;
                        self.take_reply(reply);
                    }
                    Ok(None) if self.unacked.is_empty() && !self.queue_open => return Ending::Done,
                    Ok(None) => {
                        let status = Status::unavailable("the stream ended early");
                        return Ending::Broken(status, progressed);
                    }
                    Err(_) if self.unacked.is_empty() && !self.queue_open => return Ending::Done,
                    Err(status) => return Ending::Broken(status, progressed),
                },
                // A server that takes everything and says nothing.
                () = tokio::time::sleep(self.collector.timeout()), if !self.unacked.is_empty() => {
                    let status = Status::deadline_exceeded("nothing was acknowledged");
                    return Ending::Broken(status, progressed);
                }
                permit = reserve(requests.as_ref()), if !outgoing.is_empty() => {
                    if let (Some(permit), Some(request)) = (permit, outgoing.pop_front()) {
                        permit.send(request);
                    }
                }
                event = self.queue.recv(), if self.queue_open && outgoing.is_empty() && has_room => {
                    match event {
                        None => self.queue_open = false,
                        Some(event) => {
                            self.last_seq += 1;
                            let request = StreamSpansRequest { seq: self.last_seq, event: Some(event) };
                            self.unacked.push_back(request.clone());
                            outgoing.push_back(request);
                        }
                    }
                }
            }
        }
    }

    fn take_reply(&mut self, reply: StreamSpansResponse) {
        let before = self.unacked.len();
        while self.unacked.front().is_some_and(|request| request.seq <= reply.acked_through) {
            self.unacked.pop_front();
        }
        let acked = (before - self.unacked.len()) as u64;
        let rejected = reply.rejected.len() as u64;
        self.outcome.committed += acked.saturating_sub(rejected);
        self.outcome.rejected.extend(reply.rejected);
    }
}

async fn next_reply(
    replies: &mut Option<tonic::Streaming<StreamSpansResponse>>,
) -> Result<Option<StreamSpansResponse>, Status> {
    match replies {
        Some(replies) => replies.message().await,
        None => std::future::pending().await,
    }
}

/// Room for one request; `None` once the connection takes no more, which its
/// reply stream explains.
async fn reserve(
    requests: Option<&mpsc::Sender<StreamSpansRequest>>,
) -> Option<mpsc::Permit<'_, StreamSpansRequest>> {
    match requests {
        Some(requests) => match requests.reserve().await {
            Ok(permit) => Some(permit),
            // Busy-waiting for the reply stream to say why would burn a core.
            Err(_) => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}
