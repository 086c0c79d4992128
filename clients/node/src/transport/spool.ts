// Events on disk while the collector is away: files of one process each, which a
// later process takes over where the first one ended without delivering them.
//
// A record is its length and a check sum, four bytes each, and the event. A record
// that a crash has cut is not read. What is written is redacted already.
import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const HEADER_BYTES = 8;
/** No event is larger; what says so is no record. */
const MAX_RECORD_BYTES = 8 * 1024 * 1024;
/** An owner touches its file this often; who has not for ten times as long is gone. */
export const TOUCH_INTERVAL_MS = 30_000;

/** One file of records, read from its start. */
export class SpoolFile {
  private readAt = 0;
  private ackedTo = 0;

  private constructor(
    private path: string,
    private readonly fd: number,
    /** How many bytes of whole records it holds. */
    private size: number,
  ) {}

  /** A file of this process's own in `folder`. */
  static create(folder: string): SpoolFile {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = path.join(folder, ownName());
    return new SpoolFile(file, fs.openSync(file, "wx+", 0o600), 0);
  }

  /** Files in `folder` that nobody owns any more, now this process's. */
  static adopt(folder: string): SpoolFile[] {
    const adopted: SpoolFile[] = [];
    for (const name of listed(folder).filter((name) => isLeft(folder, name))) {
      const mine = path.join(folder, ownName());
      try {
        // Of two processes that try this, one finds the file gone.
        fs.renameSync(path.join(folder, name), mine);
        fs.utimesSync(mine, new Date(), new Date());
        const fd = fs.openSync(mine, "r+");
        adopted.push(new SpoolFile(mine, fd, wholeRecords(fd)));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
          throw error;
        }
      }
    }
    return adopted;
  }

  /** How many bytes it takes on disk. */
  get bytes(): number {
    return this.size;
  }

  /** Whether every record was read since the last rewind. */
  get isRead(): boolean {
    return this.readAt >= this.size;
  }

  /** Whether every record was delivered. */
  get isDelivered(): boolean {
    return this.ackedTo >= this.size;
  }

  /** Adds records and waits until they are on disk. */
  append(events: readonly Uint8Array[]): void {
    const records = Buffer.concat(
      events.flatMap((event) => {
        const header = Buffer.alloc(HEADER_BYTES);
        header.writeUInt32LE(event.length, 0);
        checkSum(event).copy(header, 4);
        return [header, event];
      }),
    );
    fs.writeSync(this.fd, records, 0, records.length, this.size);
    fs.fsyncSync(this.fd);
    this.size += records.length;
  }

  /** The next record, and the offset behind it for {@link delivered}. */
  next(): { event: Uint8Array; end: number } | undefined {
    if (this.isRead) {
      return undefined;
    }
    const record = readRecord(this.fd, this.readAt);
    if (!record) {
      // The disk gives back something else than was written.
      this.size = this.readAt;
      return undefined;
    }
    this.readAt = record.end;
    return record;
  }

  /** Everything before `end` needs no second reading. */
  delivered(end: number): void {
    this.ackedTo = Math.max(this.ackedTo, end);
  }

  /** Reads again what was not delivered. */
  rewind(): void {
    this.readAt = this.ackedTo;
  }

  /** Forgets its records, all delivered. */
  empty(): void {
    fs.ftruncateSync(this.fd, 0);
    this.size = this.readAt = this.ackedTo = 0;
  }

  /** Says that its owner is alive. */
  touch(): void {
    fs.utimesSync(this.path, new Date(), new Date());
  }

  /** Deletes it where all is delivered; leaves it to the next process where not. */
  close(): void {
    if (this.isDelivered) {
      fs.rmSync(this.path, { force: true });
    } else {
      const left = path.join(path.dirname(this.path), `left-${randomBytes(6).toString("hex")}.spool`);
      fs.renameSync(this.path, left);
      this.path = left;
    }
    fs.closeSync(this.fd);
  }
}

/** How many bytes all files of `folder` take. */
export function spooledBytes(folder: string): number {
  return listed(folder).reduce((sum, name) => {
    const stat = fs.statSync(path.join(folder, name), { throwIfNoEntry: false });
    return sum + (stat?.size ?? 0);
  }, 0);
}

function ownName(): string {
  return `live-${encodeURIComponent(os.hostname())}-${process.pid}-${randomBytes(6).toString("hex")}.spool`;
}

function listed(folder: string): string[] {
  try {
    return fs.readdirSync(folder).filter((name) => name.endsWith(".spool")).sort();
  } catch {
    return [];
  }
}

/** Whether a file's owner is gone: it said so, its process has ended, or it was silent for long. */
function isLeft(folder: string, name: string): boolean {
  if (name.startsWith("left-")) {
    return true;
  }
  const [, host, pid] = /^live-(.+)-([0-9]+)-[0-9a-f]+\.spool$/.exec(name) ?? [];
  if (host === encodeURIComponent(os.hostname()) && pid !== undefined) {
    if (Number(pid) === process.pid) {
      return false;
    }
    try {
      process.kill(Number(pid), 0);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "ESRCH";
    }
  }
  const stat = fs.statSync(path.join(folder, name), { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs > 10 * TOUCH_INTERVAL_MS;
}

function wholeRecords(fd: number): number {
  let size = 0;
  for (let record = readRecord(fd, 0); record; record = readRecord(fd, size)) {
    size = record.end;
  }
  return size;
}

function readRecord(fd: number, at: number): { event: Uint8Array; end: number } | undefined {
  const header = Buffer.alloc(HEADER_BYTES);
  if (fs.readSync(fd, header, 0, HEADER_BYTES, at) < HEADER_BYTES) {
    return undefined;
  }
  const length = header.readUInt32LE(0);
  if (length === 0 || length > MAX_RECORD_BYTES) {
    return undefined;
  }
  const event = Buffer.alloc(length);
  const read = fs.readSync(fd, event, 0, length, at + HEADER_BYTES);
  const whole = read === length && checkSum(event).equals(header.subarray(4));
  return whole ? { event, end: at + HEADER_BYTES + length } : undefined;
}

function checkSum(event: Uint8Array): Buffer {
  return createHash("sha256").update(event).digest().subarray(0, 4);
}
