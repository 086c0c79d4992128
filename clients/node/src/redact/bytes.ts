// Texts as the server reads them: byte by byte of their UTF-8. A byte string
// holds one byte a character, so that offsets, limits and ASCII classes mean
// the same here as there.

/** A text whose characters are the bytes of its UTF-8. */
export type Bytes = string;

const ASCII = /^[\x00-\x7f]*$/;

/** The bytes of a text; the text itself where it is ASCII, as most are. */
export function toBytes(text: string): Bytes {
  return ASCII.test(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** The text of bytes; bytes that are no UTF-8 become U+FFFD. */
export function fromBytes(bytes: Bytes): string {
  return ASCII.test(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}

/** Where the first match of a sticky expression from `from` ends; `from` where there is none. */
export function run(text: Bytes, from: number, sticky: RegExp): number {
  sticky.lastIndex = from;
  return sticky.test(text) ? sticky.lastIndex : from;
}

/** The greatest place up to `at` that is not within a character. */
export function floorBoundary(text: Bytes, at: number): number {
  if (at >= text.length) {
    return text.length;
  }
  while (at > 0 && isContinuation(text.charCodeAt(at))) {
    at -= 1;
  }
  return at;
}

/** The least place from `at` that is not within a character. */
export function ceilBoundary(text: Bytes, at: number): number {
  while (at < text.length && isContinuation(text.charCodeAt(at))) {
    at += 1;
  }
  return Math.min(at, text.length);
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
