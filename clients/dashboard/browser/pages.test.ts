// Each page, with a fleet that the demo has played: what is stuck, what fails, one run
// in all its views.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Collector, expectInnocent, type Features, featuresOf, open, openBrowser, overflow, playDemo, SCREENSHOTS, settled } from "./stage";

let browser: Browser;
let features: Features;
const collector = new Collector();

interface Listed {
  run_id: string;
  root_step_name: string;
  attempt: number;
}
const runs = new Map<string, Listed>();
const idOf = (name: string, attempt = 1) => runs.get(`${name} ${attempt}`)?.run_id ?? "";

beforeAll(async () => {
  [browser] = await Promise.all([openBrowser(), collector.start()]);
  features = await featuresOf(collector);
  await playDemo(collector, "--speed", "4");
  const answer = (await (await fetch(`${collector.url}/api/v1/runs`)).json()) as { runs: Listed[] };
  for (const run of answer.runs) runs.set(`${run.root_step_name} ${run.attempt}`, run);
});

afterAll(async () => {
  await browser.close();
  await collector.remove();
});

const at = (where: string, options?: BrowserContextOptions) => open(browser, collector.url + where, options);

const widthOf = (picture: Locator) => picture.evaluate((image: HTMLImageElement) => image.naturalWidth);

const axe = readFileSync(path.join(path.dirname(createRequire(import.meta.url).resolve("axe-core")), "axe.min.js"), "utf8");

/** What axe finds that is serious. Its script comes by the debugger, which no policy holds up. */
async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe: found } = globalThis as unknown as {
      axe: { run: (options: object) => Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }> };
    };
    const { violations } = await found.run({ resultTypes: ["violations"] });
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`));
  });
}

describe("the overview", () => {
  it("says first what is stuck: step, machine, agent, for how long, how one knows, and where to look", async () => {
    const { page, misdeeds, close } = await at("/");
    const alert = page.getByRole("region", { name: "2 runs are stuck" });
    await alert.waitFor();
    const silent = alert.getByRole("listitem").filter({ hasText: "copy accounts" });
    const text = await silent.innerText();
    for (const part of ["L2_executor", "copy accounts", "hk-vps", "audit", "rows: 5000"]) expect(text).toContain(part);
    expect(text).toMatch(/stuck for \d+s/);
    expect(text).toMatch(/no heartbeat for \d+s, limit 5s/);
    expect(await alert.getByRole("listitem").filter({ hasText: "crawl the archive" }).innerText()).toMatch(/no progress for \d+s, limit 5s/);
    const picture = silent.getByRole("img", { name: "Screenshot of copy accounts" });
    if (features.files) await expect.poll(() => widthOf(picture)).toBe(240);
    else await picture.waitFor({ state: "detached" });
    await silent.getByRole("link", { name: "Open the run" }).click();
    await page.getByRole("heading", { name: "synchronise ledgers" }).waitFor();
    expect(page.url()).toContain("span=");
    expectInnocent(misdeeds, features);
    await close();
  });

  it("counts failures by kind, each with its colour, its codes and when", async () => {
    const { page, close } = await at("/");
    const colours = new Map([["TRANSIENT", "rgb(234, 179, 8)"], ["PERSISTENT", "rgb(220, 38, 38)"], ["RESOURCE", "rgb(234, 112, 12)"], ["CONFIG", "rgb(37, 99, 235)"]]);
    for (const [kind, colour] of colours) {
      const card = page.locator(`[data-kind=${kind}]`);
      await card.getByRole("img").waitFor();
      expect(await card.evaluate((element) => getComputedStyle(element).borderLeftColor)).toBe(colour);
    }
    const transient = page.locator("[data-kind=TRANSIENT]");
    await expect.poll(() => transient.innerText()).toMatch(/TRANSIENT[\s\S]*3[\s\S]*timeout\s+2[\s\S]*unavailable\s+1/);
    await transient.getByRole("link", { name: "timeout" }).click();
    await page.getByRole("heading", { name: "Failures" }).waitFor();
    expect(new URL(page.url()).search).toBe("?kind=TRANSIENT&code=timeout&window=24h");
    await close();
  });

  it("shows what runs, with its progress and age, and the runs before", async () => {
    const { page, close } = await at("/");
    const running = page.getByRole("region", { name: "Running now" });
    const crawl = running.getByRole("listitem").filter({ hasText: "crawl the archive" });
    expect(await crawl.getByRole("progressbar").getAttribute("aria-valuenow")).toMatch(/^\d+$/);
    const age = () => crawl.innerText();
    const before = await age();
    await expect.poll(age).not.toBe(before);
    const recent = page.getByRole("region", { name: "Recent runs" });
    await recent.getByRole("row").filter({ hasText: "rebuild thumbnails" }).getByText("Cancelled").waitFor();
    await recent.getByRole("row").filter({ hasText: "collect prices" }).getByText("retry #1").waitFor();
    await close();
  });

  it("has no button to retry where the server has no such call", async () => {
    const { page, close } = await at("/");
    const document = await fetch(`${collector.url}/api/openapi.json`);
    const hasRetry = document.ok && (await document.text()).includes("RetryRuns");
    await page.locator("[data-kind=TRANSIENT]").getByText("timeout").waitFor();
    expect(await page.getByRole("button", { name: "Retry these" }).count()).toBe(hasRetry ? 1 : 0);
    await close();
  });
});

describe("a run", () => {
  it("that is stuck says where, with the input and what was left behind", async () => {
    const { page, misdeeds, close } = await at(`/runs/${idOf("synchronise ledgers")}`);
    const alert = page.getByRole("region", { name: "Stuck here" });
    await alert.getByText(/no heartbeat for .*, limit 5s/).waitFor();
    expect(await alert.innerText()).toMatch(/batch:\s*\d+\s*rows:\s*5000/);
    const link = alert.getByRole("link", { name: "console.png" });
    const answer = await fetch(`${collector.url}${(await link.getAttribute("href")) ?? ""}`);
    if (features.files) expect(answer.headers.get("content-type")).toBe("image/png");
    else expect(answer.status).toBe(404);
    const row = page.getByRole("treeitem", { name: /copy accounts/ });
    expect(await row.getAttribute("data-last-alive")).toBe("true");
    await row.getByText("Stuck here").waitFor();
    expectInnocent(misdeeds, features);
    await close();
  });

  it("that failed says why before anything else", async () => {
    const { page, close } = await at(`/runs/${idOf("test the checkout")}`);
    const why = page.getByRole("region", { name: "Why it failed" });
    const text = await why.innerText();
    for (const part of ["PERSISTENT", "selector_not_found", "pay", "mac-mini", "Unable to locate element", "A retry fails again"]) expect(text).toContain(part);
    await why.getByRole("button", { name: "Show the step" }).click();
    const details = page.getByRole("complementary");
    await details.getByRole("heading", { name: "pay" }).waitFor();
    await details.getByText("Stack trace").click();
    await details.getByText("at CheckoutPage.pay").waitFor();
    if (features.files) await expect.poll(() => widthOf(details.getByRole("img", { name: "checkout.png" }))).toBe(240);
    else await details.getByText("This artifact can't be shown").waitFor();
    await close();
  });

  it("has its steps as nested bars in time, that are found, collapsed and zoomed", async () => {
    const { page, close } = await at(`/runs/${idOf("render film")}`);
    const tree = page.getByRole("tree");
    const rows = tree.getByRole("treeitem");
    await expect.poll(() => rows.count()).toBeGreaterThan(8);
    const all = await rows.count();
    expect(await rows.first().getAttribute("aria-level")).toBe("1");
    expect(await tree.getByRole("treeitem", { name: /path tracing/ }).first().getAttribute("aria-level")).toBe("3");
    expect(await rows.first().innerText()).toContain("L0_orchestrator @ us-vps");
    const bars = await tree.locator("[data-bar]").evaluateAll((elements) => elements.map((element) => element.getBoundingClientRect()).map(({ left, right }) => [left, right]));
    const [root, ...others] = bars;
    for (const [left = 0, right = 0] of others) {
      expect(left).toBeGreaterThanOrEqual((root?.[0] ?? 0) - 1);
      expect(right).toBeLessThanOrEqual((root?.[1] ?? 0) + 4);
    }
    await page.getByRole("button", { name: "Collapse all" }).click();
    expect(await rows.count()).toBe(1);
    await page.getByRole("button", { name: "Expand all" }).click();
    expect(await rows.count()).toBe(all);
    await page.getByRole("searchbox", { name: "Find steps" }).fill("encode");
    await page.getByText("1 found").waitFor();
    expect(await rows.count()).toBe(2);
    expect(page.url()).toContain("q=encode");
    await page.getByRole("searchbox").fill("");
    await expect.poll(() => rows.count()).toBe(all);
    const width = () => tree.locator("[data-bar]").nth(1).evaluate((element) => element.getBoundingClientRect().width);
    const before = await width();
    await page.getByRole("button", { name: "Zoom in" }).click();
    for (let press = 0; press < 2; press += 1) await page.getByRole("button", { name: "Earlier" }).click();
    await expect.poll(width).toBeCloseTo(before * 2, -1);
    await page.getByRole("button", { name: "Fit all" }).click();
    await expect.poll(width).toBeCloseTo(before, 0);
    await close();
  });

  it("marks the step that was tried again", async () => {
    const { page, close } = await at(`/runs/${idOf("update exchange rates")}`);
    const fetches = page.getByRole("treeitem", { name: /fetch rates/ });
    await fetches.nth(1).getByText("retry #1").waitFor();
    expect(await fetches.evaluateAll((rows) => rows.map((row) => row.getAttribute("data-status")))).toEqual(["FAILED", "SUCCESS"]);
    expect(await fetches.first().locator("[data-bar]").evaluate((bar) => getComputedStyle(bar).backgroundColor)).toBe("rgb(234, 179, 8)");
    await close();
  });

  it("shows a step's input redacted, its output, progress and text files", async () => {
    const { page, close } = await at(`/runs/${idOf("render film")}`);
    await page.getByRole("treeitem", { name: /encode film/ }).click();
    const details = page.getByRole("complementary");
    await details.getByText("18864128").waitFor();
    await details.getByText(features.files ? "frame= 1200 fps=212" : "This artifact can't be shown").waitFor();
    expect(await details.getByRole("link", { name: "Download" }).getAttribute("download")).toBe("encode.log");
    await page.getByRole("treeitem", { name: /render film/ }).click();
    await details.getByText("scene-").waitFor();
    expect(await details.innerText()).toContain("[REDACTED]");
    expect(await details.innerText()).not.toContain("hunter2");
    await details.getByRole("button", { name: "Close" }).click();
    await details.waitFor({ state: "detached" });
    expect(page.url()).not.toContain("span=");
    await close();
  });

  it("is also a list, and a graph where the server put the steps", async () => {
    const { page, misdeeds, close } = await at(`/runs/${idOf("collect prices")}`);
    await page.getByRole("tab", { name: "List" }).click();
    const list = page.getByRole("group", { name: "List" });
    const entry = list.getByRole("listitem").filter({ hasText: "fetch pages" });
    for (const part of ["Failed", "TRANSIENT", "timeout", "L2_executor @ hk-vps", "page-14.png"]) expect(await entry.innerText()).toContain(part);
    await page.getByRole("tab", { name: "Graph" }).click();
    const graph = (await (await fetch(`${collector.url}/api/v1/runs/${idOf("collect prices")}/graph`)).json()) as { nodes: { id: string; x: number; y: number }[] };
    for (const node of graph.nodes) {
      const place = await page.locator(`.react-flow__node[data-id="${node.id}"]`).evaluate((element) => (element as HTMLElement).style.transform);
      expect(place.replaceAll(" ", "")).toBe(`translate(${node.x}px,${node.y}px)`);
    }
    expect(await page.locator(".react-flow__edge").count()).toBe(graph.nodes.length - 1);
    expectInnocent(misdeeds, features);
    await close();
  });

  it("is laid beside another attempt, up to the step where they part", async () => {
    const { page, close } = await at(`/runs/${idOf("collect prices", 2)}?view=attempts`);
    const parting = page.locator("[data-parting]");
    await parting.getByText("They part here").waitFor();
    const text = await parting.innerText();
    expect(text).toContain("fetch pages");
    expect(text).toContain("TRANSIENT");
    await page.getByRole("row").filter({ hasText: "parse prices" }).getByText("did not run").waitFor();
    await close();
  });

  it("that does not exist says so", async () => {
    const { page, close } = await at("/runs/00000000-0000-4000-8000-00000000dead");
    await page.getByRole("heading", { name: "There is no such run" }).waitFor();
    await close();
  });
});

describe("the other pages", () => {
  it("filter runs by what stands in the address, and the other way round", async () => {
    const { page, close } = await at("/runs?status=FAILED&host=hk-vps");
    const rows = page.getByRole("row").filter({ has: page.getByRole("cell") });
    await expect.poll(() => rows.count()).toBe(2);
    expect(await page.getByLabel("Host").inputValue()).toBe("hk-vps");
    await page.getByLabel("Failure kind").selectOption("CONFIG");
    await expect.poll(() => rows.allInnerTexts()).toHaveLength(1);
    expect(await rows.first().innerText()).toContain("audit the ledger");
    expect(new URL(page.url()).searchParams.get("kind")).toBe("CONFIG");
    await page.getByLabel("Task").fill("no such task");
    await page.getByText("No run passes these filters.").waitFor();
    await page.getByRole("button", { name: "Clear" }).click();
    await expect.poll(() => rows.count()).toBe(10);
    expect(new URL(page.url()).search).toBe("");
    await close();
  });

  it("group failures by cause, step and machine", async () => {
    const { page, close } = await at("/failures?kind=CONFIG");
    const sites = page.getByRole("article");
    await expect.poll(() => sites.count()).toBe(3);
    const permission = sites.filter({ hasText: "permission" });
    for (const part of ["read the archive", "us-vps", "audit", "PermissionError"]) expect(await permission.innerText()).toContain(part);
    await permission.getByRole("link").first().click();
    await page.getByRole("complementary").getByRole("heading", { name: "read the archive" }).waitFor();
    await close();
  });

  it("show each machine with what it runs, its last word and its failures", async () => {
    const { page, close } = await at("/hosts");
    const machines = page.getByRole("article");
    await expect.poll(() => machines.count()).toBe(4);
    const abroad = machines.filter({ hasText: "hk-vps" });
    for (const part of [/1 step of 1 run/, /copy accounts/, /last word .* ago/, /\d failures/]) expect(await abroad.innerText()).toMatch(part);
    await machines.filter({ hasText: "mac-mini" }).getByText("Idle").waitFor();
    await close();
  });

  it("are a page of their own where nothing is", async () => {
    const { page, close } = await at("/");
    await page.evaluate(() => history.pushState({}, "", "/nothing"));
    await page.evaluate(() => dispatchEvent(new PopStateEvent("popstate")));
    await page.getByRole("heading", { name: "There is nothing here" }).waitFor();
    await close();
  });
});

describe("every page", () => {
  const pages = () => [
    ["overview", "/"],
    ["runs", "/runs"],
    ["failures", "/failures"],
    ["hosts", "/hosts"],
    ["run-stuck", `/runs/${idOf("synchronise ledgers")}`],
    ["run-timeline", `/runs/${idOf("collect prices")}`],
    ["run-list", `/runs/${idOf("collect prices")}?view=list`],
    ["run-graph", `/runs/${idOf("render film")}?view=graph`],
    ["run-attempts", `/runs/${idOf("collect prices")}?view=attempts`],
  ] as const;

  it.each(["light", "dark"] as const)("is readable for everybody: axe finds nothing serious (%s)", async (colorScheme) => {
    for (const [name, where] of pages()) {
      const { page, misdeeds, close } = await at(where, { colorScheme });
      await settled(page);
      if (name === "run-timeline") await page.getByRole("treeitem", { name: /fetch pages/ }).click();
      await page.screenshot({ path: path.join(SCREENSHOTS, `${name}-${colorScheme}.png`) });
      expect([name, await barriers(page)]).toEqual([name, []]);
      expectInnocent(misdeeds, features);
      await close();
    }
  });

  it("fits a telephone of 375 pixels", async () => {
    for (const [name, where] of pages()) {
      const { page, close } = await at(where, { viewport: { width: 375, height: 800 }, locale: "zh-CN" });
      await settled(page);
      await page.screenshot({ path: path.join(SCREENSHOTS, `${name}-narrow.png`) });
      expect([name, await overflow(page)]).toEqual([name, 0]);
      await close();
    }
  });

  it("speaks the browser's language, and the one that is chosen", async () => {
    const { page, close } = await at("/", { locale: "zh-CN" });
    await page.getByRole("heading", { name: "2 个运行卡住了" }).waitFor();
    expect(await page.locator("html").getAttribute("lang")).toBe("zh-CN");
    await page.getByRole("button", { name: "语言: English" }).click();
    await page.getByRole("heading", { name: "2 runs are stuck" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "2 runs are stuck" }).waitFor();
    await close();
  });

  it("is light or dark as the system, or as chosen, before it is painted", async () => {
    const { page, close } = await at("/", { colorScheme: "dark" });
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    expect(await ground()).toBe("rgb(14, 17, 22)");
    await page.getByRole("button", { name: "Theme: System" }).click();
    await expect.poll(ground).toBe("rgb(246, 247, 249)");
    await page.reload({ waitUntil: "commit" });
    await page.waitForFunction(() => document.documentElement.dataset["theme"] === "light");
    await close();
  });

  it("is reached and used by keys alone", async () => {
    const { page, close } = await at("/");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.keyboard.press("g");
    await page.keyboard.press("r");
    await page.getByRole("heading", { name: "Runs", exact: true }).waitFor();
    await page.keyboard.press("/");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("name"))).toBe("task");
    await page.goto(`${collector.url}/runs/${idOf("render film")}`);
    await page.getByRole("tree").focus();
    const active = () => page.getByRole("tree").getAttribute("aria-activedescendant");
    const first = await active();
    await page.keyboard.press("ArrowLeft");
    expect(await page.getByRole("treeitem").count()).toBe(1);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    expect(await active()).not.toBe(first);
    await page.keyboard.press("Enter");
    await page.getByRole("complementary").getByRole("heading", { name: "plan shots" }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.getByRole("complementary").getByRole("heading", { name: "render shot 1" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("complementary").waitFor({ state: "detached" });
    await close();
  });

  it("says times in the local zone, with UTC in the title", async () => {
    const { page, close } = await at(`/runs/${idOf("render film")}`, { timezoneId: "Asia/Shanghai" });
    const time = page.locator("time").first();
    const [shown, title] = [await time.innerText(), (await time.getAttribute("title")) ?? ""];
    expect(title).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC$/);
    expect((Number(shown.slice(0, 2)) - Number(title.slice(11, 13)) + 24) % 24).toBe(8);
    await close();
  });

  it("needs less than 250 KB for its first paint, all of it compressed and kept by the browser", async () => {
    const sizes = new Map<string, number>();
    const context = await browser.newContext();
    const page = await context.newPage();
    const devtools = await context.newCDPSession(page);
    await devtools.send("Network.enable");
    const urls = new Map<string, string>();
    devtools.on("Network.responseReceived", ({ requestId, response }) => void urls.set(requestId, new URL(response.url).pathname));
    devtools.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => void sizes.set(urls.get(requestId) ?? "", encodedDataLength));
    await page.goto(collector.url);
    await page.getByRole("heading", { name: "2 runs are stuck" }).waitFor();
    const page_only = [...sizes].filter(([where]) => !where.startsWith("/api/"));
    const total = page_only.reduce((sum, [, size]) => sum + size, 0);
    expect(page_only.length).toBeGreaterThan(3);
    expect(total).toBeLessThan(250_000);
    console.log(`first paint: ${total} bytes on the wire in ${page_only.length} files`);
    sizes.clear();
    await page.reload();
    await page.getByRole("heading", { name: "2 runs are stuck" }).waitFor();
    const again = [...sizes].filter(([where, size]) => where.startsWith("/assets/") && size > 0);
    expect(again).toEqual([]);
    await context.close();
  });
});
