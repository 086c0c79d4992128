//! Writes protobuf's wire format.

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;
const FIXED32: u32 = 5;

fn push_raw_varint(output: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        output.push(value as u8 | 0x80);
        value >>= 7;
    }
    output.push(value as u8);
}

fn push_tag(output: &mut Vec<u8>, number: u32, wire_type: u32) {
    push_raw_varint(output, u64::from(number << 3 | wire_type));
}

pub(super) fn push_varint(output: &mut Vec<u8>, number: u32, value: u64) {
    push_tag(output, number, VARINT);
    push_raw_varint(output, value);
}

pub(super) fn push_fixed64(output: &mut Vec<u8>, number: u32, value: u64) {
    push_tag(output, number, FIXED64);
    output.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn push_fixed32(output: &mut Vec<u8>, number: u32, value: u32) {
    push_tag(output, number, FIXED32);
    output.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn push_bytes(output: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    push_tag(output, number, BYTES);
    push_raw_varint(output, bytes.len() as u64);
    output.extend_from_slice(bytes);
}

/// Begins a message field, with room for a short length; returns where its
/// content begins, for [`end_message`].
pub(super) fn begin_message(output: &mut Vec<u8>, number: u32) -> usize {
    push_tag(output, number, BYTES);
    output.push(0);
    output.len()
}

/// Ends the message whose content began at `start`. A length of more than one
/// byte moves the content: at most once for each message around a field.
pub(super) fn end_message(output: &mut Vec<u8>, start: usize) {
    let mut length = Vec::with_capacity(10);
    push_raw_varint(&mut length, (output.len() - start) as u64);
    output.splice(start - 1..start, length);
}
