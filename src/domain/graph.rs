//! Where a run's spans stand in its picture: steps below what they are steps
//! of, none upon another.
//!
//! A tree of ordinary size is laid out by `rust-sugiyama`, whose lines are the
//! shorter. It descends by recursion, which a chain of 10,000 spans drove
//! through a stack of 2 MiB, and its time grows faster than the tree; so large
//! and deep trees are laid out here, in linear time.

use std::ops::Range;

use rust_sugiyama::configure::{Config, RankingType};

use super::tree::SpanTree;

/// The gap between neighbours and between rows, in pixels.
pub const GAP: f64 = 40.0;

/// The largest and the deepest tree that is left to the crate. At this size it
/// took up to 25 ms, and over ten times as long at five times the size.
const CRATE_MAX_NODES: usize = 2_000;
const CRATE_MAX_DEPTH: u32 = 200;

/// What is drawn for a span, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayoutNode {
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
}

/// A picture of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layout {
    /// Where each node's upper left corner is: right and down from the
    /// picture's, in pixels.
    pub positions: Vec<(f64, f64)>,
    /// How wide the picture is, in pixels.
    pub width: f64,
    /// How high it is, in pixels.
    pub height: f64,
}

impl Layout {
    /// Lays out the spans of `tree`, the trees of several roots side by side.
    /// Nodes that are missing count as empty; the same tree is laid out the
    /// same way each time.
    #[must_use]
    pub fn of(nodes: &[LayoutNode], tree: &SpanTree) -> Self {
        let mut layout = Self { positions: vec![(0.0, 0.0); tree.len()], width: 0.0, height: 0.0 };
        let order = tree.depth_first();
        let mut from = 0;
        while from < order.len() {
            let below = order[from + 1..].iter().take_while(|index| tree.depth(**index) > 0);
            let to = from + 1 + below.count();
            let part = Part::of(nodes, tree, &order[from..to]);
            let deepest = part.members.iter().map(|index| tree.depth(*index)).max();
            let small = part.members.len() <= CRATE_MAX_NODES
                && deepest.unwrap_or_default() <= CRATE_MAX_DEPTH;
            let centres = small.then(|| part.by_crate()).flatten();
            let centres = centres.unwrap_or_else(|| part.by_bands());
            layout.append(&part, &centres);
            from = to;
        }
        layout
    }

    /// Puts a tree to the right of what is there.
    fn append(&mut self, part: &Part<'_>, centres: &[(f64, f64)]) {
        let edge = |of: fn((f64, f64), LayoutNode) -> f64, best: fn(f64, f64) -> f64| {
            let edges = centres.iter().zip(&part.sizes).map(|(centre, size)| of(*centre, *size));
            edges.reduce(best).unwrap_or_default()
        };
        let left = edge(|(x, _), size| x - size.width / 2.0, f64::min);
        let right = edge(|(x, _), size| x + size.width / 2.0, f64::max);
        let top = edge(|(_, y), size| y - size.height / 2.0, f64::min);
        let bottom = edge(|(_, y), size| y + size.height / 2.0, f64::max);
        let start = if self.width > 0.0 { self.width + GAP } else { 0.0 };
        for ((index, size), (x, y)) in part.members.iter().zip(&part.sizes).zip(centres) {
            let corner = (x - size.width / 2.0 - left, y - size.height / 2.0 - top);
            self.positions[*index] = (start + corner.0, corner.1);
        }
        self.width = start + (right - left);
        self.height = self.height.max(bottom - top);
    }
}

/// One root with everything below it, depth first.
struct Part<'a> {
    members: &'a [usize],
    /// Of each member: its parent's place among the members.
    parents: Vec<Option<usize>>,
    depths: Vec<usize>,
    sizes: Vec<LayoutNode>,
}

impl<'a> Part<'a> {
    fn of(nodes: &[LayoutNode], tree: &SpanTree, members: &'a [usize]) -> Self {
        let mut parents = Vec::with_capacity(members.len());
        let mut depths: Vec<usize> = Vec::with_capacity(members.len());
        // The members from the root to the last one seen.
        let mut path: Vec<usize> = Vec::new();
        for (place, index) in members.iter().enumerate() {
            let depth = usize::try_from(tree.depth(*index)).unwrap_or(usize::MAX);
            path.truncate(depth);
            parents.push(path.last().copied());
            depths.push(path.len());
            path.push(place);
        }
        let size = |index: &usize| {
            let node = nodes.get(*index).copied();
            let side = |length: f64| if length.is_finite() { length.max(0.0) } else { 0.0 };
            let node = node.unwrap_or(LayoutNode { width: 0.0, height: 0.0 });
            LayoutNode { width: side(node.width), height: side(node.height) }
        };
        Self { members, parents, depths, sizes: members.iter().map(size).collect() }
    }

    /// Each member's centre; `None` where the crate leaves one out.
    fn by_crate(&self) -> Option<Vec<(f64, f64)>> {
        let vertices: Vec<(u32, (f64, f64))> =
            (0..).zip(self.sizes.iter().map(|size| (size.width, size.height))).collect();
        let edges: Vec<(u32, u32)> = (0..)
            .zip(&self.parents)
            .filter_map(|(child, parent)| Some((u32::try_from((*parent)?).ok()?, child)))
            .collect();
        let config = Config {
            vertex_spacing: GAP,
            // Every step just below its parent; a tree has no lines to swap.
            ranking_type: RankingType::Up,
            transpose: false,
            ..Config::default()
        };
        let mut centres = vec![None; self.members.len()];
        for (part, _, _) in rust_sugiyama::from_vertices_and_edges(&vertices, &edges, &config) {
            for (place, (x, y)) in part {
                *centres.get_mut(place)? = Some((x, y)).filter(|_| x.is_finite() && y.is_finite());
            }
        }
        centres.into_iter().collect()
    }

    /// Each member's centre: every subtree has a band of its own, as wide as it
    /// needs, in which its root stands in the middle.
    fn by_bands(&self) -> Vec<(f64, f64)> {
        let rows = self.rows();
        let mut below = vec![0.0_f64; self.members.len()];
        let mut bands = vec![0.0_f64; self.members.len()];
        // Depth first backwards: steps before what they are steps of.
        for place in (0..self.members.len()).rev() {
            // A gap was counted for each step, which is one too many.
            below[place] = (below[place] - GAP).max(0.0);
            bands[place] = below[place].max(self.sizes[place].width);
            if let Some(parent) = self.parents[place] {
                below[parent] += bands[place] + GAP;
            }
        }
        let mut next_left = vec![0.0_f64; self.members.len()];
        let mut centres = Vec::with_capacity(self.members.len());
        for place in 0..self.members.len() {
            let left = self.parents[place].map_or(0.0, |parent| next_left[parent]);
            if let Some(parent) = self.parents[place] {
                next_left[parent] = left + bands[place] + GAP;
            }
            next_left[place] = left + (bands[place] - below[place]) / 2.0;
            let row = &rows[self.depths[place]];
            centres.push((left + bands[place] / 2.0, row.start + (row.end - row.start) / 2.0));
        }
        centres
    }

    /// From where to where each row reaches, as high as its highest member.
    fn rows(&self) -> Vec<Range<f64>> {
        let mut heights: Vec<f64> = Vec::new();
        for (depth, size) in self.depths.iter().zip(&self.sizes) {
            match heights.get_mut(*depth) {
                Some(height) => *height = height.max(size.height),
                None => heights.push(size.height),
            }
        }
        let mut top = 0.0;
        let row = |height| {
            let row = top..top + height;
            top = row.end + GAP;
            row
        };
        heights.into_iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests;
