// Compresses the built page, takes away what an older build left, and holds it to its
// size: what the first paint needs must stay small.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const dist = path.join(import.meta.dirname, "..", "dist");

/** What is fetched before the first paint, gzipped. */
const FIRST_PAINT_BYTES = 250_000;

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    return entry.isDirectory() ? files(file) : [file];
  });
}

const html = readFileSync(path.join(dist, "index.html"), "utf8");
const built = files(dist).filter((file) => !/\.(br|gz)$|README\.md$/.test(file));

// Vite doesn't empty the folder. A file is this build's where another names it.
const texts = new Map(built.map((file) => [file, /\.(js|css|html)$/.test(file) ? readFileSync(file, "utf8") : ""]));
const needed = new Set([path.join(dist, "index.html")]);
for (const file of needed) {
  const text = texts.get(file) ?? "";
  for (const other of built) if (text.includes(path.basename(other))) needed.add(other);
}
for (const file of files(dist)) {
  const source = file.replace(/\.(br|gz)$/, "");
  if (!needed.has(source) && !file.endsWith("README.md")) rmSync(file);
}

let first = 0;
for (const file of needed) {
  const bytes = readFileSync(file);
  const gzip = gzipSync(bytes, { level: 9 });
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
  // What compression makes no smaller is sent as it is.
  for (const [ending, packed] of [["gz", gzip], ["br", brotli]]) {
    if (packed.length < bytes.length) writeFileSync(`${file}.${ending}`, packed);
    else rmSync(`${file}.${ending}`, { force: true });
  }
  const isFirst = file.endsWith("index.html") || html.includes(path.basename(file));
  if (isFirst) first += gzip.length;
  console.log(`${path.relative(dist, file).padEnd(40)} ${String(bytes.length).padStart(8)} ${String(gzip.length).padStart(8)} gz ${String(brotli.length).padStart(8)} br${isFirst ? "  first paint" : ""}`);
}
console.log(`first paint: ${first} bytes gzipped, of at most ${FIRST_PAINT_BYTES}`);
if (first > FIRST_PAINT_BYTES) {
  console.error("the first paint has grown too large: move what it doesn't need behind an import()");
  process.exitCode = 1;
}
