// The classifier against the vectors that the server shares
// (tests/vectors/classifier.json), and against errors as Node really throws them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import net from "node:net";
import { test } from "node:test";

import { type Classification, classify, type Failure } from "../src/classify/classify.js";
import { classifyError } from "../src/classify/error.js";
import { vectors } from "./support/repository.js";

test("every classifier vector holds", () => {
  const { cases } = vectors("classifier.json") as {
    cases: { name: string; failure: Failure; want: Classification; rules?: string }[];
  };
  // Rules of a user's own are the server's; the SDK has none.
  const shared = cases.filter(({ rules }) => rules === undefined);
  assert.ok(shared.length >= 150);
  for (const { name, failure, want } of shared) {
    assert.deepEqual(classify(failure), want, name);
  }
});

async function thrown(act: () => unknown): Promise<unknown> {
  try {
    await act();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

async function refusedPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const real: [string, string, string, () => unknown][] = [
  ["a file that isn't there", "missing_file", "PERSISTENT", () => readFileSync("/no/such/file")],
  ["a refused fetch", "unavailable", "TRANSIENT", async () => fetch(`http://127.0.0.1:${await refusedPort()}/`)],
  ["an aborted fetch", "cancelled", "UNKNOWN", () => fetch("http://127.0.0.1:9/", { signal: AbortSignal.abort() })],
  ["a timeout of a signal", "timeout", "TRANSIENT", () => new Promise((_, reject) => {
    const signal = AbortSignal.timeout(1);
    const alive = setTimeout(() => undefined, 5_000);
    signal.addEventListener("abort", () => {
      clearTimeout(alive);
      reject(signal.reason as Error);
    });
  })],
  ["a command that isn't there", "misconfigured", "CONFIG", () => execFileSync("sh", ["-c", "exit 127"], { stdio: "ignore" })],
  ["a killed command", "out_of_memory", "RESOURCE", () => execFileSync("sh", ["-c", "kill -9 $$"], { stdio: "ignore" })],
  ["a driver's SQLSTATE", "deadlock", "TRANSIENT", () => Promise.reject(Object.assign(new Error("x"), { code: "40P01" }))],
  ["an HTTP client's status", "rate_limited", "TRANSIENT", () => Promise.reject(Object.assign(new Error("x"), { response: { status: 429 } }))],
  ["a gRPC client's status", "unavailable", "TRANSIENT", () => Promise.reject(Object.assign(new Error("x"), { code: 14, details: "gone" }))],
  ["a cause beneath a plain error", "out_of_disk", "RESOURCE", () => {
    throw new Error("the step failed", { cause: Object.assign(new Error("x"), { code: "ENOSPC" }) });
  }],
  ["a bare text", "timeout", "TRANSIENT", () => Promise.reject("it timed out")],
  ["a telling error around a plain one", "timeout", "TRANSIENT", () => {
    throw Object.assign(new Error("gave up", { cause: new Error("x") }), { name: "TimeoutError" });
  }],
  ["a plain error that says nothing", "internal", "UNKNOWN", () => Promise.reject(new Error("zzz"))],
  ["a thrown number", "unknown", "UNKNOWN", () => Promise.reject(42)],
];

for (const [name, code, kind, act] of real) {
  test(`${name} is ${code}`, async () => {
    const verdict = classifyError(await thrown(act));
    assert.deepEqual([verdict.reason_code, verdict.reason_kind], [code, kind]);
  });
}
