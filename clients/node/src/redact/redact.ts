// Removes secrets from everything before it is sent, written to disk or logged: by
// the name of the key that a value stands under, and by the look of the value
// itself. The server redacts again by the same rules; what never leaves the
// process needs no trust. Held to tests/vectors/redaction.json.
import { type Bytes, floorBoundary, fromBytes, toBytes } from "./bytes.js";
import { isCardNumber } from "./cards.js";
import { looksLikeJson, NotJson, redactedJson } from "./json.js";
import { isSecretKey } from "./keys.js";
import { MARKER } from "./marker.js";
import { findPairs } from "./pairs.js";
import type { Range } from "./range.js";
import { isClean, suspect } from "./screen.js";

export { MARKER } from "./marker.js";

/** A value that JSON has words for. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Longer texts are cut, in bytes. */
export const TEXT_LIMIT_BYTES = 4096;

/** How much of a text that is too long stays; the rest says how much was left out. */
const KEPT_BYTES = 4032;

/** Containers nested deeper are named in every case: recursion has a floor. */
export const MAX_LEVELS = 100;

/** How many strings inside strings are read as JSON. */
const MAX_PARSES = 3;

/** A text that still changes after so many looks is hostile and hidden as a whole. */
const MAX_LOOKS = 8;

/** Whether the value under this key is a secret whatever it looks like. */
export function isSecret(key: string): boolean {
  return isSecretKey(toBytes(key));
}

/** The text without secrets and not over {@link TEXT_LIMIT_BYTES}. Doing it twice changes nothing. */
export function redactText(text: string): string {
  const bytes = toBytes(text);
  if (bytes.length <= TEXT_LIMIT_BYTES && isClean(bytes)) {
    return text;
  }
  const settled = settle(bytes, (current) => {
    // The notice of an earlier cut isn't the text's own words: behind `password=`
    // it would pass for a secret.
    const [head, leftOut] = withoutNotice(current);
    const redacted = look(head, 0);
    if (redacted === undefined && current.length <= TEXT_LIMIT_BYTES) {
      return undefined;
    }
    return fitted(redacted ?? head, leftOut);
  });
  return fromBytes(settled);
}

/** The text without secrets at its whole length. */
export function redactWholeText(text: string): string {
  const bytes = toBytes(text);
  return isClean(bytes) ? text : fromBytes(settle(bytes, (current) => look(current, 0)));
}

/**
 * A copy without secrets, `levels` containers deep; deeper ones become
 * `[object: 5 keys]`. `null` and booleans stay even under a secret key: they say
 * whether there was one.
 */
export function redactValue(value: Json, levels: number): Json {
  if (value === null || typeof value === "boolean") {
    return value;
  }
  if (typeof value === "number") {
    return Number.isSafeInteger(value) && value > 0 && isCardNumber(String(value)) ? MARKER : value;
  }
  if (typeof value === "string") {
    return redactText(value);
  }
  if (Array.isArray(value)) {
    return levels === 0
      ? counted("array", value.length, "item")
      : value.map((item) => redactValue(item, levels - 1));
  }
  return levels === 0
    ? counted("object", Object.keys(value).length, "key")
    : redactFields(value, levels - 1);
}

function redactFields(fields: { [key: string]: Json }, levels: number): Json {
  const redacted = new Map<string, Json>();
  let doubles = 1;
  for (const [key, value] of Object.entries(fields)) {
    let name = redactWholeText(key);
    // Both spellings, so that a second redaction decides the same.
    const secret = isSecret(key) || isSecret(name);
    const plain = value === null || typeof value === "boolean";
    // Two keys that were secrets themselves must not become one field.
    while (redacted.has(name)) {
      doubles += 1;
      name = `${MARKER} (${doubles})`;
    }
    redacted.set(name, plain ? value : secret ? MARKER : redactValue(value, levels));
  }
  return Object.fromEntries(redacted);
}

/** Repeats a look until it changes nothing: removing one secret can uncover another's edge. */
function settle(text: Bytes, lookAt: (text: Bytes) => Bytes | undefined): Bytes {
  let settled = text;
  for (let looks = 0; looks < MAX_LOOKS; looks += 1) {
    const next = lookAt(settled);
    if (next === undefined || next === settled) {
      return settled;
    }
    settled = next;
  }
  return MARKER;
}

/** One pass; nothing when there is nothing to redact. `parses` counts strings around this one. */
function look(text: Bytes, parses: number): Bytes | undefined {
  if (isClean(text)) {
    return undefined;
  }
  if (parses < MAX_PARSES && looksLikeJson(text)) {
    try {
      return redactedJson(text, (inner) => look(inner, parses + 1));
    } catch (error) {
      if (!(error instanceof NotJson)) {
        throw error;
      }
    }
  }
  const found: Range[] = [];
  if (suspect(text, found)) {
    findPairs(text, found);
  }
  return replaced(text, found);
}

/** Replaces ranges, overlapping and touching ones by one marker. */
function replaced(text: Bytes, found: Range[]): Bytes | undefined {
  if (found.length === 0) {
    return undefined;
  }
  found.sort((one, other) => one[0] - other[0]);
  let result = "";
  let keptTo = 0;
  for (let index = 0; index < found.length; ) {
    const [start, first] = found[index] ?? [0, 0];
    let end = first;
    for (index += 1; index < found.length && (found[index]?.[0] ?? 0) <= end; index += 1) {
      end = Math.max(end, found[index]?.[1] ?? 0);
    }
    result += text.slice(keptTo, start) + MARKER;
    keptTo = end;
  }
  return result + text.slice(keptTo);
}

/** The text cut to the limit, with a notice of how much was left out, here and earlier. */
function fitted(text: Bytes, leftOut: number | undefined): Bytes {
  const fits = text.length <= (leftOut === undefined ? TEXT_LIMIT_BYTES : KEPT_BYTES);
  const kept = fits ? text.length : cut(text);
  const head = text.slice(0, kept);
  const bytes = (leftOut ?? 0) + text.length - kept;
  return bytes === 0 ? head : `${head} [TRUNCATED: ${bytes} bytes left out]`;
}

/** Where to cut: between characters, and not within a marker, which would no longer be one. */
function cut(text: Bytes): number {
  const kept = floorBoundary(text, KEPT_BYTES);
  const near = kept - (MARKER.length - 1);
  const marker = text.slice(near, kept + MARKER.length - 1).indexOf(MARKER);
  return marker < 0 ? kept : near + marker;
}

/** Splits off the notice of an earlier cut and reads its number. */
function withoutNotice(text: Bytes): [Bytes, number | undefined] {
  const notice = / \[TRUNCATED: ([0-9]{1,12}) bytes left out\]$/.exec(text);
  const bytes = Number(notice?.[1]);
  return notice && bytes > 0 ? [text.slice(0, notice.index), bytes] : [text, undefined];
}

function counted(container: string, count: number, member: string): string {
  return `[${container}: ${count} ${member}${count === 1 ? "" : "s"}]`;
}
