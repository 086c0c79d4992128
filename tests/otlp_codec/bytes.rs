//! Protobuf by hand, for what no encoder would write.

pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

pub fn tag(number: u32, wire_type: u32) -> Vec<u8> {
    varint(u64::from(number << 3 | wire_type))
}

/// A field of bytes, text or a message.
pub fn field(number: u32, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    [tag(number, 2), varint(content.len() as u64), content.to_vec()].concat()
}

pub fn number(field: u32, value: u64) -> Vec<u8> {
    [tag(field, 0), varint(value)].concat()
}

pub fn fixed64(field: u32, value: u64) -> Vec<u8> {
    [tag(field, 1), value.to_le_bytes().to_vec()].concat()
}

pub fn fixed32(field: u32, value: u32) -> Vec<u8> {
    [tag(field, 5), value.to_le_bytes().to_vec()].concat()
}

/// A group with this content, which OTLP never had.
pub fn group(number: u32, content: &[u8]) -> Vec<u8> {
    [tag(number, 3), content.to_vec(), tag(number, 4)].concat()
}

/// A request of one resource and one scope with these spans.
pub fn request_of(spans: &[Vec<u8>]) -> Vec<u8> {
    let spans: Vec<u8> = spans.iter().flat_map(|span| field(2, span)).collect();
    field(1, field(2, spans))
}

/// A span of this name, its ids all of one byte, with more fields after them.
pub fn span_named(name: &str, more: &[u8]) -> Vec<u8> {
    [field(1, [7; 16]), field(2, [9; 8]), field(5, name), more.to_vec()].concat()
}

pub fn key_value(key: &str, value: &[u8]) -> Vec<u8> {
    [field(1, key), field(2, value)].concat()
}

/// An attribute of a span.
pub fn attribute(key: &str, value: &[u8]) -> Vec<u8> {
    field(9, key_value(key, value))
}

/// A value of so many levels: lists within lists around an empty value.
pub fn nested_lists(levels: u32) -> Vec<u8> {
    (1..levels).fold(Vec::new(), |inner, _| field(5, field(1, inner)))
}

/// The same with maps.
pub fn nested_maps(levels: u32) -> Vec<u8> {
    (1..levels).fold(Vec::new(), |inner, _| field(6, field(1, key_value("k", &inner))))
}
