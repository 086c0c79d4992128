//! One batch, one transaction.
//!
//! Runs are locked first, then their spans are read where any may be there,
//! merged by the rules of [`crate::domain::span`], and written back. Spans that
//! come whole are copied in on the bet that they are new; where one is not, the
//! batch is repeated and merges instead.

use std::collections::{HashMap, HashSet};

use smallvec::{SmallVec, smallvec};

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
    failpoint,
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

/// Writes a batch and commits it. Returns the outcomes of the groups' writes, in
/// order.
///
/// # Errors
///
/// As the database says; nothing is stored then, unless it was the commit that
/// went unanswered.
pub(super) async fn write(
    writer: &mut SpanWriter,
    groups: &[Group<'_>],
    bet: Bet,
) -> Result<Vec<Outcome>, StorageError> {
    let (beats, others): (Vec<usize>, Vec<usize>) =
        (0..groups.len()).partition(|index| groups[*index].only_beats());

    failpoint::pass("before-write");
    writer.begin().await?;
    let mut outcomes: Vec<GroupOutcomes> = Vec::new();
    outcomes.resize_with(groups.len(), GroupOutcomes::new);
    let mut batch = Batch { writer, groups, outcomes: &mut outcomes };
    batch.merge(&others, bet).await?;
    let unheard_of = batch.beat(&beats).await?;
    batch.merge(&unheard_of, Bet::Look).await?;
    batch.store_artifacts().await?;
    failpoint::pass("before-commit");
    writer.commit().await?;
    failpoint::pass("after-commit");
    Ok(outcomes.into_iter().flatten().collect())
}

/// One for each write of a group, which is one as a rule.
type GroupOutcomes = SmallVec<[Outcome; 1]>;

struct Batch<'b> {
    writer: &'b mut SpanWriter,
    groups: &'b [Group<'b>],
    outcomes: &'b mut [GroupOutcomes],
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
    /// For each event, what it found, or why it was refused. One as a rule.
    applied: SmallVec<[Result<Applied, Contradiction>; 1]>,
    changed: bool,
    /// Whether its run is to be told of its end, or of whose step it was.
    end_is_news: bool,
    /// Whether this transaction has inserted its run.
    run_is_new: bool,
}

impl Change {
    /// What `group` makes of nothing.
    fn of_new(group: &Group<'_>) -> Self {
        let at = group.events().map(|event| event.received_at).min();
        let mut span = Span::stub(group.key, at.unwrap_or_default());
        let applied = group.events().map(|event| span.apply(event)).collect();
        let mut change = Self {
            home: Home::Nowhere,
            changed: false,
            end_is_news: span.ended.is_some(),
            run_is_new: false,
            applied,
            span,
        };
        change.changed = change.is_accepted();
        change
    }

    /// Is what `group` makes of a span that was found instead.
    fn meet(&mut self, group: &Group<'_>, home: Home, before: &Span) {
        let mut span = before.clone();
        self.applied = group.events().map(|event| span.apply(event)).collect();
        self.home = home;
        self.changed = self.is_accepted() && span != *before;
        self.end_is_news =
            span.ended.is_some() && (before.ended.is_none() || span.started != before.started);
        self.span = span;
    }

    /// Whether it may say something of its run that is not known yet.
    fn has_news(&self) -> bool {
        self.end_is_news || (self.changed && self.span.started)
    }

    fn is_accepted(&self) -> bool {
        self.applied.iter().any(Result::is_ok)
    }

    fn outcomes(&self) -> GroupOutcomes {
        self.applied
            .iter()
            .map(|applied| match applied {
                Ok(applied) => Ok(recorded(&self.span, applied.known, applied.conflict)),
                Err(contradiction) => Err(Rejected::Contradiction(*contradiction)),
            })
            .collect()
    }

    /// Adds to `facts` what the events that were not refused say of the run.
    fn tell(&self, group: &Group<'_>, facts: &mut RunFacts) {
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
            .map(|index| self.groups[*index])
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
            self.outcomes[*index] = smallvec![Ok(recorded); group.writes.len()];
        }
        Ok(unheard_of)
    }

    async fn move_progress(&mut self, indices: &[usize]) -> Result<(), StorageError> {
        let reporting: HashMap<SpanKey, &Group<'_>> = indices
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
            indices.iter().map(|index| (*index, Change::of_new(&self.groups[*index]))).collect();
        let runs = self.run_facts(&changes, Change::is_accepted);
        if !runs.is_empty() {
            let locked = self.writer.lock_runs(&runs).await?;
            for (_, change) in &mut changes {
                change.run_is_new = locked.new.contains(&change.span.key.run_id);
                // What is found instead knows it already.
                change.span.cancel_requested = locked.to_cancel.contains(&change.span.key.run_id)
                    && change.span.ended.is_none();
            }
            let known: Vec<usize> = changes
                .iter()
                // What is refused whatever is known has no run that was locked.
                .filter(|(_, change)| change.is_accepted())
                .filter(|(_, change)| bet == Bet::Look || !change.run_is_new)
                .map(|(index, _)| *index)
                .collect();
            let mut found = self.find(&known, bet).await?;
            if !found.is_empty() {
                for (index, change) in &mut changes {
                    let group = &self.groups[*index];
                    if let Some((home, before)) = found.remove(&group.key) {
                        change.meet(group, home, &before);
                    }
                }
            }
            self.write_changes(&changes).await?;
            // New runs were inserted with all that is known of them.
            let old_runs =
                self.run_facts(&changes, |change| !change.run_is_new && change.has_news());
            if !old_runs.is_empty() {
                self.writer.merge_runs(&old_runs).await?;
            }
        }
        for (index, change) in changes {
            self.outcomes[index] = change.outcomes();
        }
        Ok(())
    }

    /// What some changes say of their runs. Both are sorted by run.
    fn run_facts(
        &self,
        changes: &[(usize, Change)],
        which: impl Fn(&Change) -> bool,
    ) -> Vec<RunFacts> {
        let mut runs: Vec<RunFacts> = Vec::new();
        for (index, change) in changes.iter().filter(|(_, change)| which(change)) {
            let run_id = change.span.key.run_id;
            if runs.last().is_none_or(|facts| facts.run_id != run_id) {
                runs.push(RunFacts::heard_of(run_id, change.span.first_seen_at));
            }
            if let Some(facts) = runs.last_mut() {
                change.tell(&self.groups[*index], facts);
            }
        }
        runs
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
        let keys = self.keys_that_may_run(indices, bet).await?;
        if !keys.is_empty() {
            for span in self.writer.load_live(&keys).await? {
                found.insert(span.key, (Home::Live, span));
            }
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

    /// The keys of the groups whose spans may be among those that run. Of a run of
    /// which nothing runs, a whole span's cannot: one look a run, not one a span.
    async fn keys_that_may_run(
        &mut self,
        indices: &[usize],
        bet: Bet,
    ) -> Result<Vec<SpanKey>, StorageError> {
        let groups = || indices.iter().map(|index| &self.groups[*index]);
        let is_bet = |group: &Group<'_>| bet == Bet::New && group.is_whole();
        let mut runs: Vec<RunId> =
            groups().filter(|group| is_bet(group)).map(|group| group.key.run_id).collect();
        runs.dedup();
        let live =
            if runs.is_empty() { HashSet::new() } else { self.writer.live_runs(&runs).await? };
        Ok(groups()
            .filter(|group| !is_bet(group) || live.contains(&group.key.run_id))
            .map(|group| group.key)
            .collect())
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
            .flat_map(|group| group.writes)
            .filter_map(|placed| placed.write.artifact.as_deref())
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
