// Makes src/gen: the messages of proto/ and the classifier's table, so that
// neither is written a second time by hand. `make clients-node` runs it; a test
// runs it into another folder and compares.
//
// usage: node scripts/generate.mjs FOLDER
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { parse } from "smol-toml";

const client = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const repository = path.resolve(client, "../..");
const folder = path.resolve(process.argv[2] ?? path.join(client, "src/gen"));

for (const made of ["google", "livespan", "classify_rules.ts"]) {
  rmSync(path.join(folder, made), { recursive: true, force: true });
}
mkdirSync(folder, { recursive: true });

const template = {
  version: "v2",
  plugins: [
    {
      local: path.join(client, "node_modules/.bin/protoc-gen-es"),
      out: folder,
      opt: ["target=ts", "import_extension=js", "json_types=true"],
    },
  ],
};
const protos = ["proto/livespan/v1", "proto/google/api"];
execFileSync(
  path.join(client, "node_modules/.bin/buf"),
  ["generate", "proto", "--template", JSON.stringify(template), ...protos.flatMap((from) => ["--path", from])],
  { cwd: repository, stdio: "inherit" },
);

const table = parse(readFileSync(path.join(repository, "rules/src/classify_rules.toml"), "utf8"));
const rows = table.rule.map((row) => `  ${JSON.stringify(row)},`).join("\n");
writeFileSync(
  path.join(folder, "classify_rules.ts"),
  `// The failure classifier's table: a copy of rules/src/classify_rules.toml, whose
// head explains the fields. Made by scripts/generate.mjs; change the table there.
import type { Rule } from "../classify/rule.js";

/** The rows, from the top. */
export const RULES: readonly Rule[] = [
${rows}
];
`,
);
