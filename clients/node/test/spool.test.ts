// Events on disk: in order, whole, and never lost between processes.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, test } from "node:test";

import { SpoolFile } from "../src/transport/spool.js";

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "livespan-spool-"));
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

function event(text: string): Uint8Array {
  return Buffer.from(text);
}

function read(file: SpoolFile): string[] {
  const texts: string[] = [];
  for (let record = file.next(); record; record = file.next()) {
    texts.push(Buffer.from(record.event).toString());
  }
  return texts;
}

test("records are read in order, and again where they were not delivered", () => {
  const file = SpoolFile.create(folder);
  file.append([event("one"), event("two")]);
  file.append([event("three")]);
  const first = file.next();
  file.delivered(first?.end ?? 0);
  assert.deepEqual(read(file), ["two", "three"]);
  file.rewind();
  assert.deepEqual(read(file), ["two", "three"]);
  assert.equal(file.isDelivered, false);
  file.close();
});

test("what is not delivered is the next process's, once; what is delivered is gone", () => {
  const file = SpoolFile.create(folder);
  file.append([event("one")]);
  assert.deepEqual(SpoolFile.adopt(folder), [], "a living owner's file is left alone");
  file.close();
  const [adopted, ...more] = SpoolFile.adopt(folder);
  assert.ok(adopted && more.length === 0);
  assert.deepEqual(SpoolFile.adopt(folder), []);
  const record = adopted.next();
  adopted.delivered(record?.end ?? 0);
  adopted.close();
  assert.deepEqual(fs.readdirSync(folder), []);
});

test("the file of a process that died is taken over", () => {
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  const file = SpoolFile.create(folder);
  file.append([event("one")]);
  const [name] = fs.readdirSync(folder);
  fs.renameSync(
    path.join(folder, name ?? ""),
    path.join(folder, `live-${encodeURIComponent(os.hostname())}-${dead}-00.spool`),
  );
  const [adopted] = SpoolFile.adopt(folder);
  assert.ok(adopted);
  assert.deepEqual(read(adopted), ["one"]);
});

test("a record that a crash has cut, or that the disk has changed, is not read", () => {
  for (const harm of [
    (file: string) => fs.truncateSync(file, fs.statSync(file).size - 2),
    (file: string) => fs.writeFileSync(file, fs.readFileSync(file, "latin1").replace("two", "tWo"), "latin1"),
  ]) {
    const file = SpoolFile.create(folder);
    file.append([event("one"), event("two")]);
    file.close();
    harm(path.join(folder, fs.readdirSync(folder)[0] ?? ""));
    const [adopted] = SpoolFile.adopt(folder);
    assert.ok(adopted);
    assert.deepEqual(read(adopted), ["one"]);
    adopted.delivered(Number.MAX_SAFE_INTEGER);
    adopted.close();
  }
});

test("only its user may read it", () => {
  const file = SpoolFile.create(path.join(folder, "new"));
  const [name] = fs.readdirSync(path.join(folder, "new"));
  assert.equal(fs.statSync(path.join(folder, "new")).mode & 0o777, 0o700);
  assert.equal(fs.statSync(path.join(folder, "new", name ?? "")).mode & 0o777, 0o600);
  file.close();
});
