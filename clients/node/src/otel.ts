// The bridge to OpenTelemetry, where the program has its API: spans that an
// instrumented library starts within a step land beneath that step, and a step
// within a library's span lands beneath that.
import { createRequire } from "node:module";

import type * as Api from "@opentelemetry/api";

import { keyOf, otelSpanId, type SpanKey, traceId } from "./ids.js";

let known: { api: typeof Api | undefined } | undefined;

function otelApi(): typeof Api | undefined {
  if (!known) {
    let api: typeof Api | undefined;
    try {
      api = createRequire(import.meta.url)("@opentelemetry/api") as typeof Api;
    } catch {
      // An optional peer: without it there is nothing to bridge to.
    }
    known = { api };
  }
  return known.api;
}

/** The span that OpenTelemetry has active, as a key. */
export function activeOtelSpan(): SpanKey | undefined {
  const span = otelApi()?.trace.getActiveSpan()?.spanContext();
  return span ? keyOf(span.traceId, span.spanId) : undefined;
}

/** Runs `work` with a step as OpenTelemetry's active, remote span. */
export function withOtelSpan<T>(step: SpanKey, work: () => T): T {
  const api = otelApi();
  if (!api) {
    return work();
  }
  const context = api.trace.setSpanContext(api.context.active(), {
    traceId: traceId(step.run_id),
    spanId: otelSpanId(step.span_id),
    traceFlags: api.TraceFlags.SAMPLED,
    isRemote: true,
  });
  return api.context.with(context, work);
}
