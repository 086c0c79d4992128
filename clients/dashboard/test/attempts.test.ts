// Two attempts beside each other.
import { describe, expect, it } from "vitest";
import { compare } from "../src/spans/attempts";
import { step } from "./step";

const failed = { status: "FAILED", reasonCode: "timeout" } as const;
const path = (comparison: ReturnType<typeof compare>) => comparison.pairs[comparison.parting]?.path.join(" › ") ?? null;

describe("two attempts", () => {
  it("part nowhere where both went the same way, however long each step took", () => {
    const left = [step(1), step(2, { parent: 1 })];
    const right = [step(1, { start: 9_000, end: 99_000, host: "other" }), step(2, { parent: 1 })];
    expect(compare(left, right)).toMatchObject({ parting: -1, pairs: [{ depth: 0 }, { depth: 1 }] });
  });

  it("part at the step that failed, not at the parents that failed for it", () => {
    const left = [step(1, failed), step(2, { parent: 1 }), step(3, { parent: 1, ...failed }), step(4, { parent: 3, ...failed })];
    const right = [step(1), step(2, { parent: 1 }), step(3, { parent: 1 }), step(4, { parent: 3 })];
    const comparison = compare(left, right);
    expect(path(comparison)).toBe("step 1 › step 3 › step 4");
    expect(comparison.pairs[0]?.difference).toBe("outcome");
  });

  it("part where one has a step that the other never came to", () => {
    const comparison = compare([step(1)], [step(1), step(2, { parent: 1 }), step(3, { parent: 2 })]);
    expect(path(comparison)).toBe("step 1 › step 2");
    expect(comparison.pairs.map((pair) => pair.difference)).toEqual([null, "missing", "missing"]);
  });

  it("part where both failed, for different reasons", () => {
    expect(compare([step(1, failed)], [step(1, { status: "FAILED", reasonCode: "permission" })]).pairs[0]?.difference).toBe("reason");
  });

  it("are laid upon each other by name and place: the second fetch is not the first", () => {
    const fetches = (statuses: ("FAILED" | "SUCCESS")[]) => [step(1), ...statuses.map((status, place) => step(2 + place, { parent: 1, name: "fetch", status, attempt: place + 1 }))];
    const comparison = compare(fetches(["FAILED", "SUCCESS"]), fetches(["FAILED"]));
    expect(comparison.pairs.map((pair) => pair.difference)).toEqual([null, null, "missing"]);
  });

  it("may have names such as __proto__ and constructor", () => {
    const odd = (number: number, name: string) => step(number, { parent: 1, name });
    const steps = [step(1), odd(2, "__proto__"), odd(3, "constructor"), odd(4, "")];
    expect(compare(steps, steps)).toMatchObject({ parting: -1, pairs: { length: 4 } });
  });
});
