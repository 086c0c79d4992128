//! Pictures of all shapes: nothing covers anything, and steps are below.
#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::ids::SpanId;

/// Rounding of sums of widths.
const TOLERANCE: f64 = 1e-6;

fn id(low: usize) -> SpanId {
    SpanId::from_stored(Uuid::from_u64_pair(1, low as u64 + 1))
}

fn tree(parents: &[Option<usize>]) -> SpanTree {
    SpanTree::build(parents.iter().enumerate().map(|(place, of)| (id(place), of.map(id))))
}

fn nodes(count: usize) -> Vec<LayoutNode> {
    (0..count).map(|n| LayoutNode { width: 80.0 + (n % 7) as f64 * 25.0, height: 40.0 }).collect()
}

/// What must hold of every picture, looked at row by row.
fn check(nodes: &[LayoutNode], tree: &SpanTree) -> Layout {
    let layout = Layout::of(nodes, tree);
    assert_eq!(layout, Layout::of(nodes, tree), "not the same twice");
    assert_eq!(layout.positions.len(), tree.len());
    let mut boxes: Vec<(f64, f64, f64, f64)> = Vec::new();
    for (index, (x, y)) in layout.positions.iter().enumerate() {
        let LayoutNode { width, height } = nodes[index];
        assert!(*x > -TOLERANCE && x + width < layout.width + TOLERANCE, "{index} is outside");
        assert!(*y > -TOLERANCE && y + height < layout.height + TOLERANCE, "{index} is outside");
        if let Some(parent) = tree.parent(index) {
            let bottom = layout.positions[parent].1 + nodes[parent].height;
            assert!(*y > bottom - TOLERANCE, "{index} is not below {parent}");
        }
        boxes.push((*x, *y, x + width, y + height));
    }
    check_lines(&layout, tree);
    // From left to right, only those that still reach as far can be covered.
    boxes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut open: Vec<(f64, f64, f64, f64)> = Vec::new();
    for next in boxes {
        open.retain(|other| other.2 > next.0 + TOLERANCE);
        for other in &open {
            let apart = other.3 < next.1 + TOLERANCE || next.3 < other.1 + TOLERANCE;
            assert!(apart, "{next:?} covers {other:?}");
        }
        open.push(next);
    }
    layout
}

/// From left to right, the spans of a row have parents from left to right.
fn check_lines(layout: &Layout, tree: &SpanTree) {
    let x = |index: usize| layout.positions[index].0;
    let mut spans = tree.depth_first().to_vec();
    spans.sort_by(|a, b| tree.depth(*a).cmp(&tree.depth(*b)).then(x(*a).total_cmp(&x(*b))));
    for pair in spans.windows(2).filter(|pair| tree.depth(pair[0]) == tree.depth(pair[1])) {
        if let (Some(left), Some(right)) = (tree.parent(pair[0]), tree.parent(pair[1])) {
            assert!(x(left) <= x(right), "the lines to {pair:?} cross");
        }
    }
}

#[test]
fn nothing_is_an_empty_picture() {
    assert_eq!(Layout::of(&[], &tree(&[])), Layout::default());
}

#[test]
fn one_span_fills_its_picture() {
    let layout = check(&nodes(1), &tree(&[None]));
    assert_eq!(layout, Layout { positions: vec![(0.0, 0.0)], width: 80.0, height: 40.0 });
}

#[test]
fn the_trees_of_several_roots_stand_side_by_side() {
    let layout = check(&nodes(5), &tree(&[None, None, Some(0), Some(1), Some(1)]));
    let x = |index: usize| layout.positions[index].0;
    assert!(x(2) < x(1) && x(0) < x(3) && x(0) < x(4));
    assert_eq!(layout.positions[0].1, layout.positions[1].1);
}

#[test]
fn a_parent_stands_in_the_middle_of_its_steps() {
    let parents = [None, Some(0), Some(0), Some(0)];
    let nodes = [LayoutNode { width: 100.0, height: 40.0 }; 4];
    let tree = tree(&parents);
    let layout = check(&nodes, &tree);
    let middle = |index: usize| layout.positions[index].0 + 50.0;
    assert!((middle(0) - (middle(1) + middle(2) + middle(3)) / 3.0).abs() < TOLERANCE);
}

#[test]
fn a_node_of_no_size_or_none_at_all_is_drawn_as_a_point() {
    let strange = [
        LayoutNode { width: f64::NAN, height: -5.0 },
        LayoutNode { width: 0.0, height: f64::INFINITY },
    ];
    let layout = Layout::of(&strange, &tree(&[None, Some(0), Some(0)]));
    assert!(layout.positions.iter().all(|(x, y)| x.is_finite() && y.is_finite()));
}

#[test]
fn ten_thousand_spans_are_laid_out() {
    let parents: Vec<_> = (0..10_000_usize).map(|n| n.checked_sub(1).map(|n| n / 3)).collect();
    check(&nodes(10_000), &tree(&parents));
}

#[test]
fn a_chain_of_ten_thousand_is_laid_out() {
    let parents: Vec<_> = (0..10_000_usize).map(|n| n.checked_sub(1)).collect();
    check(&nodes(10_000), &tree(&parents));
}

#[test]
fn the_longest_chain_and_the_largest_tree_that_the_crate_gets_are_laid_out() {
    let chain: Vec<_> = (0..=CRATE_MAX_DEPTH as usize).map(|n| n.checked_sub(1)).collect();
    check(&nodes(chain.len()), &tree(&chain));
    // A comb: both deep and large.
    let comb: Vec<_> = (0..CRATE_MAX_NODES)
        .map(|n| n.checked_sub(1).map(|before| if n <= 200 { before } else { n % 200 }))
        .collect();
    check(&nodes(comb.len()), &tree(&comb));
}

#[test]
fn a_star_of_five_thousand_is_laid_out() {
    let parents: Vec<_> = (0..5_000_usize).map(|n| n.checked_sub(1).map(|_| 0)).collect();
    check(&nodes(5_000), &tree(&parents));
}

#[test]
fn ten_thousand_roots_are_laid_out() {
    check(&nodes(10_000), &tree(&vec![None; 10_000]));
}

/// Forests: each span is a root or a step of an earlier one.
fn forest() -> impl Strategy<Value = (Vec<LayoutNode>, Vec<Option<usize>>)> {
    let node = (1.0..300.0, 1.0..90.0).prop_map(|(width, height)| LayoutNode { width, height });
    prop::collection::vec((node, any::<prop::sample::Index>()), 1..60).prop_map(|spans| {
        let parent = |(place, (_, index)): (usize, &(_, prop::sample::Index))| {
            index.index(place + 1).checked_sub(1)
        };
        let parents = spans.iter().enumerate().map(parent).collect();
        (spans.into_iter().map(|(node, _)| node).collect(), parents)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_the_forest_nothing_covers_anything((nodes, parents) in forest()) {
        check(&nodes, &tree(&parents));
    }

    #[test]
    fn in_bands_nothing_covers_anything_either((nodes, parents) in forest()) {
        let tree = tree(&parents);
        let order = tree.depth_first();
        let first = order.iter().skip(1).position(|index| tree.depth(*index) == 0);
        let part = Part::of(&nodes, &tree, &order[..first.map_or(order.len(), |at| at + 1)]);
        let mut layout = Layout { positions: vec![(0.0, 0.0); nodes.len()], ..Layout::default() };
        layout.append(&part, &part.by_bands());
        for (at, one) in part.members.iter().enumerate() {
            for other in &part.members[..at] {
                let (a, b) = (layout.positions[*one], layout.positions[*other]);
                let apart = a.0 + nodes[*one].width <= b.0 + TOLERANCE
                    || b.0 + nodes[*other].width <= a.0 + TOLERANCE
                    || a.1 + nodes[*one].height <= b.1 + TOLERANCE
                    || b.1 + nodes[*other].height <= a.1 + TOLERANCE;
                prop_assert!(apart, "{one} covers {other}");
            }
        }
    }
}
