// Redaction against the vectors that the server shares (tests/vectors/redaction.json),
// and its promises over any input.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { isSecret, type Json, MAX_LEVELS, redactText, redactValue, redactWholeText } from "../src/redact/redact.js";
import { TOKENS } from "../src/redact/tokens.js";
import { sanitize } from "../src/sanitize.js";
import { REPOSITORY, vectors } from "./support/repository.js";

interface Vectors {
  secret_keys: string[];
  harmless_keys: string[];
  texts: { name: string; text: string; want: string; compare?: "json" }[];
  truncations: { name: string; before: string; unit: string; times: number; after: string; want: string }[];
  values: { name: string; value: Json; whole: Json; summary: Json }[];
}

const shared = vectors("redaction.json") as Vectors;

test("every key of the vectors is, or is not, a secret", () => {
  assert.deepEqual(shared.secret_keys.filter((key) => !isSecret(key)), []);
  assert.deepEqual(shared.harmless_keys.filter((key) => isSecret(key)), []);
});

test("every text of the vectors is redacted, and stays so", () => {
  assert.ok(shared.texts.length >= 150);
  for (const { name, text, want, compare } of shared.texts) {
    const once = redactText(text);
    if (compare === "json") {
      assert.deepEqual(JSON.parse(once), JSON.parse(want), name);
    } else {
      assert.equal(once, want, name);
    }
    assert.equal(redactText(once), once, name);
  }
});

test("every long text of the vectors is cut", () => {
  for (const { name, before, unit, times, after, want } of shared.truncations) {
    assert.equal(redactText(before + unit.repeat(times) + after), want, name);
  }
});

test("every value of the vectors is redacted in full and as a summary", () => {
  for (const { name, value, whole, summary } of shared.values) {
    assert.deepEqual(redactValue(value, MAX_LEVELS), whole, name);
    assert.deepEqual(redactValue(value, 3), summary, name);
    assert.deepEqual(sanitize(value), summary, name);
  }
});

test("the server's token shapes are these", () => {
  const source = readFileSync(path.join(REPOSITORY, "rules/src/redact/credentials.rs"), "utf8");
  const theirs = [...source.matchAll(/^    (shape|with_digit)\("([^"]+)", (\d+), \w+\),$/gm)].map(
    ([, kind, prefix, min]) => [prefix, Number(min), kind === "with_digit"],
  );
  assert.ok(theirs.length > 50);
  assert.deepEqual(TOKENS.map(([prefix, min, , digit]) => [prefix, min, digit ?? false]), theirs);
});

test("texts of pieces that redaction reacts to settle at once", () => {
  const pieces = [
    "password", "token", "api key", "=", ":", " ", '"', "\\", "{", "}", "[", "]", ",", "\n", "Bearer ",
    "Basic dXNlcjpwYXNz", "eyJhbGciOiJ9.", "AKIAIOSFODNN7EXAMPLE", "abc123", "://user:", "@host/",
    "-----BEGIN PRIVATE KEY-----", "4111 1111 1111 1111", "--secret ", "<password>", "[REDACTED]", "null",
    "é", "密码：", '{"a":"', '"}', "ghp_", "0123456789abcdefghij", "8Q~", "Some(", "超时",
  ];
  const seed = Number(process.env["LIVESPAN_TEST_SEED"] ?? Date.now() % 2 ** 31);
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let round = 0; round < 3000; round += 1) {
    const text = Array.from({ length: random(20) }, () => pieces[random(pieces.length)]).join("");
    const once = redactText(text);
    assert.equal(redactText(once), once, `LIVESPAN_TEST_SEED=${seed}: ${JSON.stringify(text)}`);
  }
});

test("hostile texts take linear time", () => {
  for (const unit of ["sk-", "eyJa.", "-----BEGIN ", "://a:", "token=", '{"password":', '["', "\\", "8Q~", "：", "-", "1"]) {
    const begun = Date.now();
    redactWholeText(unit.repeat(100_000 / unit.length));
    // A quadratic finder takes minutes.
    assert.ok(Date.now() - begun < 10_000, unit);
  }
});

test("a summary of anything is JSON", () => {
  const circular: Record<string, unknown> = { name: "loop" };
  circular["self"] = circular;
  const hostile = {
    circular, when: new Date(0), big: 12n, none: undefined, not: NaN, call: () => 1,
    map: new Map([["password", "x"]]), set: new Set([1]), bytes: new Uint8Array(3), error: new Error("boom"),
    get broken() {
      throw new Error("no");
    },
  };
  assert.deepEqual(sanitize(hostile), {
    circular: { name: "loop", self: "[circular]" }, when: "1970-01-01T00:00:00.000Z", big: "12",
    not: "NaN", call: "[function]", map: { password: "[REDACTED]" }, set: [1], bytes: "[bytes: 3]",
    error: { name: "Error", message: "boom" }, broken: "[unreadable]",
  });
});
