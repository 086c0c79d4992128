//! `StreamSpans`: events in, acknowledgements out, in order.
//!
//! Two tasks share a stream. The reader checks events and sends them to their
//! lanes; the acknowledger waits for the receipts in order and says how far
//! everything is committed. A client that doesn't read holds back the
//! acknowledger, and through it the reader, and nobody else.

use std::{collections::BTreeSet, future::Future, pin::Pin};

use futures_util::FutureExt as _;
use prost::Message as _;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{error::ApiError, intake::Ids, span_service::SpanServiceImpl};
use crate::{
    domain::{event::SpanEvent, ids::RunId},
    ingest::{Recorded, Write},
    proto::v1::{self, stream_spans_request::Event},
};

/// How many events of one stream may be on their way to disk.
const MAX_IN_FLIGHT: usize = 4096;

/// How many replies wait for a client that reads slowly.
const MAX_REPLIES: usize = 16;

/// What the client reads.
pub(super) type ReplyStream = ReceiverStream<Result<v1::StreamSpansResponse, Status>>;

/// What will have come of an event. The outer error ends the stream, the inner
/// one rejects the event.
type Verdict = Pin<Box<dyn Future<Output = Result<Result<Heard, ApiError>, Status>> + Send>>;

/// An event that is committed.
struct Heard {
    run_id: RunId,
    recorded: Recorded,
}

struct Pending {
    seq: u64,
    verdict: Verdict,
}

/// Serves a stream until either side ends it, or the server goes away.
pub(super) fn open(
    service: SpanServiceImpl,
    requests: Streaming<v1::StreamSpansRequest>,
    peer: Option<String>,
) -> ReplyStream {
    let (pending, receipts) = mpsc::channel(MAX_IN_FLIGHT);
    let (replies, stream) = mpsc::channel(MAX_REPLIES);
    let reader = tokio::spawn(read(service, requests, peer, pending));
    tokio::spawn(acknowledge(receipts, replies, reader));
    ReceiverStream::new(stream)
}

async fn read(
    service: SpanServiceImpl,
    mut requests: Streaming<v1::StreamSpansRequest>,
    peer: Option<String>,
    pending: mpsc::Sender<Pending>,
) {
    let mut last_seq = 0;
    loop {
        let next = tokio::select! {
            next = requests.message() => next,
            () = service.stop.cancelled() => {
                Err(ApiError::from(crate::ingest::IngestError::ShuttingDown).into())
            }
            // The client is gone, or too far behind to be told anything.
            () = pending.closed() => return,
        };
        let (seq, verdict, over) = match next {
            Ok(Some(request)) => {
                let seq = request.seq;
                let verdict = take(&service, request, peer.clone(), &mut last_seq).await;
                (seq, verdict, false)
            }
            Ok(None) => return,
            // Said after everything before it is acknowledged.
            Err(status) => {
                let status = super::mended_status(status);
                (last_seq, std::future::ready(Err(status)).boxed() as Verdict, true)
            }
        };
        if pending.send(Pending { seq, verdict }).await.is_err() || over {
            return;
        }
    }
}

/// Sends an event on its way.
async fn take(
    service: &SpanServiceImpl,
    request: v1::StreamSpansRequest,
    peer: Option<String>,
    last_seq: &mut u64,
) -> Verdict {
    let bytes = request.encoded_len();
    let event = match check(service, request, peer, last_seq) {
        Ok(event) => event,
        Err(error) => return std::future::ready(Ok(Err(error))).boxed(),
    };
    let run_id = event.key.run_id;
    let permit = service.ingest.admit(bytes).await;
    let receipt = service.ingest.enqueue(vec![Write { event, artifact: None }], permit);
    async move {
        let unacknowledged = |error| Status::from(ApiError::from(error));
        let outcomes = receipt.map_err(unacknowledged)?.outcomes().await.map_err(unacknowledged)?;
        let outcome =
            outcomes.into_iter().next().ok_or_else(|| Status::from(ApiError::Internal))?;
        Ok(outcome.map(|recorded| Heard { run_id, recorded }).map_err(ApiError::from))
    }
    .boxed()
}

fn check(
    service: &SpanServiceImpl,
    request: v1::StreamSpansRequest,
    peer: Option<String>,
    last_seq: &mut u64,
) -> Result<SpanEvent, ApiError> {
    if request.seq <= *last_seq {
        return Err(ApiError::invalid(
            "seq",
            format!(
                "is {}, not greater than the one before, {last_seq}: number events from 1",
                request.seq
            ),
        ));
    }
    *last_seq = request.seq;
    match request.event {
        Some(Event::Start(start)) => service.intake.start(&start, peer, Ids::Given),
        Some(Event::Heartbeat(heartbeat)) => service.intake.heartbeat(&heartbeat),
        Some(Event::End(end)) => service.intake.end(&end),
        None => Err(ApiError::invalid("event", "is missing: set start, heartbeat or end")),
    }
}

/// Replies, each with everything that is dealt with by then.
async fn acknowledge(
    mut receipts: mpsc::Receiver<Pending>,
    replies: mpsc::Sender<Result<v1::StreamSpansResponse, Status>>,
    reader: JoinHandle<()>,
) {
    let mut acked_through = 0;
    let mut next = receipts.recv().await;
    while let Some(first) = next.take() {
        let mut reply = Reply::default();
        let mut failed = reply.take(first.seq, first.verdict.await).err();
        while failed.is_none() {
            let Ok(mut pending) = receipts.try_recv() else { break };
            match (&mut pending.verdict).now_or_never() {
                Some(verdict) => failed = reply.take(pending.seq, verdict).err(),
                None => {
                    next = Some(pending);
                    break;
                }
            }
        }
        acked_through = reply.acked_through.max(acked_through);
        if !reply.is_empty() && replies.send(Ok(reply.into_message(acked_through))).await.is_err() {
            return;
        }
        if let Some(status) = failed {
            // Nobody may be there to read it.
            let _ = replies.send(Err(status)).await;
            return;
        }
        if next.is_none() {
            next = receipts.recv().await;
        }
    }
    // The client must not take the end of a reader that has failed for the end
    // of its stream.
    if let Err(error) = reader.await {
        let status = ApiError::internal(&error).into();
        // Nobody may be there to read it.
        let _ = replies.send(Err(status)).await;
    }
}

#[derive(Default)]
struct Reply {
    acked_through: u64,
    rejected: Vec<v1::RejectedEvent>,
    cancel_requested: BTreeSet<RunId>,
}

impl Reply {
    fn take(
        &mut self,
        seq: u64,
        verdict: Result<Result<Heard, ApiError>, Status>,
    ) -> Result<(), Status> {
        match verdict? {
            Ok(heard) if heard.recorded.cancel_requested => {
                self.cancel_requested.insert(heard.run_id);
            }
            Ok(_) => {}
            Err(error) => self.rejected.push(v1::RejectedEvent {
                seq,
                code: error.code().into(),
                message: error.message(),
            }),
        }
        self.acked_through = self.acked_through.max(seq);
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.acked_through == 0 && self.rejected.is_empty()
    }

    fn into_message(self, acked_through: u64) -> v1::StreamSpansResponse {
        v1::StreamSpansResponse {
            acked_through,
            rejected: self.rejected,
            cancel_requested_run_ids: self.cancel_requested.iter().map(RunId::to_string).collect(),
        }
    }
}
