// Which run a step belongs to and whose step it is: what the caller says, then the
// step around it, then what the process was started with (LIVESPAN_RUN_ID with
// LIVESPAN_SPAN_ID, or TRACEPARENT, as `livespan exec` sets them), then a new run.
import { AsyncLocalStorage } from "node:async_hooks";

import { newRunId, newSpanId, parseId, parseTraceparent, type SpanKey } from "./ids.js";
import { activeOtelSpan } from "./otel.js";
import { warn } from "./warning.js";

/** What a step hands on to the steps within it. */
export interface StepContext extends SpanKey {
  readonly task_id: string | undefined;
  readonly agent: string | undefined;
  readonly attempt: number | undefined;
}

const steps = new AsyncLocalStorage<StepContext>();

/** The step that the caller runs in, if any. */
export function currentStep(): StepContext | undefined {
  return steps.getStore();
}

/** Runs `work` within a step. */
export function within<T>(step: StepContext, work: () => T): T {
  return steps.run(step, work);
}

/** What a caller may say about where its step belongs. */
export interface Place {
  /** The run, a uuid; the one around where absent. */
  run_id?: string;
  /** The step that this is a step of; the one around where absent. */
  parent_span_id?: string;
  /** A traceparent header that came with a request: names run and parent. */
  traceparent?: string;
  /** The business job that the run belongs to. */
  task_id?: string;
}

/** A step's own identity and its parent's. */
export interface Identity extends SpanKey {
  readonly parent_span_id: string | undefined;
  readonly task_id: string | undefined;
  /** The step around it, where that is of the same run. */
  readonly outer: StepContext | undefined;
}

/** Finds a step's place. An id that can't be read is said and counts as absent. */
export function place(options: Place, spanId?: string): Identity {
  const around = currentStep();
  const header = readable("traceparent", options.traceparent, parseTraceparent);
  const wanted = readable("run_id", options.run_id, parseId) ?? header?.run_id;
  const outside = around ? undefined : environment();
  const otel = activeOtelSpan();
  const run_id = wanted ?? around?.run_id ?? otel?.run_id ?? outside?.run_id ?? newRunId();
  // A parent is of the same run. OpenTelemetry's active span is this step's, or
  // one within it, wherever both are of one trace.
  const parents = [header, otel, around, outside].filter((key) => key?.run_id === run_id);
  const outer = around?.run_id === run_id ? around : undefined;
  return {
    run_id,
    span_id: readable("span_id", spanId, parseId) ?? newSpanId(run_id),
    parent_span_id: readable("parent_span_id", options.parent_span_id, parseId) ?? parents[0]?.span_id,
    task_id:
      options.task_id ??
      outer?.task_id ??
      (outside?.run_id === run_id || wanted === undefined ? process.env["LIVESPAN_TASK_ID"] || undefined : undefined),
    outer,
  };
}

/** The step that this process was started in. */
function environment(): { run_id: string; span_id: string | undefined } | undefined {
  const env = process.env;
  const trace = readable("TRACEPARENT", env["TRACEPARENT"] || undefined, parseTraceparent);
  const run = readable("LIVESPAN_RUN_ID", env["LIVESPAN_RUN_ID"] || undefined, parseId) ?? trace?.run_id;
  if (run === undefined) {
    return undefined;
  }
  const span = env["LIVESPAN_RUN_ID"]
    ? readable("LIVESPAN_SPAN_ID", env["LIVESPAN_SPAN_ID"] || undefined, parseId)
    : undefined;
  return { run_id: run, span_id: span ?? (trace?.run_id === run ? trace.span_id : undefined) };
}

function readable<T>(name: string, text: string | undefined, parse: (text: string) => T | undefined): T | undefined {
  // Programs without types pass anything.
  const read = typeof text === "string" ? parse(text) : undefined;
  if (text !== undefined && text !== null && read === undefined) {
    warn(name, `${name}=${JSON.stringify(String(text).slice(0, 80))} is not valid and is ignored`);
  }
  return read;
}
