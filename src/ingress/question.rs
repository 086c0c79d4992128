//! Fields that only questions have, checked as in [`check`].

use super::check;

/// How many at most: `default` where 0 was sent.
pub(super) fn page_size(sent: u32, default: u32, most: u32) -> Result<u32, String> {
    match sent {
        0 => Ok(default),
        sent if sent <= most => Ok(sent),
        sent => Err(format!("is {sent}: send at most {most}")),
    }
}

/// A page token; none where the text is empty.
pub(super) fn page_token<T>(text: &str) -> Result<Option<T>, String>
where
    T: std::str::FromStr<Err: ToString>,
{
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|problem: T::Err| problem.to_string())
}

/// A text to compare with; none where it is empty.
pub(super) fn filter(text: String) -> Result<Option<String>, String> {
    check::text(&text, check::MAX_NAME_BYTES)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}
