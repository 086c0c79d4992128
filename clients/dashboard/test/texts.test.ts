// Both languages say the same things, and the retry button knows its call.
import { describe, expect, it } from "vitest";
import { findRetry } from "../src/api/retry";
import { en } from "../src/i18n/en";
import { preferred } from "../src/i18n/preferred";
import { zh } from "../src/i18n/zh";

function leaves(texts: object, path = ""): [string, unknown][] {
  return Object.entries(texts).flatMap(([name, text]) => (typeof text === "object" ? leaves(text as object, `${path}${name}.`) : [[path + name, text] as [string, unknown]]));
}

describe("languages", () => {
  it("have the same texts, none of them empty", () => {
    expect(leaves(zh).map(([path]) => path)).toEqual(leaves(en).map(([path]) => path));
    for (const [path, text] of [...leaves(en), ...leaves(zh)]) if (typeof text === "string") expect(text, path).not.toBe("");
  });

  it("differ: no text was left in English", () => {
    const english = new Map(leaves(en));
    const same = leaves(zh).filter(([path, text]) => typeof text === "string" && text === english.get(path)).map(([path]) => path);
    expect(same).toEqual(["run.otel"]);
  });

  it("put every argument into their texts", () => {
    for (const [path, text] of [...leaves(en), ...leaves(zh)]) {
      if (typeof text !== "function") continue;
      const args = Array.from({ length: text.length }, (_, place) => 7_000 + place + 3);
      const said = String((text as (...of: unknown[]) => unknown)(...args)).replace(/[^\d]/g, "");
      for (const arg of args) expect([path, said.includes(String(arg)) || said.includes(String(arg - 1))]).toEqual([path, true]);
    }
  });

  it("are chosen as the browser asks", () => {
    expect(preferred(["zh-CN", "en"])).toBe("zh");
    expect(preferred(["de-DE", "zh-TW"])).toBe("zh");
    expect(preferred(["en-GB", "zh"])).toBe("en");
    expect(preferred(["fr"])).toBe("en");
    expect(preferred([])).toBe("en");
  });
});

describe("the call that retries", () => {
  const document = (operationId: string, properties: object) => ({
    paths: { "/api/v1/retries": { post: { operationId, requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/RetryRunsRequest" } } } } } } },
    components: { schemas: { RetryRunsRequest: { properties } } },
  });

  it("is found by its name, with the field for the kind", () => {
    expect(findRetry(document("RetryService_RetryRuns", { reason_kind: {}, window: {} }))).toEqual({ path: "/api/v1/retries", hasWindow: true });
    expect(findRetry(document("livespan.v1.RetryService.RetryRuns", { reason_kind: {} }))).toEqual({ path: "/api/v1/retries", hasWindow: false });
  });

  it("is not there where the server has none, or says nonsense", () => {
    for (const odd of [document("SpanService_StartSpan", { reason_kind: {} }), document("RetryRuns", { run_ids: {} }), {}, null, 7, { paths: 7 }, { paths: { "/api/x": null } }]) {
      expect(findRetry(odd)).toBeNull();
    }
  });
});
