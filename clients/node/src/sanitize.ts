// What may leave the process of a value: JSON, without secrets, cut to a depth.
import { type Json, redactValue } from "./redact/redact.js";

/**
 * A copy of anything as JSON without secrets: values under secret keys (password,
 * token, authorization, cookie, api_key, …) and secrets within texts become
 * `[REDACTED]`, texts over 4 KiB are cut and say so, and what lies deeper than
 * `maxDepth` containers is named instead of shown. Never throws.
 */
export function sanitize(value: unknown, maxDepth = 3): Json {
  return redactValue(plain(value, maxDepth + 1, new Set()), maxDepth);
}

/** The same of an object's fields; anything else stands under `value`. Nothing of nothing. */
export function sanitizeFields(value: unknown, maxDepth = 3): { [key: string]: Json } | undefined {
  if (value === undefined) {
    return undefined;
  }
  const clean = sanitize(value, maxDepth);
  return typeof clean === "object" && clean !== null && !Array.isArray(clean) ? clean : { value: clean };
}

/** As JSON would have it; what JSON has no words for is named. `around` are the containers it is in. */
function plain(value: unknown, levels: number, around: Set<object>): Json {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "bigint":
      return value.toString();
    case "object":
      return value === null ? null : plainObject(value, levels, around);
    case "undefined":
      return null;
    default:
      return `[${typeof value}]`;
  }
}

function plainObject(value: object, levels: number, around: Set<object>): Json {
  if (around.has(value)) {
    return "[circular]";
  }
  const inner = new Set(around).add(value);
  try {
    if (value instanceof Error) {
      return { name: value.name, message: value.message };
    }
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      return `[bytes: ${value.byteLength}]`;
    }
    if (value instanceof Map) {
      return plainFields([...value].map(([key, item]) => [String(key), item as unknown]), levels, inner);
    }
    const items = value instanceof Set ? [...value] : value;
    if (Array.isArray(items)) {
      // Deeper than is shown: only how many there are counts.
      return items.map((item: unknown) => (levels > 0 ? plain(item, levels - 1, inner) : null));
    }
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") {
      return plain(toJSON.call(value), levels, inner);
    }
    const fields = Object.keys(value).map((key): [string, unknown] => [key, fieldOf(value, key)]);
    return plainFields(fields, levels, inner);
  } catch {
    return "[unreadable]";
  }
}

/** A getter may throw; that costs its field alone. */
function fieldOf(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key];
  } catch {
    return "[unreadable]";
  }
}

function plainFields(fields: [string, unknown][], levels: number, around: Set<object>): Json {
  const said = fields.filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    said.map(([key, item]) => [key, levels > 0 ? plain(item, levels - 1, around) : null]),
  );
}
