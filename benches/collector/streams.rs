//! Clients of StreamSpans that send encoded events, wave by wave.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use livespan_server::proto::v1::StreamSpansResponse;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Streaming, client::Grpc, codegen::http::uri::PathAndQuery};

use super::{load, raw_codec::RawCodec};

const STREAM: &str = "/livespan.v1.SpanService/StreamSpans";

/// Encoded events that are sent one after the other.
pub(crate) type Wave = Vec<Vec<u8>>;

/// Where waves go, and the events as a stream reads them.
pub(crate) fn waves() -> (mpsc::Sender<Wave>, impl Stream<Item = Vec<u8>> + Send + 'static) {
    let (waves, received) = mpsc::channel::<Wave>(1);
    (waves, ReceiverStream::new(received).map(stream::iter).flatten())
}

/// What the server acknowledges.
pub(crate) struct Replies {
    stream: Streaming<Bytes>,
    pub(crate) last_acked: u64,
}

/// Opens a stream on a connection of its own.
pub(crate) async fn open(
    to: SocketAddr,
    events: impl Stream<Item = Vec<u8>> + Send + 'static,
) -> Replies {
    let mut client = Grpc::new(load::channel(to).await);
    client.ready().await.unwrap();
    let path = PathAndQuery::from_static(STREAM);
    let replies = client.streaming(Request::new(events), path, RawCodec).await.unwrap();
    Replies { stream: replies.into_inner(), last_acked: 0 }
}

impl Replies {
    /// Waits until everything up to `seq` is acknowledged.
    pub(crate) async fn acked(&mut self, seq: u64) {
        while self.last_acked < seq {
            let reply = self.stream.message().await.unwrap().expect("the stream goes on");
            let reply = StreamSpansResponse::decode(reply).unwrap();
            assert!(reply.rejected.is_empty(), "{:?}", reply.rejected);
            self.last_acked = reply.acked_through;
        }
    }
}
