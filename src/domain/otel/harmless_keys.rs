//! Keys that were found to hold nothing to hide. An instrumented program names its
//! attributes by the same few keys in every span, and to look each over costs as much
//! as to write it.

use std::{borrow::Cow, cell::RefCell};

use crate::domain::redact::Redactor;

/// How many keys a thread remembers at most. Programs use some dozens.
const PLACES: usize = 256;

/// The longest key that is remembered; with its length a cache line.
const MOST_BYTES: usize = 63;

#[derive(Clone, Copy)]
struct Place {
    length: u8,
    key: [u8; MOST_BYTES],
}

impl Place {
    const EMPTY: Self = Self { length: 0, key: [0; MOST_BYTES] };

    fn holds(&self, key: &[u8]) -> bool {
        self.key.get(..self.length.into()) == Some(key)
    }
}

/// What one thread has learned. Whoever sends ever new keys fills it with them, and
/// has them looked over one by one, as without it.
struct HarmlessKeys(Box<[Place; PLACES]>);

thread_local! {
    static LEARNED: RefCell<HarmlessKeys> =
        RefCell::new(HarmlessKeys(Box::new([Place::EMPTY; PLACES])));
}

/// Whether a key is neither a secret's name nor holds a secret.
pub(super) fn is_harmless(redactor: &Redactor, key: &str) -> bool {
    let look = || !redactor.is_secret_key(key) && is_kept(redactor, key);
    let bytes = key.as_bytes();
    if bytes.is_empty() || bytes.len() > MOST_BYTES {
        return look();
    }
    LEARNED.with_borrow_mut(|learned| {
        let place = &mut learned.0[place_of(bytes)];
        place.holds(bytes)
            || (look() && {
                // Both bounds were just checked.
                place.length = bytes.len() as u8;
                place.key[..bytes.len()].copy_from_slice(bytes);
                true
            })
    })
}

/// Whether redaction leaves a key as it is.
fn is_kept(redactor: &Redactor, key: &str) -> bool {
    matches!(redactor.text_whole(key), Cow::Borrowed(_))
}

/// Where a key is remembered: by its length and both of its ends.
fn place_of(key: &[u8]) -> usize {
    let end = |bytes: Option<&[u8; 8]>| u64::from_le_bytes(bytes.copied().unwrap_or_default());
    let hash = match key.len() {
        0..8 => key.iter().fold(0, |hash, byte| hash << 8 | u64::from(*byte)),
        _ => end(key.first_chunk()) ^ end(key.last_chunk()).rotate_left(29),
    };
    let hash = (hash ^ key.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> 56) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_is_judged_the_same_whenever_it_comes(
            keys in prop::collection::vec("(api|user|http)[._-]?(key|token|id|[a-z]{0,70})", 1..600),
        ) {
            let redactor = Redactor::standard();
            for key in keys.iter().chain(&keys) {
                let expected = !redactor.is_secret_key(key) && is_kept(&redactor, key);
                prop_assert_eq!(is_harmless(&redactor, key), expected, "{}", key);
            }
        }
    }
}
