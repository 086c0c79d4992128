//! A run's spans as a tree.
//!
//! A span names its parent by OpenTelemetry's 8 bytes, whatever the rest of
//! its id: libraries know no more of it. What clients send need not be a tree,
//! so a parent that is not there, or that comes round to the span itself,
//! counts as none.

use std::collections::HashMap;

use super::ids::SpanId;

/// The spans of one run, by their place in the order in which they were given.
///
/// Built in linear time and without recursion: chains may be as long as a run.
#[derive(Debug, Clone, Default)]
pub struct SpanTree {
    by_id: HashMap<SpanId, usize>,
    /// The span with the least id of those that share the 8 bytes, so that the
    /// answer does not depend on the order of rows.
    by_otel: HashMap<u64, usize>,
    parents: Vec<Option<usize>>,
    depths: Vec<u32>,
    roots: Vec<usize>,
    /// The children of all spans, parent by parent, and where each one's begin.
    children: Vec<usize>,
    children_start: Vec<usize>,
    depth_first: Vec<usize>,
}

impl SpanTree {
    /// Builds the tree of some spans of one run, each with the parent that it
    /// names.
    ///
    /// Where spans share the 8 bytes, the one whose whole id the child names is
    /// its parent, else the one with the least id. The spans of a circle all
    /// become roots.
    #[must_use]
    pub fn build(spans: impl IntoIterator<Item = (SpanId, Option<SpanId>)>) -> Self {
        let (ids, named): (Vec<SpanId>, Vec<Option<SpanId>>) = spans.into_iter().unzip();
        let mut tree = Self {
            by_id: HashMap::with_capacity(ids.len()),
            by_otel: HashMap::with_capacity(ids.len()),
            ..Self::default()
        };
        for (index, id) in ids.iter().enumerate() {
            tree.by_id.entry(*id).or_insert(index);
            let least = tree.by_otel.entry(id.otel()).or_insert(index);
            if *id < ids[*least] {
                *least = index;
            }
        }
        tree.parents = named.iter().map(|parent| tree.position((*parent)?)).collect();
        cut_circles(&mut tree.parents);
        tree.link_children();
        tree.descend();
        tree
    }

    /// How many spans there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parents.is_empty()
    }

    /// Where the span is that is called `id` by another: the one with this very
    /// id, else the one with the least id that ends in the same 8 bytes.
    #[must_use]
    pub fn position(&self, id: SpanId) -> Option<usize> {
        self.by_id.get(&id).or_else(|| self.by_otel.get(&id.otel())).copied()
    }

    /// The span that `index` is a step of.
    #[must_use]
    pub fn parent(&self, index: usize) -> Option<usize> {
        self.parents.get(index).copied().flatten()
    }

    /// The steps of `index`, in the order given.
    #[must_use]
    pub fn children(&self, index: usize) -> &[usize] {
        let bounds = self.children_start.get(index).zip(self.children_start.get(index + 1));
        bounds.and_then(|(from, to)| self.children.get(*from..*to)).unwrap_or_default()
    }

    /// How many spans are above `index`: 0 for a root.
    #[must_use]
    pub fn depth(&self, index: usize) -> u32 {
        self.depths.get(index).copied().unwrap_or_default()
    }

    /// The spans that are no other's step, in the order given.
    #[must_use]
    pub fn roots(&self) -> &[usize] {
        &self.roots
    }

    /// All spans, each before its steps and these before the next root.
    #[must_use]
    pub fn depth_first(&self) -> &[usize] {
        &self.depth_first
    }

    fn link_children(&mut self) {
        let mut starts = vec![0; self.parents.len() + 1];
        for parent in self.parents.iter().flatten() {
            starts[parent + 1] += 1;
        }
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        let mut next = starts.clone();
        self.children = vec![0; starts.last().copied().unwrap_or_default()];
        for (index, parent) in self.parents.iter().enumerate() {
            match parent {
                Some(parent) => {
                    self.children[next[*parent]] = index;
                    next[*parent] += 1;
                }
                None => self.roots.push(index),
            }
        }
        self.children_start = starts;
    }

    fn descend(&mut self) {
        self.depths = vec![0; self.parents.len()];
        self.depth_first = Vec::with_capacity(self.parents.len());
        let mut waiting: Vec<usize> = self.roots.iter().rev().copied().collect();
        while let Some(index) = waiting.pop() {
            if let Some(parent) = self.parents[index] {
                self.depths[index] = self.depths[parent].saturating_add(1);
            }
            self.depth_first.push(index);
            waiting.extend(self.children(index).iter().rev());
        }
    }
}

/// Takes their parents from all spans that are their own ancestors. Those that
/// hang from a circle keep theirs.
fn cut_circles(parents: &mut [Option<usize>]) {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Never,
        OnThisPath,
        Before,
    }
    let mut seen = vec![Seen::Never; parents.len()];
    let mut path = Vec::new();
    for start in 0..parents.len() {
        let mut at = Some(start);
        while let Some(index) = at.filter(|index| seen[*index] == Seen::Never) {
            seen[index] = Seen::OnThisPath;
            path.push(index);
            at = parents[index];
        }
        // The path has come back to itself: from there on it is the circle.
        if let Some(first) = at.filter(|index| seen[*index] == Seen::OnThisPath) {
            let circle = path.iter().rposition(|index| *index == first).unwrap_or_default();
            for index in &path[circle..] {
                parents[*index] = None;
            }
        }
        for index in path.drain(..) {
            seen[index] = Seen::Before;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn id(high: u64, low: u64) -> SpanId {
        SpanId::from_stored(Uuid::from_u64_pair(high, low))
    }

    /// Spans 1, 2, … of one run; 0 stands for no parent.
    fn tree(parents: &[u64]) -> SpanTree {
        SpanTree::build(
            parents
                .iter()
                .zip(1..)
                .map(|(parent, low)| (id(7, low), (*parent > 0).then(|| id(7, *parent)))),
        )
    }

    #[test]
    fn no_spans_are_no_tree() {
        let tree = tree(&[]);
        assert!(tree.is_empty() && tree.roots().is_empty() && tree.depth_first().is_empty());
        assert_eq!((tree.parent(0), tree.depth(0), tree.children(0).len()), (None, 0, 0));
    }

    #[test]
    fn steps_hang_from_their_parents_in_the_order_given() {
        let tree = tree(&[0, 1, 1, 2, 0]);
        assert_eq!(tree.roots(), [0, 4]);
        assert_eq!(tree.children(0), [1, 2]);
        assert_eq!(tree.parent(3), Some(1));
        assert_eq!((0..5).map(|i| tree.depth(i)).collect::<Vec<_>>(), [0, 1, 1, 2, 0]);
        assert_eq!(tree.depth_first(), [0, 1, 3, 2, 4]);
    }

    #[test]
    fn a_parent_may_come_after_its_step() {
        assert_eq!(tree(&[2, 0]).parent(0), Some(1));
    }

    #[test]
    fn a_span_whose_parent_is_missing_is_a_root() {
        assert_eq!(tree(&[9]).roots(), [0]);
    }

    #[test]
    fn a_parent_is_known_by_the_last_8_bytes() {
        let tree = SpanTree::build([(id(1, 1), None), (id(2, 2), Some(id(3, 1)))]);
        assert_eq!(tree.parent(1), Some(0));
    }

    #[test]
    fn of_spans_with_the_same_last_bytes_the_named_one_is_the_parent() {
        let spans = [(id(1, 1), None), (id(2, 1), None), (id(5, 2), Some(id(2, 1)))];
        assert_eq!(SpanTree::build(spans).parent(2), Some(1));
    }

    #[test]
    fn of_spans_with_the_same_last_bytes_the_least_is_the_parent_where_none_is_named() {
        let spans = [(id(2, 1), None), (id(1, 1), None), (id(5, 2), Some(id(9, 1)))];
        assert_eq!(SpanTree::build(spans).parent(2), Some(1));
    }

    #[test]
    fn a_span_is_not_its_own_parent() {
        assert_eq!(tree(&[1]).roots(), [0]);
    }

    #[test]
    fn the_spans_of_a_circle_are_roots_and_keep_their_other_steps() {
        let tree = tree(&[3, 1, 2, 1, 4]);
        assert_eq!(tree.roots(), [0, 1, 2]);
        assert_eq!(tree.children(0), [3]);
        assert_eq!((0..5).map(|i| tree.depth(i)).collect::<Vec<_>>(), [0, 0, 0, 1, 2]);
    }

    #[test]
    fn a_chain_may_be_very_long() {
        let parents: Vec<u64> = (0..200_000).collect();
        let tree = tree(&parents);
        assert_eq!(tree.depth(199_999), 199_999);
    }

    proptest! {
        #[test]
        fn whatever_is_sent_every_span_has_one_place(parents in prop::collection::vec(0_u64..24, 0..20)) {
            let tree = tree(&parents);
            let mut visited = tree.depth_first().to_vec();
            visited.sort_unstable();
            prop_assert_eq!(visited, (0..parents.len()).collect::<Vec<_>>());
            for index in 0..parents.len() {
                let above = tree.parent(index).map(|parent| tree.depth(parent));
                prop_assert_eq!(tree.depth(index), above.map_or(0, |depth| depth + 1));
                prop_assert_eq!(above.is_none(), tree.roots().contains(&index));
            }
        }
    }
}
