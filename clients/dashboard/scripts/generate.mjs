// Makes src/api/schema.ts anew, from the OpenAPI document of the server: one that runs,
// named in LIVESPAN_HTTP_URL, or one that is started for it.
import { writeFileSync } from "node:fs";
import path from "node:path";
import openapiTS, { astToString } from "openapi-typescript";
import { Collector } from "./collector.mjs";

const HEAD = `// Generated from the server's /api/openapi.json by \`make clients-dashboard\`. Do not edit.
`;

/** The text of schema.ts for the server at \`url\`. */
export async function schema(/** @type {string} */ url) {
  const answer = await fetch(`${url}/api/openapi.json`);
  if (!answer.ok) throw new Error(`${url}/api/openapi.json: ${answer.status}`);
  // Every field of an answer is sent, also where it has its default.
  return HEAD + astToString(await openapiTS(await answer.json(), { alphabetize: true }));
}

if (process.argv[1] === import.meta.filename) {
  const running = process.env["LIVESPAN_HTTP_URL"];
  const collector = running ? null : new Collector();
  try {
    await collector?.start();
    writeFileSync(path.join(import.meta.dirname, "../src/api/schema.ts"), await schema(running ?? collector?.url ?? ""));
  } finally {
    await collector?.remove();
  }
}
