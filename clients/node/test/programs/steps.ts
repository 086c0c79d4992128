// Programs as users write them; the first argument says which. They tell what they
// do on standard output, for the test that runs them.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import readline from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";

import { configure, droppedEvents, flush, nextAttempt, type StepOptions, traceStep, withRetry, withSpan } from "../../src/index.js";

const [, , which = "", argument = ""] = process.argv;

function say(word: string, value: unknown = ""): void {
  process.stdout.write(`${word} ${String(value)}\n`);
}

const lines = readline.createInterface(process.stdin)[Symbol.asyncIterator]();

/** Waits until the test says something. */
async function told(): Promise<void> {
  await lines.next();
}

const programs: Record<string, () => Promise<void>> = {
  /** One step of every outcome, within a step that runs until it is told. */
  async outcomes() {
    const options = {
      task_id: "nightly", layer: "L0_orchestrator", step_name: "outer", agent: "qa", attempt: 2,
      input: { url: "http://x", password: "hunter2" }, attributes: { shard: 7 },
    };
    await withSpan(options, async (outer) => {
      say("run", outer.run_id);
      outer.progress(1, 4, "first of four");
      await told();
      await withSpan({ step_name: "good", layer: "tool" }, async (span) => {
        span.setInput({ late: true });
        span.setOutput({ rows: 3 });
        say("artifact", await span.addArtifact("log", Buffer.from("line\n"), { file_name: "a.txt" }));
        await withSpan({ step_name: "innermost" }, () => undefined);
      });
      await withSpan({ step_name: "bad" }, () => readFileSync("/no/such/file")).catch(() => say("threw"));
      await withSpan({ step_name: "aborted" }, () => fetch("http://127.0.0.1:9", { signal: AbortSignal.abort() })).catch(() => say("threw"));
      const key = traceStep.start({ step_name: "by hand" });
      traceStep.heartbeat(key, { current: 1 });
      traceStep.end(key, { status: "FAILED", reason_code: "odd_moon", reason_kind: "RESOURCE" });
    });
  },

  /** Work that never lets go of the processor, from the first step on, until a file is there. */
  async busy() {
    await withSpan({ run_id: process.env["RUN"] ?? "", step_name: "busy" }, () => {
      while (!existsSync(argument)) {
        // On.
      }
    });
  },

  /** A step after another, until it is told; then waits until all is delivered. */
  async steady() {
    let over = false;
    void told().then(() => {
      over = true;
    });
    await withSpan({ step_name: "outer" }, async (outer) => {
      say("run", outer.run_id);
      let count = 0;
      for (; !over; count += 1) {
        await withSpan({ step_name: `step ${count}`, input: { count } }, () => sleep(2));
        if (count % 50 === 0) {
          say(`reached-${count}`);
        }
      }
      say("count", count);
    });
    say("flushed", await flush(30_000));
  },

  /** Steps, and the end; with or without a collector. */
  async brief() {
    const begun = Date.now();
    await withSpan({ step_name: "outer", input: { token: "s3cret-value" } }, async (outer) => {
      say("run", outer.run_id);
      for (let count = 0; count < 20; count += 1) {
        await withSpan({ step_name: `step ${count}` }, () => undefined);
      }
    });
    say("worked", Date.now() - begun);
  },

  /** A step that doesn't end by itself. */
  async endless() {
    await withSpan({ step_name: "outer" }, async (outer) => {
      await withSpan({ step_name: "inner" }, async () => {
        await flush();
        say("run", outer.run_id);
        await sleep(60_000);
      });
    });
  },

  /** Ends in the middle of a step. */
  async exits() {
    await withSpan({ step_name: "outer" }, (outer) => {
      say("run", outer.run_id);
      process.exit(3);
    });
  },

  /** More than memory and disk may hold. */
  async flood() {
    configure({ queueBytes: 64 * 1024, spoolBytes: 64 * 1024 });
    const before = process.memoryUsage().rss;
    for (let count = 0; count < 20_000; count += 1) {
      await withSpan({ step_name: "step", input: { text: "x".repeat(200) } }, () => undefined);
    }
    say("dropped", droppedEvents());
    say("grown", process.memoryUsage().rss - before);
  },

  /** Started within another program's step; starts one in turn. */
  async nested() {
    const env = await withSpan({ step_name: "node step" }, (span) => {
      say("run", span.run_id);
      say("parent", execFileSync("sh", ["-c", "echo $LIVESPAN_RUN_ID $LIVESPAN_SPAN_ID $TRACEPARENT"], {
        env: { ...process.env, ...span.env() },
      }).toString().trim());
      return span.env();
    });
    say("env", JSON.stringify(env));
  },

  /** OpenTelemetry's view from within a step, and a step within a span of its. */
  async otel() {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    await withSpan({ step_name: "outer" }, async (outer) => {
      await sleep(1);
      const seen = trace.getActiveSpan()?.spanContext();
      say("seen", `00-${seen?.traceId}-${seen?.spanId}-01` === outer.traceparent);
      const http = trace.wrapSpanContext({ traceId: seen?.traceId ?? "", spanId: "00f067aa0ba902b7", traceFlags: 1 });
      await context.with(trace.setSpan(context.active(), http), () => withSpan({ step_name: "inner" }, () => undefined));
      say("run", outer.run_id);
    });
  },

  /** Without types anything is passed. */
  async careless() {
    const options = [{}, { step_name: 7, run_id: 5, task_id: {} }, { step_name: "x", attempt: "two", input: () => 1 }];
    const results: unknown[] = [];
    for (const [index, wrong] of options.entries()) {
      results.push(await withSpan(wrong as unknown as StepOptions, (span) => {
        span.progress("a" as unknown as number, NaN, 7 as unknown as string);
        span.setOutput(Symbol("x"));
        return index + 1;
      }));
    }
    say("result", results.join(" "));
  },

  /** A task that passes at the third attempt, and a step that does at the second. */
  async retries() {
    const runs: string[] = [];
    await withRetry({ task_id: "flaky", step_name: "whole" }, { pauseMs: 1 }, async (span) => {
      runs.push(span.run_id);
      if (span.attempt < 3) {
        throw Object.assign(new Error("no answer"), { code: "ETIMEDOUT" });
      }
      await withRetry({ step_name: "part" }, { pauseMs: 1 }, (part) => {
        if (part.attempt < 5) {
          throw Object.assign(new Error("reset"), { code: "ECONNRESET" });
        }
      });
    });
    say("runs", runs.join(" "));
    await withRetry({ step_name: "hopeless" }, { pauseMs: 1 }, () => {
      say("hopeless");
      return readFileSync("/no/such/file");
    }).catch(() => undefined);
    const next = nextAttempt({ run_id: runs[0] ?? "", attempt: 4 }, { step_name: "by hand" });
    say("next", `${next.attempt} ${next.retry_of === runs[0]} ${next.run_id !== runs[0]}`);
  },
};

await programs[which]?.();
process.stdin.destroy();
