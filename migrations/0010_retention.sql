-- How runs go away: marked when they have expired, deleted after a grace, with
-- the files that they left behind.
--
-- `livespan gc` does all of it under the lock of cleanup_expired_runs, which
-- stays for those who only mark.

-- Files that are to be deleted. A run's rows go in one transaction, its files
-- may be far away and take their time; so the transaction that deletes the rows
-- leaves the files' names here, and each name goes once its file is gone. A
-- crash in between leaves a name, which the next gc takes up.
CREATE TABLE artifact_deletions (
    run_id          uuid NOT NULL,
    artifact_id     uuid NOT NULL,
    storage_backend text NOT NULL,
    storage_key     text NOT NULL,
    size_bytes      bigint NOT NULL,
    doomed_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT artifact_deletions_pkey PRIMARY KEY (run_id, artifact_id)
);

COMMENT ON TABLE artifact_deletions IS
    'Files of artifacts whose runs are deleted, until they are deleted too.';
COMMENT ON COLUMN artifact_deletions.run_id IS 'The run that the artifact belonged to.';
COMMENT ON COLUMN artifact_deletions.artifact_id IS 'The artifact, by the id that it had.';
COMMENT ON COLUMN artifact_deletions.storage_backend IS
    'Which store has the bytes: local, s3, nas, or another configured name.';
COMMENT ON COLUMN artifact_deletions.storage_key IS 'Where in that store they are.';
COMMENT ON COLUMN artifact_deletions.size_bytes IS 'Their length in bytes, as stored.';
COMMENT ON COLUMN artifact_deletions.doomed_at IS
    'When the run was deleted, by the database''s clock.';

-- Whether an artifact of another run has the same file: asked before a file is
-- deleted that a client had put there. Files of the server's own store are
-- named by their artifact and have no other.
CREATE INDEX run_artifacts_file_idx ON run_artifacts (storage_backend, storage_key)
    WHERE storage_backend <> 'local';

-- What the last runs of `livespan gc` came to, for those who watch over it. The
-- one table without run_id: it has a row a day, and gc keeps the last hundred.
CREATE TABLE gc_history (
    started_at    timestamptz PRIMARY KEY,
    finished_at   timestamptz NOT NULL,
    marked_runs   bigint NOT NULL,
    deleted_runs  bigint NOT NULL,
    deleted_spans bigint NOT NULL,
    deleted_files bigint NOT NULL,
    deleted_bytes bigint NOT NULL,
    kept_files    bigint NOT NULL
);

COMMENT ON TABLE gc_history IS
    'What `livespan gc` did: one row for each time that it came to its end, the last hundred.';
COMMENT ON COLUMN gc_history.started_at IS 'When it began, by the database''s clock.';
COMMENT ON COLUMN gc_history.finished_at IS 'When it came to its end, by the database''s clock.';
COMMENT ON COLUMN gc_history.marked_runs IS 'How many runs it marked for deletion.';
COMMENT ON COLUMN gc_history.deleted_runs IS 'How many runs, marked earlier, it deleted.';
COMMENT ON COLUMN gc_history.deleted_spans IS 'How many spans these had.';
COMMENT ON COLUMN gc_history.deleted_files IS 'How many files of artifacts it deleted.';
COMMENT ON COLUMN gc_history.deleted_bytes IS 'How many bytes these had.';
COMMENT ON COLUMN gc_history.kept_files IS
    'How many files it could not delete; their names stay in artifact_deletions.';

-- ---------------------------------------------------------------------------
-- What has expired
-- ---------------------------------------------------------------------------

-- Ages are compared as intervals: a point in time that long ago might lie
-- before the calendar begins.
CREATE FUNCTION expired_runs(older_than interval) RETURNS SETOF uuid
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    SELECT r.run_id
    FROM runs r
    WHERE r.gc_at IS NULL
        AND now() - r.last_alive_at > older_than
        AND NOT EXISTS (SELECT FROM live_spans l WHERE l.run_id = r.run_id);
END;

COMMENT ON FUNCTION expired_runs(interval) IS
    'The runs without running spans whose last end was received that long ago and that are not '
    'marked for deletion yet. Changes nothing.';

-- The one place that marks.
CREATE FUNCTION mark_expired_runs(candidates uuid[], older_than interval)
RETURNS TABLE (run_id uuid, total_spans bigint, run_end timestamptz)
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_column
DECLARE
    locked uuid[];
BEGIN
    -- The second look below must see what was committed after the first.
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'the transaction is %: mark runs in READ COMMITTED',
            current_setting('transaction_isolation')
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- Whoever writes a run's spans has its row locked before. So lock first,
    -- and look for running spans after that: none can come any more. A row
    -- that is locked already belongs to a run that lives.
    locked := ARRAY(
        SELECT r.run_id
        FROM runs r
        WHERE r.run_id = ANY (candidates)
            AND r.gc_at IS NULL
            AND now() - r.last_alive_at > older_than
        ORDER BY r.run_id
        FOR UPDATE OF r SKIP LOCKED
    );

    RETURN QUERY
    UPDATE runs r
    SET gc_at = now()
    FROM unnest(locked) AS c (run_id)
    WHERE r.run_id = c.run_id
        AND NOT EXISTS (SELECT FROM live_spans l WHERE l.run_id = r.run_id)
    RETURNING r.run_id,
        (SELECT count(*) FROM finished_spans f WHERE f.run_id = r.run_id),
        r.last_alive_at;
END;
$$;

COMMENT ON FUNCTION mark_expired_runs(uuid[], interval) IS
    'Marks (gc_at) those of some runs that have expired, as expired_runs() says, and returns them. '
    'Runs that are being written are passed over.';

-- As in 0003_functions.sql, but by the functions above.
CREATE OR REPLACE FUNCTION cleanup_expired_runs(days_threshold integer DEFAULT 7)
RETURNS TABLE (run_id uuid, total_spans bigint, run_end timestamptz)
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_column
BEGIN
    IF days_threshold IS NULL OR days_threshold < 0 THEN
        RAISE EXCEPTION 'days_threshold is %: give 0 or more days',
            coalesce(days_threshold::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'the transaction is %: call cleanup_expired_runs in READ COMMITTED',
            current_setting('transaction_isolation')
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- One at a time, until the transaction ends; `livespan gc` holds the same
    -- lock for its session. The key is "livespan" in ASCII: x'6c6976657370616e'.
    IF NOT pg_try_advisory_xact_lock(7811905206751355246) THEN
        RAISE NOTICE 'another clean-up is at work: nothing was marked';
        RETURN;
    END IF;

    RETURN QUERY
    SELECT m.run_id, m.total_spans, m.run_end
    FROM mark_expired_runs(
        ARRAY(SELECT e FROM expired_runs(make_interval(days => days_threshold)) AS e),
        make_interval(days => days_threshold)
    ) m;
END;
$$;

COMMENT ON FUNCTION cleanup_expired_runs(integer) IS
    'Marks (gc_at) the runs whose last end was received over so many days ago and that have no '
    'running spans, and returns them. Two callers never collide: the second gets no rows and a '
    'notice, until the first one''s transaction ends. What is marked is deleted by `livespan gc`.';

-- In plpgsql a function means the tables of the schema that it was made in.
DO $$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'mark_expired_runs(uuid[], interval)',
        'cleanup_expired_runs(integer)'
    ] LOOP
        EXECUTE format(
            'ALTER FUNCTION %s SET search_path = pg_catalog, %I, pg_temp',
            signature, current_schema()
        );
    END LOOP;
END;
$$;
