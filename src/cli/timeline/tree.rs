//! Spans as a tree. What clients say of their parents may be anything: a parent
//! that isn't in the run, a span that is its own ancestor, a chain of a hundred
//! thousand steps.

use std::collections::HashMap;

use crate::proto::v1;

/// A span's place in the drawing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its index in the timeline.
    pub(super) index: usize,
    /// What to draw before it on its own line, and on those beneath.
    pub(super) before: String,
    /// The same for further lines about the same span.
    pub(super) beneath: String,
}

/// How deep the drawing goes before it stops moving to the right: a terminal
/// is only so wide.
const MAX_INDENT: usize = 24;

/// Every span once, parents before their steps, in the order of the timeline.
pub(super) fn places(spans: &[v1::Span]) -> Vec<Place> {
    let by_low_bytes: HashMap<&str, usize> = spans
        .iter()
        .enumerate()
        // The first of two spans that share their low bytes is the parent.
        .rev()
        .map(|(index, span)| (low_bytes(&span.span_id), index))
        .collect();
    let mut steps: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    let mut roots = Vec::new();
    for (index, span) in spans.iter().enumerate() {
        match by_low_bytes.get(low_bytes(&span.parent_span_id)) {
            Some(parent) if !span.parent_span_id.is_empty() && *parent != index => {
                steps[*parent].push(index);
            }
            _ => roots.push(index),
        }
    }

    let mut drawn = vec![false; spans.len()];
    let mut places = Vec::with_capacity(spans.len());
    for root in roots {
        draw(root, &steps, &mut drawn, &mut places);
    }
    // What is left are circles of spans; each is cut open at its first.
    for index in 0..spans.len() {
        if !drawn[index] {
            draw(index, &steps, &mut drawn, &mut places);
        }
    }
    places
}

/// The last 8 of an id's 16 bytes, by which a parent is named.
fn low_bytes(span_id: &str) -> &str {
    // 8 bytes are 16 digits; the hyphen before the last 12 makes it 17.
    span_id.len().checked_sub(17).and_then(|start| span_id.get(start..)).unwrap_or(span_id)
}

fn draw(root: usize, steps: &[Vec<usize>], drawn: &mut [bool], places: &mut Vec<Place>) {
    // By hand, because a chain may be deeper than the call stack.
    let mut waiting = vec![(root, String::new(), None)];
    while let Some((index, indent, is_last)) = waiting.pop() {
        if std::mem::replace(&mut drawn[index], true) {
            continue;
        }
        let (branch, trunk) = match is_last {
            None => ("", ""),
            Some(true) => ("└─ ", "   "),
            Some(false) => ("├─ ", "│  "),
        };
        let mut beneath = format!("{indent}{trunk}");
        if beneath.chars().count() > MAX_INDENT * 3 {
            beneath.clone_from(&indent);
        }
        let children = &steps[index];
        for (place, child) in children.iter().enumerate().rev() {
            waiting.push((*child, beneath.clone(), Some(place + 1 == children.len())));
        }
        let mark = if children.is_empty() { "  " } else { "│ " };
        places.push(Place {
            index,
            before: format!("{indent}{branch}"),
            beneath: format!("{beneath}{mark}"),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: u64, parent: u64) -> v1::Span {
        let text = |id: u64| {
            if id == 0 { String::new() } else { format!("00000000-0000-0001-0000-{id:012}") }
        };
        v1::Span { span_id: text(id), parent_span_id: text(parent), ..Default::default() }
    }

    fn drawn(spans: &[v1::Span]) -> Vec<String> {
        places(spans).iter().map(|place| format!("{}{}", place.before, place.index)).collect()
    }

    #[test]
    fn steps_stand_beneath_their_parents() {
        let spans = [span(1, 0), span(2, 1), span(3, 2), span(4, 1), span(5, 0)];
        assert_eq!(drawn(&spans), ["0", "├─ 1", "│  └─ 2", "└─ 3", "4"]);
    }

    #[test]
    fn a_parent_is_named_by_its_low_bytes() {
        let mut step = span(2, 1);
        step.parent_span_id = "ffffffff-ffff-ffff-0000-000000000001".to_owned();
        assert_eq!(drawn(&[span(1, 0), step]), ["0", "└─ 1"]);
    }

    #[test]
    fn a_step_of_nobody_is_a_root() {
        assert_eq!(drawn(&[span(1, 0), span(2, 99)]), ["0", "1"]);
    }

    #[test]
    fn circles_are_cut_open() {
        assert_eq!(drawn(&[span(1, 1), span(2, 3), span(3, 2)]), ["0", "1", "└─ 2"]);
    }

    #[test]
    fn a_chain_of_any_depth_is_drawn_within_a_terminal() {
        let spans: Vec<_> = (1..=50_000).map(|id| span(id, id - 1)).collect();
        let places = places(&spans);
        assert_eq!(places.len(), 50_000);
        assert!(places.iter().all(|place| place.before.chars().count() <= MAX_INDENT * 3 + 3));
    }
}
