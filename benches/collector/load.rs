//! The load generator: sends encoded requests over several connections, so many
//! at once, and counts nothing but what was acknowledged.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};
use tonic::{
    Request,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};

use super::raw_codec::RawCodec;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Connections over gRPC, and requests that each has open: the lanes have a
/// batch to write and one to gather.
const GRPC_CONNECTIONS: usize = 4;
const GRPC_REQUESTS_OPEN: usize = 12;

/// Over HTTP/1.1 a connection has one request open.
const HTTP_CONNECTIONS: usize = GRPC_CONNECTIONS * GRPC_REQUESTS_OPEN;

/// Requests that the senders share.
type Queue = Arc<Mutex<std::vec::IntoIter<Vec<u8>>>>;

fn next(queue: &Queue) -> Option<Vec<u8>> {
    queue.lock().unwrap().next()
}

/// Connections that wait to send.
pub(crate) enum Load {
    Grpc(Vec<Channel>),
    Http(Vec<TcpStream>),
}

impl Load {
    pub(crate) async fn over_grpc(to: SocketAddr) -> Self {
        let mut channels = Vec::new();
        for _ in 0..GRPC_CONNECTIONS {
            channels.push(channel(to).await);
        }
        Self::Grpc(channels)
    }

    pub(crate) async fn over_http(to: SocketAddr) -> Self {
        let mut connections = Vec::new();
        for _ in 0..HTTP_CONNECTIONS {
            let connection = TcpStream::connect(to).await.unwrap();
            connection.set_nodelay(true).unwrap();
            connections.push(connection);
        }
        Self::Http(connections)
    }

    /// Sends them all. Returns when all of all of them is acknowledged.
    pub(crate) async fn send(self, requests: Vec<Vec<u8>>) {
        let queue: Queue = Arc::new(Mutex::new(requests.into_iter()));
        let mut senders = JoinSet::new();
        match self {
            Self::Grpc(channels) => {
                for _ in 0..GRPC_REQUESTS_OPEN {
                    for channel in &channels {
                        let (channel, queue) = (channel.clone(), Arc::clone(&queue));
                        senders.spawn(async move {
                            while let Some(request) = next(&queue) {
                                let refused = export(&channel, request).await.unwrap();
                                assert!(refused.is_empty(), "all spans are taken");
                            }
                        });
                    }
                }
            }
            Self::Http(connections) => {
                for mut connection in connections {
                    let queue = Arc::clone(&queue);
                    senders.spawn(async move {
                        let mut buffer = Vec::new();
                        while let Some(request) = next(&queue) {
                            connection.write_all(&request).await.unwrap();
                            let status = read_reply(&mut connection, &mut buffer).await;
                            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&buffer));
                            assert!(buffer.ends_with(b"\r\n\r\n"), "all spans are taken");
                        }
                    });
                }
            }
        }
        senders.join_all().await;
    }
}

pub(crate) async fn channel(to: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{to}")).unwrap().connect().await.unwrap()
}

/// One request over gRPC. Returns the reply's bytes: none where all is taken.
pub(crate) async fn export(
    channel: &Channel,
    request: Vec<u8>,
) -> Result<bytes::Bytes, tonic::Status> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.map_err(|error| tonic::Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::from_static(EXPORT);
    Ok(client.unary(Request::new(request), path, RawCodec).await?.into_inner())
}

/// A whole request over HTTP/1.1, head and body.
pub(crate) fn http_request(body: &[u8], gzipped: bool) -> Vec<u8> {
    let coding = if gzipped { "Content-Encoding: gzip\r\n" } else { "" };
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/x-protobuf\r\nContent-Length: {}\r\n{coding}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Reads a reply, head and body, into `buffer`. Returns its status.
pub(crate) async fn read_reply(connection: &mut TcpStream, buffer: &mut Vec<u8>) -> u16 {
    buffer.clear();
    let head_bytes = loop {
        assert_ne!(connection.read_buf(buffer).await.unwrap(), 0, "the server hung up");
        if let Some(end) = memchr::memmem::find(buffer, b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = std::str::from_utf8(&buffer[..head_bytes]).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body_bytes: usize = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, length)| length.trim().parse().unwrap());
    while buffer.len() < head_bytes + body_bytes {
        assert_ne!(connection.read_buf(buffer).await.unwrap(), 0, "the server hung up");
    }
    status
}
