// Secrets that stand behind their key in free text: `password=…`,
// `"token": "…"`, `Authorization: …`, `--api-key …`, `<password>…`.
//
// Works from the separators outwards: a bounded look back for the key, a look
// ahead for the value, and on behind it. Each byte is read a bounded number of
// times. rules/src/redact/pairs.rs says the same in Rust.
import { type Bytes, ceilBoundary, run, toBytes } from "./bytes.js";
import { isSecretKey, phraseEndsInSecret } from "./keys.js";
import { MARKER } from "./marker.js";
import type { Range } from "./range.js";

/** How far back from a separator a key may begin, in bytes. */
const LOOK_BACK_BYTES = 96;

/** The full-width colon, U+FF1A. */
const WIDE_COLON = toBytes("：");

/** What may stand between a key and its value; a flag's value follows a space. */
const SEPARATOR = new RegExp(`[=:>]|--|${WIDE_COLON}`, "g");

const KEY_BYTES = /[A-Za-z0-9_.\x80-\xff-]+/y;
const SPACES = / +/y;
const BLANKS = /[ \t]+/y;
const NO_TAG = /[^<]+/y;
const NO_LINE_END = /[^\n\r]+/y;
const BACKSLASHES = /\\+/y;
/** White space as the server knows it is ASCII's, without the vertical tab. */
const PLAIN_STOP = /[ \t\n\f\r"'`,;&)\]}<>|]|\\["'nr]/g;

const NOTHING = new Set(["null", "none", "nil", "true", "false", "undefined", "<nil>", "<none>"]);
const SCHEMES = new Set(["bearer", "basic", "token", "digest", "negotiate", "apikey", "key"]);

/** Collects the values of secret keys. */
export function findPairs(text: Bytes, found: Range[]): void {
  let at = 0;
  for (;;) {
    SEPARATOR.lastIndex = at;
    const step = SEPARATOR.exec(text)?.index;
    if (step === undefined) {
      return;
    }
    const range = valueAt(text, step);
    if (range) {
      found.push(range);
    }
    at = Math.max(range?.[1] ?? 0, step + 1);
  }
}

function valueAt(text: Bytes, at: number): Range | undefined {
  const next = text[at + 1];
  let key: Key | undefined;
  let from = at + 1;
  switch (text[at]) {
    case "-": {
      // Bounded: a rule of dashes is no flag, and each dash is a step.
      const near = text.slice(at + 2, at + 2 + LOOK_BACK_BYTES);
      const end = at + 2 + run(near, 0, KEY_BYTES);
      from = run(text, end, SPACES);
      if (end === from || text[from] === undefined || text[from] === "-") {
        return undefined;
      }
      const word = text.slice(at + 2, end);
      key = word === "" ? undefined : { word, phrase: word, start: at + 2 };
      break;
    }
    case ">": {
      key = keyBefore(text, at);
      // Only an opening tag: `<password>`; not `a->token > 5`.
      if (!key || text[key.start - 1] !== "<" || !namesSecret(key)) {
        return undefined;
      }
      const end = run(text, at + 1, NO_TAG);
      return end > at + 1 ? [at + 1, end] : undefined;
    }
    case "=":
      if (next === "=") {
        return undefined;
      }
      key = keyBefore(text, at);
      from = next === ">" ? at + 2 : at + 1;
      break;
    case ":":
      if (next === ":" || text.startsWith("//", at + 1)) {
        return undefined;
      }
      key = keyBefore(text, at);
      from = next === "=" ? at + 2 : at + 1;
      break;
    default:
      key = keyBefore(text, at);
      from = at + WIDE_COLON.length;
  }
  if (!key) {
    return undefined;
  }
  const value = run(text, from, BLANKS);
  // The signature of a shared-access link: too short a name to believe
  // without a long value.
  const signature = key.word.toLowerCase() === "sig" && plainEnd(text, value) - value >= 20;
  if (!namesSecret(key) && !signature) {
    return undefined;
  }
  return rangeOf(text, value, isHeader(key) ? { start: key.start } : undefined);
}

/** The word before a separator, and the words of a sentence that it ends. */
interface Key {
  readonly word: Bytes;
  readonly phrase: Bytes;
  readonly start: number;
}

/** The key that ends at a separator, whatever closes it: `key=`, `"key" :`, `headers['key'] =`. */
function keyBefore(text: Bytes, separator: number): Key | undefined {
  const floor = ceilBoundary(text, Math.max(0, separator - LOOK_BACK_BYTES));
  const back = (from: number, holds: RegExp) => {
    while (from > floor && holds.test(text[from - 1] ?? "")) {
      from -= 1;
    }
    return from;
  };
  const spaced = back(separator, /[ \t]/);
  const end = back(spaced, /["'`\\\]]/);
  const start = back(end, /[A-Za-z0-9_.\x80-\xff-]/);
  if (start === end) {
    return undefined;
  }
  const word = text.slice(start, end);
  if (end === spaced) {
    // One more word: "api key: …", but also "unexpected token: …".
    const gap = back(start, / /);
    const more = back(gap, /[A-Za-z0-9_.\x80-\xff-]/);
    if (start - gap === 1 && more < gap) {
      return { word, phrase: text.slice(more, end), start };
    }
  }
  return { word, phrase: word, start };
}

function namesSecret(key: Key): boolean {
  if (key.word.toLowerCase() === "token") {
    return phraseEndsInSecret(key.phrase);
  }
  return (
    isSecretKey(key.word) || (key.phrase.length > key.word.length && phraseEndsInSecret(key.phrase))
  );
}

/** Headers whose value has spaces and runs to the end of the line. */
function isHeader(key: Key): boolean {
  return /(?:authorization|cookie)$/i.test(key.word);
}

/** Where a header begins: a quote right before that is the one that it stands in. */
interface Header {
  readonly start: number;
}

/** The bytes to redact; nothing where there is no value to hide. */
function rangeOf(text: Bytes, from: number, header: Header | undefined): Range | undefined {
  const first = text[from];
  if (first === undefined) {
    return undefined;
  }
  // An escaped quote opens a value inside a quoted text: `\"`, `\\\"`.
  const slashes = run(text, from, BACKSLASHES);
  const opener = text[slashes];
  if (isQuote(opener)) {
    const open = slashes + 1;
    const end = quotedEnd(text, open, opener, slashes - from);
    return end > open ? [open, end] : undefined;
  }
  let end: number;
  if (header) {
    end = headerEnd(text, from, header);
  } else if (text.startsWith(MARKER, from)) {
    end = plainEnd(text, from + MARKER.length);
  } else if (first === "{" || first === "[") {
    end = bracketedEnd(text, from);
  } else {
    end = wrappedEnd(text, from, withScheme(text, from, plainEnd(text, from)));
  }
  while (end > from && /[ \t\\]/.test(text[end - 1] ?? "")) {
    end -= 1;
  }
  return end > from && !NOTHING.has(text.slice(from, Math.min(end, from + 16)).toLowerCase())
    ? [from, end]
    : undefined;
}

/**
 * The end of the line, or the quote that the header stands in. Quotes behind `=` are a
 * parameter's: `Digest username="…", response="…"`.
 */
function headerEnd(text: Bytes, from: number, header: Header): number {
  const end = run(text, from, NO_LINE_END);
  const line = text.slice(from, end);
  const enclosing = text[header.start - 1];
  const enclosingSlashes = slashesBefore(text, header.start - 1);
  let at = 0;
  while (at < line.length) {
    const quote = line[at];
    if (!isQuote(quote)) {
      at += 1;
      continue;
    }
    const slashes = slashesBefore(line, at);
    const isEnclosing = quote === enclosing && slashes === enclosingSlashes;
    if (line[at - slashes - 1] !== "=" || isEnclosing) {
      return from + at;
    }
    at = quotedEnd(line, at + 1, quote, slashes) + slashes + 1;
  }
  return end;
}

/** How many backslashes escape what stands there. */
function slashesBefore(text: Bytes, at: number): number {
  let slashes = 0;
  while (text[at - slashes - 1] === "\\") {
    slashes += 1;
  }
  return slashes;
}

function isQuote(character: string | undefined): character is string {
  return character === '"' || character === "'" || character === "`";
}

/** The closing quote: one with as many backslashes before it as the opening one, or the end. */
function quotedEnd(text: Bytes, open: number, quote: string, slashes: number): number {
  let before = 0;
  let at = open;
  for (; at < text.length; at += 1) {
    if (text[at] === quote && before <= slashes && before % 2 === slashes % 2) {
      return at - before;
    }
    before = text[at] === "\\" ? before + 1 : 0;
  }
  return at;
}

/** The end of an unquoted word. */
function plainEnd(text: Bytes, from: number): number {
  PLAIN_STOP.lastIndex = from;
  return PLAIN_STOP.exec(text)?.index ?? text.length;
}

/** `Bearer abc`: the scheme's name isn't the secret, the next word is. */
function withScheme(text: Bytes, from: number, end: number): number {
  const scheme = end - from <= 9 && SCHEMES.has(text.slice(from, end).toLowerCase());
  return scheme && text[end] === " " ? plainEnd(text, end + 1) : end;
}

/** `Some("x")`, `b'x'`: the quoted rest belongs to the value. */
function wrappedEnd(text: Bytes, from: number, end: number): number {
  const quote = text[end];
  const prefix =
    end > from && (text[end - 1] === "(" || (end - from <= 2 && /^[bruf]+$/i.test(text.slice(from, end))));
  return isQuote(quote) && prefix
    ? Math.min(quotedEnd(text, end + 1, quote, 0) + 1, text.length)
    : end;
}

/** The bracket that closes an object or list, or the end of the text. */
function bracketedEnd(text: Bytes, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "{" || text[at] === "[") {
      depth += 1;
    } else if (text[at] === "}" || text[at] === "]") {
      depth = Math.max(0, depth - 1);
    }
    if (depth === 0) {
      return at + 1;
    }
  }
  return text.length;
}
