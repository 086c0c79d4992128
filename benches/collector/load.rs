//! The load generator: sends encoded requests over several connections, so many
//! at once, and counts nothing but what was acknowledged.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
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
                            let (status, _) =
                                post(&mut connection, &request, &mut buffer).await.unwrap();
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

/// Sends a request and reads its reply into `reply`, also where that comes
/// before all is sent. Returns the status, and whether all was sent: only then
/// can the connection be used again.
pub(crate) async fn post(
    connection: &mut TcpStream,
    request: &[u8],
    reply: &mut Vec<u8>,
) -> io::Result<(u16, bool)> {
    let (mut reading, mut writing) = connection.split();
    let read = read_reply(&mut reading, reply);
    let write = writing.write_all(request);
    tokio::pin!(read, write);
    tokio::select! {
        biased;
        // A server that has hung up may have said why.
        written = &mut write => Ok((read.await?, written.is_ok())),
        status = &mut read => Ok((status?, false)),
    }
}

/// Reads a reply, head and body. Returns its status.
async fn read_reply(
    reading: &mut (impl AsyncRead + Unpin),
    reply: &mut Vec<u8>,
) -> io::Result<u16> {
    reply.clear();
    let mut more = async |reply: &mut Vec<u8>| match reading.read_buf(reply).await {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        read => read,
    };
    let head_bytes = loop {
        more(reply).await?;
        if let Some(end) = memchr::memmem::find(reply, b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = std::str::from_utf8(&reply[..head_bytes]).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body_bytes: usize = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, length)| length.trim().parse().unwrap());
    while reply.len() < head_bytes + body_bytes {
        more(reply).await?;
    }
    Ok(status)
}
