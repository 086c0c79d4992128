//! One batch, one transaction.
//!
//! Runs are locked first, then their spans are read where any may be there,
//! merged by the rules of [`crate::domain::span`], and written back. Spans that
//! come whole are copied in on the bet that they are new; where one is not, the
//! batch is repeated and merges instead.

use std::collections::{BTreeMap, HashMap};

use super::batch::{Group, Outcome, Recorded, Rejected};
use crate::{
    domain::{
        event::SpanEventKind,
        ids::{RunId, SpanKey},
        run::{LastEnd, RunFacts},
        span::{Applied, Contradiction, Span},
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

/// A span as it is to be, and what its events came to.
struct Change {
    home: Home,
    span: Span,
    /// For each event, what it found, or why it was refused.
    applied: Vec<Result<Applied, Contradiction>>,
    changed: bool,
    /// Whether its run is to be told of its end, or of whose step it was.
    end_is_news: bool,
}

impl Change {
    /// What `group` makes of a span that was found, or of nothing.
    fn of(group: &Group, found: Option<(Home, Span)>) -> Self {
        let (home, before) = found.unwrap_or_else(|| {
            let at = group.events().map(|event| event.received_at).min();
            (Home::Nowhere, Span::stub(group.key, at.unwrap_or_default()))
        });
        let mut span = before.clone();
        let applied: Vec<_> = group.events().map(|event| span.apply(event)).collect();
        let accepted = applied.iter().any(Result::is_ok);
        Self {
            home,
            changed: accepted && (home == Home::Nowhere || span != before),
            end_is_news: span.ended.is_some()
                && (before.ended.is_none() || span.started != before.started),
            applied,
            span,
        }
    }

    /// Whether it may say something of its run that is not known yet.
    fn has_news(&self) -> bool {
        self.end_is_news || (self.changed && self.span.started)
    }

    fn is_accepted(&self) -> bool {
        self.applied.iter().any(Result::is_ok)
    }

    fn outcomes(&self) -> Vec<Outcome> {
        self.applied
            .iter()
            .map(|applied| match applied {
                Ok(applied) => Ok(recorded(&self.span, applied.known, applied.conflict)),
                Err(contradiction) => Err(Rejected::Contradiction(*contradiction)),
            })
            .collect()
    }

    /// Adds to `facts` what the events that were not refused say of the run.
    fn tell(&self, group: &Group, facts: &mut RunFacts) {
        for (event, applied) in group.events().zip(&self.applied) {
            if applied.is_ok() {
                facts.take(event);
            }
        }
        if self.end_is_news {
            facts.take_end(LastEnd {
                at: self.span.last_alive_at,
                parent: self.span.start.parent_span_id,
            });
        }
    }
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
        // As if nothing were known. For most spans nothing is.
        let mut changes: Vec<(usize, Change)> =
            indices.iter().map(|index| (*index, Change::of(&self.groups[*index], None))).collect();
        let runs = self.run_facts(&changes, |change| change.is_accepted());
        if !runs.is_empty() {
            let new_runs = self.writer.lock_runs(&runs).await?;
            let is_old = |change: &Change| !new_runs.contains(&change.span.key.run_id);
            let known: Vec<usize> = changes
                .iter()
                .filter(|(_, change)| bet == Bet::Look || is_old(change))
                .map(|(index, _)| *index)
                .collect();
            let mut found = self.find(&known, bet).await?;
            for (index, change) in &mut changes {
                let group = &self.groups[*index];
                if let Some(found) = found.remove(&group.key) {
                    *change = Change::of(group, Some(found));
                }
            }
            self.write_changes(&changes).await?;
            // New runs were inserted with all that is known of them.
            let old_runs = self.run_facts(&changes, |change| is_old(change) && change.has_news());
            if !old_runs.is_empty() {
                self.writer.merge_runs(&old_runs).await?;
            }
        }
        for (index, change) in changes {
            self.outcomes[index] = change.outcomes();
        }
        Ok(())
    }

    /// What some changes say of their runs, sorted by run.
    fn run_facts(
        &self,
        changes: &[(usize, Change)],
        which: impl Fn(&Change) -> bool,
    ) -> Vec<RunFacts> {
        let mut runs: BTreeMap<RunId, RunFacts> = BTreeMap::new();
        for (index, change) in changes.iter().filter(|(_, change)| which(change)) {
            let run_id = change.span.key.run_id;
            let facts = runs
                .entry(run_id)
                .or_insert_with(|| RunFacts::heard_of(run_id, change.span.first_seen_at));
            change.tell(&self.groups[*index], facts);
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

    async fn write_changes(&mut self, changes: &[(usize, Change)]) -> Result<(), StorageError> {
        let changed = || changes.iter().map(|(_, change)| change).filter(|change| change.changed);
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
