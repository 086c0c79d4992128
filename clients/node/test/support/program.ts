// A program that uses the SDK, run as its users run theirs: as a process of its own.
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import readline from "node:readline";

import { CLIENT } from "./repository.js";

/** A running program. */
export class Program {
  readonly lines: string[] = [];
  stderr = "";
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;

  private constructor(readonly process: ChildProcess) {
    if (process.stdout) {
      readline.createInterface(process.stdout).on("line", (line) => this.lines.push(line));
    }
    process.stderr?.on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.ended = new Promise((resolve) =>
      process.once("close", (code, signal) => resolve(code ?? signal ?? -1)),
    );
  }

  /** Starts `test/programs/NAME.ts`, told of the collector by its variables. */
  static start(name: string, env: Record<string, string>, args: string[] = []): Program {
    const plain = Object.fromEntries(
      Object.entries(process.env).filter(([key]) => !/^(LIVESPAN_|TRACEPARENT)/.test(key)),
    ) as Record<string, string>;
    const file = path.join(CLIENT, "build/test/programs", `${name}.js`);
    return new Program(spawn(process.execPath, [file, ...args], { env: { ...plain, ...env } }));
  }

  /** What follows a word in its output, once it has said that. */
  said(word: string): string | undefined {
    return this.lines.find((line) => line.startsWith(`${word} `) || line === word)?.slice(word.length + 1);
  }

  say(line: string): void {
    this.process.stdin?.write(`${line}\n`);
  }
}
