// The stream of changes: read from bytes, opened again when it breaks.
import { describe, expect, it, vi } from "vitest";
import { Soon } from "../src/live/soon";
import { EventParser } from "../src/live/sse";
import { SILENCE_MS, type StreamState, type Surroundings, watch } from "../src/live/stream";

describe("server-sent events", () => {
  const all = (...pieces: string[]) => {
    const parser = new EventParser();
    return pieces.flatMap((piece) => parser.push(piece));
  };

  it("are read with their type, data and id", () => {
    expect(all("event: span\nid: 7\ndata: {\"a\":1}\n\n")).toEqual([{ type: "span", data: '{"a":1}', id: "7" }]);
  });

  it("may come in any pieces and with any ends of lines", () => {
    const text = "id: 1\r\ndata: a\r\ndata:b\r\n\r\n:comment\rdata: c\r\r";
    expect(all(...text.split(""))).toEqual(all(text));
    expect(all(text).map((event) => event.data)).toEqual(["a\nb"]);
    // The last line's end may be half of a longer one: it is complete with the next piece.
    expect(all(text, "\n").map((event) => event.data)).toEqual(["a\nb", "c"]);
  });

  it("without data are none, and an id stays until another comes", () => {
    expect(all("id: 1\n\ndata: x\n\n")).toEqual([{ type: "message", data: "x", id: "1" }]);
    expect(all("id: a\0b\ndata: x\n\n")[0]?.id).toBe("");
  });

  it("say where to go on, also without data", () => {
    const parser = new EventParser();
    expect(parser.push("id: 7\nevent: keep_alive\n\nid: 8\n")).toEqual([]);
    expect(parser.lastId).toBe("7");
  });

  it("may ask for a time to wait", () => {
    const parser = new EventParser();
    parser.push("retry: 250\nretry: soon\n");
    expect(parser.retryMs).toBe(250);
  });

  it("must end their lines some time", () => {
    const parser = new EventParser();
    expect(() => {
      for (let piece = 0; piece < 20; piece += 1) parser.push("x".repeat(1_000_000));
    }).toThrow("has no end");
  });
});

interface Tried {
  url: string;
  headers: Record<string, string>;
  send: (text: string) => void;
  end: () => void;
  signal: AbortSignal;
}

/** A server that a test plays. Timers are vitest's. */
function stage(answer: (tried: Tried) => number | "refuse" = () => 200) {
  const tries: Tried[] = [];
  const around: Surroundings = {
    fetch: (url, { headers, signal }) => {
      let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
      const body = new ReadableStream<Uint8Array>({ start: (one) => void (controller = one) });
      signal.addEventListener("abort", () => {
        try {
          controller?.error(new Error("aborted"));
        } catch {
          // It had ended.
        }
      });
      const tried: Tried = { url, headers, signal, send: (text) => controller?.enqueue(new TextEncoder().encode(text)), end: () => controller?.close() };
      tries.push(tried);
      const status = answer(tried);
      if (status === "refuse") return Promise.reject(new TypeError("connection refused"));
      return Promise.resolve(new Response(body, { status, headers: { "content-type": "text/event-stream" } }));
    },
    setTimeout: (run, ms) => setTimeout(run, ms),
    clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
    random: () => 0.5,
  };
  const [states, events]: [StreamState[], string[]] = [[], []];
  const close = watch({ url: "/watch", onEvent: (event) => events.push(event.data), onState: (state) => states.push(state), surroundings: around });
  return { tries, states, events, close };
}

describe("the stream", () => {
  const settle = () => vi.advanceTimersByTimeAsync(0);

  it("is opened, tells its events, and goes on after the last when it breaks", async () => {
    vi.useFakeTimers();
    const { tries, states, events, close } = stage();
    await settle();
    tries[0]?.send("id: 41\ndata: one\n\nid: 42\ndata: two\n\n");
    await settle();
    expect([events, states]).toEqual([["one", "two"], ["connecting", "open"]]);
    tries[0]?.end();
    await settle();
    expect(states.at(-1)).toBe("broken");
    await vi.advanceTimersByTimeAsync(1_100);
    expect(tries[1]?.headers["last-event-id"]).toBe("42");
    expect(states.at(-1)).toBe("open");
    close();
    vi.useRealTimers();
  });

  it("waits longer with each failure, and at most half a minute", async () => {
    vi.useFakeTimers();
    const { tries, states, close } = stage(() => "refuse");
    const at: number[] = [];
    for (let second = 0; second < 120; second += 1) {
      await vi.advanceTimersByTimeAsync(1_000);
      while (at.length < tries.length) at.push(second);
    }
    const waits = at.slice(1).map((time, place) => time - (at[place] ?? 0));
    expect(waits.slice(0, 5)).toEqual([0, 2, 4, 8, 16]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(31);
    expect(new Set(states)).toEqual(new Set(["connecting", "broken"]));
    close();
    vi.useRealTimers();
  });

  it("waits longer also where it is opened only to be told why it ends", async () => {
    vi.useFakeTimers();
    const { tries, close } = stage((tried) => {
      queueMicrotask(() => {
        tried.send("event: error\ndata: {}\n\n");
        tried.end();
      });
      return 200;
    });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(tries.length).toBeLessThanOrEqual(7);
    close();
    vi.useRealTimers();
  });

  it("takes silence for a dead line", async () => {
    vi.useFakeTimers();
    const { tries, close } = stage();
    await settle();
    tries[0]?.send(": alive\n\n");
    await vi.advanceTimersByTimeAsync(SILENCE_MS - 1_000);
    tries[0]?.send(": alive\n\n");
    await vi.advanceTimersByTimeAsync(SILENCE_MS - 1_000);
    expect(tries).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(tries[0]?.signal.aborted).toBe(true);
    expect(tries.length).toBe(2);
    close();
    vi.useRealTimers();
  });

  it("forgets where to go on from where the server refuses that", async () => {
    vi.useFakeTimers();
    const { tries, close } = stage(({ headers }) => ("last-event-id" in headers ? 400 : 200));
    await settle();
    tries[0]?.send("id: old\ndata: x\n\n");
    await settle();
    tries[0]?.end();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(tries.map((tried) => tried.headers["last-event-id"])).toEqual([undefined, "old", undefined]);
    close();
    vi.useRealTimers();
  });

  it("stays closed once it is closed", async () => {
    vi.useFakeTimers();
    const { tries, states, close } = stage();
    await settle();
    close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect([tries.length, states.at(-1)]).toEqual([1, "open"]);
    vi.useRealTimers();
  });
});

describe("what is asked for soon", () => {
  it("is done once for all that ask, and at most so often", () => {
    vi.useFakeTimers();
    const run = vi.fn();
    const soon = new Soon(run, 1_000);
    for (let asked = 0; asked < 100; asked += 1) soon.ask();
    vi.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledTimes(1);
    for (let ms = 0; ms < 10_000; ms += 10) {
      soon.ask();
      vi.advanceTimersByTime(10);
    }
    expect(run.mock.calls.length).toBeGreaterThanOrEqual(10);
    expect(run.mock.calls.length).toBeLessThanOrEqual(12);
    soon.ask();
    soon.stop();
    vi.advanceTimersByTime(5_000);
    expect(run.mock.calls.length).toBeLessThanOrEqual(12);
    vi.useRealTimers();
  });
});
