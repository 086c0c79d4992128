//! A run as a graph.

use super::{
    Questions,
    life::{of_run, starts_at, tree_of},
};
use crate::{
    domain::{
        graph::{Layout, LayoutNode},
        ids::{RunId, SpanId},
        span::Span,
    },
    storage::StorageError,
};

/// What a node takes to draw, in pixels: its label in a font of some 8 pixels
/// a character, within bounds, and two lines.
const CHARACTER_WIDTH: f64 = 8.0;
const PADDING: f64 = 32.0;
const LEAST_WIDTH: f64 = 120.0;
const MOST_WIDTH: f64 = 320.0;
const HEIGHT: f64 = 56.0;

/// A run, laid out.
#[derive(Debug, Clone, PartialEq)]
pub struct RunGraph {
    /// Its spans by start, then by id.
    pub nodes: Vec<GraphNode>,
    /// Whose step is whose: parent and step.
    pub edges: Vec<(SpanId, SpanId)>,
    /// How wide the drawing is, in pixels.
    pub width: f64,
    /// How high the drawing is, in pixels.
    pub height: f64,
}

/// A span and its place in the drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphNode {
    /// The span, without its JSON.
    pub span: Span,
    /// What to write in it.
    pub label: String,
    /// Its left edge, in pixels.
    pub x: f64,
    /// Its upper edge, in pixels.
    pub y: f64,
    /// How wide it is, in pixels.
    pub width: f64,
    /// How high it is, in pixels.
    pub height: f64,
    /// Whether it is the span of the run that was heard of last.
    pub is_last_alive: bool,
}

impl Questions {
    /// A run as a graph, parents above their steps; `None` where it was never
    /// heard of.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub async fn run_graph(&self, run_id: RunId) -> Result<Option<RunGraph>, StorageError> {
        let Some(run) = self.database.run(run_id).await? else { return Ok(None) };
        let mut spans = self.database.run_outlines(run_id).await?;
        // Steps stand in the order in which they started.
        spans.sort_unstable_by_key(|span| (starts_at(span), span.key.span_id));
        let last_alive = of_run(&run, &spans, &self.limits, self.now()).map(|life| life.index);

        let tree = tree_of(&spans);
        let edges = (0..spans.len())
            .filter_map(|index| Some((tree.parent(index)?, index)))
            .map(|(parent, step)| (spans[parent].key.span_id, spans[step].key.span_id))
            .collect();
        let labels: Vec<String> = spans.iter().map(label_of).collect();
        let sizes: Vec<LayoutNode> = labels.iter().map(|label| size_of(label)).collect();
        // A large run takes long enough to hold up others on this thread.
        let layout = tokio::task::spawn_blocking({
            let sizes = sizes.clone();
            move || Layout::of(&sizes, &tree)
        });
        // Fails only in a runtime that is going away: nobody sees the drawing.
        let layout = layout.await.unwrap_or_default();

        let nodes = spans
            .into_iter()
            .zip(labels)
            .zip(sizes)
            .enumerate()
            .map(|(index, ((span, label), LayoutNode { width, height }))| {
                let (x, y) = layout.positions.get(index).copied().unwrap_or_default();
                GraphNode {
                    span,
                    label,
                    x,
                    y,
                    width,
                    height,
                    is_last_alive: last_alive == Some(index),
                }
            })
            .collect();
        Ok(Some(RunGraph { nodes, edges, width: layout.width, height: layout.height }))
    }
}

/// The step's name; its layer or, of a stub, the end of its id, where it has
/// none.
fn label_of(span: &Span) -> String {
    let name = [&span.start.step_name, &span.start.layer];
    name.into_iter()
        .flatten()
        .find(|name| !name.is_empty())
        .map_or_else(|| format!("{:016x}", span.key.span_id.otel()), ToString::to_string)
}

fn size_of(label: &str) -> LayoutNode {
    let characters = u32::try_from(label.chars().count()).unwrap_or(u32::MAX);
    let width = f64::from(characters) * CHARACTER_WIDTH + PADDING;
    LayoutNode { width: width.clamp(LEAST_WIDTH, MOST_WIDTH), height: HEIGHT }
}
