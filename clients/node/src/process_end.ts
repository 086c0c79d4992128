// What becomes of running steps when their process ends around them: by a signal,
// by process.exit. The exit hook of reporter.ts then delivers what is left.
import { constants } from "node:os";

import type { EndOptions } from "./step.js";
import { closeNow } from "./transport/reporter.js";

interface Endable {
  end(how: EndOptions): void;
}

const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

const running = new Set<Endable>();
let stoppedBy: NodeJS.Signals | undefined;
let isWatching = false;

/** A step runs from now on. */
export function enter(span: Endable): void {
  running.add(span);
  if (!isWatching) {
    isWatching = true;
    SIGNALS.forEach((signal) => process.on(signal, onSignal));
    process.prependListener("exit", onExit);
  }
}

/** A step has ended. The handlers go with the last one: a program without steps dies as it always did. */
export function leave(span: Endable): void {
  running.delete(span);
  if (running.size === 0 && isWatching) {
    isWatching = false;
    SIGNALS.forEach((signal) => process.removeListener(signal, onSignal));
    process.removeListener("exit", onExit);
  }
}

/** How a step ends whose work failed after the process was told to stop. */
export function endedByProcess(): EndOptions | undefined {
  return stoppedBy && cancelled(stoppedBy);
}

function cancelled(signal: NodeJS.Signals): EndOptions {
  return { status: "CANCELLED", error: new Stopped(`the process received ${signal}`) };
}

/** The process was told to stop. */
class Stopped extends Error {
  override readonly name = "AbortError";
}

function onSignal(signal: NodeJS.Signals): void {
  stoppedBy = signal;
  // A program with a handler of its own may still end its steps well; those that it
  // leaves running when it exits are cancelled then.
  if (process.listenerCount(signal) > 1) {
    return;
  }
  endAll(() => cancelled(signal));
  closeNow();
  process.removeListener(signal, onSignal);
  process.kill(process.pid, signal);
}

function onExit(code: number): void {
  const signal = stoppedBy ?? SIGNALS.find((name) => code === 128 + constants.signals[name]);
  endAll(() => {
    if (signal) {
      return cancelled(signal);
    }
    const error = new Error(`the process exited with code ${code} before the step ended`);
    return code === 0 ? { status: "CANCELLED", error } : { status: "FAILED", error, exit_code: code };
  });
}

function endAll(how: () => EndOptions): void {
  // Steps within a step come after it, and end before it.
  [...running].reverse().forEach((span) => span.end(how()));
  running.clear();
}
