// A collector of a test's own, with a private Postgres: the binary in LIVESPAN_BIN, else
// target/debug/livespan.
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";

export const REPOSITORY = path.join(import.meta.dirname, "..", "..", "..");

/** The first start makes a cluster, on a machine that may be busy. */
const START_MS = 120_000;

/** The collector's program. */
export function binary() {
  const program = process.env["LIVESPAN_BIN"] ?? path.join(REPOSITORY, "target/debug/livespan");
  if (!existsSync(program)) throw new Error(`no ${program}: build it with cargo build, or name it in LIVESPAN_BIN`);
  return program;
}

/** Without what would have the program do something else than a test says. */
export function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("LIVESPAN_")));
}

export class Collector {
  #folder = mkdtempSync(path.join(os.tmpdir(), "livespan-dashboard-"));
  /** @type {import("node:child_process").ChildProcess | null} */
  #process = null;
  /** Kept from one start to the next, so that pages find it again. */
  httpAddress = "127.0.0.1:0";
  grpcAddress = "127.0.0.1:0";

  constructor() {
    // Started as root, the private Postgres runs as another user.
    chmodSync(this.#folder, 0o755);
  }

  get url() {
    return `http://${this.httpAddress}`;
  }

  /** Starts it, and waits until it serves. */
  async start() {
    const args = ["serve", "--data-dir", path.join(this.#folder, "data"), "--grpc-addr", this.grpcAddress, "--otlp-http-addr", "127.0.0.1:0", "--http-addr", this.httpAddress];
    const child = spawn(binary(), args, { env: environment(), stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    let log = "";
    await /** @type {Promise<void>} */ (
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`the collector did not start:\n${log}`)), START_MS);
        const read = (/** @type {Buffer} */ chunk) => {
          log = (log + chunk.toString()).slice(-100_000);
          // Colours may stand between name and value.
          // eslint-disable-next-line no-control-regex
          const plain = log.replace(/\u001b\[[0-9;]*m/g, "");
          const [grpc, http] = ["grpc_addr", "http_addr"].map((name) => new RegExp(`[ ]${name}="?([0-9.:]+)`).exec(plain)?.[1]);
          if (!grpc || !http) return;
          [this.grpcAddress, this.httpAddress] = [grpc, http];
          clearTimeout(late);
          resolve();
        };
        child.stdout.on("data", read);
        child.stderr.on("data", read);
        child.on("error", reject);
        child.on("exit", (code) => {
          clearTimeout(late);
          reject(new Error(`the collector ended with ${code}:\n${log}`));
        });
      })
    );
  }

  /** Ends it, in order or at once, and waits until it is gone. */
  async stop(/** @type {NodeJS.Signals} */ signal = "SIGTERM") {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
  }

  /** Ends it, and removes what it kept. */
  async remove() {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
