// From what JavaScript throws to the classifier's evidence: names, codes, statuses
// and causes, as Node, fetch, database drivers and HTTP clients set them.
import { constants } from "node:os";

import { type Classification, classify, type Failure } from "./classify.js";

/** How many causes beneath an error are read. */
const MAX_CAUSES = 8;

/**
 * Names the reason of a failure by what was thrown.
 *
 * Codes and statuses decide first, the outermost error's before its causes'; then
 * the errors' classes and messages, the innermost first, because an outer one often
 * says no more than "failed". Only the outermost can say that the work was
 * cancelled: an aborted request beneath a timeout is a timeout.
 */
export function classifyError(error: unknown): Classification {
  const chain = causes(error);
  const outermost = classify(byName(chain[0]));
  if (outermost.cancelled) {
    return outermost;
  }
  const verdicts = [
    ...chain.map((link) => classify(byCode(link))),
    ...chain.map((link) => classify(byName(link))).reverse(),
  ];
  const telling = verdicts.filter(({ reason_code, cancelled }) => reason_code !== "unknown" && !cancelled);
  // A plain Error beneath says that something failed, not what.
  return telling.find(({ reason_kind }) => reason_kind !== "UNKNOWN") ?? telling[0] ?? classify({});
}

/** An error and what caused it. */
function causes(error: unknown): unknown[] {
  const chain: unknown[] = [];
  let next = error;
  while (next !== undefined && next !== null && chain.length < MAX_CAUSES && !chain.includes(next)) {
    chain.push(next);
    const inner: unknown = property(next, "errors");
    next = property(next, "cause") ?? (Array.isArray(inner) ? inner[0] : undefined);
  }
  return chain;
}

/** The evidence that one error's codes and statuses are. */
function byCode(error: unknown): Failure {
  const code = property(error, "code");
  const status =
    property(error, "status") ??
    property(error, "statusCode") ??
    property(property(error, "response"), "status");
  // gRPC clients number their statuses and say what the peer said in `details`
  // (grpc-js) or keep it in `rawMessage` (connect).
  const rpc =
    typeof code === "number" &&
    (property(error, "details") !== undefined || property(error, "rawMessage") !== undefined);
  // Errors of child_process: exec and spawn keep the exit code in `code`, the
  // synchronous calls in `status`.
  const child = ["cmd", "spawnargs", "output"].some((name) => property(error, name) !== undefined);
  return {
    // A driver's, fetch's or the system's own constant.
    error_type: typeof code === "string" ? code : undefined,
    rpc_status_code: rpc ? String(code) : undefined,
    http_status_code: typeof status === "number" && !child ? status : undefined,
    exit_code: child ? exitCode(typeof code === "number" ? code : status, property(error, "signal")) : undefined,
  };
}

function exitCode(code: unknown, signal: unknown): number | undefined {
  const number = constants.signals[signal as NodeJS.Signals] as number | undefined;
  return number !== undefined ? 128 + number : typeof code === "number" ? code : undefined;
}

/** The evidence that one error's class and message are. */
function byName(error: unknown): Failure {
  const { type, message } = describe(error);
  return { exception_type: type, exception_message: message };
}

/** An error as a span tells of it. */
export interface Described {
  readonly type: string;
  readonly message: string;
  readonly stack: string;
}

/** The class, message and stack of whatever was thrown. */
export function describe(error: unknown): Described {
  const name = property(error, "name");
  const message = property(error, "message");
  const stack = property(error, "stack");
  const constructed =
    typeof error === "object" && error !== null ? (error.constructor as { name?: unknown } | undefined)?.name : undefined;
  // A subclass that sets no name of its own says "Error".
  const named = typeof name === "string" && name !== "Error" ? name : constructed ?? name;
  return {
    type: typeof named === "string" && named !== "" ? named : typeof error,
    message: typeof message === "string" ? message : shown(error),
    stack: typeof stack === "string" ? withCauses(stack, error) : "",
  };
}

function withCauses(stack: string, error: unknown): string {
  const beneath = causes(error)
    .slice(1)
    .map((cause) => property(cause, "stack") ?? shown(cause));
  return [stack, ...beneath].join("\ncaused by: ");
}

function shown(value: unknown): string {
  try {
    return typeof value === "object" ? JSON.stringify(value) ?? "" : String(value);
  } catch {
    return "";
  }
}

/** A property of anything; reading it never throws. */
function property(of: unknown, name: string): unknown {
  try {
    return typeof of === "object" && of !== null ? (of as Record<string, unknown>)[name] : undefined;
  } catch {
    return undefined;
  }
}
