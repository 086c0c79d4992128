//! How far a span has come, and when it last moved.
//!
//! A report whose total or note differs from the one before opens a new phase.
//! Within a phase the highest count stands, and the work moved when that was
//! first reported. Reports may be merged in any order, as long as a phase that
//! was left does not come back: what was between is not kept.

use super::{event::ProgressReport, time::Timestamp};

/// All progress reports of a span, merged.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The highest count of the phase.
    pub current: f64,
    /// What there is to do.
    pub total: Option<f64>,
    /// What is being done.
    pub note: Option<String>,
    /// When the work last moved, by the server's clock.
    pub moved_at: Timestamp,
    /// When it was last reported, by the server's clock.
    pub reported_at: Timestamp,
}

impl Progress {
    /// The first report.
    #[must_use]
    pub fn first(report: &ProgressReport, at: Timestamp) -> Self {
        Self {
            current: report.current,
            total: report.total,
            note: report.note.clone(),
            moved_at: at,
            reported_at: at,
        }
    }

    /// Takes in a report that was received at `at`.
    pub fn merge(&mut self, report: &ProgressReport, at: Timestamp) {
        let same_phase = self.total == report.total && self.note == report.note;
        if !same_phase {
            if at > self.reported_at {
                *self = Self::first(report, at);
            }
            return;
        }
        if report.current > self.current {
            self.current = report.current;
            self.moved_at = at;
        } else if report.current == self.current {
            self.moved_at = self.moved_at.min(at);
        }
        self.reported_at = self.reported_at.max(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(current: f64, note: &str) -> ProgressReport {
        ProgressReport { current, total: Some(10.0), note: Some(note.to_owned()) }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn the_same_count_again_is_no_movement() {
        let mut progress = Progress::first(&report(3.0, "read"), at(1));
        progress.merge(&report(3.0, "read"), at(5));
        assert_eq!((progress.moved_at, progress.reported_at), (at(1), at(5)));
    }

    #[test]
    fn a_higher_count_is_movement() {
        let mut progress = Progress::first(&report(3.0, "read"), at(1));
        progress.merge(&report(4.0, "read"), at(5));
        assert_eq!((progress.current, progress.moved_at), (4.0, at(5)));
    }

    #[test]
    fn another_phase_counts_anew() {
        let mut progress = Progress::first(&report(9.0, "read"), at(1));
        progress.merge(&report(1.0, "write"), at(5));
        assert_eq!((progress.current, progress.moved_at), (1.0, at(5)));
    }

    #[test]
    fn a_late_report_of_an_earlier_phase_changes_nothing() {
        let mut progress = Progress::first(&report(1.0, "write"), at(5));
        let before = progress.clone();
        progress.merge(&report(9.0, "read"), at(4));
        assert_eq!(progress, before);
    }
}
