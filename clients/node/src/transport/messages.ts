// What the program's thread and the worker say to each other.
import type { Settings } from "../config.js";

/** Places in the shared memory, an Int32Array. */
export const QUEUED_BYTES = 0;
/** How many events were given up, in all. */
export const DROPPED = 1;
/** 1 once the worker has closed: all is delivered or on disk. */
export const CLOSED = 2;
/** How many numbers are shared. */
export const SHARED_LENGTH = 3;

/** How far a span has come. */
export interface ProgressReport {
  readonly current: number;
  readonly total?: number;
  readonly note?: string;
}

/** A running span that the worker gives signs of life of. */
export interface Beating {
  readonly run_id: string;
  readonly span_id: string;
  readonly intervalMs: number;
}

/** The program says. */
export type ToWorker =
  /** An event, a StreamSpansRequest without number; a span to beat from now on, or no more. */
  | { type: "event"; bytes: Uint8Array; begin?: Beating; end?: string }
  | { type: "progress"; span_id: string; progress: ProgressReport }
  | { type: "ask"; id: number; question: Question }
  | { type: "flush"; id: number; timeoutMs: number }
  | { type: "close"; timeoutMs: number };

/** What is asked of the collector by itself, beside the stream. */
export type Question =
  | { method: QueryMethod; request: unknown }
  | { method: "storeArtifact"; request: unknown; file?: string; content?: Uint8Array };

/** The questions of TraceQuery. */
export type QueryMethod = "getTimeline" | "listActiveRuns" | "listStuckRuns" | "getLastAliveSpan";

/** The worker answers. */
export type FromWorker =
  | { id: number; answer: unknown }
  | { id: number; error: { code: string; message: string } };

/** What the worker is started with. */
export interface WorkerStart {
  readonly settings: Settings;
  readonly shared: SharedArrayBuffer;
}
