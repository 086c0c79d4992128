// A span as the page works with it: instants as numbers, read once, and absent things
// absent. The words are those of the API.
import type { Artifact, ReasonKind, Span, SpanError, Status } from "../api/types";
import { instant } from "../format/time";

export interface Step {
  id: string;
  /** The last 8 bytes of the id, by which children name their parent. */
  key: string;
  parentKey: string | null;
  name: string;
  layer: string;
  host: string;
  agent: string;
  attempt: number;
  status: Status;
  reasonKind: ReasonKind;
  reasonCode: string;
  reasonEvidence: string;
  /** By the client's clock, in milliseconds; `null` until the start is heard. */
  start: number | null;
  /** By the client's clock; `null` while it runs. */
  end: number | null;
  /** By the server's clock. */
  heard: number | null;
  progress: { current: number; total: number | null; note: string } | null;
  isLastAlive: boolean;
  input: unknown;
  output: unknown;
  attributes: unknown;
  otel: unknown;
  error: SpanError | null;
  artifacts: Artifact[];
  fingerprint: string;
  conflictingEnds: number;
}

/** The last 8 bytes of a span's id, in hex. */
export function keyOf(id: string): string {
  return id.replaceAll("-", "").slice(-16).toLowerCase();
}

export function toStep(span: Span): Step {
  return {
    id: span.span_id,
    key: keyOf(span.span_id),
    parentKey: span.parent_span_id === "" ? null : keyOf(span.parent_span_id),
    name: span.step_name,
    layer: span.layer,
    host: span.executor_host,
    agent: span.agent,
    attempt: Math.max(1, span.attempt),
    status: span.status,
    reasonKind: span.reason_kind ?? "UNKNOWN",
    reasonCode: span.reason_code,
    reasonEvidence: span.reason_evidence,
    start: instant(span.ts_start),
    end: instant(span.ts_end),
    heard: instant(span.heartbeat_ts),
    progress: span.progress
      ? { current: span.progress.current, total: span.progress.total ?? null, note: span.progress.note }
      : null,
    isLastAlive: span.is_last_alive,
    input: span.input_summary ?? null,
    output: span.output_summary ?? null,
    attributes: span.attributes ?? null,
    otel: span.otel ?? null,
    error: span.error ?? null,
    artifacts: span.artifact_list,
    fingerprint: span.fingerprint,
    conflictingEnds: span.conflicting_ends,
  };
}
