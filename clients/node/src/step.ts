// A step's events, as they are told by hand: `traceStep`. withSpan tells the same
// ones by itself.
import os from "node:os";

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";

import { type Classification, classify } from "./classify/classify.js";
import { classifyError, describe } from "./classify/error.js";
import type { ReasonKind } from "./classify/rule.js";
import { type Identity, type Place, place } from "./context.js";
import type { EndSpanRequestSchema, StartSpanRequestSchema } from "./gen/livespan/v1/span_service_pb.js";
import { ReasonKind as WireKind, Status } from "./gen/livespan/v1/span_pb.js";
import { type SpanKey, traceparent } from "./ids.js";
import { redactText } from "./redact/redact.js";
import { sanitizeFields } from "./sanitize.js";
import type { Beating, ProgressReport } from "./transport/messages.js";
import { send } from "./transport/reporter.js";

/** What a step is told by when it starts. */
export interface StepOptions extends Place {
  /** The level of the work: "L0_orchestrator", "llm", "tool". */
  layer?: string;
  /** What the step does. */
  step_name: string;
  /** Who runs it; LIVESPAN_AGENT, or the step around it, where absent. */
  agent?: string;
  /** The machine it runs on; its name where absent. */
  executor_host?: string;
  /** 1 for the first try, 2 for the first retry; LIVESPAN_ATTEMPT where absent. */
  attempt?: number;
  /** The run that this one retries; LIVESPAN_RETRY_OF where absent. */
  retry_of?: string;
  /** What it is given; see `sanitize`. */
  input?: unknown;
  /** Anything else to know about it. */
  attributes?: Record<string, unknown>;
  /** After how long without a sign of life it counts as stuck, in milliseconds, from 1 s. */
  stuckAfterMs?: number;
  /** After how long without movement it counts as stuck, in milliseconds, from 1 s. */
  progressTimeoutMs?: number;
}

/** A start as it is sent. */
export type Start = MessageInitShape<typeof StartSpanRequestSchema>;

/** The start of a step at its place. */
export function startOf(options: StepOptions, identity: Identity): Start {
  const attempt = attemptOf(options, identity);
  return {
    runId: identity.run_id,
    spanId: identity.span_id,
    // Programs without types may forget it; the collector then says so.
    stepName: redactText(String(options.step_name ?? "")),
    executorHost: options.executor_host ?? os.hostname(),
    startTime: timestampNow(),
    ...present("parentSpanId", identity.parent_span_id),
    ...present("taskId", identity.task_id),
    ...present("retryOf", options.retry_of ?? (identity.outer ? undefined : process.env["LIVESPAN_RETRY_OF"] || undefined)),
    ...present("layer", options.layer ?? (process.env["LIVESPAN_LAYER"] || undefined)),
    ...present("agent", agentOf(options, identity)),
    ...present("attempt", attempt),
    ...present("input", sanitizeFields(options.input)),
    ...present("attributes", sanitizeFields(options.attributes, 16)),
    ...present("stuckAfter", wireDuration(options.stuckAfterMs)),
    ...present("progressTimeout", wireDuration(options.progressTimeoutMs)),
  };
}

/** Who runs a step. */
export function agentOf(options: StepOptions, identity: Identity): string | undefined {
  return options.agent ?? identity.outer?.agent ?? (process.env["LIVESPAN_AGENT"] || undefined);
}

/** Which try a step is. */
export function attemptOf(options: StepOptions, identity: Identity): number | undefined {
  const said = Number(process.env["LIVESPAN_ATTEMPT"]);
  const fromOutside = Number.isInteger(said) && said >= 1 ? said : undefined;
  return options.attempt ?? identity.outer?.attempt ?? fromOutside;
}

/** A step's end. */
export interface EndOptions {
  /** How it ended; by `error` where absent, SUCCESS without one. */
  status?: "SUCCESS" | "FAILED" | "CANCELLED";
  /** What it gave back; see `sanitize`. */
  output?: unknown;
  /** What was thrown. */
  error?: unknown;
  /** Your own short name of what went wrong; the classifier's where absent. */
  reason_code?: string;
  /** What kind of thing went wrong; the classifier's where absent. */
  reason_kind?: ReasonKind;
  /** The exit code of a process. */
  exit_code?: number;
}

/** Tells of an end; returns why it failed, if it did. */
export function sendEnd(key: SpanKey, options: EndOptions): Classification | undefined {
  const hasError = options.error !== undefined;
  const found = hasError ? classifyError(options.error) : classify({ exit_code: options.exit_code });
  const verdict = options.reason_code || options.reason_kind
    ? { ...classify({ reason_code: options.reason_code ?? found.reason_code, reason_kind: options.reason_kind }) }
    : found;
  const failed = hasError || (options.exit_code ?? 0) !== 0;
  const status = options.status ?? (!failed ? "SUCCESS" : verdict.cancelled ? "CANCELLED" : "FAILED");
  const error = hasError ? describe(options.error) : undefined;
  const reason = status === "FAILED" && verdict.reason_code !== "unknown" ? verdict : undefined;
  const value: MessageInitShape<typeof EndSpanRequestSchema> = {
    runId: key.run_id,
    spanId: key.span_id,
    status: Status[status],
    endTime: timestampNow(),
    ...present("output", sanitizeFields(options.output)),
    ...present("error", error && {
      type: redactText(error.type),
      message: redactText(error.message),
      stackTrace: redactText(error.stack),
    }),
    ...present("reasonCode", reason?.reason_code),
    ...present("reasonKind", reason && WireKind[reason.reason_kind]),
    ...present("exitCode", options.exit_code),
  };
  send({ case: "end", value }, { end: key.span_id });
  return status === "FAILED" ? verdict : undefined;
}

/** Tells of a start; `begin` where the worker is to give signs of life from now on. */
export function sendStart(start: Start, begin?: Beating): void {
  send({ case: "start", value: start }, begin ? { begin } : {});
}

/** A step told by hand: where no function can be wrapped, or the work goes on elsewhere. */
export const traceStep = {
  /**
   * A step begins. Returns its identity at once; whoever holds it may go on with
   * the step, in this process or another one. It gives no sign of life by itself.
   */
  start(options: StepOptions & { span_id?: string }): SpanKey & { traceparent: string } {
    const identity = place(options, options.span_id);
    sendStart(startOf(options, identity));
    const { run_id, span_id } = identity;
    return { run_id, span_id, traceparent: traceparent(identity) };
  },

  /** The step is alive, and may say how far it has come. */
  heartbeat(key: SpanKey, progress?: ProgressReport): void {
    const value = { runId: key.run_id, spanId: key.span_id, ...present("progress", progress && clean(progress)) };
    send({ case: "heartbeat", value });
  },

  /** The step is over; how, is said by `status` or by `error`. */
  end(key: SpanKey, options: EndOptions = {}): void {
    sendEnd(key, options);
  },
};

/** Progress that the collector takes: finite, 0 or more, a short note without secrets. */
export function clean(progress: ProgressReport): ProgressReport {
  const amount = (value: number) => (Number.isFinite(value) ? Math.max(0, value) : 0);
  return {
    current: amount(progress.current),
    ...present("total", progress.total === undefined ? undefined : amount(progress.total)),
    ...present("note", progress.note === undefined ? undefined : redactText(String(progress.note)).slice(0, 256)),
  };
}

function present<K extends string, T>(name: K, value: T | undefined): { [key in K]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { [key in K]?: T };
}

function wireDuration(ms: number | undefined): { seconds: bigint; nanos: number } | undefined {
  return ms === undefined
    ? undefined
    : { seconds: BigInt(Math.floor(ms / 1000)), nanos: Math.round((ms % 1000) * 1_000_000) };
}
