// What the SDK has to say to a person, on standard error. Each subject once a
// process: whoever traces a million steps must not read a million lines.
import { writeSync } from "node:fs";

const said = new Set<string>();

/** Says a sentence, unless something of this subject was said before or LIVESPAN_QUIET is set. */
export function warn(subject: string, sentence: string): void {
  if (said.has(subject) || /^(1|true|yes|on|y|t)$/i.test(process.env["LIVESPAN_QUIET"] ?? "")) {
    return;
  }
  said.add(subject);
  try {
    // Not process.stderr: in the worker that waits for the main thread.
    writeSync(2, `livespan: ${sentence}\n`);
  } catch {
    // Nobody listens.
  }
}
