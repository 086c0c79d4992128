//! Whether a run is stuck, and at which span.
//!
//! Judged from the running spans alone and by the server's clock: hosts' clocks
//! lie. A verdict is derived whenever somebody asks and is written nowhere, so
//! that one sign of life revokes it. `detect_stuck_runs` in SQL applies the
//! same rules; both are held to `tests/vectors/liveness.json`.

use std::{cmp::Reverse, fmt, time::Duration};

use super::{ids::SpanId, progress::Progress, run::LastEnd, time::Timestamp, tree::SpanTree};

/// After how long without a sign of life a run is stuck, unless its spans or
/// the server's settings say otherwise.
pub const DEFAULT_STUCK_AFTER: Duration = Duration::from_secs(300);

/// For how long executors may take to reach a server that has just started.
pub const RESTART_GRACE: Duration = Duration::from_secs(30);

/// What is known of a running span's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifeSigns {
    /// The span.
    pub span_id: SpanId,
    /// The span that it is a step of.
    pub parent_span_id: Option<SpanId>,
    /// When it started, by the client's clock. Only orders spans that are
    /// otherwise alike; `None` where the start was not received yet.
    pub started_at: Option<Timestamp>,
    /// When it was first heard of, by the server's clock.
    pub first_seen_at: Timestamp,
    /// When it was last heard of, by the server's clock.
    pub last_alive_at: Timestamp,
    /// When its progress last moved, by the server's clock.
    pub progress_moved_at: Option<Timestamp>,
    /// After how long without a sign of life it is stuck.
    pub stuck_after: Option<Duration>,
    /// After how long without movement it is stuck.
    pub progress_timeout: Option<Duration>,
}

/// What is known of a run's life.
#[derive(Debug, Clone, Copy)]
pub struct RunLife<'a> {
    /// Its running spans, in any order.
    pub running: &'a [LifeSigns],
    /// The end of a span that was received last.
    pub last_end: Option<LastEnd>,
}

/// What a run's life is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// After how long without a sign of life a run is stuck whose last-alive
    /// span does not say.
    pub stuck_after: Duration,
    /// When the server began to listen. What was last alive before is given
    /// [`RESTART_GRACE`] to be heard again; `None` gives no grace.
    pub server_started_at: Option<Timestamp>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { stuck_after: DEFAULT_STUCK_AFTER, server_started_at: None }
    }
}

/// What is wrong with a stuck run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Nothing of it is heard any more.
    NoHeartbeat,
    /// One of its spans is heard but does not move.
    NoProgress,
}

impl Verdict {
    /// As it is spelled in proto, JSON, SQL and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoHeartbeat => "NO_HEARTBEAT",
            Self::NoProgress => "NO_PROGRESS",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a run was alive last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastAlive {
    /// Which of [`RunLife::running`].
    pub index: usize,
    /// When it, or one of its steps, was last heard of.
    pub at: Timestamp,
}

/// A stuck run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// What is wrong.
    pub verdict: Verdict,
    /// At which of [`RunLife::running`].
    pub index: usize,
    /// When that span was last heard of, or last moved.
    pub since: Timestamp,
    /// How long ago that was.
    pub stuck_for: Duration,
    /// The limit that this exceeds.
    pub limit: Duration,
    /// What the verdict rests on, in words.
    pub evidence: String,
}

impl Stuck {
    /// Adds to the evidence of missing progress how far the span had come.
    #[must_use]
    pub fn with_progress(mut self, progress: Option<&Progress>) -> Self {
        if let (Verdict::NoProgress, Some(progress)) = (self.verdict, progress) {
            self.evidence.push_str(", last at ");
            self.evidence.push_str(&progress_text(progress));
        }
        self
    }
}

/// What a verdict rests on, in words, to the second; to the millisecond where
/// the limit is not in whole seconds.
#[must_use]
pub fn evidence(verdict: Verdict, stuck_for: Duration, limit: Duration) -> String {
    let missing = match verdict {
        Verdict::NoHeartbeat => "heartbeat",
        Verdict::NoProgress => "progress",
    };
    let limit = Duration::from_millis(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
    let stuck_for = if limit.subsec_millis() == 0 {
        Duration::from_secs(stuck_for.as_secs())
    } else {
        stuck_for
    };
    format!("no {missing} for {} s, limit {} s", seconds_text(stuck_for), seconds_text(limit))
}

/// How far a span has come, in words: `40 of 100 (frames)`.
#[must_use]
pub fn progress_text(progress: &Progress) -> String {
    let mut text = progress.current.to_string();
    if let Some(total) = progress.total {
        text.push_str(&format!(" of {total}"));
    }
    if let Some(note) = progress.note.as_deref().filter(|note| !note.is_empty()) {
        text.push_str(&format!(" ({note})"));
    }
    text
}

fn seconds_text(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
    if millis == 0 {
        seconds.to_string()
    } else {
        format!("{seconds}.{millis:03}").trim_end_matches('0').to_owned()
    }
}

/// The running span that was alive last; of several, the deepest, of these the
/// one that started last. `None` where nothing runs.
///
/// The end of a step is a sign of life of the span that it was a step of. Where
/// that one does not run, the whole run was alive then, and the span named is
/// the one that would have been without it: what has ended cannot be named, and
/// which running span the ended one worked for is not known.
#[must_use]
pub fn last_alive(life: &RunLife<'_>) -> Option<LastAlive> {
    last_alive_in(life, &tree_of(life))
}

/// Whether the run is stuck at `now`. Exactly at a limit it is not.
///
/// That nothing is heard of a run goes before what does not move in it.
#[must_use]
pub fn judge(life: &RunLife<'_>, limits: &Limits, now: Timestamp) -> Option<Stuck> {
    let tree = tree_of(life);
    let last = last_alive_in(life, &tree)?;
    let limit = life.running[last.index].stuck_after.unwrap_or(limits.stuck_after);
    if exceeds(last.at, limit, limits, now) {
        return Some(stuck(Verdict::NoHeartbeat, last.index, last.at, limit, now));
    }
    let still = |(index, signs): (usize, &LifeSigns)| {
        let limit = signs.progress_timeout?;
        let since = signs.progress_moved_at.unwrap_or(signs.first_seen_at);
        exceeds(since, limit, limits, now).then_some((index, since, limit))
    };
    let (index, since, limit) = life
        .running
        .iter()
        .enumerate()
        .filter_map(still)
        .max_by_key(|(index, since, _)| (Reverse(*since), rank(life, &tree, *index)))?;
    Some(stuck(Verdict::NoProgress, index, since, limit, now))
}

fn tree_of(life: &RunLife<'_>) -> SpanTree {
    SpanTree::build(life.running.iter().map(|signs| (signs.span_id, signs.parent_span_id)))
}

fn last_alive_in(life: &RunLife<'_>, tree: &SpanTree) -> Option<LastAlive> {
    let parent = life.last_end.and_then(|end| tree.position(end.parent?));
    let ended_at = life.last_end.map(|end| end.at);
    let activity = |index: usize, signs: &LifeSigns| {
        let by_step = ended_at.filter(|_| parent == Some(index));
        by_step.map_or(signs.last_alive_at, |at| at.max(signs.last_alive_at))
    };
    let named = life
        .running
        .iter()
        .enumerate()
        .map(|(index, signs)| LastAlive { index, at: activity(index, signs) })
        .max_by_key(|last| (last.at, rank(life, tree, last.index)))?;
    Some(LastAlive { at: ended_at.map_or(named.at, |at| at.max(named.at)), ..named })
}

/// Orders spans that are otherwise alike: the deepest, then the one that
/// started last, then by id, so that every reader names the same.
fn rank(life: &RunLife<'_>, tree: &SpanTree, index: usize) -> (u32, Timestamp, SpanId) {
    let signs = &life.running[index];
    (tree.depth(index), signs.started_at.unwrap_or(signs.first_seen_at), signs.span_id)
}

/// Whether the limit has passed since `since`, and the server was up long
/// enough to have been told otherwise.
fn exceeds(since: Timestamp, limit: Duration, limits: &Limits, now: Timestamp) -> bool {
    let reachable = match limits.server_started_at {
        Some(started_at) if since < started_at => now >= started_at.plus(limit.min(RESTART_GRACE)),
        _ => true,
    };
    now.since(since) > limit && reachable
}

fn stuck(
    verdict: Verdict,
    index: usize,
    since: Timestamp,
    limit: Duration,
    now: Timestamp,
) -> Stuck {
    let stuck_for = now.since(since);
    Stuck { verdict, index, since, stuck_for, limit, evidence: evidence(verdict, stuck_for, limit) }
}

#[cfg(test)]
mod tests {
    //! What the shared cases cannot say; see `tests/vectors_liveness.rs`.
    use super::*;

    fn progress(total: Option<f64>, note: Option<&str>) -> Progress {
        Progress {
            current: 40.0,
            total,
            note: note.map(str::to_owned),
            moved_at: Timestamp::EPOCH,
            reported_at: Timestamp::EPOCH,
        }
    }

    #[test]
    fn progress_is_told_as_far_as_it_is_known() {
        assert_eq!(progress_text(&progress(None, None)), "40");
        assert_eq!(progress_text(&progress(Some(100.0), None)), "40 of 100");
        assert_eq!(progress_text(&progress(Some(2.5), Some("frames"))), "40 of 2.5 (frames)");
    }

    #[test]
    fn only_missing_progress_tells_how_far_the_span_had_come() {
        let progress = progress(Some(100.0), Some("frames"));
        let told = |verdict| {
            let now = Timestamp::EPOCH.plus(Duration::from_secs(620));
            stuck(verdict, 0, Timestamp::EPOCH, Duration::from_secs(600), now)
                .with_progress(Some(&progress))
                .evidence
        };
        assert_eq!(
            told(Verdict::NoProgress),
            "no progress for 620 s, limit 600 s, last at 40 of 100 (frames)"
        );
        assert_eq!(told(Verdict::NoHeartbeat), "no heartbeat for 620 s, limit 600 s");
    }
}
