// The steps of a run as a tree, and as the rows that a person sees of it. Nothing here
// recurses: executors may nest as deep as they like, and name parents in a circle.
import type { Step } from "./step";

export interface Node {
  step: Step;
  children: Node[];
  /** How many steps are below it, at any depth. */
  below: number;
  /** The earliest start among it and what is below it. */
  start: number;
  /** The latest end of these; `null` while one of them runs. */
  end: number | null;
  /** The worst thing below it: a failure that a collapsed row must not hide. */
  failedBelow: number;
  runningBelow: number;
}

export interface Row {
  node: Node;
  depth: number;
  isOpen: boolean;
  /** Its place among its siblings, from 1, and how many these are. */
  position: number;
  siblings: number;
}

/** Builds the forest: roots, and steps whose parent is not there, by start. */
export function buildTree(steps: readonly Step[]): Node[] {
  const nodes = new Map<string, Node>();
  for (const step of steps) {
    nodes.set(step.key, {
      step,
      children: [],
      below: 0,
      start: step.start ?? step.heard ?? 0,
      end: step.end,
      failedBelow: 0,
      runningBelow: 0,
    });
  }
  const roots: Node[] = [];
  for (const node of nodes.values()) {
    const parent = parentOf(node, nodes);
    if (parent) parent.children.push(node);
    else roots.push(node);
  }
  rescueCircles(nodes, roots);
  const order = depthFirst(roots);
  for (const node of order) node.children.sort(byStart);
  roots.sort(byStart);
  // Backwards, children come before their parents.
  for (let place = order.length - 1; place >= 0; place -= 1) sum(order[place] as Node);
  return roots;
}

function parentOf(node: Node, nodes: Map<string, Node>): Node | undefined {
  const key = node.step.parentKey;
  return key === null || key === node.step.key ? undefined : nodes.get(key);
}

/** Steps that no root leads to name each other: the earliest of them becomes a root. */
function rescueCircles(nodes: Map<string, Node>, roots: Node[]): void {
  const seen = new Set(depthFirst(roots));
  if (seen.size === nodes.size) return;
  for (const node of [...nodes.values()].filter((node) => !seen.has(node)).sort(byStart)) {
    if (seen.has(node)) continue;
    const parent = parentOf(node, nodes);
    if (parent) parent.children = parent.children.filter((child) => child !== node);
    roots.push(node);
    for (const reached of depthFirst([node])) seen.add(reached);
  }
}

function depthFirst(roots: readonly Node[]): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack = [...roots].reverse();
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    order.push(node);
    for (let place = node.children.length - 1; place >= 0; place -= 1) stack.push(node.children[place] as Node);
  }
  return order;
}

function byStart(one: Node, other: Node): number {
  return one.start - other.start || one.step.attempt - other.step.attempt || (one.step.key < other.step.key ? -1 : 1);
}

function sum(node: Node): void {
  for (const child of node.children) {
    node.below += child.below + 1;
    node.start = Math.min(node.start, child.start);
    node.end = node.end === null || child.end === null ? null : Math.max(node.end, child.end);
    node.failedBelow += child.failedBelow + (child.step.status === "FAILED" ? 1 : 0);
    node.runningBelow += child.runningBelow + (child.step.status === "RUNNING" ? 1 : 0);
  }
}

/** The rows to show. Those in `keep`, where it is given, and what leads to them. */
export function rowsOf(roots: readonly Node[], collapsed: ReadonlySet<string>, keep?: ReadonlySet<string>): Row[] {
  const shown = keep ? withAncestors(roots, keep) : null;
  const rows: Row[] = [];
  const stack: Row[] = [];
  const push = (nodes: readonly Node[], depth: number) => {
    const listed = shown ? nodes.filter((node) => shown.has(node)) : nodes;
    for (let place = listed.length - 1; place >= 0; place -= 1) {
      stack.push({ node: listed[place] as Node, depth, isOpen: false, position: place + 1, siblings: listed.length });
    }
  };
  push(roots, 0);
  for (let row = stack.pop(); row; row = stack.pop()) {
    const { node } = row;
    // A search opens what it found something in.
    row.isOpen = node.children.length > 0 && (shown !== null || !collapsed.has(node.step.key));
    rows.push(row);
    if (row.isOpen) push(node.children, row.depth + 1);
  }
  return rows;
}

function withAncestors(roots: readonly Node[], keep: ReadonlySet<string>): Set<Node> {
  const shown = new Set<Node>();
  const order = depthFirst(roots);
  for (let place = order.length - 1; place >= 0; place -= 1) {
    const node = order[place] as Node;
    if (keep.has(node.step.key) || node.children.some((child) => shown.has(child))) shown.add(node);
  }
  return shown;
}

/** The keys of all that has steps of its own, for "collapse all". */
export function parentsOf(roots: readonly Node[]): Set<string> {
  return new Set(depthFirst(roots).filter((node) => node.children.length > 0).map((node) => node.step.key));
}

/** The keys of what is above a step, to be opened so that it can be seen. */
export function ancestorsOf(steps: readonly Step[], key: string): string[] {
  const byKey = new Map(steps.map((step) => [step.key, step]));
  const above: string[] = [];
  for (let at = byKey.get(key)?.parentKey; at && !above.includes(at); at = byKey.get(at)?.parentKey) above.push(at);
  return above;
}
