-- The tables. Every key starts with run_id: a run is one index range, and
-- run_id can be the distribution column on Citus without a change here.
--
-- Running spans live apart from history, so that questions about what runs
-- cost the same after a billion spans as after none.

-- One row a run: only facts that can be merged in any order and any number of
-- times, hence no counters. Writers lock a run's row before they touch its
-- spans, which keeps two collectors from storing one span twice.
CREATE TABLE runs (
    run_id            uuid PRIMARY KEY,
    -- The business job; the first that was said counts.
    task_id           text,
    -- Which try of the task: the greatest attempt among the run's roots.
    attempt           integer NOT NULL DEFAULT 1,
    -- The run that this one retries; the first that was said counts.
    retry_of          uuid,
    -- The least start of its spans, by the clients' clocks.
    started_at        timestamptz NOT NULL,
    -- When the last end of a span was received, by the server's clock; when
    -- the run was first heard of, before any. Signs of life of running spans
    -- are in live_spans.
    last_alive_at     timestamptz NOT NULL,
    -- The parent of the span that ended last: a running parent is as alive as
    -- the last of its steps to end.
    last_ended_parent uuid,
    -- When retention marked the run for deletion.
    gc_at             timestamptz,
    CONSTRAINT runs_attempt_positive CHECK (attempt > 0)
) WITH (fillfactor = 80);

COMMENT ON TABLE runs IS 'One row a run: the facts that hold for all of its spans.';

-- Lists runs, the latest started first. run_id makes the order total, so that
-- pages neither repeat nor skip.
CREATE INDEX runs_started_at_idx ON runs (started_at DESC, run_id DESC);
-- All runs of a task, in order of their attempts.
CREATE INDEX runs_task_id_attempt_idx ON runs (task_id, attempt) WHERE task_id IS NOT NULL;
-- What retention has marked, for the sweep that deletes.
CREATE INDEX runs_gc_at_idx ON runs (gc_at) WHERE gc_at IS NOT NULL;

-- Running spans only. Half-empty pages and no index on anything that a
-- heartbeat changes, so that heartbeats are HOT updates: an index on
-- last_alive_at was measured to double their WAL.
CREATE TABLE live_spans (
    run_id              uuid NOT NULL,
    span_id             uuid NOT NULL,
    parent_span_id      uuid,
    layer               text,
    step_name           text,
    executor_host       text,
    agent               text,
    attempt             integer NOT NULL DEFAULT 1,
    -- By the client's clock. NULL says that the start was not received yet.
    ts_start            timestamptz,
    -- When the span was first heard of, by the server's clock.
    first_seen_at       timestamptz NOT NULL,
    -- When the span was last heard of, by the server's clock.
    last_alive_at       timestamptz NOT NULL,
    -- When its progress last moved, and was last reported, by the server's clock.
    progress_at         timestamptz,
    progress_reported_at timestamptz,
    progress_current    double precision,
    progress_total      double precision,
    progress_note       text,
    -- Its own limits for liveness; NULL is the server's default, or none.
    stuck_after_ms      bigint,
    progress_timeout_ms bigint,
    -- Whether somebody asked for the run to be cancelled.
    cancel_requested    boolean NOT NULL DEFAULT false,
    -- json, not jsonb: it is written once and rarely read, and jsonb was
    -- measured to cost 40% of the insert rate.
    input_summary       json,
    attributes          json,
    CONSTRAINT live_spans_pkey PRIMARY KEY (run_id, span_id),
    CONSTRAINT live_spans_attempt_positive CHECK (attempt > 0)
) WITH (
    fillfactor = 50,
    -- Small and hot: vacuum by a fixed number of dead rows, so that it doesn't
    -- wait longer the more spans run.
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0,
    autovacuum_analyze_threshold = 5000
);

COMMENT ON TABLE live_spans IS 'Spans that run now.';

-- History: spans that have ended, appended once. Columns as in live_spans
-- where they share a name.
CREATE TABLE finished_spans (
    run_id              uuid NOT NULL,
    span_id             uuid NOT NULL,
    parent_span_id      uuid,
    layer               text,
    step_name           text,
    executor_host       text,
    agent               text,
    attempt             integer NOT NULL DEFAULT 1,
    status              text NOT NULL,
    ts_start            timestamptz,
    ts_end              timestamptz NOT NULL,
    first_seen_at       timestamptz NOT NULL,
    -- When the server received the end. Nothing later counts.
    last_alive_at       timestamptz NOT NULL,
    progress_at         timestamptz,
    progress_reported_at timestamptz,
    progress_current    double precision,
    progress_total      double precision,
    progress_note       text,
    stuck_after_ms      bigint,
    progress_timeout_ms bigint,
    input_summary       json,
    output_summary      json,
    attributes          json,
    error_type          text,
    error_message       text,
    error_stack         text,
    reason_code         text,
    reason_kind         text,
    -- What in the error decided reason_code, in words.
    reason_evidence     text,
    -- Groups failures of one cause.
    fingerprint         text,
    -- How many later ends said something else than the first.
    conflicting_ends    integer NOT NULL DEFAULT 0,
    -- What these said, as hashes, so that a repeated one is not counted twice.
    conflicting_end_hashes bigint[],
    CONSTRAINT finished_spans_pkey PRIMARY KEY (run_id, span_id),
    CONSTRAINT finished_spans_attempt_positive CHECK (attempt > 0),
    CONSTRAINT finished_spans_status_terminal
        CHECK (status IN ('SUCCESS', 'FAILED', 'CANCELLED')),
    CONSTRAINT finished_spans_reason_kind_known
        CHECK (reason_kind IN ('TRANSIENT', 'PERSISTENT', 'RESOURCE', 'CONFIG', 'UNKNOWN'))
);

COMMENT ON TABLE finished_spans IS 'Spans that have ended.';

-- Failures are few and asked for by time.
CREATE INDEX finished_spans_failures_idx ON finished_spans (last_alive_at)
    WHERE status = 'FAILED';

-- Files that spans left behind. The bytes are in the backend; the row is
-- committed after them.
CREATE TABLE run_artifacts (
    id              uuid NOT NULL,
    run_id          uuid NOT NULL,
    span_id         uuid NOT NULL,
    artifact_type   text NOT NULL,
    file_name       text NOT NULL,
    -- Which store: local, s3, nas, or another configured name.
    storage_backend text NOT NULL,
    -- Where in that store.
    storage_key     text NOT NULL,
    content_type    text NOT NULL,
    size_bytes      bigint NOT NULL,
    -- Of the stored bytes.
    sha256          bytea NOT NULL,
    created_at      timestamptz NOT NULL,
    -- NULL keeps it for good.
    expires_at      timestamptz,
    -- run_id first, as everywhere.
    CONSTRAINT run_artifacts_pkey PRIMARY KEY (run_id, id),
    CONSTRAINT run_artifacts_size_not_negative CHECK (size_bytes >= 0)
);

COMMENT ON TABLE run_artifacts IS 'Files that spans left behind.';

-- Artifacts are asked for by their id alone.
CREATE INDEX run_artifacts_id_idx ON run_artifacts (id);
