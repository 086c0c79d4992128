// Where the repository is, seen from the compiled tests.
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));

/** The folder of this client. */
export const CLIENT = path.resolve(here, "../../..");

/** The folder of the repository. */
export const REPOSITORY = path.resolve(CLIENT, "../..");

/** Shared test vectors. */
export function vectors(name: string): unknown {
  return JSON.parse(readFileSync(path.join(REPOSITORY, "tests/vectors", name), "utf8"));
}
