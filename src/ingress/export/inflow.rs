//! A request's body on its way in: decompressed as it arrives, and at no time
//! more of it in memory than the limit allows and the budget has room for.
//!
//! A compressed gigabyte may be a thousand times smaller on the wire. Its size
//! is only known by decompressing it, so that this is done piece by piece, and
//! stopped at the first byte over the limit.

use std::io::{self, Write};

use bytes::{Buf as _, Bytes};
use flate2::write::MultiGzDecoder;
use http_body::Body;
use http_body_util::BodyExt as _;
use zstd::stream::{
    raw::{DParameter, Decoder as ZstdState},
    zio,
};

use super::error::ExportError;
use crate::ingest::{Ingest, Permit};

/// What is asked for before the first byte: the size of a usual request.
const FIRST_BYTES: usize = 64 * 1024;

/// The largest window of a zstd frame, as a power of two: 8 MiB, the most that
/// HTTP's content coding allows (RFC 9659). zstd itself would take 128 MiB of
/// memory before the first byte comes out.
const ZSTD_WINDOW_LOG: u32 = 23;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// It isn't.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    /// By the name that HTTP and gRPC share.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match name {
            name if name.is_empty() || is("identity") => Some(Self::Identity),
            _ if is("gzip") || is("x-gzip") => Some(Self::Gzip),
            _ if is("zstd") => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// `bytes` in this coding.
    pub(super) fn compress(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity => Ok(bytes.to_vec()),
            Self::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes)?;
                encoder.finish()
            }
            Self::Zstd => zstd::bulk::compress(bytes, zstd::DEFAULT_COMPRESSION_LEVEL),
        }
    }
}

/// A request's body, decompressed, and the room that it takes.
#[derive(Debug)]
pub(super) struct Received {
    /// The body.
    pub(super) bytes: Vec<u8>,
    /// Its share of the budget.
    pub(super) permit: Permit,
}

/// Takes a body in.
pub(super) struct Inflow {
    decoder: Decoder,
    coding: Coding,
}

enum Decoder {
    Identity(Sink),
    Gzip(Box<MultiGzDecoder<Sink>>),
    Zstd(Box<zio::Writer<Sink, ZstdState<'static>>>),
}

impl Inflow {
    /// A way in for one body of at most `limit_bytes` in the memory that
    /// `ingest` has room for. `announced` is how long the client says it is on
    /// the wire.
    ///
    /// # Errors
    ///
    /// Where there is no room, or it is announced to be too large.
    pub(super) fn open(
        ingest: &Ingest,
        coding: Coding,
        announced: Option<u64>,
        limit_bytes: usize,
    ) -> Result<Self, ExportError> {
        if announced.is_some_and(|bytes| bytes > limit_bytes as u64) {
            return Err(ExportError::TooLarge { limit_bytes });
        }
        let sink = Sink {
            bytes: Vec::new(),
            limit_bytes,
            permit: ingest.try_admit(0)?,
            ingest: ingest.clone(),
            refused: None,
        };
        let decoder = match coding {
            Coding::Identity => Decoder::Identity(sink),
            Coding::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(sink))),
            Coding::Zstd => {
                let state = ZstdState::new().and_then(|mut state| {
                    state.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
                    Ok(state)
                });
                let state = state.map_err(|error| {
                    ExportError::Api(crate::ingress::error::ApiError::internal(&error))
                })?;
                Decoder::Zstd(Box::new(zio::Writer::new(sink, state)))
            }
        };
        Ok(Self { decoder, coding })
    }

    /// Takes the next piece.
    ///
    /// # Errors
    ///
    /// Where the body is too large by now, there is no more room, or it can't be
    /// decompressed. It is of no use after that.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), ExportError> {
        let written = match &mut self.decoder {
            Decoder::Identity(sink) => return sink.take(piece),
            Decoder::Gzip(decoder) => decoder.write_all(piece),
            Decoder::Zstd(decoder) => decoder.write_all(piece),
        };
        written.map_err(|error| self.refusal(&error))
    }

    /// The body, when all of it was pushed.
    ///
    /// # Errors
    ///
    /// As [`Self::push`], or where the compressed body ends too early.
    pub(super) fn finish(mut self) -> Result<Received, ExportError> {
        let finished = match &mut self.decoder {
            Decoder::Identity(_) => Ok(()),
            Decoder::Gzip(decoder) => decoder.try_finish(),
            Decoder::Zstd(decoder) => decoder.finish(),
        };
        if let Err(error) = finished {
            return Err(self.refusal(&error));
        }
        let sink = match self.decoder {
            Decoder::Identity(sink) => sink,
            Decoder::Gzip(decoder) => decoder
                .finish()
                .map_err(|error| ExportError::Malformed(undecodable(Coding::Gzip, &error)))?,
            Decoder::Zstd(decoder) => decoder.into_inner().0,
        };
        Ok(Received { bytes: sink.bytes, permit: sink.permit })
    }

    /// The sink's reason, else that of the decoder.
    fn refusal(&mut self, error: &io::Error) -> ExportError {
        let sink = match &mut self.decoder {
            Decoder::Identity(sink) => sink,
            Decoder::Gzip(decoder) => decoder.get_mut(),
            Decoder::Zstd(decoder) => decoder.writer_mut(),
        };
        sink.refused
            .take()
            .unwrap_or_else(|| ExportError::Malformed(undecodable(self.coding, error)))
    }
}

fn undecodable(coding: Coding, error: &io::Error) -> String {
    format!("the body is not valid {}: {error}", coding.name())
}

/// Where the decompressed bytes go.
struct Sink {
    bytes: Vec<u8>,
    limit_bytes: usize,
    permit: Permit,
    ingest: Ingest,
    /// Why it took no more: a decoder can only be told that there was an error.
    refused: Option<ExportError>,
}

impl Sink {
    fn take(&mut self, piece: &[u8]) -> Result<(), ExportError> {
        let needed = self.bytes.len() + piece.len();
        if needed > self.limit_bytes {
            return Err(ExportError::TooLarge { limit_bytes: self.limit_bytes });
        }
        if needed > self.bytes.capacity() {
            // By what came, not by what was announced: a client that announces
            // much and sends nothing must not take the room of others.
            let room =
                (self.bytes.capacity() * 2).max(FIRST_BYTES).min(self.limit_bytes).max(needed);
            self.ingest.try_grow(&mut self.permit, room)?;
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
}

impl Write for Sink {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        match self.take(piece) {
            Ok(()) => Ok(piece.len()),
            Err(refused) => {
                self.refused = Some(refused);
                Err(io::Error::other("no more is taken"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The next piece of a body; none at its end.
///
/// # Errors
///
/// [`ExportError::Cut`] where the connection is gone.
pub(super) async fn next_piece<B>(body: &mut B) -> Result<Option<Bytes>, ExportError>
where
    B: Body<Data = Bytes> + Unpin,
{
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                if let Ok(data) = frame.into_data()
                    && data.has_remaining()
                {
                    return Ok(Some(data));
                }
            }
            Err(_) => return Err(ExportError::Cut),
        }
    }
    Ok(None)
}
