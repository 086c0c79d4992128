// How fast a large run opens and scrolls: `make measure-dashboard`, with a server that is
// built for speed.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Collector, openBrowser, playDemo } from "./stage";

let browser: Browser;
const collector = new Collector();
let runId = "";
const STEPS = 10_000;

beforeAll(async () => {
  [browser] = await Promise.all([openBrowser(), collector.start()]);
  const said = await playDemo(collector, "--spans", STEPS.toString());
  runId = /timeline ([0-9a-f-]{36})/.exec(said)?.[1] ?? "";
});

afterAll(async () => {
  await browser.close();
  await collector.remove();
});

const middle = (figures: number[]) => [...figures].sort((one, other) => one - other)[Math.floor(figures.length / 2)] ?? 0;

it(`a run of ${STEPS} steps opens in less than 1.5 s`, async () => {
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    // With nothing kept from the round before.
    const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: "en-GB" });
    const page = await context.newPage();
    await page.goto(`${collector.url}/runs/${runId}`, { waitUntil: "commit" });
    await page.locator("[data-bar]").nth(10).waitFor();
    times.push(await page.evaluate(() => performance.now()));
    await context.close();
  }
  console.log(`opening ${STEPS} steps: ${times.map((time) => time.toFixed(0)).join(", ")} ms, median ${middle(times).toFixed(0)} ms`);
  expect(middle(times)).toBeLessThan(1_500);
});

it(`a run of ${STEPS} steps scrolls at 50 frames a second or more`, async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: "en-GB" });
  const page = await context.newPage();
  await page.goto(`${collector.url}/runs/${runId}`);
  await page.locator("[data-bar]").nth(10).waitFor();
  await page.getByRole("tree").hover();
  const rates: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    await page.evaluate(() => {
      const counter = globalThis as unknown as { frames: number; began: number };
      counter.frames = 0;
      counter.began = performance.now();
      const count = () => {
        counter.frames += 1;
        requestAnimationFrame(count);
      };
      if (!("counts" in globalThis)) requestAnimationFrame(count);
      (globalThis as unknown as { counts: boolean }).counts = true;
    });
    for (let turn = 0; turn < 120; turn += 1) {
      await page.mouse.wheel(0, 700);
      await page.waitForTimeout(16);
    }
    rates.push(await page.evaluate(() => {
      const { frames, began } = globalThis as unknown as { frames: number; began: number };
      return (frames * 1000) / (performance.now() - began);
    }));
  }
  const top = await page.getByRole("tree").evaluate((tree) => tree.scrollTop);
  console.log(`scrolling ${STEPS} steps by ${top.toFixed(0)} px: ${rates.map((rate) => rate.toFixed(1)).join(", ")} frames a second, median ${middle(rates).toFixed(1)}`);
  expect(top).toBeGreaterThan(50_000);
  expect(middle(rates)).toBeGreaterThanOrEqual(50);
  await context.close();
});
