// Time laid out from left to right.
import { describe, expect, it } from "vitest";
import { extent, isWhole, pan, place, roomAhead, ticks, zoom } from "../src/spans/timescale";

const at = (start: number | null, end: number | null) => ({ start, end, isRunning: end === null });

describe("the extent of a run", () => {
  it("reaches from the first start to the last end, or to now while something runs", () => {
    expect(extent([at(10, 20), at(5, 15)], 99)).toEqual({ from: 5, to: 20 });
    expect(extent([at(10, 20), at(5, null)], 99)).toEqual({ from: 5, to: 99 });
  });

  it("is never empty", () => {
    expect(extent([], 7)).toEqual({ from: 7, to: 1007 });
    expect(extent([at(null, null)], 7)).toEqual({ from: 7, to: 1007 });
    expect(extent([at(5, 5)], 99)).toEqual({ from: 5, to: 6 });
  });

  it("has room ahead that changes only now and then, so that bars grow while others stand still", () => {
    const rooms = new Set<number>();
    for (let now = 0; now <= 60_000; now += 1000) rooms.add(roomAhead({ from: 0, to: Math.max(1, now) }, true).to);
    expect(rooms.size).toBeLessThan(12);
    for (const now of [1, 9_000, 60_000, 3_600_000]) expect(roomAhead({ from: 0, to: now }, true).to).toBeGreaterThan(now);
    expect(roomAhead({ from: 0, to: 1000 }, false)).toEqual({ from: 0, to: 1020 });
  });
});

describe("a bar", () => {
  const view = { from: 100, to: 200 };
  it.each([
    [100, 200, { left: 0, width: 1 }], [125, 150, { left: 0.25, width: 0.25 }], [50, 150, { left: 0, width: 0.5 }],
    [150, 999, { left: 0.5, width: 0.5 }], [0, 50, null], [201, 300, null], [150, 150, { left: 0.5, width: 0 }],
  ])("from %d to %d stands at %o", (start, end, spot) => expect(place(view, start, end)).toEqual(spot));
});

describe("ticks", () => {
  it("are few, even and counted from the run's start", () => {
    expect(ticks({ from: 1_000, to: 61_000 }, 1_000, 6)).toEqual([1_000, 11_000, 21_000, 31_000, 41_000, 51_000, 61_000]);
    for (const length of [1, 37, 999, 61_000, 8.64e7, 9e9, 1e12]) {
      const marks = ticks({ from: 0, to: length }, 0, 7);
      expect(marks.length, `${length}`).toBeGreaterThan(0);
      expect(marks.length, `${length}`).toBeLessThanOrEqual(8);
    }
  });
});

describe("a view", () => {
  const whole = { from: 0, to: 1000 };

  it("is zoomed about a place that stays", () => {
    expect(zoom(whole, whole, 0.5, 0.5)).toEqual({ from: 250, to: 750 });
    expect(zoom(whole, whole, 0.5, 0)).toEqual({ from: 0, to: 500 });
  });

  it("never leaves the run, and is never shorter than a millisecond", () => {
    expect(zoom({ from: 0, to: 500 }, whole, 10, 0.9)).toEqual(whole);
    expect(pan({ from: 0, to: 500 }, whole, -3)).toEqual({ from: 0, to: 500 });
    expect(pan({ from: 0, to: 500 }, whole, 99)).toEqual({ from: 500, to: 1000 });
    const near = zoom(whole, whole, 1e-9, 0.5);
    expect(near.to - near.from).toBe(1);
  });

  it("knows whether it is all there is", () => {
    expect(isWhole(whole, whole)).toBe(true);
    expect(isWhole({ from: 0, to: 900 }, whole)).toBe(false);
  });
});
