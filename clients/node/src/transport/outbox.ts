// What is still to be delivered, oldest first: files that processes before this one
// left, this process's own file, then memory. Bounded at every stage: memory by the
// program's thread, which drops what doesn't fit; the disk here.
import { createHash } from "node:crypto";
import path from "node:path";

import type { Settings } from "../config.js";
import { warn } from "../warning.js";
import { DROPPED, QUEUED_BYTES } from "./messages.js";
import { SpoolFile, spooledBytes } from "./spool.js";

/** An event on its way. */
export interface Entry {
  readonly bytes: Uint8Array;
  /** A sign of life, which means nothing later: never written to disk. */
  readonly perishable: boolean;
  /** Where it stands on disk, if it does, and the offset behind it. */
  readonly spooled?: { file: SpoolFile; end: number };
}

/** The queue of one process. */
export class Outbox {
  private memory: Entry[] = [];
  private adopted: SpoolFile[] = [];
  private own: SpoolFile | undefined;
  private readonly folder: string;

  constructor(
    private readonly settings: Settings,
    private readonly shared: Int32Array,
  ) {
    // What waits for one collector is not for another.
    const collector = createHash("sha256").update(settings.server).digest("hex").slice(0, 16);
    this.folder = path.join(settings.spoolDir, collector);
  }

  /** Takes over what ended processes left. */
  adopt(): void {
    this.onDisk(() => this.adopted.push(...SpoolFile.adopt(this.folder)));
  }

  /** Says on disk that this process is alive. */
  touch(): void {
    this.onDisk(() => [...this.adopted, ...(this.own ? [this.own] : [])].forEach((file) => file.touch()));
  }

  /** Adds an event, which the shared count of queued bytes includes already. */
  push(bytes: Uint8Array, perishable: boolean): void {
    this.memory.push({ bytes, perishable });
  }

  /** Whether all that was taken from here is delivered, and nothing is left to take. */
  get isEmpty(): boolean {
    return (
      this.memory.length === 0 &&
      (this.own?.isDelivered ?? true) &&
      this.adopted.every((file) => file.isDelivered)
    );
  }

  /** The next event to send. */
  next(): Entry | undefined {
    for (const file of [...this.adopted, ...(this.own ? [this.own] : [])]) {
      const record = file.next();
      if (record) {
        return { bytes: record.event, perishable: false, spooled: { file, end: record.end } };
      }
      if (file.isDelivered) {
        this.onDisk(() => this.settleFile(file));
      }
    }
    return this.memory.shift();
  }

  /** An event is dealt with for good. */
  delivered(entry: Entry): void {
    if (!entry.spooled) {
      this.release(entry);
      return;
    }
    const { file, end } = entry.spooled;
    file.delivered(end);
    if (file.isDelivered) {
      this.onDisk(() => this.settleFile(file));
    }
  }

  /** Events that were sent and not acknowledged come back, in their order. */
  returned(entries: readonly Entry[]): void {
    this.memory.unshift(...entries.filter((entry) => !entry.spooled));
    this.adopted.forEach((file) => file.rewind());
    this.own?.rewind();
  }

  /** Moves memory to disk. Where the disk takes no more, memory keeps it while there is room. */
  spill(): void {
    this.memory.filter((entry) => entry.perishable).forEach((entry) => this.release(entry));
    const entries = this.memory.filter((entry) => !entry.perishable);
    this.memory = entries;
    if (entries.length === 0) {
      return;
    }
    this.onDisk(() => {
      this.own ??= SpoolFile.create(this.folder);
      const bytes = entries.reduce((sum, entry) => sum + entry.bytes.length, 0);
      if (spooledBytes(this.folder) + bytes > this.settings.spoolBytes) {
        warn(
          "spool",
          `events for ${this.settings.server} fill ${this.settings.spoolBytes} bytes of ${this.folder}; ` +
            "what comes now is kept in memory, then dropped",
        );
        return;
      }
      this.own.append(entries.map((entry) => entry.bytes));
      entries.forEach((entry) => this.release(entry));
      this.memory = [];
    });
  }

  /** Ends: all that is left goes to disk for the next process; what doesn't fit is dropped. */
  close(): void {
    this.spill();
    if (this.memory.length > 0) {
      Atomics.add(this.shared, DROPPED, this.memory.length);
      warn("dropped", `${this.memory.length} events were dropped: neither collector nor disk takes them`);
    }
    for (const file of [...this.adopted, ...(this.own ? [this.own] : [])]) {
      this.onDisk(() => file.close());
    }
  }

  private release(entry: Entry): void {
    Atomics.sub(this.shared, QUEUED_BYTES, entry.bytes.length);
  }

  private settleFile(file: SpoolFile): void {
    if (file !== this.own) {
      this.adopted = this.adopted.filter((other) => other !== file);
      file.close();
    } else if (file.bytes > 0) {
      file.empty();
    }
  }

  /** The disk's errors cost what was to be written, never the work. */
  private onDisk(act: () => unknown): void {
    try {
      act();
    } catch (error) {
      warn("disk", `events can't wait in ${this.folder}: ${String(error)}`);
    }
  }
}
