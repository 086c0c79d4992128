// What stands in the addresses of the pages. What makes no sense there is left out.
import { readRunFilter, readWindow, KINDS, type RunFilter, type WindowName } from "../filters/runs";

type Search = Record<string, unknown>;

export interface OverviewSearch {
  window?: WindowName;
}

export interface FailuresSearch {
  window?: WindowName;
  kind?: RunFilter["kind"];
  code?: string;
  host?: string;
}

export const VIEWS = ["timeline", "list", "graph", "attempts"] as const;
export type View = (typeof VIEWS)[number];

export interface RunSearch {
  view?: View;
  /** The step whose details are open. */
  span?: string;
  /** What is searched for. */
  q?: string;
  /** The run beside which this one is laid. */
  with?: string;
}

const text = (value: unknown, longest: number) =>
  typeof value === "string" && value !== "" && value.length <= longest ? value : undefined;

export function overviewSearch(search: Search): OverviewSearch {
  const window = readWindow(search["window"]);
  return window ? { window } : {};
}

export function failuresSearch(search: Search): FailuresSearch {
  const { kind, code, host } = readRunFilter(search);
  return {
    ...overviewSearch(search),
    ...(kind && KINDS.includes(kind) ? { kind } : {}),
    ...(code ? { code } : {}),
    ...(host ? { host } : {}),
  };
}

export function runSearch(search: Search): RunSearch {
  const view = VIEWS.find((known) => known === search["view"]);
  const span = text(search["span"], 64);
  const q = text(search["q"], 500);
  const beside = text(search["with"], 64);
  return { ...(view ? { view } : {}), ...(span ? { span } : {}), ...(q ? { q } : {}), ...(beside ? { with: beside } : {}) };
}
