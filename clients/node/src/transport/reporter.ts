// The program's side of the worker: hands events over and returns at once. Nothing
// here waits for the collector, and nothing throws because of it.
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";

import { type Options, type Settings, settle } from "../config.js";
import { StreamSpansRequestSchema } from "../gen/livespan/v1/span_service_pb.js";
import { warn } from "../warning.js";
import {
  type Beating, CLOSED, DROPPED, type FromWorker, type ProgressReport, QUEUED_BYTES, type Question,
  SHARED_LENGTH, type ToWorker,
} from "./messages.js";

/** What happened to a span. */
export type SpanEvent = NonNullable<MessageInitShape<typeof StreamSpansRequestSchema>["event"]>;

/** The collector did not answer a question, or answered that it can't. */
export class LivespanError extends Error {
  override readonly name = "LivespanError";

  /** `code` is a gRPC status name, such as NOT_FOUND or UNAVAILABLE. */
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** A larger event loses its details: nobody reads a megabyte of input. */
const MAX_EVENT_BYTES = 1024 * 1024;
/** How much longer than its own limit the worker may take to close. */
const CLOSE_GRACE_MS = 500;

interface Asked {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** One worker and what is under way to it. */
class Reporter {
  private readonly shared = new Int32Array(new SharedArrayBuffer(4 * SHARED_LENGTH));
  private readonly worker: Worker;
  private readonly asked = new Map<number, Asked>();
  private lastId = 0;
  private ended = false;

  constructor(readonly settings: Settings) {
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.worker = new Worker(fileURLToPath(new URL("./worker.js", import.meta.url)), {
      workerData: { settings, shared: this.shared.buffer },
      // What the program is loaded with, such as instrumentation, is not for the worker.
      execArgv: [],
      env,
      name: "livespan",
    });
    this.worker.on("message", (message: FromWorker) => this.answered(message));
    this.worker.on("error", (error: unknown) => {
      warn("worker", `nothing more is recorded: the SDK's own thread ended: ${String(error)}`);
    });
    this.worker.on("exit", () => {
      this.ended = true;
      this.asked.forEach(({ reject }) => reject(new LivespanError("UNAVAILABLE", "the SDK has ended")));
      this.asked.clear();
    });
    // Last, since a listener would hold it again: it never keeps a program alive.
    this.worker.unref();
  }

  get droppedEvents(): number {
    return Atomics.load(this.shared, DROPPED);
  }

  send(event: SpanEvent, beat: { begin?: Beating; end?: string } = {}): void {
    let bytes = encode(event);
    if (bytes.length > MAX_EVENT_BYTES) {
      warn("large", `an event of ${bytes.length} bytes is told without its details`);
      bytes = encode(withoutDetails(event));
    }
    const queued = Atomics.add(this.shared, QUEUED_BYTES, bytes.length) + bytes.length;
    if (queued > this.settings.queueBytes || this.ended) {
      Atomics.sub(this.shared, QUEUED_BYTES, bytes.length);
      Atomics.add(this.shared, DROPPED, 1);
      warn("dropped", "events are dropped: more wait for the collector than memory and disk may hold");
      return;
    }
    this.post({ type: "event", bytes, ...beat });
  }

  progress(span_id: string, progress: ProgressReport): void {
    this.post({ type: "progress", span_id, progress });
  }

  ask(question: Question): Promise<unknown> {
    return this.answer((id) => ({ type: "ask", id, question }));
  }

  async flush(timeoutMs: number): Promise<boolean> {
    return (await this.answer((id) => ({ type: "flush", id, timeoutMs }))) as boolean;
  }

  /** Blocks until everything is delivered or on disk, at most so long. */
  close(timeoutMs: number): void {
    if (this.ended) {
      return;
    }
    this.ended = true;
    this.post({ type: "close", timeoutMs });
    Atomics.wait(this.shared, CLOSED, 0, timeoutMs + CLOSE_GRACE_MS);
  }

  private answer(message: (id: number) => ToWorker): Promise<unknown> {
    if (this.ended) {
      return Promise.reject(new LivespanError("UNAVAILABLE", "the SDK has ended"));
    }
    this.lastId += 1;
    const id = this.lastId;
    return new Promise((resolve, reject) => {
      this.asked.set(id, { resolve, reject });
      // Somebody waits for it: the program must not end before the answer.
      this.worker.ref();
      this.post(message(id));
    });
  }

  private answered(message: FromWorker): void {
    const asked = this.asked.get(message.id);
    this.asked.delete(message.id);
    if (this.asked.size === 0) {
      this.worker.unref();
    }
    if ("error" in message) {
      asked?.reject(new LivespanError(message.error.code, message.error.message));
    } else {
      asked?.resolve(message.answer);
    }
  }

  private post(message: ToWorker): void {
    this.worker.postMessage(message);
  }
}

function encode(event: SpanEvent): Uint8Array {
  return toBinary(StreamSpansRequestSchema, create(StreamSpansRequestSchema, { event }));
}

function withoutDetails(event: SpanEvent): SpanEvent {
  const { input: _, output: __, attributes: ___, ...value } = event.value as Record<string, unknown>;
  return { case: event.case, value } as SpanEvent;
}

let options: Options = {};
let reporter: Reporter | undefined;
let isBroken = false;

/**
 * Says where the collector is, before the first span; later calls change nothing.
 * Without it the LIVESPAN_ variables and the defaults count.
 */
export function configure(wanted: Options): void {
  if (reporter) {
    warn("configure", "configure was called after the first span and changes nothing");
  } else {
    options = { ...options, ...wanted };
  }
}

/** The worker, started at the first need; none where it can't be, which costs the records alone. */
function started(): Reporter | undefined {
  if (!reporter && !isBroken) {
    try {
      reporter = new Reporter(settle(options));
      process.on("exit", () => closeNow());
    } catch (error) {
      isBroken = true;
      warn("worker", `nothing is recorded: the SDK's own thread can't be started: ${String(error)}`);
    }
  }
  return reporter;
}

/** How often a running span gives a sign of life, in milliseconds. */
export function heartbeatMs(): number {
  return started()?.settings.heartbeatMs ?? Infinity;
}

/** Tells of an event. Never throws: what can't be told is said once. */
export function send(event: SpanEvent, beat?: { begin?: Beating; end?: string }): void {
  try {
    started()?.send(event, beat);
  } catch (error) {
    warn("encode", `an event can't be recorded: ${String(error)}`);
  }
}

/** Tells how far a running span has come. */
export function sendProgress(spanId: string, progress: ProgressReport): void {
  started()?.progress(spanId, progress);
}

/** Asks the collector. Rejects with a {@link LivespanError}. */
export function ask(question: Question): Promise<unknown> {
  return (
    started()?.ask(question) ??
    Promise.reject(new LivespanError("UNAVAILABLE", "the SDK's own thread can't be started"))
  );
}

/**
 * Waits until the collector has everything, at most so many milliseconds (the
 * flush timeout where absent). Resolves to whether it has.
 */
export async function flush(timeoutMs?: number): Promise<boolean> {
  return reporter ? reporter.flush(timeoutMs ?? reporter.settings.flushTimeoutMs) : true;
}

/** How many events were given up since the process began. */
export function droppedEvents(): number {
  return reporter?.droppedEvents ?? 0;
}

/** Delivers what it can and leaves the rest on disk, now: for a process about to die by a signal. */
export function closeNow(): void {
  reporter?.close(reporter.settings.flushTimeoutMs);
}
