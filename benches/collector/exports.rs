//! OTLP requests, encoded once: each copy gets new ids in place, so that every
//! span is a new one and the load generator encodes nothing.

use std::{
    io::Write as _,
    time::{SystemTime, UNIX_EPOCH},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::InstrumentationScope,
    trace::v1::{ResourceSpans, ScopeSpans},
};
use prost::Message as _;

use super::spans::{self, Ids};

/// As the SDKs' batch processors send them.
pub(crate) const SPANS_PER_REQUEST: usize = 512;

pub(crate) const SPANS_PER_TRACE: usize = 20;

/// How many different requests there are, beside their ids.
const TEMPLATES: u64 = 8;

/// Where in the bytes a span's ids are.
struct Places {
    trace: usize,
    trace_at: usize,
    span_at: usize,
    /// Which span is the parent, and where that is said.
    parent: Option<(usize, usize)>,
}

/// A request whose ids are yet to be filled in.
pub(crate) struct Template {
    bytes: Vec<u8>,
    places: Vec<Places>,
}

/// All of them, the same in every run but for their times.
pub(crate) fn templates() -> Vec<Template> {
    (1..=TEMPLATES).map(|seed| Template::new(&mut Ids::seeded(seed))).collect()
}

impl Template {
    fn new(random: &mut Ids) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let now = u64::try_from(now).unwrap();
        let traces: Vec<[u8; 16]> =
            (0..SPANS_PER_REQUEST.div_ceil(SPANS_PER_TRACE)).map(|_| random.trace()).collect();
        let ids: Vec<[u8; 8]> = (0..SPANS_PER_REQUEST).map(|_| random.span()).collect();
        // A span's parent is an earlier one of its trace; the first has none.
        let parent_of: Vec<Option<usize>> = (0..SPANS_PER_REQUEST)
            .map(|span| {
                let place = span % SPANS_PER_TRACE;
                (place > 0).then(|| span - 1 - usize::try_from(random.below(place as u64)).unwrap())
            })
            .collect();
        let spans = (0..SPANS_PER_REQUEST)
            .map(|span| {
                let mut contents = spans::contents(random);
                contents.trace_id = traces[span / SPANS_PER_TRACE].to_vec();
                contents.span_id = ids[span].to_vec();
                contents.parent_span_id =
                    parent_of[span].map(|parent| ids[parent].to_vec()).unwrap_or_default();
                contents.end_time_unix_nano = now - random.below(5_000_000_000);
                contents.start_time_unix_nano =
                    contents.end_time_unix_nano - random.below(250_000_000);
                for event in &mut contents.events {
                    event.time_unix_nano = contents.end_time_unix_nano;
                }
                contents
            })
            .collect();
        let scope = InstrumentationScope {
            name: "opentelemetry.instrumentation.requests".to_owned(),
            version: "0.56b0".to_owned(),
            ..InstrumentationScope::default()
        };
        let scope_spans = ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() };
        let resource_spans = ResourceSpans {
            resource: Some(spans::resource()),
            scope_spans: vec![scope_spans],
            ..ResourceSpans::default()
        };
        let request = ExportTraceServiceRequest { resource_spans: vec![resource_spans] };
        let bytes = request.encode_to_vec();

        let mut at = 0;
        let mut find = |id: &[u8]| {
            let found = at + memchr::memmem::find(&bytes[at..], id).expect("the id was encoded");
            at = found + id.len();
            found
        };
        let places = (0..SPANS_PER_REQUEST)
            .map(|span| Places {
                trace: span / SPANS_PER_TRACE,
                trace_at: find(&traces[span / SPANS_PER_TRACE]),
                span_at: find(&ids[span]),
                parent: parent_of[span].map(|parent| (parent, find(&ids[parent]))),
            })
            .collect();
        Self { bytes, places }
    }

    /// A request of new spans.
    pub(crate) fn fill(&self, ids: &mut Ids) -> Vec<u8> {
        self.fill_traced(ids).0
    }

    /// The same, and the traces that its spans are of.
    pub(crate) fn fill_traced(&self, ids: &mut Ids) -> (Vec<u8>, Vec<[u8; 16]>) {
        let mut bytes = self.bytes.clone();
        let traces: Vec<[u8; 16]> =
            (0..SPANS_PER_REQUEST.div_ceil(SPANS_PER_TRACE)).map(|_| ids.trace()).collect();
        let spans: Vec<[u8; 8]> = (0..SPANS_PER_REQUEST).map(|_| ids.span()).collect();
        for (places, id) in self.places.iter().zip(&spans) {
            bytes[places.trace_at..][..16].copy_from_slice(&traces[places.trace]);
            bytes[places.span_at..][..8].copy_from_slice(id);
            if let Some((parent, parent_at)) = places.parent {
                bytes[parent_at..][..8].copy_from_slice(&spans[parent]);
            }
        }
        (bytes, traces)
    }
}

/// So many requests of new spans.
pub(crate) fn requests(templates: &[Template], count: usize, ids: &mut Ids) -> Vec<Vec<u8>> {
    templates.iter().cycle().take(count).map(|template| template.fill(ids)).collect()
}

/// As exporters compress.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
