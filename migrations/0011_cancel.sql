-- Asking for a run to be cancelled. Its executors are told with the answer to
-- what they say next, and stop by themselves: nothing is ended from here.

-- When somebody first asked. Spans that start later inherit it: a run between
-- two steps has none that could be told.
ALTER TABLE runs ADD COLUMN cancel_requested_at timestamptz;

COMMENT ON COLUMN runs.cancel_requested_at IS
    'When somebody first asked for the run to be cancelled, by the database''s clock; NULL where '
    'nobody did.';

CREATE FUNCTION cancel_run(run_id uuid)
RETURNS TABLE (cancel_requested_at timestamptz, running_spans bigint)
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_column
BEGIN
    -- The run first, as every writer of its spans: none can start a span
    -- meanwhile that is not told.
    UPDATE runs r
    SET cancel_requested_at = coalesce(r.cancel_requested_at, clock_timestamp())
    WHERE r.run_id = cancel_run.run_id
    RETURNING r.cancel_requested_at INTO cancel_requested_at;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- In the order in which heartbeats lock them, so that neither waits for the
    -- other for ever.
    PERFORM FROM live_spans l
    WHERE l.run_id = cancel_run.run_id ORDER BY l.span_id FOR UPDATE;
    UPDATE live_spans l SET cancel_requested = true
    WHERE l.run_id = cancel_run.run_id AND NOT l.cancel_requested;
    SELECT count(*) INTO running_spans FROM live_spans l WHERE l.run_id = cancel_run.run_id;
    RETURN NEXT;
END;
$$;

COMMENT ON FUNCTION cancel_run(uuid) IS
    'Asks for a run to be cancelled: its running spans, and those that it starts later, are told '
    'with the answer to their next sign of life. Says when that was first asked for, and how many '
    'spans run. No row where the run was never heard of.';

DO $$
BEGIN
    EXECUTE format(
        'ALTER FUNCTION cancel_run(uuid) SET search_path = pg_catalog, %I, pg_temp',
        current_schema()
    );
END;
$$;

-- As in 0002_views.sql, with the column at its end.
CREATE OR REPLACE VIEW v_run_summary AS
SELECT r.run_id, r.task_id, r.attempt, r.retry_of,
       CASE
           WHEN t.running_spans > 0 THEN 'RUNNING'
           -- The worst first.
           ELSE (ARRAY['FAILED', 'CANCELLED', 'SUCCESS'])[roots.worst]
       END AS status,
       r.started_at,
       CASE WHEN t.running_spans = 0 THEN t.ended_at END AS ended_at,
       greatest(
           extract(
               epoch FROM CASE WHEN t.running_spans = 0 THEN t.ended_at ELSE now() END - r.started_at
           ),
           0
       )::double precision AS duration_seconds,
       t.total_spans, t.running_spans, t.success_spans, t.failed_spans, t.cancelled_spans,
       t.hosts_involved, t.agents, t.max_attempt,
       CASE
           WHEN r.task_id IS NULL THEN 1
           ELSE (SELECT count(*) FROM runs same WHERE same.task_id = r.task_id)
       END AS attempts,
       greatest(r.last_alive_at, t.last_alive_at) AS last_alive_at,
       first.step_name AS root_step_name,
       r.gc_at,
       r.cancel_requested_at
FROM runs r
CROSS JOIN LATERAL (
    SELECT count(*) AS total_spans,
           count(*) FILTER (WHERE e.status = 'RUNNING') AS running_spans,
           count(*) FILTER (WHERE e.status = 'SUCCESS') AS success_spans,
           count(*) FILTER (WHERE e.status = 'FAILED') AS failed_spans,
           count(*) FILTER (WHERE e.status = 'CANCELLED') AS cancelled_spans,
           max(e.ts_end) AS ended_at,
           max(e.last_alive_at) AS last_alive_at,
           max(e.attempt) AS max_attempt,
           coalesce(
               array_agg(DISTINCT e.executor_host) FILTER (WHERE e.executor_host IS NOT NULL), '{}'
           ) AS hosts_involved,
           coalesce(array_agg(DISTINCT e.agent) FILTER (WHERE e.agent IS NOT NULL), '{}') AS agents
    FROM run_events e
    WHERE e.run_id = r.run_id
) t
-- A step that was tried again is judged by its last try.
LEFT JOIN LATERAL (
    SELECT coalesce(
               min(e.rank_of_status) FILTER (WHERE e.is_root), min(e.rank_of_status)
           ) AS worst
    FROM (
        SELECT parent_span_id IS NULL AS is_root,
               array_position(ARRAY['FAILED', 'CANCELLED', 'SUCCESS'], status) AS rank_of_status,
               attempt = max(attempt)
                   OVER (PARTITION BY parent_span_id IS NULL, layer, step_name) AS is_last_try
        FROM run_events
        WHERE run_id = r.run_id
    ) e
    WHERE e.is_last_try
) roots ON t.running_spans = 0
LEFT JOIN LATERAL (
    SELECT e.step_name
    FROM run_events e
    WHERE e.run_id = r.run_id
    ORDER BY e.parent_span_id IS NOT NULL, coalesce(e.ts_start, e.first_seen_at), e.span_id
    LIMIT 1
) first ON true;

COMMENT ON COLUMN v_run_summary.cancel_requested_at IS
    'When somebody first asked for the run to be cancelled, by the database''s clock; NULL where '
    'nobody did.';
