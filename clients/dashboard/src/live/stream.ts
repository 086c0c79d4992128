// Keeps a watch on the server: opens the stream of changes, opens it again when it
// breaks, and says whether there is one. Who listens asks in the meantime by itself.
import { EventParser, type ServerEvent } from "./sse";

/** Whether changes come by themselves. */
export type StreamState = "connecting" | "open" | "broken";

/** What the stream needs from the outside, so that tests can stand in for it. */
export interface Surroundings {
  fetch: (url: string, init: { headers: Record<string, string>; signal: AbortSignal }) => Promise<Response>;
  setTimeout: (run: () => void, ms: number) => unknown;
  clearTimeout: (timer: unknown) => void;
  /** From 0 to 1. */
  random: () => number;
}

export interface StreamOptions {
  url: string;
  onEvent: (event: ServerEvent) => void;
  onState: (state: StreamState) => void;
  surroundings?: Surroundings;
}

/** Silence longer than this is a dead line: the server says something at least every 15 s. */
export const SILENCE_MS = 45_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

const BROWSER: Surroundings = {
  fetch: (url, init) => fetch(url, init),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer as number),
  random: Math.random,
};

/** Opens the stream; what it returns closes it. */
export function watch(options: StreamOptions): () => void {
  const around = options.surroundings ?? BROWSER;
  let closed = false;
  let failures = 0;
  let lastId = "";
  let timer: unknown = null;
  let abort = new AbortController();

  const attempt = async () => {
    abort = new AbortController();
    const { signal } = abort;
    let silence: unknown = null;
    const heard = () => {
      around.clearTimeout(silence);
      silence = around.setTimeout(() => abort.abort(), SILENCE_MS);
    };
    let asked: number | null = null;
    try {
      heard();
      const headers: Record<string, string> = { accept: "text/event-stream" };
      if (lastId !== "") headers["last-event-id"] = lastId;
      const answer = await around.fetch(options.url, { headers, signal });
      if (!answer.ok || !answer.body || !(answer.headers.get("content-type") ?? "").startsWith("text/event-stream")) {
        // A place to go on from that the server no longer knows.
        if (answer.status >= 400 && answer.status < 500) lastId = "";
        await answer.body?.cancel();
        throw new Error(`the stream was answered with ${answer.status}`);
      }
      const parser = new EventParser();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      options.onState("open");
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        heard();
        for (const event of parser.push(value)) {
          // One that says why the stream ends is no sign that the next will go on.
          if (event.type !== "error") failures = 0;
          options.onEvent(event);
        }
        lastId = parser.lastId === "" ? lastId : parser.lastId;
        asked = parser.retryMs;
      }
    } catch {
      // Whatever broke it, the answer is to open it again.
    } finally {
      around.clearTimeout(silence);
    }
    if (isClosed()) return;
    options.onState("broken");
    const wait = Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS);
    failures += 1;
    // Not all pages at once when a server comes back.
    timer = around.setTimeout(start, asked ?? wait * (0.75 + around.random() * 0.5));
  };
  const isClosed = () => closed;
  const start = () => void attempt();

  options.onState("connecting");
  start();
  return () => {
    closed = true;
    around.clearTimeout(timer);
    abort.abort();
  };
}
