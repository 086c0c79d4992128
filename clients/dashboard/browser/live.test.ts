// What changes is seen without asking; what is lost is said.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Collector, end, type Features, featuresOf, grpcurl, open, openBrowser, start, tell } from "./stage";

let browser: Browser;
let features: Features;
/** How soon a change is seen: at once by the stream, else by the next poll. */
let soon: { timeout: number };
/** What the page says of its connection when all is well. */
let well: string;
const collector = new Collector();

beforeAll(async () => {
  [browser] = await Promise.all([openBrowser(), collector.start()]);
  features = await featuresOf(collector);
  soon = { timeout: features.stream ? 4_000 : 15_000 };
  well = features.stream ? "[data-state=open]" : "[data-state=polling]";
});

afterAll(async () => {
  await browser.close();
  await collector.remove();
});

describe("an empty collector", () => {
  it("tells a newcomer what to type", async () => {
    const { page, close } = await open(browser, collector.url);
    await page.getByText("No runs yet").waitFor();
    await page.getByText("livespan demo").waitFor();
    await page.getByText("Nothing is stuck").waitFor();
    await close();
  });
});

describe("a page that is open", () => {
  it("shows a run that begins, and its end, without being asked", async () => {
    const { page, close } = await open(browser, collector.url);
    await page.locator(well).waitFor();
    const run = await start(collector, { step_name: "sudden work", task_id: "sudden", executor_host: "mac-mini" });
    const recent = page.getByRole("row").filter({ hasText: "sudden work" });
    await recent.getByText("Running", { exact: true }).waitFor(soon);
    await end(collector, run, { status: "FAILED", error: { type: "TimeoutError", message: "too late" } });
    await recent.getByText("Failed", { exact: true }).waitFor(soon);
    await expect.poll(() => page.locator("[data-kind=TRANSIENT]").innerText()).toContain("timeout");
    await close();
  });

  // Six changes, which take a minute where each waits for a poll.
  it("moves a run's bar by a heartbeat that grpcurl sends", { timeout: 150_000 }, async () => {
    const run = await start(collector, { step_name: "long work", task_id: "long" });
    const { page, close } = await open(browser, `${collector.url}/runs/${run.run_id}`);
    await page.locator(well).waitFor();
    const done = page.getByRole("treeitem", { name: /long work/ }).locator("[data-done]");
    for (const current of [25, 75]) {
      await grpcurl(collector, "Heartbeat", { ...run, progress: { current, total: 100, note: "percent" } });
      await expect.poll(() => done.evaluate((bar) => (bar as HTMLElement).style.width), soon).toBe(`${current}%`);
    }
    const child = await start(collector, { run_id: run.run_id, parent_span_id: run.span_id, step_name: "a step of it" });
    const row = page.getByRole("treeitem", { name: /a step of it/ });
    await row.waitFor(soon);
    await tell(collector, `runs/${child.run_id}/spans/${child.span_id}/artifacts`, {
      artifact_type: "log", file_name: "late.log", content_type: "text/plain", content: Buffer.from("written late").toString("base64"),
    });
    await end(collector, child, { status: "SUCCESS" });
    await expect.poll(() => row.getAttribute("data-status"), soon).toBe("SUCCESS");
    await row.click();
    await page.getByText(features.files ? "written late" : "This artifact can't be shown").waitFor();
    await end(collector, run, { status: "SUCCESS" });
    await page.getByRole("heading", { name: "long work" }).locator("..").getByText("Success").waitFor(soon);
    await close();
  });

  it("lets a running bar grow while the others stand still", async () => {
    const run = await start(collector, { step_name: "grows" });
    const { page, close } = await open(browser, `${collector.url}/runs/${run.run_id}`);
    const bar = page.locator("[data-bar]").first();
    const width = () => bar.evaluate((element) => element.getBoundingClientRect().width);
    const before = await width();
    await expect.poll(width, { timeout: 5_000 }).toBeGreaterThan(before + 5);
    await close();
  });

  it("polls where there is no stream", async () => {
    const context = await browser.newContext({ locale: "en-GB" });
    const page = await context.newPage();
    await page.route("**/watch", (route) => route.fulfill({ status: 503, body: "{}" }));
    await page.clock.install();
    await page.goto(collector.url);
    await page.locator("[data-state=polling]").waitFor();
    await start(collector, { step_name: "unannounced" });
    expect(await page.getByText("unannounced").count()).toBe(0);
    await page.clock.runFor(11_000);
    await page.getByRole("row").filter({ hasText: "unannounced" }).waitFor();
    await context.close();
  });

  it("says that it is disconnected and how old what it shows is, and comes back by itself", async () => {
    const { page, close } = await open(browser, collector.url);
    await page.locator(well).waitFor();
    await start(collector, { step_name: "what was there" });
    const shown = page.getByRole("row").filter({ hasText: "what was there" }).first();
    await shown.waitFor();
    await collector.stop();
    const banner = page.locator("[data-offline]");
    await banner.getByText(/What you see is \d+s old/).waitFor({ timeout: 15_000 });
    const age = () => banner.innerText();
    const before = await age();
    await expect.poll(age, { timeout: 4_000 }).not.toBe(before);
    expect(await shown.isVisible()).toBe(true);
    await collector.start();
    await banner.getByRole("button", { name: "Try again now" }).click();
    await banner.waitFor({ state: "detached", timeout: 20_000 });
    await page.locator(well).waitFor({ timeout: 40_000 });
    await close();
  });

  it("says so too where it was opened while the server was away", async () => {
    const { page, close } = await open(browser, collector.url);
    await page.route("**/api/**", (route) => route.abort());
    await page.getByRole("link", { name: "Failures", exact: true }).click();
    await page.getByText("This could not be loaded").waitFor();
    await page.unroute("**/api/**");
    await page.getByRole("button", { name: "Try again", exact: true }).click();
    await page.getByRole("article").first().waitFor();
    await close();
  });
});
