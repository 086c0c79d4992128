//! Where the collector is, as people write it.

use std::{fmt, str::FromStr};

use tonic::transport::Uri;

/// The address that a collector listens on when nobody says otherwise.
pub const DEFAULT_URL: &str = "http://127.0.0.1:4317";

/// A collector's address: `http://host:port`.
#[derive(Clone, PartialEq, Eq)]
pub struct CollectorUrl {
    text: String,
    uri: Uri,
}

/// A text that is no [`CollectorUrl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No URL at all.
    #[error("is not an address: write it as http://HOST:PORT, such as {DEFAULT_URL}")]
    Malformed,
    /// A scheme that is not spoken here.
    #[error("speaks a scheme that this command does not: use http://HOST:PORT")]
    Scheme,
}

impl CollectorUrl {
    /// As tonic wants it.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl FromStr for CollectorUrl {
    type Err = AddressError;

    /// Reads `http://host:port`, or `host:port`, which means the same.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let authority = match text.trim().split_once("://") {
            Some(("http", authority)) => authority,
            Some(_) => return Err(AddressError::Scheme),
            None => text.trim(),
        };
        let text = format!("http://{}", authority.strip_suffix('/').unwrap_or(authority));
        let uri: Uri = text.parse().map_err(|_| AddressError::Malformed)?;
        let authority = uri.authority().ok_or(AddressError::Malformed)?;
        // A user name or a path would be left out silently on the way.
        let bare = uri.path() == "/" && uri.query().is_none();
        if authority.host().is_empty() || authority.as_str().contains('@') || !bare {
            return Err(AddressError::Malformed);
        }
        Ok(Self { text, uri })
    }
}

impl fmt::Display for CollectorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for CollectorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_scheme_may_be_left_out() {
        let url: CollectorUrl = "mac-mini:4317".parse().unwrap();
        assert_eq!(url.to_string(), "http://mac-mini:4317");
        assert_eq!(url, "http://mac-mini:4317/".parse().unwrap());
    }

    #[test]
    fn what_is_no_address_is_told_how_to_write_one() {
        for text in ["", "http://", "a b", "http://x:1/path", "http://me:pass@x:1", "http://x?y=1"]
        {
            assert_eq!(text.parse::<CollectorUrl>(), Err(AddressError::Malformed), "{text}");
        }
        for text in ["https://x:4317", "postgres://x"] {
            assert_eq!(text.parse::<CollectorUrl>(), Err(AddressError::Scheme), "{text}");
        }
    }
}
