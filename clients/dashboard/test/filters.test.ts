// Filters in the page's address.
import { describe, expect, it } from "vitest";
import { failuresSearch, runSearch } from "../src/app/search";
import { parseSearch, readRunFilter, runParameters, stringifySearch } from "../src/filters/runs";

const roundTrip = (search: string) => stringifySearch({ ...readRunFilter(parseSearch(search)) });

describe("the filter of runs", () => {
  it("comes back from the address as it went in", () => {
    for (const search of ["", "?task=order-7&status=FAILED", "?host=%E4%B8%BB%E6%9C%BA&kind=TRANSIENT&since=24h&code=timeout&agent=a%26b&layer=L0"]) {
      expect(new URLSearchParams(roundTrip(search)).toString().split("&").sort()).toEqual(new URLSearchParams(search).toString().split("&").sort());
    }
  });

  it("takes names that look like something else as names", () => {
    for (const task of ["7", "true", "null", '{"a":1}', "__proto__", "<script>"]) {
      expect(readRunFilter(parseSearch(`?task=${encodeURIComponent(task)}`))).toEqual({ task });
    }
  });

  it("leaves out what makes no sense", () => {
    expect(roundTrip("?status=GONE&kind=transient&since=1y&task=%00&host=%20%20&what=ever&agent=" + "a".repeat(1025))).toBe("");
    expect(roundTrip("?__proto__=1&constructor=2")).toBe("");
    expect(({} as Record<string, unknown>)["1"]).toBeUndefined();
  });

  it("becomes the API's parameters, with a time that stays for a minute", () => {
    const now = Date.parse("2026-11-25T07:10:43Z");
    expect(runParameters({ task: "t", status: "FAILED", host: "h", agent: "a", layer: "l", kind: "CONFIG", code: "c", since: "1h" }, now)).toEqual({
      task_id: "t", status: "FAILED", executor_host: "h", agent: "a", layer: "l", reason_kind: "CONFIG", reason_code: "c", started_after: "2026-11-25T06:10:00.000Z",
    });
    expect(runParameters({}, now)).toEqual({});
  });
});

describe("the other addresses", () => {
  it("hold only what their page knows", () => {
    expect(runSearch({ view: "graph", span: "x", q: "film", with: "y", more: 1 })).toEqual({ view: "graph", span: "x", q: "film", with: "y" });
    expect(runSearch({ view: "cake", span: "s".repeat(65), q: 7 })).toEqual({});
    expect(failuresSearch({ kind: "RESOURCE", code: "out_of_disk", window: "7d", host: "a", status: "FAILED" })).toEqual({ kind: "RESOURCE", code: "out_of_disk", window: "7d", host: "a" });
  });
});
