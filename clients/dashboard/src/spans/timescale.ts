// Time laid out from left to right: what is in view, where a bar stands in it, which
// instants are marked, and how a view is zoomed and moved. Instants in milliseconds,
// places as fractions of the width.

/** What is in view. */
export interface View {
  from: number;
  to: number;
}

/** The shortest that can be looked at: a millisecond. */
const SHORTEST = 1;

/** How far the steps reach. A running one reaches to `now`. */
export function extent(spans: readonly { start: number | null; end: number | null; isRunning: boolean }[], now: number): View {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const { start, end, isRunning } of spans) {
    if (start === null) continue;
    from = Math.min(from, start);
    to = Math.max(to, end ?? start, isRunning ? now : start);
  }
  if (from > to) return { from: now, to: now + 1000 };
  return { from, to: Math.max(to, from + SHORTEST) };
}

/**
 * The whole of a run that goes on, with room ahead, so that its bars grow while the
 * others stand still: the view is only widened in steps of a quarter.
 */
export function roomAhead(whole: View, isRunning: boolean): View {
  const length = whole.to - whole.from;
  if (!isRunning) return { from: whole.from, to: whole.to + length * 0.02 };
  let room = 10_000;
  while (room < length * 1.02) room *= 1.25;
  return { from: whole.from, to: whole.from + room };
}

/** Where a bar stands: its left edge and its width, cut at the view's edges. `null` where it is out of view. */
export function place(view: View, start: number, end: number): { left: number; width: number } | null {
  const length = view.to - view.from;
  if (end < view.from || start > view.to || length <= 0) return null;
  const left = Math.max(0, (start - view.from) / length);
  const right = Math.min(1, (end - view.from) / length);
  return { left, width: Math.max(0, right - left) };
}

/** Steps of ticks that people count in, in milliseconds. */
const NICE = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
  900_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000,
];

/** The instants to mark, about `count` of them, counted from `origin`. */
export function ticks(view: View, origin: number, count: number): number[] {
  const length = view.to - view.from;
  const least = length / Math.max(1, count);
  const day = 86_400_000;
  const step = NICE.find((nice) => nice >= least) ?? Math.ceil(least / day) * day;
  const first = Math.ceil((view.from - origin) / step);
  const last = Math.floor((view.to - origin) / step);
  const marks: number[] = [];
  for (let number = first; number <= last && marks.length < 200; number += 1) marks.push(origin + number * step);
  return marks;
}

/** Zooms by `factor` (less than 1 is nearer) about a place in the view, within `whole`. */
export function zoom(view: View, whole: View, factor: number, about: number): View {
  const length = Math.min(Math.max((view.to - view.from) * factor, SHORTEST), whole.to - whole.from);
  const fixed = view.from + (view.to - view.from) * about;
  return within({ from: fixed - length * about, to: fixed + length * (1 - about) }, whole);
}

/** Moves by a fraction of the view, within `whole`. */
export function pan(view: View, whole: View, by: number): View {
  const shift = (view.to - view.from) * by;
  return within({ from: view.from + shift, to: view.to + shift }, whole);
}

function within(view: View, whole: View): View {
  const length = Math.min(view.to - view.from, whole.to - whole.from);
  const from = Math.min(Math.max(view.from, whole.from), whole.to - length);
  return { from, to: from + length };
}

/** Whether the view is all there is, save for rounding. */
export function isWhole(view: View, whole: View): boolean {
  return view.to - view.from >= (whole.to - whole.from) * 0.999;
}
