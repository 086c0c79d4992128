//! A request's body that is read on when its reader has stopped. A client that
//! writes all of a body before it reads would never see the answer of one who
//! refused it: the connection would be reset under its hands.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, header::EXPECT};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::{runtime::Handle, time::timeout};

/// How long, and how much, is read of what nobody wants.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
const DRAIN_BYTES: usize = 256 << 20;

/// A body, of which the rest is read when it is dropped.
#[derive(Debug)]
pub struct Unread {
    /// None once it is dropped.
    body: Option<Incoming>,
    /// Who waits to be asked for the body is not asked for it.
    waits: bool,
}

impl Unread {
    /// The body of a request with these `headers`.
    pub(super) fn new(body: Incoming, headers: &HeaderMap) -> Self {
        Self { body: Some(body), waits: headers.contains_key(EXPECT) }
    }
}

impl Body for Unread {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.waits = false;
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, Incoming::size_hint)
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) else { return };
        if let Ok(runtime) = Handle::try_current()
            && !self.waits
        {
            runtime.spawn(timeout(DRAIN_TIMEOUT, drain(body)));
        }
    }
}

async fn drain(mut body: Incoming) {
    let mut drained = 0;
    while let Some(Ok(frame)) = body.frame().await {
        drained += frame.data_ref().map_or(0, |data| data.remaining());
        if drained > DRAIN_BYTES {
            return;
        }
    }
}
