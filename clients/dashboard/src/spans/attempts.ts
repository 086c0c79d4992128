// Two attempts of a task, step beside step, and the first step where they part.
import type { Step } from "./step";
import { buildTree, type Node } from "./tree";

/** How the same step went in both. */
export interface Pair {
  /** The names that lead to it from the root. */
  path: string[];
  depth: number;
  left: Step | null;
  right: Step | null;
  difference: "missing" | "outcome" | "reason" | null;
}

export interface Comparison {
  pairs: Pair[];
  /** The place of the first pair that differs and has no difference below it to blame; -1 where none does. */
  parting: number;
}

/** A step's place among its siblings: the second "fetch" is not the first. A retry is the step after it. */
function named(nodes: readonly Node[]): Map<string, Node> {
  const found = new Map<string, Node>();
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const name = `${node.step.layer}\u0000${node.step.name}`;
    const number = (counts.get(name) ?? 0) + 1;
    counts.set(name, number);
    found.set(`${name}\u0000${number}`, node);
  }
  return found;
}

interface Both {
  left: Node | null;
  right: Node | null;
  path: string[];
}

/** Lays both trees upon each other, in the order of the left one, what only the right has behind it. */
export function compare(left: readonly Step[], right: readonly Step[]): Comparison {
  const pairs: Pair[] = [];
  const stack: Both[] = [];
  const push = (lefts: readonly Node[], rights: readonly Node[], path: string[]) => {
    const [ours, theirs] = [named(lefts), named(rights)];
    const both: Both[] = [];
    for (const [name, node] of ours) both.push({ left: node, right: theirs.get(name) ?? null, path });
    for (const [name, node] of theirs) if (!ours.has(name)) both.push({ left: null, right: node, path });
    both.reverse().forEach((one) => stack.push(one));
  };
  push(buildTree(left), buildTree(right), []);
  for (let both = stack.pop(); both; both = stack.pop()) {
    const step = (both.left ?? both.right)?.step;
    const path = [...both.path, step?.name ?? ""];
    const [ours, theirs] = [both.left?.step ?? null, both.right?.step ?? null];
    pairs.push({ path, depth: both.path.length, left: ours, right: theirs, difference: difference(ours, theirs) });
    push(both.left?.children ?? [], both.right?.children ?? [], path);
  }
  return { pairs, parting: partingOf(pairs) };
}

function difference(left: Step | null, right: Step | null): Pair["difference"] {
  if (!left || !right) return "missing";
  if (left.status !== right.status) return "outcome";
  if (left.status === "FAILED" && left.reasonCode !== right.reasonCode) return "reason";
  return null;
}

/** A parent fails because of its step: the first that differs while nothing below it does. */
function partingOf(pairs: readonly Pair[]): number {
  return pairs.findIndex((pair, place) => {
    if (pair.difference === null) return false;
    // What is missing is missing with all that is below it.
    if (pair.difference === "missing") return true;
    for (let below = place + 1; below < pairs.length; below += 1) {
      const other = pairs[below] as Pair;
      if (other.depth <= pair.depth) break;
      if (other.difference !== null) return false;
    }
    return true;
  });
}
