// An overview that is left open for an hour, while a fleet plays, does not grow. The
// hour is the page's: its clock is wound on, its answers are real.
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { binary, environment } from "../scripts/collector.mjs";
import { Collector, openBrowser, playDemo } from "./stage";

let browser: Browser;
let demo: ChildProcess;
const collector = new Collector();

beforeAll(async () => {
  [browser] = await Promise.all([openBrowser(), collector.start()]);
  // Until the page's lists are as long as they get.
  await playDemo(collector, "--rounds", "30", "--speed", "100");
  demo = spawn(binary(), ["demo", "--server", `http://${collector.grpcAddress}`, "--rounds", "0", "--speed", "5"], { env: environment(), stdio: "ignore" });
});

afterAll(async () => {
  demo.kill();
  await browser.close();
  await collector.remove();
});

const STEP_MS = 20_000;

it("an overview left open for an hour does not grow", { timeout: 150_000 }, async () => {
  const context = await browser.newContext({ locale: "en-GB" });
  const page = await context.newPage();
  await page.clock.install();
  await page.goto(collector.url);
  await page.getByRole("row").nth(10).waitFor({ timeout: 30_000 });
  const devtools = await context.newCDPSession(page);
  const pass = async (minutes: number) => {
    for (let step = 0; step < (minutes * 60_000) / STEP_MS; step += 1) {
      await page.clock.runFor(STEP_MS);
      // For the answers, which take real time.
      await sleep(10);
    }
  };
  const heap = async () => {
    for (let round = 0; round < 3; round += 1) await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize } = await devtools.send("Runtime.getHeapUsage");
    const { nodes } = await devtools.send("Memory.getDOMCounters");
    return { bytes: usedSize, nodes };
  };
  await pass(10);
  const before = await heap();
  await pass(60);
  const after = await heap();
  console.log(`heap of the overview: ${before.bytes} bytes and ${before.nodes} nodes; an hour later ${after.bytes} and ${after.nodes}`);
  // Collections find now less, now more: some 0.2 MB either way.
  expect(after.bytes - before.bytes).toBeLessThan(1_000_000);
  expect(after.nodes).toBeLessThan(before.nodes + 500);
  await context.close();
});
