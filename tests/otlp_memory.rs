//! Ten gigabytes in a few megabytes: refused at the limit, in flat memory. A
//! process of its own, because what is measured is the process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

mod support;

#[path = "otlp/client.rs"]
mod client;

use std::fs;

use client::{JSON, PROTOBUF, gzip, open, read_reply, zstd};
use support::{TestApp, TestOptions};
use tokio::io::AsyncWriteExt as _;

const LIMIT_BYTES: usize = 4 << 20;
const PART_BYTES: usize = 64 << 20;
const PARTS: usize = 160;

/// The most memory that this process had, in bytes.
fn peak_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[tokio::test]
async fn a_bomb_is_refused_at_the_limit_and_memory_stays_flat() {
    let mut options = TestOptions::default();
    options.otlp.max_request_bytes = LIMIT_BYTES;
    let app = TestApp::start_with(options).await;
    let to = app.app.otlp_http_addr();
    let zeros = vec![0_u8; PART_BYTES];
    let bombs = [("gzip", gzip(&zeros)), ("zstd", zstd(&zeros))];
    drop(zeros);
    // Forgets the peak so far, which was the test's own.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak_bytes();
    for (coding, part) in &bombs {
        for content_type in [PROTOBUF, JSON] {
            let head = [
                format!("Content-Type: {content_type}"),
                format!("Content-Encoding: {coding}"),
                // Announces nothing, so that what is inside decides.
                "Transfer-Encoding: chunked".to_owned(),
            ];
            let mut connection = open(to, "POST /v1/traces", &head).await;
            for _ in 0..PARTS {
                // A server that has answered may read no more.
                let size = format!("{:x}\r\n", part.len());
                let sent = [size.as_bytes(), part, b"\r\n"].concat();
                if connection.write_all(&sent).await.is_err() {
                    break;
                }
            }
            let _ = connection.write_all(b"0\r\n\r\n").await;
            let reply = read_reply(connection).await;
            assert_eq!(reply.status, 413, "{coding} {reply:?}");
            reply.error();
        }
    }
    let grown = peak_bytes() - before;
    assert!(grown < 32 << 20, "{} MiB for {} MiB", grown >> 20, (PART_BYTES * PARTS) >> 20);
}
