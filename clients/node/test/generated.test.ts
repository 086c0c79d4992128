// What is generated is what its sources make.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";

import { CLIENT } from "./support/repository.js";

function files(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => statSync(path.join(folder, name)).isFile() && name !== "README.md")
    .sort();
}

test("src/gen is what proto/ and the classifier's table make; else run make clients-node", () => {
  const fresh = mkdtempSync(path.join(os.tmpdir(), "livespan-gen-"));
  const committed = path.join(CLIENT, "src/gen");
  try {
    execFileSync(process.execPath, [path.join(CLIENT, "scripts/generate.mjs"), fresh]);
    assert.deepEqual(files(committed), files(fresh));
    for (const name of files(fresh)) {
      const same = readFileSync(path.join(committed, name)).equals(readFileSync(path.join(fresh, name)));
      assert.ok(same, `${name} is stale: run make clients-node`);
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
});
