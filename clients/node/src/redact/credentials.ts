// Secrets that are known by their own look, whatever stands around them.
//
// Every finder is called at an anchor and must stay linear over the text: it
// either consumes what it read, or remembers how far reading was in vain.
import { type Bytes, run } from "./bytes.js";
import type { Range } from "./range.js";
import { type Alphabet, SLUG, type TokenShape } from "./tokens.js";

const WORD = /[A-Za-z0-9]/;
const BLANKS = /[ \t]+/y;
const CREDENTIALS = /[A-Za-z0-9_.~+/=-]+/y;
const AUTHORITY = /[^ \t\n\f\r/?#"'<>`\\]+/y;
const LABEL = /[ A-Z]+/y;
const DASHES = /-+/y;
const PATH = /[A-Za-z0-9_/-]+/y;

/** Reads one text; remembers what it consumed. */
export class Scan {
  /** Everything before this is redacted already. */
  private done = 0;
  /** A JWT's first part was sought in vain up to here. */
  private noJwt = 0;
  /** Tokens that need a digit found none up to here, by alphabet. */
  private readonly noDigit = new Map<Alphabet, number>();

  constructor(private readonly text: Bytes) {}

  /** No letter or digit stands before: not the end of a longer word. */
  private opens(at: number): boolean {
    return at === 0 || !WORD.test(this.text.charAt(at - 1));
  }

  private take(start: number, end: number): Range {
    this.done = Math.max(this.done, end);
    return [start, end];
  }

  /** A provider's key. */
  token(at: number, [prefix, min, alphabet, digit]: TokenShape): Range | undefined {
    const body = at + prefix.length;
    if (
      at < this.done ||
      !this.opens(at) ||
      !this.text.startsWith(prefix, at) ||
      (digit && body < (this.noDigit.get(alphabet) ?? 0))
    ) {
      return undefined;
    }
    const end = run(this.text, body, alphabet);
    if (digit && !/[0-9]/.test(this.text.slice(body, end))) {
      this.noDigit.set(alphabet, end);
      return undefined;
    }
    return end - body < min ? undefined : this.take(at, end);
  }

  /** Three base64url parts, the first beginning `{"`. */
  jwt(at: number): Range | undefined {
    const { text } = this;
    if (at < this.done || at < this.noJwt || !this.opens(at) || !text.startsWith("eyJ", at)) {
      return undefined;
    }
    const header = run(text, at, SLUG);
    const payload = run(text, header + 1, SLUG);
    if (text[header] !== "." || payload - (header + 1) < 2 || header - at < 8) {
      this.noJwt = header;
      return undefined;
    }
    let end = payload;
    // Two more parts where it is encrypted.
    for (let part = 0; part < 3 && text[end] === "."; part += 1) {
      const next = run(text, end + 1, SLUG);
      // A sentence may end in a full stop.
      if (next === end + 1 && text[next] !== ".") {
        break;
      }
      end = next;
    }
    return this.take(at, end);
  }

  /** A private key block, to its END line or else to the end: a key that was cut is still a key. */
  privateKey(at: number): Range | undefined {
    const { text } = this;
    if (at < this.done) {
      return undefined;
    }
    const title = text.slice(at, at + 80);
    const titleEnd = title.indexOf("PRIVATE KEY");
    if (titleEnd < 0 || !/^[A-Z -]*$/.test(title.slice(0, titleEnd))) {
      return undefined;
    }
    const footer = text.indexOf("-----END", at + titleEnd);
    if (footer < 0) {
      return this.take(at, text.length);
    }
    return this.take(at, run(text, run(text, footer + "-----END".length, LABEL), DASHES));
  }

  /** The password in `scheme://user:password@host`; `from` is behind `://`. */
  urlPassword(from: number): Range | undefined {
    const authority = this.text.slice(from, run(this.text, from, AUTHORITY));
    const at = authority.lastIndexOf("@");
    const colon = authority.indexOf(":");
    return at >= 0 && colon >= 0 && colon + 1 < at ? [from + colon + 1, from + at] : undefined;
  }

  /** The credentials after a scheme's name. */
  private schemeCredentials(start: number, end: number): Range | undefined {
    if (end < this.done || !this.opens(start)) {
      return undefined;
    }
    let from = run(this.text, end, BLANKS);
    if (from === end) {
      if (!this.text.startsWith("%20", end)) {
        return undefined;
      }
      from = end + 3;
    }
    return [from, run(this.text, from, CREDENTIALS)];
  }

  /** `Bearer …`; "bearer authentication failed" is a sentence. */
  bearer(start: number, end: number): Range | undefined {
    const range = this.schemeCredentials(start, end);
    if (!range) {
      return undefined;
    }
    const token = this.text.slice(...range);
    const telling = /[0-9_=+/]/.test(token);
    return token.length >= 16 || (token.length >= 6 && telling) ? this.take(...range) : undefined;
  }

  /** `Basic …` with base64 that decodes to `user:password`. */
  basic(start: number, end: number): Range | undefined {
    const range = this.schemeCredentials(start, end);
    if (!range || range[1] - range[0] < 4 || !decodesToColon(this.text.slice(...range))) {
      return undefined;
    }
    return this.take(...range);
  }

  /** An Entra ID client secret: three characters, `8Q~`, 31 to 34 more. */
  azureSecret(at: number): Range | undefined {
    const start = at - 3;
    // Bounded: such a secret has 40 characters, and anchors may repeat.
    const end = at + (/^[A-Za-z0-9_~.-]*/.exec(this.text.slice(at, at + 48))?.[0].length ?? 0);
    const whole =
      start >= this.done &&
      /^[A-Za-z0-9_~.-]{3}8Q~/.test(this.text.slice(start, at + 3)) &&
      end - start >= 37 &&
      end - start <= 44;
    return whole ? this.take(start, end) : undefined;
  }

  /** What follows a chat webhook's host is its only secret. */
  webhook(from: number): Range | undefined {
    const end = run(this.text, from, PATH);
    return from < this.done || end - from < 16 ? undefined : this.take(from, end);
  }
}

/** Whether base64 text holds a colon once decoded, up to the first byte that is no base64. */
function decodesToColon(text: Bytes): boolean {
  const base64 = /^[A-Za-z0-9+/_-]*/.exec(text)?.[0] ?? "";
  return Buffer.from(base64, "base64").includes(":");
}
