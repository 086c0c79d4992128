//! Random numbers that a printed seed brings back.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The variable that repeats a run: `LIVESPAN_TEST_SEED=7 cargo test …`.
const SEED: &str = "LIVESPAN_TEST_SEED";

/// SplitMix64: small, and alike everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// From the variable where it is set, else from the clock. The seed is
    /// printed, which the test harness shows where the test fails.
    #[allow(clippy::print_stdout, reason = "where a test harness looks for it")]
    pub(crate) fn seeded(test: &str) -> Self {
        let seed = std::env::var(SEED).map_or_else(
            |_| {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::from(now.subsec_nanos()) ^ now.as_secs()
            },
            |text| text.parse().unwrap_or_else(|_| panic!("{SEED} is not a number: {text}")),
        );
        println!("{test}: repeat with {SEED}={seed}");
        Self(seed)
    }

    /// Another one that goes its own way: for a task that runs beside others,
    /// whose order would otherwise decide who gets which number.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `below`, without it.
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        self.next() % below.max(1)
    }

    /// True once in `of` times.
    pub(crate) fn once_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    /// Up to `most`.
    pub(crate) fn micros(&mut self, most: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(most.as_micros()).unwrap_or(u64::MAX)))
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).unwrap_or(0);
            items.swap(last, other);
        }
    }

    /// A uuid, for ids that come back with the seed.
    pub(crate) fn uuid(&mut self) -> uuid::Uuid {
        uuid::Builder::from_random_bytes(
            (u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes(),
        )
        .into_uuid()
    }
}
