//! Requests as they are on the wire, and answers likewise.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// No answer takes longer than this, not on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body, which has to be JSON and say so.
    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The document of a success.
    pub fn document(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// The error, which has to be one.
    pub fn error(&self) -> Value {
        assert!(self.status >= 400, "{self:?}");
        let document = self.json();
        let keys: Vec<_> = document.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["error", "code", "message", "details"], "{self:?}");
        assert!(!document["error"].as_str().unwrap().is_empty(), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        document
    }

    /// The fields that the error names.
    pub fn violations(&self) -> Vec<String> {
        let error = self.error();
        let details = error["details"].as_array().unwrap();
        let requests = details
            .iter()
            .filter(|detail| detail["@type"] == "type.googleapis.com/google.rpc.BadRequest");
        requests
            .flat_map(|request| request["field_violations"].as_array().unwrap())
            .map(|violation| violation["field"].as_str().unwrap().to_owned())
            .collect()
    }
}

pub async fn get(to: SocketAddr, path: &str) -> Answer {
    send(to, &format!("GET {path}"), &[], b"").await
}

pub async fn post(to: SocketAddr, path: &str, body: &Value) -> Answer {
    let head = ["Content-Type: application/json"];
    send(to, &format!("POST {path}"), &head, body.to_string().as_bytes()).await
}

/// Any request, with further header fields.
pub async fn send(to: SocketAddr, line: &str, head: &[&str], body: &[u8]) -> Answer {
    let mut whole = vec![format!("Host: {to}"), "Connection: close".to_owned()];
    if !body.is_empty() {
        whole.push(format!("Content-Length: {}", body.len()));
    }
    whole.extend(head.iter().map(|line| (*line).to_owned()));
    exchange(to, &format!("{line} HTTP/1.1\r\n{}\r\n\r\n", whole.join("\r\n")), body).await
}

/// A request byte by byte. All of it is written before anything is read.
pub async fn exchange(to: SocketAddr, head: &str, body: &[u8]) -> Answer {
    let mut connection = TcpStream::connect(to).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    // A server that has answered may read no more.
    let _ = connection.write_all(body).await;
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, connection.read_to_end(&mut bytes)).await.expect("an answer");
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {read:?} {bytes:?}"));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: bytes.split_off(end + 4) }
}
