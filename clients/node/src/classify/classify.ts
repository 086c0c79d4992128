// What a failure was: from the evidence to a reason code and kind. The knowledge
// is data (the table); this is only the order in which evidence is heard. The first
// piece that the table knows decides; vague pieces ("internal error") are kept for
// the case that nothing after them says more. Held to tests/vectors/classifier.json.
import type { ReasonKind } from "./rule.js";
import {
  type Row, rowOfCicd, rowOfClass, rowOfClassWithPhrase, rowOfCode, rowOfExit, rowOfGrpc,
  rowOfHttp, rowOfPhrase, rowOfSqlstate, rowOfToken,
} from "./table.js";

/** How much of a message is read: what went wrong stands at the top. */
const MESSAGE_LIMIT = 64 * 1024;

/** Everything that may say why a step failed; all of it is optional. */
export interface Failure {
  readonly reason_code?: string | undefined;
  readonly reason_kind?: ReasonKind | undefined;
  /** A class name, an HTTP or gRPC status, an errno. */
  readonly error_type?: string | undefined;
  /** A gRPC status, by number or name. */
  readonly rpc_status_code?: string | undefined;
  readonly http_status_code?: number | undefined;
  /** 128 + n, or -n, for signal n. */
  readonly exit_code?: number | undefined;
  readonly exception_type?: string | undefined;
  readonly exception_message?: string | undefined;
  readonly cicd_result?: string | undefined;
  readonly message?: string | undefined;
}

/** The verdict on a failure. */
export interface Classification {
  /** Snake-case code to group by; `unknown` when nothing was recognised. */
  readonly reason_code: string;
  /** Whether a retry is worth it. */
  readonly reason_kind: ReasonKind;
  /** The work was stopped on purpose: it is CANCELLED, not FAILED. */
  readonly cancelled: boolean;
}

/** Names the reason of a failure. Never throws. */
export function classify(failure: Failure): Classification {
  const kind = failure.reason_kind === "UNKNOWN" ? undefined : failure.reason_kind;
  const code = given(failure.reason_code);
  if (code !== undefined) {
    const known = rowOfCode(code);
    return {
      reason_code: code,
      reason_kind: kind ?? known?.kind ?? "UNKNOWN",
      cancelled: known?.cancelled ?? false,
    };
  }
  const row = weigh(failure);
  if (row) {
    return { reason_code: row.code, reason_kind: kind ?? row.kind, cancelled: row.cancelled };
  }
  return {
    reason_code: kind?.toLowerCase() ?? "unknown",
    reason_kind: kind ?? "UNKNOWN",
    cancelled: false,
  };
}

/** Hears the evidence in its order: the first definite finding, else the first vague one. */
function weigh(failure: Failure): Row | undefined {
  const error = given(failure.error_type);
  const rpc = given(failure.rpc_status_code);
  const type = given(failure.exception_type);
  const messages = [failure.exception_message, failure.message];
  const steps: (() => Row | undefined)[] = [
    () => (error === undefined || error === "_OTHER" ? undefined : byName(error, messages)),
    () => (rpc === undefined ? undefined : rowOfGrpc(/^\d+$/.test(rpc) ? Number(rpc) : rpc)),
    () => (failure.http_status_code === undefined ? undefined : rowOfHttp(failure.http_status_code)),
    () => byExitCode(failure.exit_code),
    () => (type === undefined ? undefined : byName(type, messages)),
    () => byMessage(failure.exception_message),
    () => rowOfCicd(given(failure.cicd_result) ?? ""),
    () => byMessage(failure.message),
  ];
  let vague: Row | undefined;
  for (const step of steps) {
    const row = step();
    if (row && !row.vague) {
      return row;
    }
    vague ??= row;
  }
  return vague;
}

/**
 * `error.type` holds whatever an instrumentation found most telling, and
 * `exception.type` the error's code where the language has those (`ENOENT`).
 */
function byName(name: string, messages: (string | undefined)[]): Row | undefined {
  if (/^[1-5][0-9]{2}$/.test(name)) {
    return rowOfHttp(Number(name));
  }
  return (
    rowOfToken(name) ??
    rowOfSqlstate(name) ??
    rowOfCode(name) ??
    byClass(name, messages) ??
    rowOfGrpc(name)
  );
}

function byExitCode(code: number | undefined): Row | undefined {
  if (code === undefined) {
    return undefined;
  }
  // Some runtimes say -9 where a shell says 137.
  return rowOfExit(code >= -64 && code < 0 ? 128 - code : code);
}

function byClass(name: string, messages: (string | undefined)[]): Row | undefined {
  // Go prints `*net.OpError`, C++ and .NET append type arguments.
  const bare = (name.replace(/^[*&]+/, "").split(/[<`[(]/)[0] ?? name).trim();
  for (const message of messages) {
    const hit = message === undefined ? undefined : rowOfClassWithPhrase(bare, head(message));
    if (hit) {
      return hit.row;
    }
  }
  return rowOfClass(bare);
}

/** Error constants first, then class names, then phrases: from what means one thing to plain English. */
function byMessage(text: string | undefined): Row | undefined {
  const trimmed = given(text);
  if (trimmed === undefined) {
    return undefined;
  }
  const message = head(trimmed);
  const words = [...message.matchAll(/[A-Za-z0-9_]+/g)];
  for (const { 0: word, index } of words) {
    const state = rowOfSqlstate(word);
    const row = rowOfToken(word) ?? (state && namesASqlstate(message, index, word) ? state : undefined);
    if (row) {
      return row;
    }
  }
  let vague: Row | undefined;
  for (const { 0: word } of words) {
    const row = looksLikeAClass(word) ? byClass(word, [message]) : undefined;
    if (row && !row.vague) {
      return row;
    }
    vague ??= row;
  }
  return rowOfPhrase(message)?.row ?? vague;
}

/** A text that says something. */
function given(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed === "" ? undefined : trimmed;
}

function head(message: string): string {
  return message.length > MESSAGE_LIMIT ? message.slice(0, MESSAGE_LIMIT) : message;
}

/** `40001` in a text is a number unless something calls it a code; `40P01` can be nothing else. */
function namesASqlstate(message: string, at: number, word: string): boolean {
  if (!/^[0-9]+$/.test(word)) {
    return true;
  }
  const before = message.slice(Math.max(0, at - 24), at);
  const label = before.replace(/[^\p{L}\p{N}]+$/u, "");
  const between = before.slice(label.length);
  const state = /(?:sqlstate|sql_state|sql state)$/i.test(label);
  // "code: '40001'", not "zip code 40001".
  return between.length <= 8 && (state || (/code$/i.test(label) && between !== " "));
}

/** Two capitals and a small letter: a class name, not a word that begins a sentence. */
function looksLikeAClass(word: string): boolean {
  return word.length >= 8 && /^[A-Z].*[A-Z]/.test(word) && /[a-z]/.test(word);
}
