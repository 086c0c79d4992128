//! Peers that connect and say nothing more, or never read what they are told.

use std::{io::Write as _, net::TcpStream, time::Duration};

use livespan_server::proto::v1::span_service_client::SpanServiceClient;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    fleet::Target,
    requests::{Key, heartbeat, numbered},
};

/// Connections to both ports that last as long as this does.
pub(crate) struct Silent {
    connections: Vec<TcpStream>,
    stream: JoinHandle<()>,
}

impl Silent {
    /// `key` is the span of which one of them sends heartbeats.
    pub(crate) async fn connect(at: Target, key: &Key) -> Self {
        let mut connections = Vec::new();
        // A whole preface with its SETTINGS frame, half of one, and not a byte.
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        for said in [&preface[..], &preface[..9], b""] {
            for to in [at.grpc, at.otlp_http] {
                let mut connection = TcpStream::connect(to).expect("the server listens");
                connection.write_all(said).expect("the server reads");
                connections.push(connection);
            }
        }
        // A stream that sends and never reads, with room for next to nothing.
        let endpoint = at.endpoint().initial_stream_window_size(16);
        let channel = endpoint.connect().await.expect("the server listens");
        let key = key.clone();
        let (reached, enough) = oneshot::channel();
        let stream = tokio::spawn(async move {
            let (events, outgoing) = mpsc::channel(1);
            let mut spans = SpanServiceClient::new(channel);
            let replies = spans.stream_spans(ReceiverStream::new(outgoing)).await;
            let mut reached = Some(reached);
            for seq in 1.. {
                if seq == 2_000 {
                    let _ = reached.take().expect("once").send(());
                }
                if events.send(numbered(seq, heartbeat(key.heartbeat()))).await.is_err() {
                    break;
                }
            }
            // Never read, but held to the end.
            std::future::pending::<()>().await;
            drop(replies);
        });
        let reached = timeout(Duration::from_secs(60), enough).await.expect("in time");
        reached.expect("the stream goes on");
        Self { connections, stream }
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.stream.abort();
        self.connections.clear();
    }
}
