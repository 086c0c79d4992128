// The filters of the list of runs, in the page's address: what one person looks at,
// another can be sent.
import type { ReasonKind, Status } from "../api/types";

export const STATUSES = ["RUNNING", "SUCCESS", "FAILED", "CANCELLED"] as const satisfies readonly Status[];
export const KINDS = ["TRANSIENT", "PERSISTENT", "RESOURCE", "CONFIG", "UNKNOWN"] as const satisfies readonly ReasonKind[];
/** How far back, in seconds. */
export const WINDOWS = { "1h": 3_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000 } as const;
export type WindowName = keyof typeof WINDOWS;

/** What is absent filters nothing. */
export interface RunFilter {
  task?: string;
  status?: (typeof STATUSES)[number];
  agent?: string;
  host?: string;
  layer?: string;
  kind?: (typeof KINDS)[number];
  code?: string;
  since?: WindowName;
}

const TEXTS = ["task", "agent", "host", "layer", "code"] as const;
/** The longest that the server takes. */
const LONGEST_BYTES = 1024;

function oneOf<T extends string>(values: readonly T[], value: unknown): T | undefined {
  return values.find((known) => known === value);
}

/** Reads an address. What makes no sense in it is left out: the page shows what it filters by. */
export function readRunFilter(search: Record<string, unknown>): RunFilter {
  const filter: RunFilter = {};
  for (const name of TEXTS) {
    const value = search[name];
    if (typeof value !== "string") continue;
    const text = value.trim();
    if (text !== "" && !text.includes("\0") && new TextEncoder().encode(text).length <= LONGEST_BYTES) filter[name] = text;
  }
  const status = oneOf(STATUSES, search["status"]);
  const kind = oneOf(KINDS, search["kind"]);
  const since = readWindow(search["since"]);
  if (status) filter.status = status;
  if (kind) filter.kind = kind;
  if (since) filter.since = since;
  return filter;
}

export function readWindow(value: unknown): WindowName | undefined {
  return oneOf(Object.keys(WINDOWS) as WindowName[], value);
}

/** The filter as the API's parameters. `now` in milliseconds, cut to a minute so that one question stays one. */
export function runParameters(filter: RunFilter, now: number): Record<string, string> {
  const parameters: Record<string, string> = {};
  if (filter.task) parameters["task_id"] = filter.task;
  if (filter.status) parameters["status"] = filter.status;
  if (filter.agent) parameters["agent"] = filter.agent;
  if (filter.host) parameters["executor_host"] = filter.host;
  if (filter.layer) parameters["layer"] = filter.layer;
  if (filter.kind) parameters["reason_kind"] = filter.kind;
  if (filter.code) parameters["reason_code"] = filter.code;
  if (filter.since) {
    const minute = Math.floor(now / 60_000) * 60_000;
    parameters["started_after"] = new Date(minute - WINDOWS[filter.since] * 1000).toISOString();
  }
  return parameters;
}

/** The address's query, read as texts alone: what looks like a number is still a name. */
export function parseSearch(search: string): Record<string, string> {
  const found: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of new URLSearchParams(search)) found[name] ??= value;
  return found;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (typeof value === "string" && value !== "") parameters.append(name, value);
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}
