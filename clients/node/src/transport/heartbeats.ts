// Signs of life of the spans that run, by timers of the worker, which the program's
// own work does not block. Each span says at most one thing every 0.8 of its
// interval: a program may report progress as often as it likes.
import { create, toBinary } from "@bufbuild/protobuf";

import { StreamSpansRequestSchema } from "../gen/livespan/v1/span_service_pb.js";
import type { Beating, ProgressReport } from "./messages.js";

/** The part of an interval within which a second sign of life waits. */
const THROTTLE = 0.8;

interface Running {
  readonly span: Beating;
  timer: NodeJS.Timeout;
  saidAt: number;
  moved: boolean;
  pending: ProgressReport | undefined;
}

/** The running spans of one process. */
export class Heartbeats {
  private readonly running = new Map<string, Running>();

  /** `say` takes an encoded event, and whether it means nothing later. Returns whether it was taken. */
  constructor(private readonly say: (event: Uint8Array, perishable: boolean) => boolean) {}

  /** How many spans run. */
  get count(): number {
    return this.running.size;
  }

  /** A span runs from now on; its start is its first sign of life. */
  begin(span: Beating): void {
    this.end(span.span_id);
    const timer = setTimeout(() => this.beat(span.span_id), span.intervalMs);
    this.running.set(span.span_id, { span, timer, saidAt: Date.now(), moved: false, pending: undefined });
  }

  /** A span has come further. Its first progress is said at once. */
  progress(spanId: string, progress: ProgressReport): void {
    const running = this.running.get(spanId);
    if (!running) {
      return;
    }
    running.pending = progress;
    const wait = running.saidAt + THROTTLE * running.span.intervalMs - Date.now();
    if (!running.moved || wait <= 0) {
      this.beat(spanId);
    } else {
      this.schedule(running, wait);
    }
  }

  /** A span runs no more; its last progress is kept, whenever it is delivered. */
  end(spanId: string): void {
    const running = this.running.get(spanId);
    if (!running) {
      return;
    }
    clearTimeout(running.timer);
    this.running.delete(spanId);
    if (running.pending) {
      this.say(encode(running.span, running.pending), false);
    }
  }

  /** Every running span gives a sign of life. */
  beatAll(): void {
    [...this.running.keys()].forEach((spanId) => this.beat(spanId));
  }

  private beat(spanId: string): void {
    const running = this.running.get(spanId);
    if (!running) {
      return;
    }
    if (this.say(encode(running.span, running.pending), true)) {
      running.saidAt = Date.now();
      running.moved ||= running.pending !== undefined;
      running.pending = undefined;
    }
    this.schedule(running, running.span.intervalMs);
  }

  private schedule(running: Running, ms: number): void {
    clearTimeout(running.timer);
    running.timer = setTimeout(() => this.beat(running.span.span_id), ms);
  }
}

function encode(span: Beating, progress: ProgressReport | undefined): Uint8Array {
  const value = { runId: span.run_id, spanId: span.span_id, ...(progress ? { progress } : {}) };
  return toBinary(
    StreamSpansRequestSchema,
    create(StreamSpansRequestSchema, { event: { case: "heartbeat", value } }),
  );
}
