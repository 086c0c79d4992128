// Steps for tests, by what matters in each.
import type { Span } from "../src/api/types";
import type { Step } from "../src/spans/step";

export function id(number: number): string {
  return `0af76519-16cd-43dd-${(number >> 16).toString(16).padStart(4, "0")}-${(number & 0xffff).toString(16).padStart(12, "0")}`;
}

export const key = (number: number) => id(number).replaceAll("-", "").slice(-16);

export function step(number: number, facts: Partial<Step> & { parent?: number } = {}): Step {
  const { parent, ...others } = facts;
  return {
    id: id(number), key: key(number), parentKey: parent === undefined ? null : key(parent), name: `step ${number}`,
    layer: "", host: "", agent: "", attempt: 1, status: "SUCCESS", reasonKind: "UNKNOWN", reasonCode: "", reasonEvidence: "",
    start: number * 1000, end: number * 1000 + 500, heard: null, progress: null, isLastAlive: false, input: null, output: null,
    attributes: null, otel: null, error: null, artifacts: [], fingerprint: "", conflictingEnds: 0, ...others,
  };
}

export function span(number: number, facts: Partial<Span> = {}): Span {
  return {
    run_id: id(0), span_id: id(number), parent_span_id: "", task_id: "", layer: "tool", step_name: `step ${number}`, status: "RUNNING",
    executor_host: "a", agent: "qa", attempt: 1, reason_code: "", reason_kind: "UNKNOWN", ts_start: "2026-11-25T07:10:03.120Z", ts_end: null,
    heartbeat_ts: "2026-11-25T07:10:04Z", input_summary: null, output_summary: null, artifacts: {}, artifact_list: [], attributes: null,
    error: null, progress: null, progress_at: null, fingerprint: "", reason_evidence: "", duration_seconds: 0, conflicting_ends: 0,
    is_last_alive: false, depth: 0, otel: null, ...facts,
  };
}
