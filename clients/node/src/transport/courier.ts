// Carries events to the collector over one stream, opened again whenever it breaks;
// what was not acknowledged is sent again over the next one. The collector merges
// what comes twice.
import { fromBinary } from "@bufbuild/protobuf";

import { type StreamSpansRequest, StreamSpansRequestSchema, type StreamSpansResponse } from "../gen/livespan/v1/span_service_pb.js";
import { warn } from "../warning.js";
import { type Connection, told } from "./connection.js";
import type { Entry, Outbox } from "./outbox.js";

/** How many events may be under way. */
const IN_FLIGHT_EVENTS = 1024;
/** The pause after a first failure; each later one is up to twice as long. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;

interface Sent {
  readonly seq: bigint;
  readonly entry: Entry;
}

/** Owns the stream. */
export class Courier {
  /** Whether the last that was heard of the collector is good, or nothing was yet. */
  isUp = true;
  private seq = 0n;
  private inFlight: Sent[] = [];
  private failures = 0;
  private stopped = false;
  private wake: () => void = () => undefined;

  constructor(
    private readonly connection: Connection,
    private readonly outbox: Outbox,
    private readonly timeoutMs: number,
    /** Told before a stream is opened, so that signs of life go over it. */
    private readonly opening: () => void,
    /** Told when nothing is left to deliver, or the collector was lost. */
    private readonly changed: () => void,
  ) {}

  /** There is something new to send. */
  nudge(): void {
    this.wake();
  }

  /** Whether everything is delivered. */
  get isIdle(): boolean {
    return this.inFlight.length === 0 && this.outbox.isEmpty;
  }

  /** Delivers until it is stopped. */
  async run(hasWork: () => boolean): Promise<void> {
    while (!this.stopped) {
      while (!hasWork()) {
        await this.woken();
      }
      this.opening();
      try {
        await this.overOneStream();
      } catch (error) {
        this.lost(error);
      }
      // Half of it by chance, so that many processes don't come back at once.
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** (this.failures - 1), LONGEST_PAUSE_MS);
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)));
    }
  }

  /** Sends nothing more; what was not acknowledged goes back. */
  stop(): void {
    this.stopped = true;
    this.recall();
  }

  private recall(): void {
    const entries = this.inFlight.map(({ entry }) => entry);
    this.inFlight = [];
    this.outbox.returned(entries);
  }

  private lost(error: unknown): void {
    if (this.stopped) {
      return;
    }
    this.isUp = false;
    this.failures += 1;
    this.recall();
    this.outbox.spill();
    const { code, message } = told(error);
    if (this.failures === 2 || ["UNAUTHENTICATED", "PERMISSION_DENIED"].includes(code)) {
      warn("lost", `the collector can't be reached (${code}: ${message}); events wait and are sent when it is back`);
    }
    this.changed();
  }

  private async overOneStream(): Promise<void> {
    const abort = new AbortController();
    let heardAt = Date.now();
    const watch = setInterval(() => {
      if (this.inFlight.length === 0) {
        heardAt = Date.now();
      } else if (Date.now() - heardAt > this.timeoutMs) {
        abort.abort(new Error("nothing was acknowledged"));
      }
    }, Math.min(1_000, this.timeoutMs));
    try {
      const replies = this.connection.spans.streamSpans(this.requests(abort.signal), { signal: abort.signal });
      for await (const reply of replies) {
        heardAt = Date.now();
        this.take(reply);
      }
      throw new Error("the collector ended the stream");
    } finally {
      clearInterval(watch);
      abort.abort();
      this.wake();
    }
  }

  private async *requests(signal: AbortSignal): AsyncGenerator<StreamSpansRequest> {
    while (!signal.aborted && !this.stopped) {
      const entry = this.inFlight.length < IN_FLIGHT_EVENTS ? this.outbox.next() : undefined;
      if (!entry) {
        await this.woken();
        continue;
      }
      this.seq += 1n;
      this.inFlight.push({ seq: this.seq, entry });
      const request = fromBinary(StreamSpansRequestSchema, entry.bytes);
      request.seq = this.seq;
      yield request;
    }
  }

  private take(reply: StreamSpansResponse): void {
    if (this.stopped) {
      return;
    }
    this.isUp = true;
    this.failures = 0;
    for (const { message } of reply.rejected) {
      warn("rejected", `the collector will not store an event: ${message}`);
    }
    const waiting = this.inFlight.findIndex(({ seq }) => seq > reply.ackedThrough);
    const acked = this.inFlight.splice(0, waiting < 0 ? this.inFlight.length : waiting);
    acked.forEach(({ entry }) => this.outbox.delivered(entry));
    this.wake();
    if (this.isIdle) {
      this.changed();
    }
  }

  private woken(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}
