//! How much of the time gc works: after each step it rests for as long as keeps
//! to its share, whatever a step takes on this machine and under this load.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, Instant},
};

use tokio::time::sleep;

/// How much of the time something may work, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(u8);

/// A text that is no share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a percentage from 1% to 100%")]
pub struct InvalidShare;

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, InvalidShare> {
        let number = text.strip_suffix('%').unwrap_or(text);
        match number.parse() {
            Ok(percent @ 1..=100) => Ok(Self(percent)),
            _ => Err(InvalidShare),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl Share {
    /// For how long to rest after so much work.
    fn rest_after(self, work: Duration) -> Duration {
        work.saturating_mul(u32::from(100 - self.0)) / u32::from(self.0)
    }
}

/// The longest rest: a step that waited long for others has cost them nothing.
const MOST_REST: Duration = Duration::from_secs(2);

/// Keeps to a share.
#[derive(Debug)]
pub(super) struct Pace {
    share: Share,
    began: Instant,
}

impl Pace {
    pub(super) fn new(share: Share) -> Self {
        Self { share, began: Instant::now() }
    }

    /// Work begins.
    pub(super) fn begin(&mut self) {
        self.began = Instant::now();
    }

    /// Rests for what was done since.
    pub(super) async fn rest(&self) {
        let rest = self.share.rest_after(self.began.elapsed()).min(MOST_REST);
        if !rest.is_zero() {
            sleep(rest).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage() {
        assert_eq!("20%".parse(), Ok(Share(20)));
        assert_eq!("100".parse(), Ok(Share(100)));
        for text in ["0", "101", "-1", "", "%", "much", "20%%"] {
            assert_eq!(text.parse::<Share>(), Err(InvalidShare), "{text}");
        }
    }

    #[test]
    fn rest_and_work_are_in_the_share_together() {
        let work = Duration::from_millis(10);
        assert_eq!(Share(20).rest_after(work), Duration::from_millis(40));
        assert_eq!(Share(100).rest_after(work), Duration::ZERO);
        assert_eq!(Share(1).rest_after(work), Duration::from_millis(990));
    }
}
