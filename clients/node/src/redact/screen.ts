// The gate of redaction: says whether a text can hold a secret at all, and where a
// credential may begin.
import type { Bytes } from "./bytes.js";
import { findCards } from "./cards.js";
import { Scan } from "./credentials.js";
import { KEY_PIECES } from "./pieces.js";
import type { Range } from "./range.js";
import { TOKENS } from "./tokens.js";

/** Looks at a place where a pattern stands, from its start to its end. */
type Finder = (scan: Scan, start: number, end: number) => Range | undefined;

interface Pattern {
  readonly text: Bytes;
  /** Absent for a piece of a secret key's name: look for `key=value`. */
  readonly find?: Finder;
  /** In a text without an at sign it means nothing: a URL that names no user. */
  readonly needsAt?: true;
}

const PATTERNS: readonly Pattern[] = [
  ...KEY_PIECES.map((text): Pattern => ({ text })),
  { text: "eyj", find: (scan, start) => scan.jwt(start) },
  { text: "-----begin", find: (scan, start) => scan.privateKey(start) },
  { text: "://", find: (scan, _, end) => scan.urlPassword(end), needsAt: true },
  { text: "bearer", find: (scan, start, end) => scan.bearer(start, end) },
  { text: "basic", find: (scan, start, end) => scan.basic(start, end) },
  { text: "8q~", find: (scan, start) => scan.azureSecret(start) },
  { text: "hooks.slack.com/", find: (scan, _, end) => scan.webhook(end) },
  ...TOKENS.map((shape): Pattern => ({
    text: shape[0].toLowerCase(),
    find: (scan, start) => scan.token(start, shape),
  })),
];

const BY_FIRST = new Map<string, Pattern[]>();
for (const pattern of PATTERNS) {
  const first = pattern.text.charAt(0);
  BY_FIRST.set(first, [...(BY_FIRST.get(first) ?? []), pattern]);
}

/** Matches, without width, wherever a pattern begins. */
const PLACES = new RegExp(
  `(?=${PATTERNS.map(({ text }) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")).join("|")})`,
  "gi",
);

/** What an earlier look at a text may go by: a text with none of it holds no secret. */
export function isClean(text: Bytes): boolean {
  const lower = text.toLowerCase();
  const noUser = !text.includes("@");
  for (const { index } of lower.matchAll(PLACES)) {
    if (patternsAt(lower, index).some((pattern) => !(pattern.needsAt && noUser))) {
      return false;
    }
  }
  return !mayHoldCard(text) && !/\\[u/]/.test(text);
}

/** Collects the credentials that stand by themselves; true when there may be pairs as well. */
export function suspect(text: Bytes, found: Range[]): boolean {
  const lower = text.toLowerCase();
  const scan = new Scan(text);
  let pairs = false;
  for (const { index } of lower.matchAll(PLACES)) {
    for (const pattern of patternsAt(lower, index)) {
      if (!pattern.find) {
        pairs = true;
        continue;
      }
      const range = pattern.find(scan, index, index + pattern.text.length);
      if (range) {
        found.push(range);
      }
    }
  }
  if (mayHoldCard(text)) {
    findCards(text, found);
  }
  return pairs;
}

function patternsAt(lower: Bytes, at: number): Pattern[] {
  return (BY_FIRST.get(lower.charAt(at)) ?? []).filter(({ text }) => lower.startsWith(text, at));
}

/** A text with fewer digits than a card's holds none; most have fewer. */
function mayHoldCard(text: Bytes): boolean {
  if (text.length < 13) {
    return false;
  }
  let digits = 0;
  for (let at = 0; at < text.length; at += 1) {
    const byte = text.charCodeAt(at);
    if (byte >= 48 && byte <= 57) {
      digits += 1;
    }
  }
  return digits >= 13;
}
