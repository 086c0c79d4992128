// The classifier's look-ups, compiled from the table's rows. The same is done in
// the Rust's rules/src/classify/table.rs; the shared vectors hold both to it.
import { RULES } from "../gen/classify_rules.js";
import type { ReasonKind } from "./rule.js";

/** gRPC's status names by number (google.rpc.Code). OK decides nothing. */
const GRPC_NAMES = [
  "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
  "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
  "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
];

/** How messages spell an HTTP status; `{}` is the number. */
const HTTP_SPELLINGS = [
  "status code {}", "status code: {}", "status code {}:", "status={}", "http {}", "http/1.1 {}",
  "http/2 {}", "http status {}", "http status: {}", "http error {}", "error code: {}",
  "{} client error", "{} server error",
];

/** How messages spell an exit code. */
const EXIT_SPELLINGS = [
  "exit code {}", "exit code: {}", "exit status {}", "exit status: {}", "exited with code {}",
  "exited with status {}",
];

/** A compiled row: what evidence that leads to it decides. */
export interface Row {
  /** Its place: smaller is nearer the top. */
  readonly place: number;
  /** What failures are grouped by. */
  readonly code: string;
  /** Whether a retry is worth it. */
  readonly kind: ReasonKind;
  /** The work was stopped on purpose. */
  readonly cancelled: boolean;
  /** Decides only where nothing later does. */
  readonly vague: boolean;
}

interface Phrase {
  readonly text: string;
  readonly row: Row;
}

const codes = new Map<string, Row>();
const grpc = new Map<string, Row>();
const http = new Map<number, Row>();
const exit = new Map<number, Row>();
const cicd = new Map<string, Row>();
const tokens = new Map<string, Row>();
const sqlstates = new Map<string, Row>();
const classes = new Map<string, Row>();
const endings: Phrase[] = [];
const narrowed = new Map<string, Phrase[]>();
const phrases: Phrase[] = [];

for (const [place, rule] of RULES.entries()) {
  const known = codes.get(rule.reason_code);
  const row: Row = {
    place,
    code: rule.reason_code,
    kind: known?.kind ?? (rule.reason_kind as ReasonKind),
    cancelled: known?.cancelled ?? rule.cancelled ?? false,
    vague: rule.vague ?? false,
  };
  if (!known) {
    codes.set(row.code, row);
  }
  const phrase = (text: string) => phrases.push({ text: text.trim().toLowerCase(), row });
  for (const name of rule.grpc ?? []) {
    grpc.set(grpcName(name) ?? name, row);
    // Go's spelling of a status in an error text.
    phrase(`code = ${(grpcName(name) ?? name).replaceAll("_", "")}`);
  }
  for (const status of rule.http ?? []) {
    http.set(status, row);
    HTTP_SPELLINGS.forEach((spelling) => phrase(spelling.replace("{}", String(status))));
  }
  for (const code of rule.exit ?? []) {
    exit.set(code, row);
    EXIT_SPELLINGS.forEach((spelling) => phrase(spelling.replace("{}", String(code))));
  }
  rule.cicd?.forEach((result) => cicd.set(result.trim().toLowerCase(), row));
  rule.tokens?.forEach((token) => tokens.set(token, row));
  rule.sqlstates?.forEach((state) => sqlstates.set(state, row));
  rule.phrases?.forEach(phrase);
  for (const name of rule.exceptions ?? []) {
    const key = name.trim().toLowerCase();
    const colon = key.indexOf(": ");
    if (colon >= 0) {
      const type = key.slice(0, colon).trim();
      const pairs = narrowed.get(type) ?? [];
      pairs.push({ text: key.slice(colon + 2).trim(), row });
      pairs.sort((one, other) => one.row.place - other.row.place || compare(one.text, other.text));
      narrowed.set(type, pairs);
    } else if (key.startsWith("*")) {
      endings.push({ text: key.slice(1), row });
    } else {
      classes.set(key, row);
    }
  }
}
// The longest ending is the most specific; then the order of the rows.
endings.sort(
  (one, other) =>
    other.text.length - one.text.length ||
    one.row.place - other.row.place ||
    compare(one.text, other.text),
);
phrases.sort((one, other) => one.row.place - other.row.place || compare(one.text, other.text));

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** What a reason code means, in any case. */
export function rowOfCode(code: string): Row | undefined {
  return codes.get(code.trim().toLowerCase());
}

/** The row of a gRPC status, by number or by name in whatever spelling. */
export function rowOfGrpc(status: string | number): Row | undefined {
  const name = typeof status === "number" ? GRPC_NAMES[status] : grpcName(status);
  return name === undefined ? undefined : grpc.get(name);
}

/** The row of an HTTP status. */
export function rowOfHttp(status: number): Row | undefined {
  return http.get(status);
}

/** The row of a process's exit code. */
export function rowOfExit(code: number): Row | undefined {
  return exit.get(code);
}

/** The row of a pipeline task's result. */
export function rowOfCicd(result: string): Row | undefined {
  return cicd.get(result.toLowerCase());
}

/** The row of an error constant. */
export function rowOfToken(word: string): Row | undefined {
  return tokens.get(word);
}

/** The row of an SQLSTATE. */
export function rowOfSqlstate(word: string): Row | undefined {
  return sqlstates.get(word);
}

/** The row of a class name: whole, then its last segment, then by its ending. */
export function rowOfClass(name: string): Row | undefined {
  const whole = name.toLowerCase();
  const last = lastSegment(whole);
  return (
    classes.get(whole) ??
    classes.get(last) ??
    endings.find(({ text }) => last.endsWith(text))?.row
  );
}

/** The row of a class name whose meaning the message narrows, and the phrase. */
export function rowOfClassWithPhrase(name: string, message: string): Phrase | undefined {
  const whole = name.toLowerCase();
  const lower = message.toLowerCase();
  const pairs = narrowed.get(whole) ?? narrowed.get(lastSegment(whole));
  return pairs?.find(({ text }) => lower.includes(text));
}

/** The topmost row a phrase of which occurs as whole words. */
export function rowOfPhrase(message: string): Phrase | undefined {
  const lower = message.toLowerCase();
  return phrases.find(({ text }) => {
    for (let at = lower.indexOf(text); at >= 0; at = lower.indexOf(text, at + 1)) {
      if (standsAlone(lower, at, at + text.length)) {
        return true;
      }
    }
    return false;
  });
}

/** The canonical name of a gRPC status: `DeadlineExceeded`, `StatusCode.NOT_FOUND`, `canceled`. */
function grpcName(name: string): string | undefined {
  const plain = (text: string) => text.replace(/[^A-Za-z0-9]/g, "").toUpperCase();
  const spelled = plain(lastSegment(name.trim()));
  const wanted = spelled === "CANCELED" ? "CANCELLED" : spelled;
  return GRPC_NAMES.slice(1).find((known) => plain(known) === wanted);
}

/** What stands after the last separator that any language puts before a class. */
function lastSegment(name: string): string {
  return name.split(/[.:$/\\]/).at(-1) ?? name;
}

/**
 * Whether a hit is words of its own, not a piece of a longer word, a flag
 * (`--timeout`), a setting (`timeout=30`), a path or a host name.
 */
function standsAlone(text: string, start: number, end: number): boolean {
  const word = (at: number) => /[A-Za-z0-9_]/.test(text.charAt(at));
  const glue = (at: number) => /[A-Za-z0-9_\-/\\]/.test(text.charAt(at));
  const open = !word(start) || start === 0 || !(glue(start - 1) || text[start - 1] === ".");
  const closed =
    !word(end - 1) ||
    !(glue(end) || text[end] === "=" || (text[end] === "." && word(end + 1)));
  return open && closed;
}
