// The real collector, with a private Postgres, for tests: started, killed, started
// again on the same port.
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { REPOSITORY } from "./repository.js";

/** A collector of a test's own. */
export class Collector {
  private process: ChildProcess | undefined;
  private log = "";
  private readonly folder = mkdtempSync(path.join(os.tmpdir(), "livespan-node-test-"));

  private constructor(readonly port: number) {
    // Started as root, the private Postgres runs as another user.
    chmodSync(this.folder, 0o755);
  }

  /** One that is not running yet. */
  static async prepared(): Promise<Collector> {
    return new Collector(await freePort());
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts it and waits until it serves. */
  async start(): Promise<void> {
    const binary = process.env["LIVESPAN_BIN"] ?? path.join(REPOSITORY, "target/debug/livespan");
    if (!existsSync(binary)) {
      throw new Error(`no ${binary}: build it with cargo build, or name it in LIVESPAN_BIN`);
    }
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("LIVESPAN_")));
    const child = spawn(
      binary,
      ["serve", "--data-dir", path.join(this.folder, "data"), "--grpc-addr", this.address, "--otlp-http-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"],
      { env, stdio: ["ignore", "pipe", "pipe"] },
    );
    this.process = child;
    let log = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        log += chunk.toString();
        this.log = log;
      });
    }
    await eventually(60_000, "the collector serves", () => {
      if (child.exitCode !== null) {
        throw new Error(`the collector ended:\n${this.log}`);
      }
      return log.includes("grpc_addr=");
    });
  }

  /** Ends it at once (SIGKILL) or in order (SIGTERM), and waits until it is gone. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (child && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill(signal);
      await gone;
    }
  }

  /** Ends it and removes what it kept. */
  async remove(): Promise<void> {
    await this.stop("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits until something holds; an error that names it after so many milliseconds. */
export async function eventually<T>(ms: number, what: string, look: () => T | Promise<T>): Promise<NonNullable<T>> {
  const deadline = Date.now() + ms;
  let problem: unknown;
  do {
    const seen = await look();
    if (seen) {
      return seen;
    }
    problem = seen;
    await sleep(25);
  } while (Date.now() < deadline);
  throw new Error(`not within ${ms} ms: ${what} (${String(problem)})`);
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
