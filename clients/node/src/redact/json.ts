// Strings that hold JSON: secrets are found by key within, and everything else
// stays as it was written, byte for byte.
//
// The text is walked rather than parsed into values and written anew: a parser
// keeps the last of two equal keys, rounds long numbers and reorders, and each of
// these would change or hide what was said.
import { type Bytes, run, toBytes } from "./bytes.js";
import { isCardNumber } from "./cards.js";
import { isSecretKey } from "./keys.js";
import { MARKER } from "./marker.js";

/** Deeper nesting is read as plain text. */
const MAX_DEPTH = 128;

const SPACE = /[ \t\n\r]+/y;
const SCALAR = /[A-Za-z0-9+.-]+/y;
const NUMBER = /^-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;

/** The text is no JSON that this module reads. */
export class NotJson extends Error {}

/** Whether reading the text as JSON is worth a try. */
export function looksLikeJson(text: Bytes): boolean {
  const trimmed = text.replace(/^[ \t\n\f\r]+/, "").replace(/(?<![ \t\n\f\r])[ \t\n\f\r]+$/, "");
  return (
    (trimmed.startsWith("{") && trimmed.endsWith("}")) ||
    (trimmed.startsWith("[") && trimmed.endsWith("]"))
  );
}

/** Redacts the text of one string; nothing where there is nothing to redact. */
export type Look = (text: Bytes) => Bytes | undefined;

/**
 * The JSON without secrets, or nothing where it holds none.
 *
 * @throws NotJson where the text is none.
 */
export function redactedJson(text: Bytes, look: Look): Bytes | undefined {
  const walk = new Walk(text, 0, look);
  walk.space();
  walk.value(0);
  walk.space();
  if (walk.at !== text.length) {
    throw new NotJson();
  }
  return walk.rest();
}

class Walk {
  /** Everything before this is in `result`. */
  private keptTo = 0;
  private result = "";

  constructor(
    private readonly text: Bytes,
    public at: number,
    private readonly look: Look,
  ) {}

  rest(): Bytes | undefined {
    return this.keptTo === 0 ? undefined : this.result + this.text.slice(this.keptTo);
  }

  space(): void {
    this.at = run(this.text, this.at, SPACE);
  }

  private expect(character: string): void {
    if (this.text[this.at] !== character) {
      throw new NotJson();
    }
    this.at += 1;
  }

  /** Puts a string in place of the text from `start` to here. */
  private replace(start: number, by: Bytes): void {
    this.result += this.text.slice(this.keptTo, start) + JSON.stringify(by);
    this.keptTo = this.at;
  }

  value(depth: number): void {
    if (depth > MAX_DEPTH) {
      throw new NotJson();
    }
    const start = this.at;
    switch (this.text[start]) {
      case "{":
        return this.object(depth);
      case "[":
        return this.array(depth);
      case '"': {
        const redacted = this.look(unescaped(this.string()));
        if (redacted !== undefined) {
          this.replace(start, redacted);
        }
        return;
      }
      default: {
        const scalar = this.scalar();
        if (/^[0-9]+$/.test(scalar) && isCardNumber(scalar.replace(/^0+/, ""))) {
          this.replace(start, MARKER);
        }
      }
    }
  }

  private object(depth: number): void {
    this.expect("{");
    this.space();
    if (this.text[this.at] === "}") {
      return this.expect("}");
    }
    for (;;) {
      const start = this.at;
      const key = unescaped(this.string());
      const redacted = this.look(key);
      if (redacted !== undefined) {
        this.replace(start, redacted);
      }
      this.space();
      this.expect(":");
      this.space();
      this.field(key, depth + 1);
      this.space();
      if (this.text[this.at] !== ",") {
        return this.expect("}");
      }
      this.at += 1;
      this.space();
    }
  }

  private field(key: Bytes, depth: number): void {
    if (!isSecretKey(key)) {
      return this.value(depth);
    }
    // Past a value that is replaced as a whole, without looking into it.
    const start = this.at;
    const blind = new Walk(this.text, start, () => undefined);
    blind.value(depth);
    this.at = blind.at;
    if (!["null", "true", "false"].includes(this.text.slice(start, Math.min(this.at, start + 6)))) {
      this.replace(start, MARKER);
    }
  }

  private array(depth: number): void {
    this.expect("[");
    this.space();
    if (this.text[this.at] === "]") {
      return this.expect("]");
    }
    for (;;) {
      this.value(depth + 1);
      this.space();
      if (this.text[this.at] !== ",") {
        return this.expect("]");
      }
      this.at += 1;
      this.space();
    }
  }

  /** A string's inside as written, with its escapes. */
  private string(): Bytes {
    this.expect('"');
    const start = this.at;
    const special = /["\\]/g;
    for (;;) {
      special.lastIndex = this.at;
      const at = special.exec(this.text)?.index;
      if (at === undefined) {
        throw new NotJson();
      }
      this.at = at;
      if (this.text[at] === '"') {
        this.at += 1;
        return this.text.slice(start, at);
      }
      // Past the escape; a backslash at the very end is none.
      if (!(this.text.charCodeAt(at + 1) < 0x80)) {
        throw new NotJson();
      }
      this.at += 2;
    }
  }

  private scalar(): Bytes {
    const start = this.at;
    this.at = run(this.text, start, SCALAR);
    const scalar = this.text.slice(start, this.at);
    if (["null", "true", "false"].includes(scalar) || NUMBER.test(scalar)) {
      return scalar;
    }
    throw new NotJson();
  }
}

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" };

/** A string's inside without escapes. Half a surrogate pair becomes U+FFFD. */
function unescaped(inner: Bytes): Bytes {
  if (!inner.includes("\\")) {
    return inner;
  }
  return inner.replace(
    /(?:\\u[0-9A-Fa-f]{4})+|\\([^])/g,
    (escape: string, letter: string | undefined) => {
      if (letter === "u") {
        return toBytes("\ufffd");
      }
      if (letter !== undefined) {
        return ESCAPES[letter] ?? letter;
      }
      const units = escape.split("\\u").slice(1).map((unit) => parseInt(unit, 16));
      return toBytes(String.fromCharCode(...units));
    },
  );
}
