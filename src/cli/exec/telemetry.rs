//! What the collector is told, beside the command and never in its way: a task
//! of its own that tries again until it is heard, or until time is up.

use std::{future::Future, time::Duration};

use futures_util::future::{Either, join, select};
use tokio::{sync::oneshot, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Response, Status};

use crate::{
    client::{AskError, Collector, CollectorUrl, is_unreachable},
    domain::ids::SpanKey,
    proto::v1::{
        EndSpanRequest, HeartbeatRequest, HeartbeatResponse, StartSpanRequest, StoreArtifactRequest,
    },
};

/// How long a call may take while the command runs. Nothing waits for it.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Pauses between tries while the command runs: from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Pauses between tries once it has ended, when every moment counts.
const FINAL_PAUSE: Duration = Duration::from_millis(50);

/// How long a collector that was silent for as long as the command ran may still
/// take: enough for one that has come back just now, and little to wait for.
const GRACE: Duration = Duration::from_millis(250);

/// The last things to say.
#[derive(Debug)]
pub(super) struct Finish {
    /// The step's end.
    pub(super) end: EndSpanRequest,
    /// Its log.
    pub(super) log: Option<StoreArtifactRequest>,
    /// How long all that is left may take.
    pub(super) within: Duration,
}

/// What has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Delivery {
    /// The collector has everything.
    Complete,
    /// It has the step, without its log.
    LogMissing(String),
    /// It doesn't have the step's start or end.
    StepMissing(String),
}

/// The span's way to the collector.
pub(super) struct Telemetry {
    finish: oneshot::Sender<Finish>,
    courier: JoinHandle<Delivery>,
    cancelled: CancellationToken,
}

impl Telemetry {
    /// Tells the collector about the step from now on.
    pub(super) fn begin(
        url: CollectorUrl,
        key: SpanKey,
        start: StartSpanRequest,
        heartbeat: Duration,
    ) -> Self {
        let (finish, finished) = oneshot::channel();
        let cancelled = CancellationToken::new();
        let courier = Courier {
            cancelled: cancelled.clone(),
            collector: Collector::lazy(url, CALL_TIMEOUT),
            key,
            start,
            begun_at: Instant::now(),
            is_started: false,
            is_heard: false,
            heartbeat,
            failed_tries: 0,
        };
        Self { finish, courier: tokio::spawn(courier.run(finished)), cancelled }
    }

    /// Resolves when the collector says that somebody wants the run cancelled.
    pub(super) fn cancelled(&self) -> impl Future<Output = ()> + use<> {
        self.cancelled.clone().cancelled_owned()
    }

    /// Says the last things. Returns once they are said, or time is up.
    pub(super) async fn finish(self, finish: Finish) -> Delivery {
        if self.finish.send(finish).is_err() {
            return Delivery::StepMissing("it stopped early".to_owned());
        }
        match self.courier.await {
            Ok(delivery) => delivery,
            Err(error) => Delivery::StepMissing(error.to_string()),
        }
    }
}

struct Courier {
    collector: Collector,
    key: SpanKey,
    start: StartSpanRequest,
    /// Set when the run is to be cancelled.
    cancelled: CancellationToken,
    begun_at: Instant,
    /// Whether the collector has the start.
    is_started: bool,
    /// Whether the collector has ever answered.
    is_heard: bool,
    heartbeat: Duration,
    /// How many tries in a row have failed.
    failed_tries: u32,
}

impl Courier {
    async fn run(mut self, mut finished: oneshot::Receiver<Finish>) -> Delivery {
        let finish = {
            let living = Box::pin(self.live());
            match select(&mut finished, living).await {
                Either::Left((finish, _)) => finish,
                Either::Right((never, _)) => match never {},
            }
        };
        match finish {
            Ok(finish) => self.deliver(finish).await,
            Err(_) => Delivery::StepMissing("the command was left".to_owned()),
        }
    }

    /// Starts the span and keeps it alive. Whatever call is under way when the
    /// command ends is dropped and, where it matters, made again: every call
    /// may be repeated.
    async fn live(&mut self) -> std::convert::Infallible {
        loop {
            let result = if self.is_started { self.beat().await } else { self.start().await };
            match result {
                // A heartbeat has found that the start is missing.
                Ok(()) if !self.is_started => {}
                Ok(()) => {
                    self.failed_tries = 0;
                    tokio::time::sleep(self.heartbeat).await;
                }
                Err(()) => {
                    // A connection that neither answers nor breaks would stay
                    // so for ever.
                    self.collector = self.collector.anew();
                    let pause = FIRST_PAUSE * 2_u32.pow(self.failed_tries.min(10));
                    self.failed_tries += 1;
                    tokio::time::sleep(pause.min(LONGEST_PAUSE).min(self.heartbeat)).await;
                }
            }
        }
    }

    async fn start(&mut self) -> Result<(), ()> {
        let mut client = self.collector.spans();
        let answer = self.collector.ask(client.start_span(self.start.clone())).await;
        let reply = self.hear(answer)?;
        self.is_started = true;
        self.heed(reply.cancel_requested);
        Ok(())
    }

    async fn beat(&mut self) -> Result<(), ()> {
        let mut client = self.collector.spans();
        let call = client.heartbeat(HeartbeatRequest {
            run_id: self.key.run_id.to_string(),
            span_id: self.key.span_id.to_string(),
            progress: None,
        });
        let answer = self.collector.ask(call).await;
        let reply: HeartbeatResponse = self.hear(answer)?;
        // A collector that lost its data, or is another one by now, knows the
        // heartbeat and not the step.
        self.is_started = reply.known;
        self.heed(reply.cancel_requested);
        Ok(())
    }

    fn heed(&self, cancel_requested: bool) {
        if cancel_requested {
            self.cancelled.cancel();
        }
    }

    /// Takes note of an answer, be it that the collector is busy.
    fn hear<T>(&mut self, answer: Result<T, AskError>) -> Result<T, ()> {
        self.is_heard |= match &answer {
            Ok(_) => true,
            Err(error) => error.is_answer(),
        };
        answer.map_err(drop)
    }

    /// How long to wait for the collector, of what is allowed. One that has never
    /// answered has had the command's own time already.
    fn patience(&self, allowed: Duration) -> Duration {
        if self.is_heard {
            return allowed;
        }
        allowed.saturating_sub(self.begun_at.elapsed()).max(GRACE.min(allowed))
    }

    async fn deliver(&mut self, finish: Finish) -> Delivery {
        let within = self.patience(finish.within);
        let tries = Tries {
            collector: self.collector.clone(),
            deadline: Instant::now() + within,
            // Should the connection be dead, the second half is for another.
            call_timeout: within / 2,
        };
        // Events of one span may come in any order, so neither waits for the
        // other.
        let start = async {
            if self.is_started {
                return Ok(());
            }
            tries
                .call(|collector| {
                    let (mut client, request) = (collector.spans(), self.start.clone());
                    async move { client.start_span(request).await }
                })
                .await
        };
        let end = tries.call(|collector| {
            let (mut client, request) = (collector.spans(), finish.end.clone());
            async move { client.end_span(request).await }
        });
        if let (Err(why), _) | (Ok(()), Err(why)) = join(start, end).await {
            return Delivery::StepMissing(why);
        }
        let Some(log) = finish.log else { return Delivery::Complete };
        let stored = tries.call(|collector| {
            let (mut client, request) = (collector.spans(), log.clone());
            async move { client.store_artifact(request).await }
        });
        stored.await.map_or_else(Delivery::LogMissing, |()| Delivery::Complete)
    }
}

/// Tries within a deadline.
struct Tries {
    collector: Collector,
    deadline: Instant,
    call_timeout: Duration,
}

impl Tries {
    /// Makes a call until it succeeds, cannot succeed, or time is up; then says
    /// why not.
    async fn call<T, F>(&self, make: impl Fn(&Collector) -> F) -> Result<(), String>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut collector = self.collector.clone();
        let mut why = "no time was left".to_owned();
        while Instant::now() < self.deadline {
            let until = self.deadline.min(Instant::now() + self.call_timeout);
            match tokio::time::timeout_at(until, make(&collector)).await {
                Ok(Ok(_)) => return Ok(()),
                // Nobody is there, and waiting for somebody would only delay
                // the command's caller.
                Ok(Err(status)) if is_unreachable(&status) => {
                    return Err("nobody listens there".to_owned());
                }
                Ok(Err(status)) => {
                    why = status.message().to_owned();
                    if !may_pass(status.code()) {
                        return Err(why);
                    }
                }
                Err(_) => why = "no answer".to_owned(),
            }
            collector = collector.anew();
            tokio::time::sleep(FINAL_PAUSE).await;
        }
        Err(why)
    }
}

/// Whether the same call, made again, may succeed.
fn may_pass(code: Code) -> bool {
    !matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::Unimplemented
            | Code::FailedPrecondition
            | Code::OutOfRange
    )
}
