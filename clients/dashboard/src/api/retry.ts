// Whether the server has a call that retries runs, by its OpenAPI document: it may be
// older than this page, or have automatic retry switched off.

export interface RetryCall {
  path: string;
  /** Whether it takes how far back to look. */
  hasWindow: boolean;
}

type Json = Record<string, unknown>;
const object = (value: unknown): Json | null => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : null);

/** The call whose operation is RetryRuns and that takes a kind of failure; `null` where there is none. */
export function findRetry(document: unknown): RetryCall | null {
  const schemas = object(object(object(document)?.["components"])?.["schemas"]);
  for (const [path, item] of Object.entries(object(object(document)?.["paths"]) ?? {})) {
    const post = object(object(item)?.["post"]);
    const id = post?.["operationId"];
    if (!path.startsWith("/api/") || typeof id !== "string" || !/(^|[._/])RetryRuns$/.test(id)) continue;
    const body = object(object(object(object(post?.["requestBody"])?.["content"])?.["application/json"])?.["schema"]);
    const properties = propertiesOf(body, schemas);
    if (properties && "reason_kind" in properties) return { path, hasWindow: "window" in properties };
  }
  return null;
}

function propertiesOf(schema: Json | null, schemas: Json | null): Json | null {
  const reference = schema?.["$ref"];
  if (typeof reference !== "string") return object(schema?.["properties"]);
  return object(object(schemas?.[reference.split("/").at(-1) ?? ""])?.["properties"]);
}
