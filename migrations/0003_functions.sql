-- What SQL users call: a heartbeat, the stuck runs, and the daily clean-up.

-- ---------------------------------------------------------------------------
-- update_run_heartbeat
-- ---------------------------------------------------------------------------

-- For executors that have a database connection and no gRPC. Touches the row
-- and no index, as every heartbeat.
CREATE FUNCTION update_run_heartbeat(run_id uuid, span_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    UPDATE live_spans l
    -- Not now(): that stands still within a transaction, however long.
    SET last_alive_at = greatest(l.last_alive_at, clock_timestamp())
    WHERE l.run_id = update_run_heartbeat.run_id AND l.span_id = update_run_heartbeat.span_id;
    RETURN FOUND;
END;
$$;

COMMENT ON FUNCTION update_run_heartbeat(uuid, uuid) IS
    'Notes a sign of life of a running span. False where no such span runs: it has ended, or was '
    'never started.';

-- ---------------------------------------------------------------------------
-- detect_stuck_runs
-- ---------------------------------------------------------------------------

-- The same words as the server's.
CREATE FUNCTION stuck_evidence(verdict text, stuck_seconds numeric, limit_ms bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN format(
    'no %s for %s s, limit %s s',
    CASE verdict WHEN 'NO_HEARTBEAT' THEN 'heartbeat' ELSE 'progress' END,
    trim_scale(trunc(stuck_seconds, CASE WHEN limit_ms % 1000 = 0 THEN 0 ELSE 3 END)),
    trim_scale(limit_ms / 1000.0)
);

COMMENT ON FUNCTION stuck_evidence(text, numeric, bigint) IS
    'What a verdict rests on, in words, to the second; to the millisecond where '
    'the limit is not in whole seconds.';

CREATE FUNCTION detect_stuck_runs(threshold_seconds integer DEFAULT 300)
RETURNS TABLE (
    run_id uuid,
    task_id text,
    span_id uuid,
    layer text,
    step_name text,
    executor_host text,
    agent text,
    attempt integer,
    verdict text,
    stuck_duration_seconds bigint,
    limit_seconds double precision,
    last_alive_at timestamptz,
    evidence text
)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 10
AS $$
#variable_conflict use_column
BEGIN
    IF threshold_seconds IS NULL OR threshold_seconds <= 0 THEN
        RAISE EXCEPTION 'threshold_seconds is %: give 1 or more seconds',
            coalesce(threshold_seconds::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    RETURN QUERY
    WITH active AS (
        SELECT l.run_id, max(l.last_alive_at) AS at, min(l.stuck_after_ms) AS least_limit_ms
        FROM live_spans l
        GROUP BY l.run_id
    ),
    -- One look at each run: which of them could be silent? Only these are
    -- looked at closely.
    quiet AS (
        SELECT a.run_id
        FROM active a
        LEFT JOIN runs r ON r.run_id = a.run_id
        WHERE extract(epoch FROM now() - greatest(a.at, r.last_alive_at)) * 1000
            > least(a.least_limit_ms, threshold_seconds * 1000::bigint)
    ),
    silent AS MATERIALIZED (
        SELECT q.run_id, alive.span_id, alive.last_alive_at, alive.last_alive_at AS since,
               'NO_HEARTBEAT'::text AS verdict, own.limit_ms
        FROM quiet q
        CROSS JOIN LATERAL last_alive_running_span(q.run_id) alive
        JOIN live_spans l ON l.run_id = q.run_id AND l.span_id = alive.span_id
        CROSS JOIN LATERAL (
            SELECT coalesce(l.stuck_after_ms, threshold_seconds * 1000::bigint) AS limit_ms
        ) own
        WHERE extract(epoch FROM now() - alive.last_alive_at) * 1000 > own.limit_ms
    ),
    -- Spans that do not move, in runs that are heard of. Of a run's, those
    -- that have not moved for the longest.
    still AS MATERIALIZED (
        SELECT ranked.*
        FROM (
            SELECT l.run_id, l.span_id, l.last_alive_at, moved.since,
                   coalesce(l.ts_start, l.first_seen_at) AS started_at,
                   l.progress_timeout_ms AS limit_ms,
                   rank() OVER same_run AS place, count(*) OVER same_time AS equals
            FROM live_spans l
            CROSS JOIN LATERAL (
                SELECT coalesce(l.progress_at, l.first_seen_at) AS since
            ) moved
            WHERE l.progress_timeout_ms IS NOT NULL
                AND extract(epoch FROM now() - moved.since) * 1000 > l.progress_timeout_ms
                AND NOT EXISTS (SELECT FROM silent s WHERE s.run_id = l.run_id)
            WINDOW same_run AS (PARTITION BY l.run_id ORDER BY moved.since),
                   same_time AS (PARTITION BY l.run_id, moved.since)
        ) ranked
        WHERE ranked.place = 1
    ),
    -- Looked at only where a run has several of those.
    depths AS MATERIALIZED (
        SELECT several.run_id, d.span_id, d.depth
        FROM (SELECT DISTINCT s.run_id FROM still s WHERE s.equals > 1) several
        CROSS JOIN LATERAL (
            SELECT array_agg(l.span_id ORDER BY l.span_id) AS span_ids,
                   array_agg(l.parent_span_id ORDER BY l.span_id) AS parent_span_ids
            FROM live_spans l
            WHERE l.run_id = several.run_id
        ) spans
        CROSS JOIN LATERAL span_depths(spans.span_ids, spans.parent_span_ids) d
    ),
    stuck AS (
        SELECT s.run_id, s.span_id, s.last_alive_at, s.since, s.verdict, s.limit_ms
        FROM silent s
        UNION ALL
        (
            SELECT DISTINCT ON (s.run_id)
                   s.run_id, s.span_id, s.last_alive_at, s.since, 'NO_PROGRESS', s.limit_ms
            FROM still s
            LEFT JOIN depths d ON d.run_id = s.run_id AND d.span_id = s.span_id
            ORDER BY s.run_id, coalesce(d.depth, 0) DESC, s.started_at DESC, s.span_id DESC
        )
    )
    SELECT s.run_id, r.task_id, s.span_id, l.layer, l.step_name, l.executor_host, l.agent,
           l.attempt, s.verdict, floor(stuck_for.seconds)::bigint, s.limit_ms / 1000.0::float8,
           s.last_alive_at,
           stuck_evidence(s.verdict, stuck_for.seconds, s.limit_ms)
           || CASE
                  WHEN s.verdict = 'NO_PROGRESS' AND l.progress_current IS NOT NULL
                  THEN ', last at ' || l.progress_current
                      || coalesce(' of ' || l.progress_total, '')
                      || coalesce(' (' || nullif(l.progress_note, '') || ')', '')
                  ELSE ''
              END
    FROM stuck s
    JOIN live_spans l ON l.run_id = s.run_id AND l.span_id = s.span_id
    LEFT JOIN runs r ON r.run_id = s.run_id
    CROSS JOIN LATERAL (SELECT extract(epoch FROM now() - s.since) AS seconds) stuck_for
    ORDER BY s.since, s.run_id;
END;
$$;

COMMENT ON FUNCTION detect_stuck_runs(integer) IS
    'Runs that are stuck, the longest first: nothing of the run was heard for longer than the '
    'stuck_after of its last-alive span, else threshold_seconds (NO_HEARTBEAT), or one of its spans '
    'did not move for longer than its progress_timeout (NO_PROGRESS). Reads live_spans and runs '
    'only. The same rules as ListStuckRuns, save that the server, after a restart, gives executors '
    'up to 30 s to be heard of again: SQL cannot know when it started.';

-- ---------------------------------------------------------------------------
-- cleanup_expired_runs
-- ---------------------------------------------------------------------------

-- Marks only: what is marked is deleted afterwards, in small pieces, by
-- whoever called this. A run that is heard of again in between loses the mark.
CREATE FUNCTION cleanup_expired_runs(days_threshold integer DEFAULT 7)
RETURNS TABLE (run_id uuid, total_spans bigint, run_end timestamptz)
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_column
DECLARE
    candidates uuid[];
BEGIN
    IF days_threshold IS NULL OR days_threshold < 0 THEN
        RAISE EXCEPTION 'days_threshold is %: give 0 or more days',
            coalesce(days_threshold::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- The second look below must see what was committed after the first.
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'the transaction is %: call cleanup_expired_runs in READ COMMITTED',
            current_setting('transaction_isolation')
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- One at a time, until the transaction ends. The key is "livespan" in
    -- ASCII: x'6c6976657370616e'.
    IF NOT pg_try_advisory_xact_lock(7811905206751355246) THEN
        RAISE NOTICE 'another cleanup_expired_runs is at work: nothing was marked';
        RETURN;
    END IF;

    -- Whoever writes a run's spans has its row locked before. So lock first,
    -- and look for running spans after that: none can come any more. A row
    -- that is locked already belongs to a run that lives.
    --
    -- Ages are compared as intervals: a point in time that many days ago might
    -- lie before the calendar begins.
    candidates := ARRAY(
        SELECT r.run_id
        FROM runs r
        WHERE r.gc_at IS NULL
            AND now() - r.last_alive_at > make_interval(days => days_threshold)
            AND NOT EXISTS (SELECT FROM live_spans l WHERE l.run_id = r.run_id)
        ORDER BY r.run_id
        FOR UPDATE OF r SKIP LOCKED
    );

    RETURN QUERY
    UPDATE runs r
    SET gc_at = now()
    FROM unnest(candidates) AS c (run_id)
    WHERE r.run_id = c.run_id
        AND NOT EXISTS (SELECT FROM live_spans l WHERE l.run_id = r.run_id)
    RETURNING r.run_id,
        (SELECT count(*) FROM finished_spans f WHERE f.run_id = r.run_id),
        r.last_alive_at;
END;
$$;

COMMENT ON FUNCTION cleanup_expired_runs(integer) IS
    'Marks (gc_at) the runs whose last end was received over so many days ago and that have no '
    'running spans, and returns them. Two callers never collide: the second gets no rows and a '
    'notice, until the first one''s transaction ends.';

-- ---------------------------------------------------------------------------
-- Search path
-- ---------------------------------------------------------------------------

-- The functions in plpgsql mean the tables of the schema that they were made
-- in, whatever their callers' search_path. Those in SQL are bound already.
DO $$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'update_run_heartbeat(uuid, uuid)',
        'detect_stuck_runs(integer)',
        'cleanup_expired_runs(integer)'
    ] LOOP
        EXECUTE format(
            'ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp',
            signature, current_schema()
        );
    END LOOP;
END;
$$;
