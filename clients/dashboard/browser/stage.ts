// What the tests in a browser stand on: Chromium, a collector, and pages that are
// watched for all that a page must not do.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import { binary, Collector, environment, REPOSITORY } from "../scripts/collector.mjs";

export { Collector };
const run = promisify(execFile);

/** Debian's, or the one in CHROMIUM. */
const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
export const SCREENSHOTS = path.join(REPOSITORY, "target/screenshots");

export async function openBrowser(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) throw new Error(`no ${CHROMIUM}: run scripts/setup.sh test, or name a Chromium in CHROMIUM`);
  mkdirSync(SCREENSHOTS, { recursive: true });
  return chromium.launch({
    executablePath: CHROMIUM,
    // Only what the page asks for goes out; as root it has no sandbox.
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--enable-precise-memory-info",
    ],
  });
}

/** Plays the demo to its end; the same act each time. */
export async function playDemo(collector: Collector, ...args: string[]): Promise<string> {
  const played = await run(binary(), ["demo", "--server", `http://${collector.grpcAddress}`, "--seed", "7", ...args], { env: environment() });
  return played.stdout;
}

type Json = Record<string, unknown>;

/** Tells the collector something over REST, as an executor without gRPC would. */
export async function tell(collector: Collector, route: string, body: Json): Promise<Json> {
  const answer = await fetch(`${collector.url}/api/v1/${route}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const said = (await answer.json()) as Json;
  if (!answer.ok) throw new Error(`${route}: ${answer.status} ${JSON.stringify(said)}`);
  return said;
}

export interface Told {
  run_id: string;
  span_id: string;
}

export async function start(collector: Collector, span: Json): Promise<Told> {
  const { run_id, span_id } = await tell(collector, "spans", span);
  return { run_id: String(run_id), span_id: String(span_id) };
}

export function end(collector: Collector, { run_id, span_id }: Told, how: Json): Promise<Json> {
  return tell(collector, `runs/${run_id}/spans/${span_id}/end`, how);
}

/** Calls a method by the real grpcurl. */
export async function grpcurl(collector: Collector, method: string, request: Json): Promise<void> {
  await run("grpcurl", ["-plaintext", "-d", JSON.stringify(request), collector.grpcAddress, `livespan.v1.SpanService/${method}`], { env: process.env });
}

/** What a server has, by its OpenAPI document. The page serves older ones too. */
export interface Features {
  /** Tells of changes as they happen; else pages ask every 10 s. */
  stream: boolean;
  /** Serves artifacts' files. */
  files: boolean;
}

export async function featuresOf(collector: Collector): Promise<Features> {
  const answer = await fetch(`${collector.url}/api/openapi.json`);
  const { paths } = (await answer.json()) as { paths: Record<string, unknown> };
  return { stream: "/api/v1/watch" in paths, files: "/api/v1/artifacts/{artifact_id}" in paths };
}

/** What a page did that it must not do. */
export interface Misdeeds {
  /** Of the content security policy, as the browser reports them. */
  violations: string[];
  /** Errors on the console and uncaught ones. */
  errors: string[];
  /** Requests to another origin. */
  strangers: string[];
}

export interface Opened {
  page: Page;
  misdeeds: Misdeeds;
  close: () => Promise<void>;
}

/** Opens a page and waits until it shows something. */
export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: "en-GB", ...options });
  const page = await context.newPage();
  const misdeeds: Misdeeds = { violations: [], errors: [], strangers: [] };
  const { origin } = new URL(url);
  await page.exposeFunction("reportViolation", (what: string) => misdeeds.violations.push(what));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      (globalThis as unknown as { reportViolation: (what: string) => void }).reportViolation(`${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile}`);
    });
  });
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") misdeeds.errors.push(message.text());
  });
  page.on("pageerror", (error) => misdeeds.errors.push(error.message));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) misdeeds.strangers.push(request.url());
  });
  await page.goto(url);
  await page.locator("main h1, main [role=alert]").first().waitFor({ state: "attached" });
  return { page, misdeeds, close: () => context.close() };
}

export function expectInnocent(misdeeds: Misdeeds, { stream, files }: Features): void {
  // The browser itself says so of what an older server doesn't have.
  const isExpected = (error: string) => !(stream && files) && error.includes("404");
  expect({ ...misdeeds, errors: misdeeds.errors.filter((error) => !isExpected(error)) }).toEqual({ violations: [], errors: [], strangers: [] });
}

/** Waits until nothing on the page is still being loaded. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => !document.querySelector("[data-loading]") && [...document.images].every((image) => image.complete));
}

/** Whether the page is wider than its window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
