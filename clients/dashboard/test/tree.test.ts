// The steps of a run as a tree and as rows.
import { describe, expect, it } from "vitest";
import { findSteps } from "../src/spans/search";
import { ancestorsOf, buildTree, parentsOf, rowsOf } from "../src/spans/tree";
import { id, key, step } from "./step";

const names = (rows: ReturnType<typeof rowsOf>) => rows.map((row) => `${"  ".repeat(row.depth)}${row.node.step.name}`);
const none = new Set<string>();

describe("a tree", () => {
  it("has each step below its parent, by start", () => {
    const tree = buildTree([step(3, { parent: 1 }), step(4, { parent: 3 }), step(2, { parent: 1 }), step(1)]);
    expect(names(rowsOf(tree, none))).toEqual(["step 1", "  step 2", "  step 3", "    step 4"]);
  });

  it("finds parents by the last 8 bytes of their id", () => {
    const child = step(2);
    child.parentKey = key(1);
    const parent = step(1);
    parent.id = `ffffffff${id(1).slice(8)}`;
    expect(names(rowsOf(buildTree([child, parent]), none))).toEqual(["step 1", "  step 2"]);
  });

  it("has a step whose parent was not heard of as a root", () => {
    expect(names(rowsOf(buildTree([step(2, { parent: 9 }), step(1)]), none))).toEqual(["step 1", "step 2"]);
  });

  it("shows every step once where parents name each other in a circle", () => {
    const tree = buildTree([step(1, { parent: 3 }), step(2, { parent: 1 }), step(3, { parent: 2 }), step(4, { parent: 4 })]);
    expect(names(rowsOf(tree, none))).toEqual(["step 1", "  step 2", "    step 3", "step 4"]);
  });

  it("is built of 100,000 steps in one chain", () => {
    const chain = Array.from({ length: 100_000 }, (_, number) => step(number, number > 0 ? { parent: number - 1 } : {}));
    const rows = rowsOf(buildTree(chain), none);
    expect([rows.length, rows.at(-1)?.depth]).toEqual([100_000, 99_999]);
  });

  it("knows what is below each step", () => {
    const [root] = buildTree([step(1), step(2, { parent: 1, status: "FAILED" }), step(3, { parent: 2, status: "RUNNING", end: null })]);
    expect(root).toMatchObject({ below: 2, failedBelow: 1, runningBelow: 1, start: 1000, end: null });
  });

  it("keeps the order of attempts that start at once", () => {
    const tree = buildTree([step(2, { attempt: 2, start: 5, name: "again" }), step(1, { attempt: 1, start: 5, name: "first" })]);
    expect(names(rowsOf(tree, none))).toEqual(["first", "again"]);
  });
});

describe("rows", () => {
  const steps = [step(1), step(2, { parent: 1, host: "mac-mini" }), step(3, { parent: 2 }), step(4, { parent: 1, name: "Encode film" })];
  const tree = buildTree(steps);

  it("hide what is below a collapsed step", () => {
    expect(names(rowsOf(tree, new Set([key(2)])))).toEqual(["step 1", "  step 2", "  Encode film"]);
    expect(names(rowsOf(tree, parentsOf(tree)))).toEqual(["step 1"]);
  });

  it("show what was found, with what leads to it, even where it is collapsed", () => {
    expect(names(rowsOf(tree, new Set([key(1)]), findSteps(steps, "film ENCODE")))).toEqual(["step 1", "  Encode film"]);
    expect(names(rowsOf(tree, none, findSteps(steps, "mac"))).length).toBe(2);
    expect(rowsOf(tree, none, findSteps(steps, "nothing"))).toEqual([]);
    expect(findSteps(steps, "  ")).toBeUndefined();
  });

  it("say their place among their siblings", () => {
    expect(rowsOf(tree, none).map((row) => [row.position, row.siblings])).toEqual([[1, 1], [1, 2], [1, 1], [2, 2]]);
  });

  it("name what is above a step", () => {
    expect(ancestorsOf(steps, key(3))).toEqual([key(2), key(1)]);
    expect(ancestorsOf([step(1, { parent: 2 }), step(2, { parent: 1 })], key(1))).toEqual([key(2), key(1)]);
  });
});
