// The generated types are those of the server.
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { schema } from "../scripts/generate.mjs";
import { Collector } from "./stage";

const collector = new Collector();
beforeAll(() => collector.start());
afterAll(() => collector.remove());

it("src/api/schema.ts is what the server's OpenAPI document says: else run make clients-dashboard", async () => {
  const committed = readFileSync(path.join(import.meta.dirname, "../src/api/schema.ts"), "utf8");
  expect(committed === (await schema(collector.url))).toBe(true);
});
