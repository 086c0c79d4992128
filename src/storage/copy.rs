//! Postgres' binary COPY format, written into one buffer that is used again.

use uuid::Uuid;

use crate::domain::{
    event::{JsonText, SharedJsonText},
    time::Timestamp,
};

/// Seconds from 1970 to 2000, where Postgres' timestamps begin, in microseconds.
pub(super) const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// How much memory is kept from one COPY to the next.
const MOST_KEPT_BYTES: usize = 512 * 1024;

/// The type `bigint`.
const INT8_OID: i32 = 20;

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// Rows in the making.
#[derive(Debug)]
pub(super) struct CopyBuffer {
    bytes: Vec<u8>,
    columns: i16,
}

impl CopyBuffer {
    /// A buffer with nothing in it.
    pub(super) const fn new() -> Self {
        Self { bytes: Vec::new(), columns: 0 }
    }

    /// Begins a COPY, of rows of `columns` fields, and forgets the last one.
    pub(super) fn begin(&mut self, columns: i16) {
        self.bytes.clear();
        // A row may have been of many megabytes.
        self.bytes.shrink_to(MOST_KEPT_BYTES);
        self.columns = columns;
        self.bytes.extend_from_slice(SIGNATURE);
        self.bytes.extend_from_slice(&[0; 8]); // no flags, no header extension
    }

    /// Ends it.
    pub(super) fn end(&mut self) {
        self.bytes.extend_from_slice(&(-1_i16).to_be_bytes());
    }

    /// What was written since the last [`Self::clear`].
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How much that is.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets what was sent.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Begins a row. As many fields as there are columns follow.
    pub(super) fn row(&mut self) {
        self.bytes.extend_from_slice(&self.columns.to_be_bytes());
    }

    fn field(&mut self, content: &[u8]) {
        // Fields are far below 2 GiB: a request is bounded in bytes.
        let length = i32::try_from(content.len()).unwrap_or(i32::MAX);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(content);
    }

    pub(super) fn null(&mut self) {
        self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
    }

    pub(super) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            Some(value) => write(self, value),
            None => self.null(),
        }
    }

    pub(super) fn uuid(&mut self, id: impl Into<Uuid>) {
        self.field(id.into().as_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.field(text.as_bytes());
    }

    pub(super) fn json(&mut self, json: &JsonText) {
        self.field(json.as_str().as_bytes());
    }

    pub(super) fn shared_json(&mut self, json: &SharedJsonText) {
        let [own, shared] = json.pieces();
        let length = i32::try_from(own.len() + shared.len()).unwrap_or(i32::MAX);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(own.as_bytes());
        self.bytes.extend_from_slice(shared.as_bytes());
    }

    pub(super) fn timestamp(&mut self, time: Timestamp) {
        self.field(&(time.as_micros() - POSTGRES_EPOCH_MICROS).to_be_bytes());
    }

    pub(super) fn int4(&mut self, number: i32) {
        self.field(&number.to_be_bytes());
    }

    pub(super) fn int8(&mut self, number: i64) {
        self.field(&number.to_be_bytes());
    }

    pub(super) fn float8(&mut self, number: f64) {
        self.field(&number.to_be_bytes());
    }

    pub(super) fn bool(&mut self, truth: bool) {
        self.field(&[u8::from(truth)]);
    }

    pub(super) fn bytea(&mut self, bytes: &[u8]) {
        self.field(bytes);
    }

    /// An array of `bigint`, without NULLs.
    pub(super) fn int8_array(&mut self, numbers: impl ExactSizeIterator<Item = i64>) {
        let length = i32::try_from(numbers.len()).unwrap_or(i32::MAX);
        let mut content = Vec::with_capacity(20 + numbers.len() * 12);
        for header in [1, 0, INT8_OID, length, 1] {
            // dimensions, has NULLs, element type, length, lower bound
            content.extend_from_slice(&header.to_be_bytes());
        }
        for number in numbers {
            content.extend_from_slice(&8_i32.to_be_bytes());
            content.extend_from_slice(&number.to_be_bytes());
        }
        self.field(&content);
    }
}
