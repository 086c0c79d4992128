// Ids of runs and spans. A run's 16 bytes are its OpenTelemetry trace id, the last
// 8 bytes of a span's id its OpenTelemetry span id.
import { randomBytes, randomUUID } from "node:crypto";

/** A span within its run, both as uuids with hyphens. */
export interface SpanKey {
  readonly run_id: string;
  readonly span_id: string;
}

/** A new run's id. */
export function newRunId(): string {
  return randomUUID();
}

/** A new span's id: the first half is its run's. */
export function newSpanId(runId: string): string {
  const low = randomBytes(8);
  // A span id of zeros is none.
  low[7] ||= 1;
  return uuid(hex(runId).slice(0, 16) + low.toString("hex"));
}

/** A uuid as it is written, or nothing where the text is none. */
export function parseId(text: string | undefined): string | undefined {
  const plain = text?.trim().toLowerCase().replaceAll("-", "");
  return plain !== undefined && /^[0-9a-f]{32}$/.test(plain) && /[1-9a-f]/.test(plain)
    ? uuid(plain)
    : undefined;
}

/** The identity as a W3C trace context header, sampled. */
export function traceparent({ run_id, span_id }: SpanKey): string {
  return `00-${traceId(run_id)}-${otelSpanId(span_id)}-01`;
}

/** Reads such a header; nothing where it is none. */
export function parseTraceparent(text: string | undefined): SpanKey | undefined {
  const [, version, trace, span] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?$/.exec(text?.trim() ?? "") ?? [];
  if (trace === undefined || span === undefined || version === "ff") {
    return undefined;
  }
  return keyOf(trace, span);
}

/** The key of an OpenTelemetry span, from ids in hex. */
export function keyOf(trace: string, span: string): SpanKey | undefined {
  return /[1-9a-f]/.test(trace) && /[1-9a-f]/.test(span)
    ? { run_id: uuid(trace), span_id: uuid(trace.slice(0, 16) + span) }
    : undefined;
}

/** The run's OpenTelemetry trace id, in hex. */
export function traceId(runId: string): string {
  return hex(runId);
}

/** The span's OpenTelemetry id, in hex. */
export function otelSpanId(spanId: string): string {
  return hex(spanId).slice(16);
}

function hex(id: string): string {
  return id.replaceAll("-", "");
}

function uuid(plain: string): string {
  return plain.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
