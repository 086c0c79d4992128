// Questions to the collector. Answers are JSON with the collector's own names, as
// over REST. They reject with a LivespanError, whose code is NOT_FOUND for a run that
// was never heard of.
import type { SpanJson } from "./gen/livespan/v1/span_pb.js";
import type {
  ActiveRunJson, GetLastAliveSpanResponseJson, StuckRunJson,
} from "./gen/livespan/v1/trace_query_pb.js";
import { ask } from "./transport/reporter.js";

type SnakeKey<K> = K extends `${infer First}${infer Rest}`
  ? First extends Lowercase<First>
    ? `${First}${SnakeKey<Rest>}`
    : `_${Lowercase<First>}${SnakeKey<Rest>}`
  : K;

/** A message as JSON, with the proto's own field names. */
type Answer<T> = T extends readonly (infer Item)[]
  ? Answer<Item>[]
  : T extends object
    ? { [K in keyof T as SnakeKey<K>]: K extends "inputSummary" | "outputSummary" | "attributes" | "otel" ? T[K] : Answer<T[K]> }
    : T;

/** A span of a timeline. */
export type TimelineSpan = Answer<SpanJson>;
/** A run with running spans, at its current step. */
export type ActiveRun = Answer<ActiveRunJson>;
/** A run that is stuck, and where. */
export type StuckRun = Answer<StuckRunJson>;
/** Where a run was last alive. */
export type LastAlive = Answer<GetLastAliveSpanResponseJson>;

/** All spans of a run, by start. */
export async function getRunTimeline(run_id: string): Promise<TimelineSpan[]> {
  return ((await ask({ method: "getTimeline", request: { run_id } })) as { spans: TimelineSpan[] }).spans;
}

/** The runs with running spans, the latest started first. */
export async function getActiveRuns(): Promise<ActiveRun[]> {
  return ((await ask({ method: "listActiveRuns", request: {} })) as { runs: ActiveRun[] }).runs;
}

/** The stuck runs, the longest stuck first. `thresholdSeconds` stands in for the collector's limit. */
export async function getStuckRuns(thresholdSeconds?: number): Promise<StuckRun[]> {
  const request = thresholdSeconds === undefined ? {} : { threshold: `${thresholdSeconds}s` };
  return ((await ask({ method: "listStuckRuns", request })) as { runs: StuckRun[] }).runs;
}

/** The span of a run that was heard of last, and whether the run is stuck there. */
export async function getLastAliveSpan(run_id: string): Promise<LastAlive> {
  return (await ask({ method: "getLastAliveSpan", request: { run_id } })) as LastAlive;
}
