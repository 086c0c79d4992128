//! How answers are written: tables and trees for people, JSON for scripts.

mod ages;
mod paint;
mod records;
mod table;
mod visible;
mod writer;

pub(crate) use ages::{age, bytes, seconds};
pub(crate) use paint::{Hue, Palette};
pub(crate) use table::{Field, Sheet};
pub(crate) use visible::{clip, visible};
pub(crate) use writer::Output;
