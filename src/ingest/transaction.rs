//! One batch, one transaction.
//!
//! Runs are locked first, then their spans are read where any may be there,
//! merged by the rules of [`crate::domain::span`], and written back. Spans that
//! come whole are copied in on the bet that they are new; where one is not, the
//! batch is repeated and merges instead.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::batch::{Group, Outcome, Recorded, Rejected};
use crate::{
    domain::{
        event::SpanEventKind,
        ids::{RunId, SpanKey},
        run::{LastEnd, RunFacts},
        span::Span,
        status::Status,
        time::Timestamp,
    },
    storage::{SpanWriter, StorageError},
};

/// Whether to bet that whole spans are new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bet {
    /// Copy them in, and fail with [`StorageError::Duplicate`] where one isn't.
    New,
    /// Look first.
    Look,
}

/// Outcomes of a batch's groups, each with one for each of its writes.
pub(super) type GroupOutcomes = Vec<Vec<Outcome>>;

/// Writes a batch and commits it.
///
/// # Errors
///
/// As the database says; nothing is stored then, unless it was the commit that
/// went unanswered.
pub(super) async fn write(
    writer: &mut SpanWriter,
    groups: &[Group],
    bet: Bet,
) -> Result<GroupOutcomes, StorageError> {
    let mut outcomes: GroupOutcomes = groups.iter().map(|_| Vec::new()).collect();
    let (beats, others): (Vec<usize>, Vec<usize>) =
        (0..groups.len()).partition(|index| groups[*index].only_beats());

    writer.begin().await?;
    let mut batch = Batch { writer, groups, outcomes: &mut outcomes };
    batch.merge(&others, bet).await?;
    let unheard_of = batch.beat(&beats).await?;
    batch.merge(&unheard_of, Bet::Look).await?;
    batch.store_artifacts().await?;
    writer.commit().await?;
    Ok(outcomes)
}

struct Batch<'b> {
    writer: &'b mut SpanWriter,
    groups: &'b [Group],
    outcomes: &'b mut GroupOutcomes,
}

/// Where a span was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Home {
    Nowhere,
    Live,
    Finished,
}

/// A span as it was and as it is to be.
struct Change {
    home: Home,
    span: Span,
    changed: bool,
    newly_ended: bool,
}

impl Batch<'_> {
    /// Notes heartbeats of spans that run. Returns the groups of those that
    /// don't.
    async fn beat(&mut self, indices: &[usize]) -> Result<Vec<usize>, StorageError> {
        if indices.is_empty() {
            return Ok(Vec::new());
        }
        self.move_progress(indices).await?;
        let beats: Vec<_> = indices
            .iter()
            .map(|index| &self.groups[*index])
            .filter_map(|group| {
                Some((group.key, group.events().map(|event| event.received_at).max()?))
            })
            .collect();
        let beaten: HashMap<SpanKey, _> = self
            .writer
            .beat(&beats)
            .await?
            .into_iter()
            .map(|beaten| (beaten.key, beaten))
            .collect();
        let mut unheard_of = Vec::new();
        for index in indices {
            let group = &self.groups[*index];
            let Some(beaten) = beaten.get(&group.key) else {
                unheard_of.push(*index);
                continue;
            };
            let recorded = Recorded {
                status: Status::Running,
                known: beaten.known,
                conflict: false,
                cancel_requested: beaten.cancel_requested,
                reason_code: None,
                reason_kind: None,
            };
            self.outcomes[*index] = vec![Ok(recorded); group.writes.len()];
        }
        Ok(unheard_of)
    }

    async fn move_progress(&mut self, indices: &[usize]) -> Result<(), StorageError> {
        let reporting: HashMap<SpanKey, &Group> = indices
            .iter()
            .map(|index| &self.groups[*index])
            .filter(|group| {
                group.events().any(|event| matches!(event.kind, SpanEventKind::Heartbeat(Some(_))))
            })
            .map(|group| (group.key, group))
            .collect();
        if reporting.is_empty() {
            return Ok(());
        }
        let mut keys: Vec<SpanKey> = reporting.keys().copied().collect();
        keys.sort_unstable();
        let mut moved = Vec::with_capacity(keys.len());
        for (key, before) in self.writer.load_progress(&keys).await? {
            // The merging of reports is the span's; only the columns are fewer.
            let mut span = Span::stub(key, Timestamp::EPOCH);
            span.progress.clone_from(&before);
            for event in reporting[&key].events() {
                // A heartbeat contradicts nothing.
                let _ = span.apply(event);
            }
            if let Some(progress) = span.progress.filter(|now| Some(now) != before.as_ref()) {
                moved.push((key, progress));
            }
        }
        if moved.is_empty() { Ok(()) } else { self.writer.store_progress(&moved).await }
    }

    async fn merge(&mut self, indices: &[usize], bet: Bet) -> Result<(), StorageError> {
        if indices.is_empty() {
            return Ok(());
        }
        let runs = self.run_facts(indices);
        let new_runs = self.writer.lock_runs(&runs).await?;
        let in_old_run = |index: &usize| !new_runs.contains(&self.groups[*index].key.run_id);
        let old: Vec<usize> = indices.iter().copied().filter(in_old_run).collect();
        let mut found = self.find(&old, bet).await?;

        let mut changes = Vec::with_capacity(indices.len());
        for index in indices {
            let group = &self.groups[*index];
            let (home, mut span) = found.remove(&group.key).unwrap_or_else(|| {
                let at = group.events().map(|event| event.received_at).min();
                (Home::Nowhere, Span::stub(group.key, at.unwrap_or_default()))
            });
            let before = span.clone();
            let applied: Vec<_> = group.events().map(|event| span.apply(event)).collect();
            let accepted = applied.iter().any(Result::is_ok);
            self.outcomes[*index] = applied
                .into_iter()
                .map(|applied| {
                    applied
                        .map(|applied| recorded(&span, applied.known, applied.conflict))
                        .map_err(Rejected::Contradiction)
                })
                .collect();
            changes.push(Change {
                home,
                changed: accepted && (home == Home::Nowhere || span != before),
                newly_ended: before.ended.is_none() && span.ended.is_some(),
                span,
            });
        }
        self.write_changes(&changes).await?;
        self.note_ends(&changes, &new_runs).await
    }

    /// What the groups say of their runs, sorted by run.
    fn run_facts(&self, indices: &[usize]) -> Vec<RunFacts> {
        let mut runs: BTreeMap<RunId, RunFacts> = BTreeMap::new();
        for index in indices {
            let group = &self.groups[*index];
            let mut parent = None;
            for event in group.events() {
                let facts = runs
                    .entry(group.key.run_id)
                    .or_insert_with(|| RunFacts::heard_of(group.key.run_id, event.received_at));
                facts.take(event);
                if let SpanEventKind::Start(start) | SpanEventKind::Whole(start, _) = &event.kind {
                    parent = start.parent_span_id;
                }
                if let SpanEventKind::End(_) | SpanEventKind::Whole(..) = &event.kind {
                    facts.take_end(LastEnd { at: event.received_at, parent });
                }
            }
        }
        runs.into_values().collect()
    }

    /// Reads and locks what is there of the groups' spans.
    async fn find(
        &mut self,
        indices: &[usize],
        bet: Bet,
    ) -> Result<HashMap<SpanKey, (Home, Span)>, StorageError> {
        let mut found = HashMap::new();
        if indices.is_empty() {
            return Ok(found);
        }
        let keys: Vec<SpanKey> = indices.iter().map(|index| self.groups[*index].key).collect();
        for span in self.writer.load_live(&keys).await? {
            found.insert(span.key, (Home::Live, span));
        }
        let elsewhere: Vec<SpanKey> = indices
            .iter()
            .map(|index| &self.groups[*index])
            .filter(|group| !found.contains_key(&group.key))
            .filter(|group| bet == Bet::Look || !group.is_whole())
            .map(|group| group.key)
            .collect();
        if !elsewhere.is_empty() {
            for span in self.writer.load_finished(&elsewhere).await? {
                found.insert(span.key, (Home::Finished, span));
            }
        }
        Ok(found)
    }

    async fn write_changes(&mut self, changes: &[Change]) -> Result<(), StorageError> {
        let changed = || changes.iter().filter(|change| change.changed);
        let keys_in = |home: Home| -> Vec<SpanKey> {
            changed().filter(|change| change.home == home).map(|change| change.span.key).collect()
        };
        let (left_live, rewritten) = (keys_in(Home::Live), keys_in(Home::Finished));
        let (ended, running): (Vec<&Span>, Vec<&Span>) =
            changed().map(|change| &change.span).partition(|span| span.ended.is_some());
        if !left_live.is_empty() {
            self.writer.delete_live(&left_live).await?;
        }
        if !rewritten.is_empty() {
            self.writer.delete_finished(&rewritten).await?;
        }
        if !running.is_empty() {
            self.writer.copy_live(&running).await?;
        }
        if !ended.is_empty() {
            self.writer.copy_finished(&ended).await?;
        }
        Ok(())
    }

    /// Tells the runs that were there before of their spans' ends. New runs
    /// were inserted with them.
    async fn note_ends(
        &mut self,
        changes: &[Change],
        new_runs: &HashSet<RunId>,
    ) -> Result<(), StorageError> {
        let mut ends: BTreeMap<RunId, LastEnd> = BTreeMap::new();
        for change in changes.iter().filter(|change| change.newly_ended) {
            let span = &change.span;
            let end = LastEnd { at: span.last_alive_at, parent: span.start.parent_span_id };
            if !new_runs.contains(&span.key.run_id) {
                ends.entry(span.key.run_id)
                    .and_modify(|last| *last = end.max(*last))
                    .or_insert(end);
            }
        }
        if ends.is_empty() {
            return Ok(());
        }
        let ends: Vec<_> = ends.into_iter().collect();
        self.writer.note_ends(&ends).await
    }

    async fn store_artifacts(&mut self) -> Result<(), StorageError> {
        let artifacts: Vec<_> = self
            .groups
            .iter()
            .flat_map(|group| &group.writes)
            .filter_map(|placed| placed.write.artifact.as_ref())
            .collect();
        if artifacts.is_empty() { Ok(()) } else { self.writer.copy_artifacts(&artifacts).await }
    }
}

fn recorded(span: &Span, known: bool, conflict: bool) -> Recorded {
    let failure = span.ended.as_ref().and_then(|ended| ended.failure.as_ref());
    Recorded {
        status: span.status(),
        known,
        conflict,
        cancel_requested: span.cancel_requested,
        reason_code: failure.and_then(|failure| failure.reason_code.clone()),
        reason_kind: failure.and_then(|failure| failure.reason_kind),
    }
}
