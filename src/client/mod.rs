//! The small client that the commands share: where the collector is, how to
//! call it, and what a failed call means to the person who typed the command.

mod address;
mod error;
mod stream;

use std::{future::Future, time::Duration};

use tonic::{
    Response, Status,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

pub use address::{AddressError, CollectorUrl, DEFAULT_URL};
pub use error::{AskError, is_unreachable};
pub use stream::{SpanStream, StreamOutcome};

use crate::proto::v1::{
    run_control_client::RunControlClient, span_service_client::SpanServiceClient,
    span_service_server, trace_query_client::TraceQueryClient,
};

/// How long a TCP connection may take. The collector is on this machine or a
/// hop away; who waits longer than this waits for a firewall.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How often an idle connection is probed, and how long the answer may take.
/// Without it, a collector whose machine vanished looks merely quiet.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The most that an answer may weigh. gRPC's own 4 MiB is less than one page of
/// spans with long inputs.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// A collector to talk to. Nothing is connected until the first call.
#[derive(Debug, Clone)]
pub struct Collector {
    url: CollectorUrl,
    channel: Channel,
    timeout: Duration,
}

impl Collector {
    /// The collector at `url`; each call may take `timeout`.
    ///
    /// Needs a tokio runtime around it, which drives the connection.
    #[must_use]
    pub fn lazy(url: CollectorUrl, timeout: Duration) -> Self {
        let channel = Endpoint::from(url.uri().clone())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .connect_lazy();
        Self { url, channel, timeout }
    }

    /// The same collector over a connection of its own: for one that no longer
    /// answers, though it is still open.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self::lazy(self.url.clone(), self.timeout)
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &CollectorUrl {
        &self.url
    }

    /// How long a call may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The way in.
    #[must_use]
    pub fn spans(&self) -> SpanServiceClient<Channel> {
        SpanServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    /// The questions.
    #[must_use]
    pub fn queries(&self) -> TraceQueryClient<Channel> {
        TraceQueryClient::new(self.channel.clone()).max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    /// What people want of runs.
    #[must_use]
    pub fn control(&self) -> RunControlClient<Channel> {
        RunControlClient::new(self.channel.clone())
    }

    /// Asks whether a collector is there and takes spans.
    ///
    /// # Errors
    ///
    /// Where none is.
    pub async fn check(&self) -> Result<(), AskError> {
        let mut client = HealthClient::new(self.channel.clone());
        let service = span_service_server::SERVICE_NAME.to_owned();
        self.ask(client.check(HealthCheckRequest { service })).await.map(drop)
    }

    /// Waits for an answer, at most the collector's timeout.
    ///
    /// # Errors
    ///
    /// Where no answer came, or one that is an error.
    pub async fn ask<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, AskError> {
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(AskError::from_status(&self.url, &status)),
            Err(_) => Err(AskError::NoAnswer { url: self.url.clone(), timeout: self.timeout }),
        }
    }
}
