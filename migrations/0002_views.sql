-- What SQL users read. These views are an interface, as stable as the gRPC
-- one: columns are added, never renamed or taken away.
--
-- Each is fast for one run (WHERE run_id = …): it then reads that run's range
-- of the primary keys and nothing else.

-- ---------------------------------------------------------------------------
-- run_events
-- ---------------------------------------------------------------------------

-- UNION ALL, not UNION: a span is in one of the two tables, and the planner
-- can hand conditions down to both.
--
-- Every column of the tables, save conflicting_end_hashes: the writer's own
-- notes, of which conflicting_ends is the sum.
--
-- The join with runs is a LEFT JOIN on its key, which the planner leaves out
-- of queries that ask for none of its columns.
CREATE VIEW run_events AS
SELECT s.run_id, s.span_id, s.parent_span_id, r.task_id,
       s.layer, s.step_name, s.status, s.executor_host, s.agent, s.attempt,
       s.reason_code, s.reason_kind,
       s.ts_start, s.ts_end, s.last_alive_at AS heartbeat_ts, s.last_alive_at, s.first_seen_at,
       s.progress_at, s.progress_reported_at,
       s.progress_current, s.progress_total, s.progress_note,
       s.input_summary, s.output_summary, s.attributes,
       s.error_type, s.error_message, s.error_stack, s.reason_evidence, s.fingerprint,
       s.conflicting_ends, s.cancel_requested, s.stuck_after_ms, s.progress_timeout_ms,
       r.retry_of, r.gc_at
FROM (
    SELECT run_id, span_id, parent_span_id, layer, step_name, 'RUNNING'::text AS status,
           executor_host, agent, attempt, NULL::text AS reason_code, NULL::text AS reason_kind,
           ts_start, NULL::timestamptz AS ts_end, last_alive_at, first_seen_at,
           progress_at, progress_reported_at, progress_current, progress_total, progress_note,
           input_summary, NULL::json AS output_summary, attributes,
           NULL::text AS error_type, NULL::text AS error_message, NULL::text AS error_stack,
           NULL::text AS reason_evidence, NULL::text AS fingerprint,
           0 AS conflicting_ends, cancel_requested, stuck_after_ms, progress_timeout_ms
    FROM live_spans
    UNION ALL
    SELECT run_id, span_id, parent_span_id, layer, step_name, status,
           executor_host, agent, attempt, reason_code, reason_kind,
           ts_start, ts_end, last_alive_at, first_seen_at,
           progress_at, progress_reported_at, progress_current, progress_total, progress_note,
           input_summary, output_summary, attributes,
           error_type, error_message, error_stack,
           reason_evidence, fingerprint,
           conflicting_ends, false, stuck_after_ms, progress_timeout_ms
    FROM finished_spans
) s
LEFT JOIN runs r ON r.run_id = s.run_id;

COMMENT ON VIEW run_events IS
    'All spans, running and ended, with what is known of their runs.';
COMMENT ON COLUMN run_events.status IS 'RUNNING, SUCCESS, FAILED or CANCELLED.';
COMMENT ON COLUMN run_events.ts_start IS
    'By the client''s clock; NULL where the start was not received.';
COMMENT ON COLUMN run_events.ts_end IS 'By the client''s clock; NULL while the span runs.';
COMMENT ON COLUMN run_events.heartbeat_ts IS 'The same as last_alive_at.';
COMMENT ON COLUMN run_events.last_alive_at IS
    'When the span was last heard of, by the server''s clock; its end is the last that counts.';
COMMENT ON COLUMN run_events.cancel_requested IS
    'Whether somebody asked for the run to be cancelled while the span runs.';

-- ---------------------------------------------------------------------------
-- Which span was alive last
-- ---------------------------------------------------------------------------
--
-- The functions that the views below stand on. Their bodies are parsed here
-- and now (BEGIN ATOMIC), so that no caller's search_path changes what they
-- mean.

CREATE FUNCTION otel_span_id(span_id uuid) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN right(replace(span_id::text, '-', ''), 16);

COMMENT ON FUNCTION otel_span_id(uuid) IS
    'The span id as OpenTelemetry writes it: the last 8 bytes in hex. Parents are matched by it.';

-- Takes all spans of a run as arrays, so that one definition serves running
-- and ended spans alike. Linear in the number of spans.
CREATE FUNCTION span_depths(span_ids uuid[], parent_span_ids uuid[])
RETURNS TABLE (span_id uuid, depth integer)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH RECURSIVE spans AS MATERIALIZED (
        SELECT s.span_id, s.parent_span_id
        FROM unnest(span_ids, parent_span_ids) AS s (span_id, parent_span_id)
    ),
    -- Where spans share the 8 bytes, the one whose whole id the child names is
    -- its parent, else the one with the least id.
    least_ids AS MATERIALIZED (
        SELECT DISTINCT ON (otel_span_id(s.span_id)) otel_span_id(s.span_id) AS otel, s.span_id
        FROM spans s
        ORDER BY otel_span_id(s.span_id), s.span_id
    ),
    links AS MATERIALIZED (
        SELECT s.span_id, coalesce(exact.span_id, least.span_id) AS parent_span_id
        FROM spans s
        LEFT JOIN spans exact ON exact.span_id = s.parent_span_id
        LEFT JOIN least_ids least ON least.otel = otel_span_id(s.parent_span_id)
    ),
    -- Downwards from the roots. A circle has none, so that this never meets
    -- one, and ends.
    walk (span_id, depth) AS (
        SELECT l.span_id, 0 FROM links l WHERE l.parent_span_id IS NULL
        UNION ALL
        SELECT l.span_id, w.depth + 1 FROM walk w JOIN links l ON l.parent_span_id = w.span_id
    )
    SELECT w.span_id, w.depth FROM walk w;
END;

COMMENT ON FUNCTION span_depths(uuid[], uuid[]) IS
    'How deep each of some spans of one run lies: 0 for a root, or where the parent is not among '
    'them. Spans in a circle, or under one, are left out: read them as 0.';

CREATE FUNCTION last_alive_running_span(of_run uuid)
RETURNS TABLE (span_id uuid, last_alive_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    WITH life AS MATERIALIZED (
        SELECT l.span_id, l.parent_span_id, l.last_alive_at,
               coalesce(l.ts_start, l.first_seen_at) AS started_at
        FROM live_spans l
        WHERE l.run_id = of_run
    ),
    -- The last end in the run, and the running span whose step had ended.
    ended AS MATERIALIZED (
        SELECT r.last_alive_at, (
            SELECT l.span_id FROM life l
            WHERE otel_span_id(l.span_id) = otel_span_id(r.last_ended_parent)
            ORDER BY l.span_id <> r.last_ended_parent, l.span_id
            LIMIT 1
        ) AS parent_span_id
        FROM runs r
        WHERE r.run_id = of_run
    ),
    activity AS MATERIALIZED (
        SELECT l.span_id, l.parent_span_id, l.started_at,
               greatest(l.last_alive_at, e.last_alive_at) AS at
        FROM life l
        LEFT JOIN ended e ON e.parent_span_id = l.span_id
    ),
    latest AS MATERIALIZED (
        SELECT a.span_id, a.started_at, a.at
        FROM activity a
        WHERE a.at = (SELECT max(at) FROM activity)
    ),
    -- Looked at only where several spans were alive last.
    depths AS (
        SELECT d.span_id, d.depth
        FROM span_depths(
            (SELECT array_agg(l.span_id ORDER BY l.span_id) FROM life l),
            (SELECT array_agg(l.parent_span_id ORDER BY l.span_id) FROM life l)
        ) d
        WHERE (SELECT count(*) FROM latest) > 1
    )
    -- Where the parent of the step that ended does not run, the run as a whole
    -- was alive then: it names the same span, at the time of that end.
    SELECT l.span_id, greatest(l.at, (SELECT e.last_alive_at FROM ended e))
    FROM latest l
    LEFT JOIN depths d ON d.span_id = l.span_id
    ORDER BY coalesce(d.depth, 0) DESC, l.started_at DESC, l.span_id DESC
    LIMIT 1;
END;

COMMENT ON FUNCTION last_alive_running_span(uuid) IS
    'The running span of a run that was alive last, and when; of several the deepest, of these '
    'the one that started last. A step''s end is a sign of life of its parent. No row where '
    'nothing runs. Reads live_spans and runs only.';

CREATE FUNCTION last_alive_ended_span(of_run uuid)
RETURNS TABLE (span_id uuid, last_alive_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    WITH latest AS MATERIALIZED (
        SELECT f.span_id, f.last_alive_at, coalesce(f.ts_start, f.first_seen_at) AS started_at
        FROM finished_spans f
        WHERE f.run_id = of_run
            AND f.last_alive_at
                = (SELECT max(m.last_alive_at) FROM finished_spans m WHERE m.run_id = of_run)
    ),
    depths AS (
        SELECT d.span_id, d.depth
        FROM span_depths(
            (SELECT array_agg(f.span_id ORDER BY f.span_id)
             FROM finished_spans f WHERE f.run_id = of_run),
            (SELECT array_agg(f.parent_span_id ORDER BY f.span_id)
             FROM finished_spans f WHERE f.run_id = of_run)
        ) d
        WHERE (SELECT count(*) FROM latest) > 1
    )
    SELECT l.span_id, l.last_alive_at
    FROM latest l
    LEFT JOIN depths d ON d.span_id = l.span_id
    ORDER BY coalesce(d.depth, 0) DESC, l.started_at DESC, l.span_id DESC
    LIMIT 1;
END;

COMMENT ON FUNCTION last_alive_ended_span(uuid) IS
    'The ended span of a run that was heard of last; of several the deepest, of these the one '
    'that started last. No row where nothing has ended.';

-- ---------------------------------------------------------------------------
-- v_run_last_alive_span
-- ---------------------------------------------------------------------------

CREATE VIEW v_run_last_alive_span AS
SELECT r.run_id, s.span_id, s.parent_span_id, s.layer, s.step_name, s.status,
       s.executor_host, s.agent, s.attempt, s.last_alive_at,
       -- Clocks step back: less than nothing is nothing.
       greatest(floor(extract(epoch FROM now() - s.last_alive_at)), 0)::bigint
           AS seconds_since_activity,
       s.is_stuck, s.input_summary, s.ts_start
FROM runs r
CROSS JOIN LATERAL (
    SELECT l.span_id, l.parent_span_id, l.layer, l.step_name, 'RUNNING'::text AS status,
           l.executor_host, l.agent, l.attempt, a.last_alive_at,
           extract(epoch FROM now() - a.last_alive_at) * 1000
               > coalesce(l.stuck_after_ms, 300000) AS is_stuck,
           l.input_summary, l.ts_start
    FROM last_alive_running_span(r.run_id) a
    JOIN live_spans l ON l.run_id = r.run_id AND l.span_id = a.span_id
    UNION ALL
    SELECT f.span_id, f.parent_span_id, f.layer, f.step_name, f.status,
           f.executor_host, f.agent, f.attempt, a.last_alive_at,
           false,
           f.input_summary, f.ts_start
    FROM last_alive_ended_span(r.run_id) a
    JOIN finished_spans f ON f.run_id = r.run_id AND f.span_id = a.span_id
    WHERE NOT EXISTS (SELECT FROM live_spans l WHERE l.run_id = r.run_id)
) s;

COMMENT ON VIEW v_run_last_alive_span IS
    'One row a run: its running span that was alive last; where nothing runs, the span that was '
    'heard of last.';
COMMENT ON COLUMN v_run_last_alive_span.last_alive_at IS
    'When it, or one of its steps, was last heard of, by the server''s clock.';
COMMENT ON COLUMN v_run_last_alive_span.is_stuck IS
    'Whether nothing of the running run was heard for longer than the span''s own limit, or 300 s. '
    'detect_stuck_runs() takes another limit, and finds spans that beat but do not move.';

-- ---------------------------------------------------------------------------
-- v_active_runs
-- ---------------------------------------------------------------------------

-- Reads live_spans and runs only: what it costs does not grow with history.
CREATE VIEW v_active_runs AS
SELECT a.run_id, r.task_id, coalesce(r.attempt, l.attempt) AS attempt,
       l.executor_host, l.agent, l.layer, l.step_name, l.span_id,
       coalesce(r.started_at, a.started_at) AS started_at,
       last.last_alive_at,
       greatest(floor(extract(epoch FROM now() - last.last_alive_at)), 0)::bigint
           AS seconds_since_activity,
       a.running_spans, a.hosts
FROM (
    SELECT run_id, count(*) AS running_spans,
           min(coalesce(ts_start, first_seen_at)) AS started_at,
           coalesce(
               array_agg(DISTINCT executor_host) FILTER (WHERE executor_host IS NOT NULL), '{}'
           ) AS hosts
    FROM live_spans
    GROUP BY run_id
) a
LEFT JOIN runs r ON r.run_id = a.run_id
CROSS JOIN LATERAL last_alive_running_span(a.run_id) last
JOIN live_spans l ON l.run_id = a.run_id AND l.span_id = last.span_id;

COMMENT ON VIEW v_active_runs IS
    'Runs with running spans, each with its current step: the one that was alive last.';
COMMENT ON COLUMN v_active_runs.attempt IS 'Which try of the task the run is.';
COMMENT ON COLUMN v_active_runs.executor_host IS 'Where the current step runs.';
COMMENT ON COLUMN v_active_runs.started_at IS 'When the run started, by its clients'' clocks.';
COMMENT ON COLUMN v_active_runs.hosts IS 'All machines on which the run has running spans.';

-- ---------------------------------------------------------------------------
-- v_run_summary
-- ---------------------------------------------------------------------------

CREATE VIEW v_run_summary AS
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
       r.gc_at
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

COMMENT ON VIEW v_run_summary IS 'One row a run: where it stands, and its spans counted.';
COMMENT ON COLUMN v_run_summary.status IS
    'RUNNING while any span runs; then the worst of the roots (FAILED, CANCELLED, SUCCESS), of '
    'which the last try of a step counts; of all spans where no root was received.';
COMMENT ON COLUMN v_run_summary.started_at IS 'The first start, by the clients'' clocks.';
COMMENT ON COLUMN v_run_summary.ended_at IS
    'The last end, by the clients'' clocks; NULL while the run runs.';
COMMENT ON COLUMN v_run_summary.duration_seconds IS 'From start to end, or to now while it runs.';
COMMENT ON COLUMN v_run_summary.max_attempt IS 'The greatest attempt among the run''s spans.';
COMMENT ON COLUMN v_run_summary.attempts IS
    'How many runs the task has so far, this one among them; 1 without a task. Counted from runs '
    'rather than from what clients call their attempt: those may skip and repeat.';
COMMENT ON COLUMN v_run_summary.root_step_name IS
    'The name of its first root, or of its first span where no root was received.';

-- ---------------------------------------------------------------------------
-- v_top_failure_reasons
-- ---------------------------------------------------------------------------

-- By the server's clock, which hosts can't bend, and which the index over
-- failures is ordered by.
CREATE VIEW v_top_failure_reasons AS
SELECT coalesce(f.reason_kind, 'UNKNOWN') AS reason_kind,
       coalesce(f.reason_code, 'unknown') AS reason_code,
       count(*) AS failure_count,
       count(DISTINCT f.run_id) AS affected_runs,
       coalesce(
           array_agg(DISTINCT f.executor_host) FILTER (WHERE f.executor_host IS NOT NULL), '{}'
       ) AS affected_hosts,
       coalesce(
           array_agg(DISTINCT f.step_name) FILTER (WHERE f.step_name IS NOT NULL), '{}'
       ) AS steps,
       min(f.last_alive_at) AS first_seen,
       max(f.last_alive_at) AS last_seen
FROM finished_spans f
WHERE f.status = 'FAILED' AND f.last_alive_at >= now() - interval '24 hours'
GROUP BY 1, 2
ORDER BY failure_count DESC, last_seen DESC, reason_kind, reason_code;

COMMENT ON VIEW v_top_failure_reasons IS
    'Why spans failed in the last 24 hours, the most frequent first.';
