-- What OpenTelemetry says of a span and no column is for: kind, trace state,
-- flags, scope, resource, events, links, dropped counts, status message, as one
-- JSON object with only what was said.
--
-- One column, not nine: it is written once and read with its whole run, and a
-- NULL costs a bit. json, not jsonb, as the other columns of the kind. A column
-- without a default is added without rewriting the table.
ALTER TABLE live_spans ADD COLUMN otel json;
ALTER TABLE finished_spans ADD COLUMN otel json;

COMMENT ON COLUMN live_spans.otel IS
    'What only OpenTelemetry has words for: kind, resource, scope, events, links, ...';
COMMENT ON COLUMN finished_spans.otel IS
    'What only OpenTelemetry has words for: kind, resource, scope, events, links, ...';

-- As in 0002_views.sql, with the column at its end.
CREATE OR REPLACE VIEW run_events AS
SELECT s.run_id, s.span_id, s.parent_span_id, r.task_id,
       s.layer, s.step_name, s.status, s.executor_host, s.agent, s.attempt,
       s.reason_code, s.reason_kind,
       s.ts_start, s.ts_end, s.last_alive_at AS heartbeat_ts, s.last_alive_at, s.first_seen_at,
       s.progress_at, s.progress_reported_at,
       s.progress_current, s.progress_total, s.progress_note,
       s.input_summary, s.output_summary, s.attributes,
       s.error_type, s.error_message, s.error_stack, s.reason_evidence, s.fingerprint,
       s.conflicting_ends, s.cancel_requested, s.stuck_after_ms, s.progress_timeout_ms,
       r.retry_of, r.gc_at,
       s.otel
FROM (
    SELECT run_id, span_id, parent_span_id, layer, step_name, 'RUNNING'::text AS status,
           executor_host, agent, attempt, NULL::text AS reason_code, NULL::text AS reason_kind,
           ts_start, NULL::timestamptz AS ts_end, last_alive_at, first_seen_at,
           progress_at, progress_reported_at, progress_current, progress_total, progress_note,
           input_summary, NULL::json AS output_summary, attributes,
           NULL::text AS error_type, NULL::text AS error_message, NULL::text AS error_stack,
           NULL::text AS reason_evidence, NULL::text AS fingerprint,
           0 AS conflicting_ends, cancel_requested, stuck_after_ms, progress_timeout_ms,
           otel
    FROM live_spans
    UNION ALL
    SELECT run_id, span_id, parent_span_id, layer, step_name, status,
           executor_host, agent, attempt, reason_code, reason_kind,
           ts_start, ts_end, last_alive_at, first_seen_at,
           progress_at, progress_reported_at, progress_current, progress_total, progress_note,
           input_summary, output_summary, attributes,
           error_type, error_message, error_stack,
           reason_evidence, fingerprint,
           conflicting_ends, false, stuck_after_ms, progress_timeout_ms,
           otel
    FROM finished_spans
) s
LEFT JOIN runs r ON r.run_id = s.run_id;

COMMENT ON COLUMN run_events.otel IS
    'What only OpenTelemetry has words for: kind, resource, scope, events, links, ...';
