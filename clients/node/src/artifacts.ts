// Files that steps leave behind.
import { currentStep } from "./context.js";
import type { SpanKey } from "./ids.js";
import { ask, LivespanError } from "./transport/reporter.js";

/** How an artifact is kept. */
export interface ArtifactOptions {
  /** Its media type; guessed from the name where absent. */
  content_type?: string;
  /** Its name for a download; the path's last part where absent. */
  file_name?: string;
  /** How long it is kept, in milliseconds; for good where absent. */
  ttlMs?: number;
}

/**
 * Stores a file, given by its path or as bytes (at most 4 MiB), and resolves to the
 * artifact's id. `span` is the step that it belongs to, or the id of one of the
 * caller's own run. Rejects with a LivespanError where the collector has not taken it.
 */
export async function storeArtifact(
  span: SpanKey | string,
  artifact_type: string,
  content: string | Uint8Array,
  content_type?: string,
  options: ArtifactOptions = {},
): Promise<string> {
  const run = typeof span === "string" ? currentStep()?.run_id : span.run_id;
  if (run === undefined) {
    throw new LivespanError("INVALID_ARGUMENT", "outside of a step, name the span as {run_id, span_id}");
  }
  const request = {
    run_id: run,
    span_id: typeof span === "string" ? span : span.span_id,
    artifact_type,
    file_name: options.file_name ?? "",
    content_type: content_type ?? options.content_type ?? "",
    ...(options.ttlMs === undefined ? {} : { ttl: `${options.ttlMs / 1000}s` }),
  };
  const stored = await ask({
    method: "storeArtifact",
    request,
    ...(typeof content === "string" ? { file: content } : { content }),
  });
  return (stored as { artifact_id: string }).artifact_id;
}
