//! A listener for HTTP/1.1 and HTTP/2 without TLS: the limits of a connection, and
//! its end. What is answered is another's.
//!
//! On hyper itself: what needs care here is below any router.

mod unread;

use std::{convert::Infallible, error::Error, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use self::unread::Unread;

/// How long a connection may take to send the head of a request. It counts from
/// the last answer, so that it is also how long an idle connection is kept:
/// longer than exporters wait between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(90);

/// How many requests a connection may have open, with HTTP/2.
const MAX_REQUESTS_PER_CONNECTION: u32 = 128;

/// When to accept again after that failed, because the process has too many
/// files open: at once would be a loop that only burns time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The two ends of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    /// The client's.
    pub peer: SocketAddr,
    /// This server's, on which the client reached it.
    pub local: SocketAddr,
}

/// Answers by `answer` until `stop`, and then until every request that was begun
/// is answered.
pub async fn serve<F, R, B>(listener: TcpListener, answer: F, stop: CancellationToken)
where
    F: Fn(Request<Unread>, Ends) -> R + Clone + Send + 'static,
    R: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_REQUESTS_PER_CONNECTION)
        // Notices peers that are gone without a word.
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(Duration::from_secs(20));
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let accepted = accepted
            .and_then(|(stream, peer)| Ok((Ends { peer, local: stream.local_addr()? }, stream)));
        let (ends, stream) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Answers are small; without it they wait for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        let answer = answer.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let (head, body) = request.into_parts();
            let body = Unread::new(body, &head.headers);
            let answered = answer(Request::from_parts(head, body), ends);
            async move { Ok::<_, Infallible>(answered.await) }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                // A client that went away, or speaks no HTTP.
                tracing::debug!(error = %error, "a connection broke");
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
}
