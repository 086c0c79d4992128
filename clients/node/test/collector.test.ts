// The SDK and the real collector: what a program's steps look like from outside.
// Each test's program is a process of its own; this one only asks.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import {
  configure, getActiveRuns, getLastAliveSpan, getRunTimeline, getStuckRuns, LivespanError, type TimelineSpan,
} from "../src/index.js";
import { Program } from "./support/program.js";
import { Collector, eventually } from "./support/server.js";

let collector: Collector;
const programs: Program[] = [];
const folder = mkdtempSync(path.join(os.tmpdir(), "livespan-node-spool-"));

before(async () => {
  collector = await Collector.prepared();
  configure({ server: collector.address, spoolDir: path.join(folder, "asking") });
  await collector.start();
});

after(async () => {
  programs.forEach(({ process }) => process.kill("SIGKILL"));
  await collector.remove();
  rmSync(folder, { recursive: true, force: true });
});

function spoolOf(name: string): string {
  return path.join(folder, name);
}

function spooled(name: string): string[] {
  try {
    return (readdirSync(spoolOf(name), { recursive: true }) as string[]).filter((file) => file.endsWith(".spool"));
  } catch {
    return [];
  }
}

function program(which: string, env: Record<string, string> = {}, args: string[] = []): Program {
  const started = Program.start(
    "steps",
    { LIVESPAN_SERVER: collector.address, LIVESPAN_SPOOL_DIR: spoolOf(which), LIVESPAN_HEARTBEAT: "200ms", ...env },
    [which, ...args],
  );
  programs.push(started);
  return started;
}

async function said(of: Program, word: string): Promise<string> {
  return eventually(20_000, `the program says ${word}; ${of.stderr}`, () => of.said(word) || (of.lines.includes(`${word} `) ? " " : undefined));
}

/** A run's spans once they are as wanted; none before the first is known. */
async function timeline(run: string, what: string, isWanted: (spans: TimelineSpan[]) => boolean): Promise<TimelineSpan[]> {
  let last: TimelineSpan[] = [];
  try {
    return await eventually(20_000, what, async () => {
      last = await getRunTimeline(run).catch((error: unknown) => {
        if (error instanceof LivespanError && ["NOT_FOUND", "UNAVAILABLE"].includes(error.code)) {
          return [];
        }
        throw error;
      });
      return isWanted(last) ? last : undefined;
    });
  } catch (error) {
    const seen = last.map(({ step_name, status }) => `${step_name} ${status}`).join(", ");
    throw new Error(`${String(error)}; last seen: ${seen}`);
  }
}

function named(spans: TimelineSpan[], name: string): TimelineSpan {
  const span = spans.find(({ step_name }) => step_name === name);
  assert.ok(span, `no ${name}`);
  return span;
}

const ended = (count: number) => (spans: TimelineSpan[]) =>
  spans.length === count && spans.every(({ status }) => status !== "RUNNING");

test("a step is seen while it runs, and ends as its work does", async () => {
  const running = program("outcomes");
  const run = await said(running, "run");
  const [seen] = await timeline(run, "the step runs", (spans) => spans[0]?.progress?.note === "first of four");
  assert.equal(seen?.status, "RUNNING");
  assert.deepEqual(seen?.input_summary, { url: "http://x", password: "[REDACTED]" });
  assert.deepEqual(seen?.attributes, { shard: 7 });
  assert.deepEqual([seen?.task_id, seen?.layer, seen?.agent, seen?.attempt], ["nightly", "L0_orchestrator", "qa", 2]);
  assert.equal(seen?.executor_host, os.hostname());
  assert.ok((await getActiveRuns()).some(({ run_id }) => run_id === run));
  const alive = await getLastAliveSpan(run);
  assert.deepEqual([alive.last_alive_span?.step_name, alive.is_stuck], ["outer", false]);
  assert.ok((await getStuckRuns()).every(({ run_id }) => run_id !== run));

  running.say("on");
  assert.equal(await running.ended, 0, running.stderr);
  const spans = await timeline(run, "all has ended", ended(6));
  const outer = named(spans, "outer");
  const good = named(spans, "good");
  assert.deepEqual([outer.status, good.status], ["SUCCESS", "SUCCESS"]);
  assert.deepEqual([good.input_summary, good.output_summary], [{ late: true }, { rows: 3 }]);
  assert.deepEqual(good.artifacts, { log_id: running.said("artifact") });
  assert.equal(good.parent_span_id, outer.span_id);
  assert.equal(named(spans, "innermost").parent_span_id, good.span_id);
  assert.equal(named(spans, "innermost").task_id, "nightly");
  const bad = named(spans, "bad");
  assert.deepEqual([bad.status, bad.reason_code, bad.reason_kind], ["FAILED", "missing_file", "PERSISTENT"]);
  assert.match(bad.error?.message ?? "", /ENOENT/);
  assert.match(bad.error?.stack_trace ?? "", /steps\.js/);
  assert.equal(named(spans, "aborted").status, "CANCELLED");
  const manual = named(spans, "by hand");
  assert.deepEqual([manual.status, manual.reason_code, manual.reason_kind], ["FAILED", "odd_moon", "RESOURCE"]);
  assert.equal(running.lines.filter((line) => line.startsWith("threw")).length, 2);
  assert.equal(running.stderr, "");
});

test("work that keeps the processor busy is seen and gives signs of life", async () => {
  const run = randomUUID();
  const stop = path.join(folder, "stop");
  const running = program("busy", { RUN: run }, [stop]);
  const [first] = await timeline(run, "the step is seen", (spans) => spans.length === 1);
  await timeline(run, "a sign of life", ([span]) => (span?.heartbeat_ts ?? "") > (first?.heartbeat_ts ?? ""));
  const [second] = await getRunTimeline(run);
  await timeline(run, "another one", ([span]) => (span?.heartbeat_ts ?? "") > (second?.heartbeat_ts ?? ""));
  writeFileSync(stop, "");
  assert.equal(await running.ended, 0, running.stderr);
  await timeline(run, "its end", ended(1));
});

test("a collector killed in the middle and back has every step, none twice", async () => {
  const running = program("steady");
  const run = await said(running, "run");
  await said(running, "reached-100");
  await collector.stop("SIGKILL");
  await said(running, "reached-400");
  await eventually(5_000, "events wait on disk", () => spooled("steady").length > 0);
  await collector.start();
  const reached = Number(running.lines.filter((line) => line.startsWith("reached-")).at(-1)?.slice("reached-".length));
  await said(running, `reached-${reached + 100}`);
  running.say("on");
  assert.equal(await running.ended, 0, running.stderr);
  assert.equal(running.said("flushed"), "true", running.stderr);
  const count = Number(running.said("count"));
  const spans = await timeline(run, "every step has ended", ended(count + 1));
  assert.equal(new Set(spans.map(({ step_name }) => step_name)).size, count + 1);
  assert.ok(spans.every(({ status, conflicting_ends }) => status === "SUCCESS" && conflicting_ends === 0));
  assert.deepEqual(spooled("steady"), []);
});

test("without a collector the work goes on, and the next process delivers what waits on disk", async () => {
  await collector.stop("SIGTERM");
  const away = program("brief");
  assert.equal(await away.ended, 0, away.stderr);
  const files = spooled("brief");
  assert.equal(files.length, 1);
  const disk = readFileSync(path.join(spoolOf("brief"), files[0] ?? ""), "latin1");
  assert.ok(disk.includes("step 19") && !disk.includes("s3cret-value"), "what is on disk is redacted");

  await collector.start();
  const later = program("brief");
  assert.equal(await later.ended, 0, later.stderr);
  for (const run of [away.said("run"), later.said("run")]) {
    const spans = await timeline(run ?? "", "all steps of both", ended(21));
    assert.ok(spans.every(({ status }) => status === "SUCCESS"));
  }
  assert.deepEqual(spooled("brief"), []);
});

test("SIGTERM ends running steps as cancelled, and the process by that signal", async () => {
  const running = program("endless");
  const run = await said(running, "run");
  running.process.kill("SIGTERM");
  assert.equal(await running.ended, "SIGTERM");
  const spans = await timeline(run, "its steps have ended", ended(2));
  assert.deepEqual(spans.map(({ status }) => status), ["CANCELLED", "CANCELLED"]);
  assert.match(spans[0]?.error?.message ?? "", /SIGTERM/);
});

test("a process that exits within a step says so", async () => {
  const running = program("exits");
  assert.equal(await running.ended, 3);
  const [span] = await timeline(running.said("run") ?? "", "its step has ended", ended(1));
  assert.equal(span?.status, "FAILED");
  assert.match(span?.error?.message ?? "", /exited with code 3/);
});

test("what waits is bounded, and what is dropped is counted and said once", async () => {
  const running = program("flood", { LIVESPAN_SERVER: "127.0.0.1:1" });
  assert.equal(await running.ended, 0, running.stderr);
  assert.ok(Number(running.said("dropped")) > 30_000, running.said("dropped"));
  assert.ok(Number(running.said("grown")) < 256 * 1024 * 1024, running.said("grown"));
  assert.equal(running.stderr.split("events are dropped").length - 1, 1, running.stderr);
});

test("a step lands in the run that its process was started in", async () => {
  const run = "0af76519-16cd-43dd-8448-eb211c80319c";
  const span = "0af76519-16cd-43dd-b7ad-6b7169203331";
  const by = [
    { LIVESPAN_RUN_ID: run, LIVESPAN_SPAN_ID: span },
    { TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
  ];
  for (const env of by) {
    const running = program("nested", env);
    assert.equal(await running.ended, 0, running.stderr);
    assert.equal(running.said("run"), run);
    const handed = JSON.parse(running.said("env") ?? "") as Record<string, string>;
    assert.equal(running.said("parent"), `${run} ${handed["LIVESPAN_SPAN_ID"]} ${handed["TRACEPARENT"]}`);
    const spans = await timeline(run, "the step", (all) => all.some((one) => one.span_id === handed["LIVESPAN_SPAN_ID"]));
    const step = spans.find((one) => one.span_id === handed["LIVESPAN_SPAN_ID"]);
    assert.equal(step?.parent_span_id?.slice(-17), span.slice(-17));
  }
});

test("OpenTelemetry sees the step as its span, and a step within a span of its is below that", async () => {
  const running = program("otel");
  assert.equal(await running.ended, 0, running.stderr);
  assert.equal(running.said("seen"), "true");
  const spans = await timeline(running.said("run") ?? "", "both steps", ended(2));
  assert.match(named(spans, "inner").parent_span_id ?? "", /00f0-?67aa0ba902b7$/);
});

test("a token goes with every call, and a collector that is none costs the work nothing", async () => {
  const seen: (string | undefined)[] = [];
  const server = http2.createServer().on("stream", (stream, headers) => {
    seen.push(headers.authorization);
    stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "16" }, { endStream: true });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const running = program("brief", {
    LIVESPAN_SERVER: `127.0.0.1:${port}`, LIVESPAN_TOKEN: "made-up", LIVESPAN_SPOOL_DIR: spoolOf("token"),
  });
  assert.equal(await running.ended, 0, running.stderr);
  server.close();
  assert.ok(seen.length > 0 && seen.every((token) => token === "Bearer made-up"), String(seen));
  assert.ok(!running.stderr.includes("made-up"));
});

test("what a program says wrongly costs its records, not its work", async () => {
  const running = program("careless");
  assert.equal(await running.ended, 0, running.stderr);
  assert.equal(running.said("result"), "1 2 3");
});

test("a task's next attempt is a run that names the one it retries", async () => {
  const running = program("retries");
  assert.equal(await running.ended, 0, running.stderr);
  const runs = (running.said("runs") ?? "").split(" ");
  assert.equal(new Set(runs).size, 3);
  for (const [index, run] of runs.entries()) {
    const spans = await timeline(run, "the attempt", (all) => all.length > 0 && all.every(({ status }) => status !== "RUNNING"));
    const whole = named(spans, "whole");
    assert.deepEqual([whole.attempt, whole.task_id, whole.status], [index + 1, "flaky", index < 2 ? "FAILED" : "SUCCESS"]);
    if (index === 2) {
      const parts = spans.filter(({ step_name }) => step_name === "part");
      assert.deepEqual(parts.map(({ attempt, status }) => [attempt, status]).sort(), [[3, "FAILED"], [4, "FAILED"], [5, "SUCCESS"]]);
    }
  }
  assert.equal(running.lines.filter((line) => line.startsWith("hopeless")).length, 1);
  assert.equal(running.said("next"), "5 true true");
});
