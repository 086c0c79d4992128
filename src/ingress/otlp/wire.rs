//! Protobuf's wire format: a message's fields, one after the other.
//!
//! A span of ten attributes has some hundred fields. All that reads a field is
//! inlined by force into the loops over messages, which halves the time of a
//! span: results then stay in registers, and the compiler wouldn't do it unasked.

use std::slice;

use super::{Fault, MAX_VALUE_LEVELS, Malformed};

/// A field's content, by its wire type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// One message's bytes. A message field that comes twice is one message whose
/// parts follow each other; they are kept apart so that merging copies nothing.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    first: &'a [u8],
    more: Vec<&'a [u8]>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(first: &'a [u8]) -> Self {
        Self { first, more: Vec::new() }
    }

    pub(super) fn add(&mut self, part: &'a [u8]) {
        if self.first.is_empty() {
            self.first = part;
        } else if !part.is_empty() {
            self.more.push(part);
        }
    }

    /// The fields of all parts; `message` is the name for errors.
    pub(super) fn fields(&self, message: &'static str) -> Fields<'a, '_> {
        Fields { message, left: self.first, more: self.more.iter() }
    }
}

/// Walks the fields of a message.
#[derive(Debug)]
pub(super) struct Fields<'a, 'p> {
    message: &'static str,
    left: &'a [u8],
    more: slice::Iter<'p, &'a [u8]>,
}

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;
const GROUP: u8 = 3;
const GROUP_END: u8 = 4;
const FIXED32: u8 = 5;

impl<'a> Fields<'a, '_> {
    /// The fields of a message that is in one piece.
    pub(super) fn new(message: &'static str, bytes: &'a [u8]) -> Self {
        Self { message, left: bytes, more: [].iter() }
    }

    /// The next field's number and content; groups are passed over.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Result<Option<(u32, Field<'a>)>, Malformed> {
        self.advance().map_err(|fault| Malformed { message: self.message, fault })
    }

    #[inline(always)]
    fn advance(&mut self) -> Result<Option<(u32, Field<'a>)>, Fault> {
        loop {
            while self.left.is_empty() {
                match self.more.next() {
                    Some(part) => self.left = part,
                    None => return Ok(None),
                }
            }
            let (number, wire_type) = tag(&mut self.left)?;
            match wire_type {
                GROUP => skip_group(&mut self.left, number)?,
                GROUP_END => return Err(Fault::GroupEnd),
                _ => return Ok(Some((number, field(&mut self.left, wire_type)?))),
            }
        }
    }
}

#[inline(always)]
fn tag(left: &mut &[u8]) -> Result<(u32, u8), Fault> {
    let tag = u32::try_from(varint(left)?).map_err(|_| Fault::FieldNumber)?;
    match tag >> 3 {
        0 => Err(Fault::FieldNumber),
        number => Ok((number, (tag & 7) as u8)),
    }
}

#[inline(always)]
fn field<'a>(left: &mut &'a [u8], wire_type: u8) -> Result<Field<'a>, Fault> {
    match wire_type {
        BYTES => {
            let length = usize::try_from(varint(left)?).map_err(|_| Fault::CutOff)?;
            let (bytes, rest) = left.split_at_checked(length).ok_or(Fault::CutOff)?;
            *left = rest;
            Ok(Field::Bytes(bytes))
        }
        VARINT => varint(left).map(Field::Varint),
        FIXED64 => array(left).map(u64::from_le_bytes).map(Field::Fixed64),
        FIXED32 => array(left).map(u32::from_le_bytes).map(Field::Fixed32),
        unknown => Err(Fault::WireType(unknown)),
    }
}

#[inline(always)]
fn array<const N: usize>(left: &mut &[u8]) -> Result<[u8; N], Fault> {
    let (bytes, rest) = left.split_first_chunk().ok_or(Fault::CutOff)?;
    *left = rest;
    Ok(*bytes)
}

#[inline(always)]
fn varint(left: &mut &[u8]) -> Result<u64, Fault> {
    match left {
        // Nearly all tags and lengths.
        [byte, rest @ ..] if *byte < 0x80 => {
            let value = u64::from(*byte);
            *left = rest;
            Ok(value)
        }
        _ => long_varint(left),
    }
}

fn long_varint(left: &mut &[u8]) -> Result<u64, Fault> {
    let mut value = 0;
    for (place, byte) in left.iter().enumerate().take(10) {
        // The tenth byte has one bit to give.
        if place == 9 && *byte > 1 {
            return Err(Fault::LongNumber);
        }
        value |= u64::from(byte & 0x7f) << (7 * place);
        if *byte < 0x80 {
            *left = &left[place + 1..];
            return Ok(value);
        }
    }
    Err(if left.len() < 10 { Fault::CutOff } else { Fault::LongNumber })
}

/// Passes over a group, with the groups within it on a list instead of the
/// stack of calls.
fn skip_group(left: &mut &[u8], number: u32) -> Result<(), Fault> {
    let mut open = vec![number];
    while let Some(innermost) = open.last() {
        match tag(left)? {
            (number, GROUP) if open.len() < MAX_VALUE_LEVELS as usize => open.push(number),
            (_, GROUP) => return Err(Fault::TooDeep),
            (number, GROUP_END) if number == *innermost => {
                open.pop();
            }
            (_, GROUP_END) => return Err(Fault::GroupEnd),
            (_, wire_type) => {
                field(left, wire_type)?;
            }
        }
    }
    Ok(())
}
