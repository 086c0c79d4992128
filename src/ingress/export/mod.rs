//! Traces of OpenTelemetry's exporters, over gRPC and HTTP. Here is the one road
//! of an export, whichever way it came: decode, map, store, and say exactly what
//! was not stored.

mod error;
mod grpc;
mod http;
mod http_server;
mod inflow;
mod other_signals;
mod parts;
mod reply;

use std::{
    fmt::{Display, Write as _},
    future::Future,
    num::NonZero,
    sync::Arc,
    thread,
    time::Duration,
};

use bumpalo::Bump;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc},
    time::timeout,
};

use self::{
    error::ExportError,
    inflow::{Coding, Inflow, Received},
    parts::{Channel, EVENT_BYTES, Outlet, Part, Parts},
    reply::{ExportTracePartialSuccess, ExportTraceServiceResponse},
};
pub use self::{
    grpc::TraceServiceServer,
    http_server::serve_http,
    other_signals::{NoLogs, NoMetrics},
};
use super::{
    error::ApiError,
    otlp::{
        EncodedSpan, ExportRequest, ResourceSpans, ScopeSpans, SpanDecoder, decode,
        json_to_protobuf,
    },
};
use crate::{
    domain::{
        ids::SpanKey,
        otel::{self, Mapper},
        time::{Clock, Timestamp},
    },
    ingest::{Ingest, Rejected, Write},
};

/// From how many bytes on a request is decoded beside the runtime's threads.
/// At some 500 bytes and 4 µs a span this is a quarter of a millisecond, which
/// other requests can wait for; handing it over costs a tenth of that.
const INLINE_BYTES: usize = 32 * 1024;

/// How many spans are read before the memory of their lists is used again, so
/// that it stays in the processor's caches.
const BLOCK_SPANS: usize = 32;
const BLOCK_BYTES: usize = 256 * 1024;

/// How many rejected spans are named in an answer.
const NAMED_REJECTIONS: usize = 3;

/// How the body of a request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// OTLP's protobuf.
    Protobuf,
    /// OTLP's JSON.
    Json,
}

/// What one request may take.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// How many bytes it may have, as sent and when decompressed.
    pub max_request_bytes: usize,
    /// How long its body may take to arrive.
    pub read_timeout: Duration,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self {
            max_request_bytes: 64 << 20,
            // OpenTelemetry's exporters give up after ten seconds by themselves:
            // what takes longer than this holds memory for nobody.
            read_timeout: Duration::from_secs(30),
        }
    }
}

/// Takes exports, for every receiver.
pub struct TraceExport {
    ingest: Ingest,
    mapper: Mapper,
    clock: Arc<dyn Clock>,
    options: ExportOptions,
    /// As many requests are decoded at once as there are cores. More would take
    /// memory and time from each other and be done no sooner.
    turns: Arc<Semaphore>,
}

impl TraceExport {
    /// Spans become events by `mapper` and are stored by `ingest`.
    #[must_use]
    pub fn new(
        ingest: Ingest,
        mapper: Mapper,
        clock: Arc<dyn Clock>,
        options: ExportOptions,
    ) -> Self {
        let cores = thread::available_parallelism().map_or(2, NonZero::get);
        Self { ingest, mapper, clock, options, turns: Arc::new(Semaphore::new(cores)) }
    }

    /// A way in for a request's body, of which `announced` bytes will come.
    fn inflow(&self, coding: Coding, announced: Option<u64>) -> Result<Inflow, ExportError> {
        Inflow::open(&self.ingest, coding, announced, self.options.max_request_bytes)
    }

    /// What `read` reads, where it is there in time.
    async fn in_time(
        &self,
        read: impl Future<Output = Result<Received, ExportError>>,
    ) -> Result<Received, ExportError> {
        timeout(self.options.read_timeout, read).await.unwrap_or(Err(ExportError::TooSlow))
    }

    /// Stores the spans of a request. `peer` is the host that sent it, for spans
    /// that name none.
    async fn export(
        self: &Arc<Self>,
        request: Received,
        encoding: Encoding,
        peer: Option<String>,
    ) -> Result<ExportTraceServiceResponse, ExportError> {
        let received_at = self.clock.now();
        if request.bytes.len() <= INLINE_BYTES {
            let mut parts = Vec::with_capacity(1);
            let rejections =
                self.map(request, encoding, peer.as_deref(), received_at, &mut parts)?;
            let mut tally = Tally { stored: 0, rejections };
            for part in parts {
                tally.store(&self.ingest, part).await?;
            }
            return Ok(tally.reply());
        }
        let export = Arc::clone(self);
        let (parts, mut inbox) = mpsc::channel(1);
        let turns = Arc::clone(&self.turns);
        // Never closed, so that this is never an error.
        let turn = Arc::clone(&turns).acquire_owned().await.ok();
        let mut outlet = Channel { parts, runtime: Handle::current(), turns, turn };
        let mapping = tokio::task::spawn_blocking(move || {
            export.map(request, encoding, peer.as_deref(), received_at, &mut outlet)
        });
        let mut tally = Tally::default();
        while let Some(part) = inbox.recv().await {
            tally.store(&self.ingest, part).await?;
        }
        let rejections =
            mapping.await.map_err(|error| ExportError::Api(ApiError::internal(&error)))??;
        tally.rejections.append(rejections);
        Ok(tally.reply())
    }

    /// Decodes a request and turns its spans into events, which go to `outlet` part
    /// by part for as long as they are wanted.
    ///
    /// What stands around the spans is read before any of them: of a request
    /// that is refused as a whole, nothing is stored.
    fn map(
        &self,
        request: Received,
        encoding: Encoding,
        peer: Option<&str>,
        received_at: Timestamp,
        outlet: &mut dyn Outlet,
    ) -> Result<Rejections, ExportError> {
        let malformed = |problem: &dyn Display| ExportError::Malformed(problem.to_string());
        let Received { mut bytes, mut permit } = request;
        if encoding == Encoding::Json {
            bytes = json_to_protobuf(&bytes).map_err(|problem| malformed(&problem))?;
        }
        let around = Bump::new();
        let request = decode(&bytes, &around).map_err(|problem| malformed(&problem))?;
        let events_bytes = parts::bytes_at_once(Self::events_bytes(&request));
        self.ingest.try_grow(&mut permit, bytes.len() + around.allocated_bytes() + events_bytes)?;

        let mut rejections = Rejections::default();
        let mut parts = Parts::new(outlet, permit);
        let mut lists = Bump::new();
        for resource in request.resource_spans {
            let mut context = self.mapper.resource(&resource.resource, peer);
            for scope in resource.scope_spans.iter().filter(|scope| !scope.spans.is_empty()) {
                self.mapper.enter(&mut context, &scope.scope);
                let event_bytes = EVENT_BYTES + context.shared_bytes();
                let mut spans = scope.spans;
                while !spans.is_empty() && parts.are_wanted() {
                    let (block, rest) = spans.split_at(block_of(spans));
                    spans = rest;
                    let mut decoder = SpanDecoder::new(&lists);
                    for encoded in block {
                        let span = match decoder.read(*encoded) {
                            Ok(span) => span,
                            Err(broken) => {
                                rejections.of(&broken.read, broken.problem.to_string());
                                continue;
                            }
                        };
                        match self.mapper.span(&context, &span, received_at) {
                            Ok(event) => parts
                                .push(Write { event, artifact: None }, encoded.len() + event_bytes),
                            Err(problem) => rejections.of(&span, problem.to_string()),
                        }
                    }
                    drop(decoder);
                    lists.reset();
                }
            }
        }
        parts.finish();
        Ok(rejections)
    }

    /// How much memory all of a request's events would take.
    fn events_bytes(request: &ExportRequest<'_>) -> usize {
        let of_resource = |resource: &ResourceSpans<'_>| {
            let shared = otel::shared_bytes(&resource.resource);
            let of_scope = |scope: &ScopeSpans<'_>| {
                let spans: usize = scope.spans.iter().map(|span| span.len() + EVENT_BYTES).sum();
                let shared = shared + otel::scope_bytes(&scope.scope);
                spans.saturating_add(shared.saturating_mul(scope.spans.len()))
            };
            resource.scope_spans.iter().map(of_scope).fold(0, usize::saturating_add)
        };
        request.resource_spans.iter().map(of_resource).fold(0, usize::saturating_add)
    }
}

/// How many of `spans`, of which there are some, are read at once.
fn block_of(spans: &[EncodedSpan<'_>]) -> usize {
    let mut bytes = 0;
    let fit = spans.iter().take(BLOCK_SPANS).take_while(|span| {
        bytes += span.len();
        bytes <= BLOCK_BYTES
    });
    fit.count().max(1)
}

/// What has come of a request's spans so far.
#[derive(Debug, Default)]
struct Tally {
    stored: usize,
    rejections: Rejections,
}

impl Tally {
    /// Stores a part.
    async fn store(&mut self, ingest: &Ingest, part: Part) -> Result<(), ExportError> {
        let keys: Vec<SpanKey> = part.writes.iter().map(|write| write.event.key).collect();
        let outcomes = ingest.enqueue(part.writes, part.permit)?.outcomes().await?;
        for (key, outcome) in keys.iter().zip(outcomes) {
            match outcome {
                Ok(_) => self.stored += 1,
                Err(rejected) => {
                    let id = key.span_id.otel().to_be_bytes();
                    self.rejections.add(&id, reason(&rejected));
                }
            }
        }
        Ok(())
    }

    fn reply(self) -> ExportTraceServiceResponse {
        self.rejections.reply(self.stored)
    }
}

fn reason(rejected: &Rejected) -> String {
    match rejected {
        Rejected::Contradiction(contradiction) => contradiction.to_string(),
        Rejected::Refused(_) => "holds a value that the database does not take".to_owned(),
    }
}

/// Spans that will never be stored.
#[derive(Debug, Default)]
struct Rejections {
    count: i64,
    /// Which span, and why, for the first of them.
    named: Vec<(String, String)>,
}

impl Rejections {
    fn of(&mut self, span: &otel::Span<'_>, reason: String) {
        self.add(span.span_id, reason);
    }

    fn add(&mut self, span_id: &[u8], reason: String) {
        self.count += 1;
        if self.named.len() < NAMED_REJECTIONS {
            // An id of the wrong length may be of any length.
            let id = span_id.iter().take(16).fold(String::new(), |mut id, byte| {
                let _ = write!(id, "{byte:02x}");
                id
            });
            self.named.push((id, reason));
        }
    }

    fn append(&mut self, others: Self) {
        self.count += others.count;
        let room = NAMED_REJECTIONS - self.named.len();
        self.named.extend(others.named.into_iter().take(room));
    }

    /// What to answer beside `stored` spans.
    fn reply(self, stored: usize) -> ExportTraceServiceResponse {
        if self.count == 0 {
            return ExportTraceServiceResponse { partial_success: None };
        }
        let mut message = format!("{} rejected, {stored} stored", self.count);
        for (id, reason) in &self.named {
            let _ = write!(message, "; span {id}: {reason}");
        }
        if self.count > NAMED_REJECTIONS as i64 {
            message.push_str("; and others");
        }
        ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess {
                rejected_spans: self.count,
                error_message: message,
            }),
        }
    }
}
