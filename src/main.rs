//! The `livespan` command.

fn main() {}
