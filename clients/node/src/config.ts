// Where the collector is and how much may wait for it: what `configure` was told,
// then the LIVESPAN_ variables, then the defaults. What can't be used is said and
// ignored: wrong settings of the records must not keep the work from running.
import { readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

import { warn } from "./warning.js";

/** What `configure` takes. All of it is optional. */
export interface Options {
  /** The collector's gRPC address, `http://host:port` or `https://host:port`. LIVESPAN_SERVER. */
  server?: string;
  /** A token with the scopes that are needed. LIVESPAN_TOKEN. */
  token?: string;
  /** A file with the certificates, in PEM, that an https collector is trusted by. LIVESPAN_TLS_CA. */
  tlsCa?: string;
  /** How long an answer may take, in milliseconds; 10 s. LIVESPAN_TIMEOUT. */
  timeoutMs?: number;
  /** How often a running span gives a sign of life, in milliseconds; 10 s. LIVESPAN_HEARTBEAT. */
  heartbeatMs?: number;
  /** How long the process's end may wait for the collector, in milliseconds; 2 s. LIVESPAN_FLUSH_TIMEOUT. */
  flushTimeoutMs?: number;
  /** How many bytes of events may wait in memory; 8 MiB. */
  queueBytes?: number;
  /** The folder in which events wait for a collector that is away. LIVESPAN_SPOOL_DIR. */
  spoolDir?: string;
  /** How many bytes may wait there; 64 MiB. */
  spoolBytes?: number;
}

/** The settings, each of them known. Handed to the worker. */
export interface Settings {
  readonly server: string;
  readonly token: string | undefined;
  readonly tlsCa: string | undefined;
  readonly timeoutMs: number;
  readonly heartbeatMs: number;
  readonly flushTimeoutMs: number;
  readonly queueBytes: number;
  readonly spoolDir: string;
  readonly spoolBytes: number;
}

const DEFAULT_SERVER = "http://127.0.0.1:4317";

/** Puts options, variables and defaults together. */
export function settle(options: Options): Settings {
  const env = process.env;
  const folder = path.join(
    env["XDG_STATE_HOME"] || path.join(os.homedir(), ".local", "state"),
    "livespan",
    "spool",
  );
  const tlsCa = options.tlsCa ?? (env["LIVESPAN_TLS_CA"] || undefined);
  return {
    server: address("server", options.server) ?? address("LIVESPAN_SERVER", env["LIVESPAN_SERVER"]) ?? DEFAULT_SERVER,
    token: options.token ?? (env["LIVESPAN_TOKEN"] || undefined),
    tlsCa: tlsCa === undefined ? undefined : contents(tlsCa),
    timeoutMs: options.timeoutMs ?? duration("LIVESPAN_TIMEOUT") ?? 10_000,
    heartbeatMs: Math.max(options.heartbeatMs ?? duration("LIVESPAN_HEARTBEAT") ?? 10_000, 10),
    flushTimeoutMs: options.flushTimeoutMs ?? duration("LIVESPAN_FLUSH_TIMEOUT") ?? 2_000,
    queueBytes: options.queueBytes ?? 8 * 1024 * 1024,
    spoolDir: options.spoolDir ?? (env["LIVESPAN_SPOOL_DIR"] || folder),
    spoolBytes: options.spoolBytes ?? 64 * 1024 * 1024,
  };
}

/** An address without path, user or query; `host:port` alone is http. */
function address(name: string, text: string | undefined): string | undefined {
  if (!text) {
    return undefined;
  }
  try {
    const url = new URL(text.includes("://") ? text : `http://${text}`);
    const bare = url.pathname === "/" && !url.search && !url.username && !url.password;
    if (bare && (url.protocol === "http:" || url.protocol === "https:")) {
      return url.origin;
    }
  } catch {
    // Said below.
  }
  warn(name, `${name} is not an address and is ignored: write it as http://HOST:PORT`);
  return undefined;
}

/** Milliseconds of a text such as `500ms`, `10s`, `5m`. */
function duration(name: string): number | undefined {
  const text = process.env[name];
  if (!text) {
    return undefined;
  }
  const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  const [, amount, unit] = /^([0-9]+)(ms|s|m|h|d)$/.exec(text.trim()) ?? [];
  const factor = unit === undefined ? undefined : units[unit];
  if (amount === undefined || factor === undefined) {
    warn(name, `${name} is not a duration and is ignored: write it as 500ms, 10s or 5m`);
    return undefined;
  }
  return Number(amount) * factor;
}

function contents(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    warn("tlsCa", `the certificates of tlsCa (LIVESPAN_TLS_CA) can't be read: ${String(error)}`);
    return undefined;
  }
}
