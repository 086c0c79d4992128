// Whatever executors send is shown and not run, and breaks nothing.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Collector, end, expectInnocent, type Features, featuresOf, open, openBrowser, overflow, start, tell, type Told } from "./stage";

let browser: Browser;
let features: Features;
const collector = new Collector();
let run: Told;

const MARKUP = `<img src=x onerror="globalThis.owned=1"><script>globalThis.owned=1</script>`;
const NAMES = [
  MARKUP, "__proto__", "constructor", "javascript:alert(1)", "safe\u202Egpj.exe", "\u0007bell\u001b[31m", "مرحبا بالعالم", "长".repeat(300),
  "x".repeat(1000), "{{7*7}}${7*7}", "a\nb\tc", "\u200b",
];

beforeAll(async () => {
  [browser] = await Promise.all([openBrowser(), collector.start()]);
  features = await featuresOf(collector);
  run = await start(collector, { step_name: MARKUP, task_id: MARKUP, executor_host: MARKUP, agent: "__proto__", layer: MARKUP });
  for (const [place, name] of NAMES.entries()) {
    const child = await start(collector, {
      run_id: run.run_id, parent_span_id: run.span_id, step_name: name, layer: name.slice(0, 100), executor_host: name.slice(0, 100), agent: name.slice(0, 100),
      input: JSON.parse(`{"__proto__": {"polluted": true}, "constructor": 1, ${JSON.stringify(MARKUP)}: ${JSON.stringify(MARKUP)}, "rtl": "\u202Eabc", "deep": {"a": {"b": {"c": {"d": 1}}}}}`) as Record<string, unknown>,
      attributes: { html: MARKUP, url: "javascript:alert(1)" },
    });
    await end(collector, child, place % 2 === 0 ? { status: "SUCCESS" } : { status: "FAILED", error: { type: name.slice(0, 200), message: `${MARKUP} ${name}`, stack_trace: MARKUP } });
  }
  const big = await start(collector, { run_id: run.run_id, parent_span_id: run.span_id, step_name: "large", input: { text: "word ".repeat(200_000), list: Array.from({ length: 500 }, (_, number) => number) } });
  await end(collector, big, { status: "SUCCESS" });
  for (const [file_name, content_type, content] of [
    ["evil.html", "text/html", `<script>globalThis.owned=1</script>`],
    ["evil.svg", "image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" onload="globalThis.owned=1"/>`],
    [`${"../".repeat(3)}x.txt`.replaceAll("/", "_"), "text/plain", `${MARKUP}\u0000\u202E`],
  ] as const) {
    await tell(collector, `runs/${run.run_id}/spans/${run.span_id}/artifacts`, { artifact_type: "report", file_name, content_type, content: Buffer.from(content).toString("base64") });
  }
});

afterAll(async () => {
  await browser.close();
  await collector.remove();
});

describe("hostile names and contents", () => {
  it("are shown on every page, in every view, and not run", async () => {
    const places = ["/", "/runs", "/failures", "/hosts", ...["timeline", "list", "graph", "attempts"].map((view) => `/runs/${run.run_id}?view=${view}`), `/runs?task=${encodeURIComponent(MARKUP)}`];
    for (const where of places) {
      const { page, misdeeds, close } = await open(browser, collector.url + where);
      await page.getByText("<img src=x").first().waitFor();
      expect([where, await page.evaluate(() => "owned" in globalThis || "polluted" in {})]).toEqual([where, false]);
      expect([where, await page.locator("img[src=x], main script").count()]).toEqual([where, 0]);
      expect([where, await overflow(page)]).toEqual([where, 0]);
      expectInnocent(misdeeds, features);
      await close();
    }
  });

  it("don't widen a telephone's page", async () => {
    for (const where of ["/", "/runs", "/failures", "/hosts", `/runs/${run.run_id}`, `/runs/${run.run_id}?view=list`]) {
      const { page, close } = await open(browser, collector.url + where, { viewport: { width: 375, height: 800 } });
      await page.getByText("<img src=x").first().waitFor();
      expect([where, await overflow(page)]).toEqual([where, 0]);
      await close();
    }
  });

  it("name what hides, and keep each text's direction to itself", async () => {
    const { page, close } = await open(browser, `${collector.url}/runs/${run.run_id}?view=list`);
    await page.getByText("safe⟨U+202E⟩gpj.exe").first().waitFor();
    await page.getByText("␇bell␛[31m").first().waitFor();
    await page.getByText("a␊b␉c").first().waitFor();
    const direction = await page.getByText("مرحبا بالعالم").first().evaluate((element) => getComputedStyle(element).direction);
    expect(direction).toBe("rtl");
    await close();
  });

  it("are shown in a step's details as they were sent", async () => {
    const { page, misdeeds, close } = await open(browser, `${collector.url}/runs/${run.run_id}`);
    await page.getByRole("treeitem", { name: /^__proto__/ }).or(page.getByRole("treeitem").filter({ hasText: "__proto__" })).last().click();
    const details = page.getByRole("complementary");
    await details.getByText("polluted:").waitFor();
    const text = await details.innerText();
    for (const part of ["__proto__:", "constructor:", "<script>globalThis.owned=1</script>", "⟨U+202E⟩abc", "javascript:alert(1)"]) expect(text).toContain(part);
    expect(await details.locator("a[href^=javascript]").count()).toBe(0);
    expect(await page.evaluate(() => "owned" in globalThis || "polluted" in {})).toBe(false);
    expectInnocent(misdeeds, features);
    await close();
  });

  it("of a megabyte are cut and can be looked at", async () => {
    const { page, close } = await open(browser, `${collector.url}/runs/${run.run_id}?q=large`);
    const began = Date.now();
    await page.getByRole("treeitem").filter({ hasText: "large" }).last().click();
    await page.getByRole("complementary").getByText("word word").first().waitFor();
    expect(Date.now() - began).toBeLessThan(2_000);
    await close();
  });

  it("in files are texts, or downloads", async () => {
    const { page, misdeeds, close } = await open(browser, `${collector.url}/runs/${run.run_id}?span=${run.span_id}`);
    const details = page.getByRole("complementary");
    await details.getByRole("link", { name: "Download" }).nth(2).waitFor();
    await details.getByText(features.files ? "⟨U+202E⟩" : "This artifact can't be shown").first().waitFor();
    expect(await details.locator("img, iframe, object, embed").count()).toBe(0);
    for (const link of await details.getByRole("link", { name: "Download" }).all()) {
      const answer = await fetch(collector.url + ((await link.getAttribute("href")) ?? ""));
      const disposition = answer.headers.get("content-disposition") ?? "";
      const type = answer.headers.get("content-type") ?? "";
      if (features.files && !/^text\/plain/.test(type)) expect(disposition).toMatch(/^attachment/);
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    }
    expect(await page.evaluate(() => "owned" in globalThis)).toBe(false);
    expectInnocent(misdeeds, features);
    await close();
  });
});
