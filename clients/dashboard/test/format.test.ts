// Texts, times and sizes as people read them.
import { describe, expect, it } from "vitest";
import { bytes, duration, tickLabel } from "../src/format/duration";
import { instant, localTime, utcTime } from "../src/format/time";
import { visible, visibleLine } from "../src/format/visible";
import { zh } from "../src/i18n/zh";

describe("a length of time", () => {
  it.each([
    [0, "0ms"], [0.0004, "<1ms"], [0.007, "7ms"], [0.9994, "999ms"], [0.9996, "1.0s"], [3.79, "3.7s"], [12.9, "12s"],
    [59.99, "59s"], [60, "1m"], [72, "1m 12s"], [3600, "1h"], [7500, "2h 5m"], [86_399, "23h 59m"], [273_600, "3d 4h"],
  ])("of %d s is %s", (seconds, text) => expect(duration(seconds)).toBe(text));

  it("ticks in whole seconds where it is an age", () => {
    expect(duration(3.79, undefined, true)).toBe("3s");
    expect(duration(0.2, undefined, true)).toBe("0s");
  });

  it("is none where it is no number, and never negative", () => {
    expect(duration(Number.NaN)).toBe("–");
    expect(duration(Number.POSITIVE_INFINITY)).toBe("–");
    expect(duration(-5)).toBe("0ms");
  });

  it("is shorter on an axis", () => {
    expect([0, 0.2, 2, 2.5, 90, -2].map((seconds) => tickLabel(seconds))).toEqual(["0", "200ms", "2s", "2.5s", "1m 30s", "−2s"]);
  });

  it("has the units of the page's language", () => expect(duration(72, zh.units)).toBe("1分 12秒"));
});

describe("a size", () => {
  it.each([[0, "0 B"], [999, "999 B"], [1000, "1 KB"], [4_096, "4.1 KB"], [123_456, "123 KB"], [1.2e9, "1.2 GB"], [5e15, "5000 TB"], [-1, "–"]])(
    "of %d bytes is %s",
    (size, text) => expect(bytes(size)).toBe(text),
  );
});

describe("an instant", () => {
  it("is read from RFC 3339, with or without nanoseconds", () => {
    expect(instant("2026-11-25T07:10:03.120Z")).toBe(1_795_590_603_120);
    expect(instant("2026-11-25T07:10:03.120456789Z")).toBe(1_795_590_603_120);
  });

  it("is none where nothing, or nonsense, was sent", () => {
    for (const text of [null, undefined, "", "yesterday"]) expect(instant(text)).toBeNull();
  });

  it("is shown shorter the nearer it is, and in UTC to compare with a log", () => {
    const now = new Date(2026, 10, 25, 12).getTime();
    expect(localTime(new Date(2026, 10, 25, 7, 10, 3).getTime(), now, "en-GB")).toBe("07:10:03");
    expect(localTime(new Date(2026, 10, 24, 7, 10).getTime(), now, "en-GB")).toBe("24 Nov, 07:10");
    expect(localTime(new Date(2025, 10, 24, 7, 10).getTime(), now, "en-GB")).toContain("2025");
    expect(utcTime(1_795_590_603_120)).toBe("2026-11-25 07:10:03.120 UTC");
    expect(utcTime(Number.NaN)).toBe("");
  });
});

describe("a text that somebody sent", () => {
  it("shows what would hide, reorder or end it", () => {
    expect(visible("a\u0000b\u001b[31m\u007f")).toBe("a␀b␛[31m␡");
    expect(visible("safe\u202Egpj.exe")).toBe("safe⟨U+202E⟩gpj.exe");
    expect(visible("a\u200Bb\uFEFF\u2066")).toBe("a⟨U+200B⟩b⟨U+FEFF⟩⟨U+2066⟩");
    expect(visible("half \ud800 pair")).toBe("half ⟨U+D800⟩ pair");
  });

  it("keeps its lines and tabs, but not in one line", () => {
    expect(visible("a\r\n\tb")).toBe("a\n\tb");
    expect(visibleLine("a\n\tb")).toBe("a␊␉b");
  });

  it("stays as it is where nothing hides: right-to-left, emoji, Chinese", () => {
    for (const text of ["مرحبا", "👩‍🚀".replaceAll("\u200d", ""), "渲染影片", "<b>&amp;</b>", "__proto__"]) expect(visible(text)).toBe(text);
  });
});
