-- What every column means, for those who meet it in psql (\d+) or in a tool
-- that shows comments. From here on, the file that adds a column comments it.
--
-- Units and clocks are said each time: who reads one column reads one comment.

-- ---------------------------------------------------------------------------
-- runs
-- ---------------------------------------------------------------------------

COMMENT ON COLUMN runs.run_id IS 'The run, by the id that its clients gave it.';
COMMENT ON COLUMN runs.task_id IS
    'The business job that the run does; the first that was said counts. NULL where none was.';
COMMENT ON COLUMN runs.attempt IS
    'Which try of the task the run is: the greatest attempt among its roots.';
COMMENT ON COLUMN runs.retry_of IS
    'The run that this one retries; the first that was said counts. NULL where none was.';
COMMENT ON COLUMN runs.started_at IS 'The first start of its spans, by the clients'' clocks.';
COMMENT ON COLUMN runs.last_alive_at IS
    'When the last end of a span was received, or, before any, the run was first heard of, by the '
    'server''s clock. Signs of life of running spans are in live_spans.';
COMMENT ON COLUMN runs.last_ended_parent IS
    'The parent of the span that ended last: that end was a sign of life of it.';
COMMENT ON COLUMN runs.gc_at IS
    'When retention marked the run for deletion, by the server''s clock; NULL keeps it.';

-- ---------------------------------------------------------------------------
-- live_spans
-- ---------------------------------------------------------------------------

COMMENT ON COLUMN live_spans.run_id IS 'The run that the span belongs to.';
COMMENT ON COLUMN live_spans.span_id IS 'The span, by the id that its client gave it.';
COMMENT ON COLUMN live_spans.parent_span_id IS
    'The span that it is a step of; NULL for a root. Matched by its last 8 bytes.';
COMMENT ON COLUMN live_spans.layer IS 'The layer that it runs in, in its client''s words.';
COMMENT ON COLUMN live_spans.step_name IS 'What it does, in its client''s words.';
COMMENT ON COLUMN live_spans.executor_host IS 'The machine that it runs on.';
COMMENT ON COLUMN live_spans.agent IS 'Who runs it there: a person, a program, a model.';
COMMENT ON COLUMN live_spans.attempt IS 'Which try of the step it is, from 1.';
COMMENT ON COLUMN live_spans.ts_start IS
    'When it started, by the client''s clock; NULL where the start was not received.';
COMMENT ON COLUMN live_spans.first_seen_at IS
    'When it was first heard of, by the server''s clock.';
COMMENT ON COLUMN live_spans.last_alive_at IS
    'When it was last heard of, by the server''s clock.';
COMMENT ON COLUMN live_spans.progress_at IS
    'When its progress last moved, by the server''s clock; NULL where none was reported.';
COMMENT ON COLUMN live_spans.progress_reported_at IS
    'When its progress was last reported, moved or not, by the server''s clock.';
COMMENT ON COLUMN live_spans.progress_current IS
    'How far it is, in a unit of its own; NULL where it did not say.';
COMMENT ON COLUMN live_spans.progress_total IS
    'How far it has to go, in the same unit; NULL where it did not say.';
COMMENT ON COLUMN live_spans.progress_note IS 'Where it is, in its client''s words.';
COMMENT ON COLUMN live_spans.stuck_after_ms IS
    'How long it may be silent before it counts as stuck, in milliseconds; NULL takes the '
    'default.';
COMMENT ON COLUMN live_spans.progress_timeout_ms IS
    'How long its progress may stand still before it counts as stuck, in milliseconds; NULL for '
    'ever.';
COMMENT ON COLUMN live_spans.cancel_requested IS
    'Whether somebody asked for the run to be cancelled.';
COMMENT ON COLUMN live_spans.input_summary IS 'What it works on, redacted, as its client says.';
COMMENT ON COLUMN live_spans.attributes IS 'What else its client says of it, redacted.';

-- ---------------------------------------------------------------------------
-- finished_spans
-- ---------------------------------------------------------------------------

COMMENT ON COLUMN finished_spans.run_id IS 'The run that the span belongs to.';
COMMENT ON COLUMN finished_spans.span_id IS 'The span, by the id that its client gave it.';
COMMENT ON COLUMN finished_spans.parent_span_id IS
    'The span that it was a step of; NULL for a root. Matched by its last 8 bytes.';
COMMENT ON COLUMN finished_spans.layer IS 'The layer that it ran in, in its client''s words.';
COMMENT ON COLUMN finished_spans.step_name IS 'What it did, in its client''s words.';
COMMENT ON COLUMN finished_spans.executor_host IS 'The machine that it ran on.';
COMMENT ON COLUMN finished_spans.agent IS 'Who ran it there: a person, a program, a model.';
COMMENT ON COLUMN finished_spans.attempt IS 'Which try of the step it was, from 1.';
COMMENT ON COLUMN finished_spans.status IS
    'How it ended: SUCCESS, FAILED or CANCELLED. The first end that was received counts.';
COMMENT ON COLUMN finished_spans.ts_start IS
    'When it started, by the client''s clock; NULL where the start was not received.';
COMMENT ON COLUMN finished_spans.ts_end IS 'When it ended, by the client''s clock.';
COMMENT ON COLUMN finished_spans.first_seen_at IS
    'When it was first heard of, by the server''s clock.';
COMMENT ON COLUMN finished_spans.last_alive_at IS
    'When its end was received, by the server''s clock. Nothing later counts.';
COMMENT ON COLUMN finished_spans.progress_at IS
    'When its progress last moved, by the server''s clock; NULL where none was reported.';
COMMENT ON COLUMN finished_spans.progress_reported_at IS
    'When its progress was last reported, moved or not, by the server''s clock.';
COMMENT ON COLUMN finished_spans.progress_current IS
    'How far it came, in a unit of its own; NULL where it did not say.';
COMMENT ON COLUMN finished_spans.progress_total IS
    'How far it had to go, in the same unit; NULL where it did not say.';
COMMENT ON COLUMN finished_spans.progress_note IS 'Where it was last, in its client''s words.';
COMMENT ON COLUMN finished_spans.stuck_after_ms IS
    'How long it might be silent before it counted as stuck, in milliseconds; NULL took the '
    'default.';
COMMENT ON COLUMN finished_spans.progress_timeout_ms IS
    'How long its progress might stand still before it counted as stuck, in milliseconds; NULL for '
    'ever.';
COMMENT ON COLUMN finished_spans.input_summary IS
    'What it worked on, redacted, as its client says.';
COMMENT ON COLUMN finished_spans.output_summary IS
    'What came of it, redacted, as its client says.';
COMMENT ON COLUMN finished_spans.attributes IS 'What else its client says of it, redacted.';
COMMENT ON COLUMN finished_spans.error_type IS
    'The class or code of its error, in the client''s words: TimeoutError, ENOSPC, 503.';
COMMENT ON COLUMN finished_spans.error_message IS 'What its error said, redacted.';
COMMENT ON COLUMN finished_spans.error_stack IS 'The stack of its error, redacted.';
COMMENT ON COLUMN finished_spans.reason_code IS
    'Why it failed, as one of the classifier''s codes; NULL where it did not.';
COMMENT ON COLUMN finished_spans.reason_kind IS
    'What kind of reason that is: TRANSIENT, PERSISTENT, RESOURCE, CONFIG or UNKNOWN; NULL where '
    'it did not fail.';
COMMENT ON COLUMN finished_spans.reason_evidence IS
    'What in the error decided reason_code, in words.';
COMMENT ON COLUMN finished_spans.fingerprint IS
    'The same for failures of one cause; NULL where it did not fail.';
COMMENT ON COLUMN finished_spans.conflicting_ends IS
    'How many later ends said something else than the first.';
COMMENT ON COLUMN finished_spans.conflicting_end_hashes IS
    'What these said, as hashes, so that a repeated one is not counted twice.';

-- ---------------------------------------------------------------------------
-- run_artifacts
-- ---------------------------------------------------------------------------

COMMENT ON COLUMN run_artifacts.id IS 'The artifact, by the id that the server gave it.';
COMMENT ON COLUMN run_artifacts.run_id IS 'The run that it belongs to.';
COMMENT ON COLUMN run_artifacts.span_id IS 'The span that left it behind.';
COMMENT ON COLUMN run_artifacts.artifact_type IS
    'What it is to the reader, in the client''s words: screenshot, log.';
COMMENT ON COLUMN run_artifacts.file_name IS 'Its name for a download, without folders.';
COMMENT ON COLUMN run_artifacts.storage_backend IS
    'Which store has the bytes: local, s3, nas, or another configured name.';
COMMENT ON COLUMN run_artifacts.storage_key IS 'Where in that store they are.';
COMMENT ON COLUMN run_artifacts.content_type IS 'Its media type, as image/png.';
COMMENT ON COLUMN run_artifacts.size_bytes IS 'Its length in bytes, as stored.';
COMMENT ON COLUMN run_artifacts.sha256 IS 'The SHA-256 of its bytes, as stored.';
COMMENT ON COLUMN run_artifacts.created_at IS 'When it was stored, by the server''s clock.';
COMMENT ON COLUMN run_artifacts.expires_at IS
    'Until when it is kept, by the server''s clock; NULL keeps it for good.';

-- ---------------------------------------------------------------------------
-- run_events
-- ---------------------------------------------------------------------------

COMMENT ON COLUMN run_events.run_id IS 'The run that the span belongs to.';
COMMENT ON COLUMN run_events.span_id IS 'The span, by the id that its client gave it.';
COMMENT ON COLUMN run_events.parent_span_id IS
    'The span that it is a step of; NULL for a root. Matched by its last 8 bytes.';
COMMENT ON COLUMN run_events.task_id IS
    'The business job that its run does; NULL where none was said.';
COMMENT ON COLUMN run_events.layer IS 'The layer that it runs in, in its client''s words.';
COMMENT ON COLUMN run_events.step_name IS 'What it does, in its client''s words.';
COMMENT ON COLUMN run_events.executor_host IS 'The machine that it runs on.';
COMMENT ON COLUMN run_events.agent IS 'Who runs it there: a person, a program, a model.';
COMMENT ON COLUMN run_events.attempt IS 'Which try of the step it is, from 1.';
COMMENT ON COLUMN run_events.reason_code IS
    'Why it failed, as one of the classifier''s codes; NULL where it did not.';
COMMENT ON COLUMN run_events.reason_kind IS
    'What kind of reason that is: TRANSIENT, PERSISTENT, RESOURCE, CONFIG or UNKNOWN; NULL where '
    'it did not fail.';
COMMENT ON COLUMN run_events.first_seen_at IS
    'When it was first heard of, by the server''s clock.';
COMMENT ON COLUMN run_events.progress_at IS
    'When its progress last moved, by the server''s clock; NULL where none was reported.';
COMMENT ON COLUMN run_events.progress_reported_at IS
    'When its progress was last reported, moved or not, by the server''s clock.';
COMMENT ON COLUMN run_events.progress_current IS
    'How far it is, in a unit of its own; NULL where it did not say.';
COMMENT ON COLUMN run_events.progress_total IS
    'How far it has to go, in the same unit; NULL where it did not say.';
COMMENT ON COLUMN run_events.progress_note IS 'Where it is, in its client''s words.';
COMMENT ON COLUMN run_events.input_summary IS 'What it works on, redacted, as its client says.';
COMMENT ON COLUMN run_events.output_summary IS
    'What came of it, redacted, as its client says; NULL while it runs.';
COMMENT ON COLUMN run_events.attributes IS 'What else its client says of it, redacted.';
COMMENT ON COLUMN run_events.error_type IS
    'The class or code of its error, in the client''s words: TimeoutError, ENOSPC, 503.';
COMMENT ON COLUMN run_events.error_message IS 'What its error said, redacted.';
COMMENT ON COLUMN run_events.error_stack IS 'The stack of its error, redacted.';
COMMENT ON COLUMN run_events.reason_evidence IS
    'What in the error decided reason_code, in words.';
COMMENT ON COLUMN run_events.fingerprint IS
    'The same for failures of one cause; NULL where it did not fail.';
COMMENT ON COLUMN run_events.conflicting_ends IS
    'How many later ends said something else than the first; 0 while it runs.';
COMMENT ON COLUMN run_events.stuck_after_ms IS
    'How long it may be silent before it counts as stuck, in milliseconds; NULL takes the '
    'default.';
COMMENT ON COLUMN run_events.progress_timeout_ms IS
    'How long its progress may stand still before it counts as stuck, in milliseconds; NULL for '
    'ever.';
COMMENT ON COLUMN run_events.retry_of IS
    'The run that its run retries; NULL where none was said.';
COMMENT ON COLUMN run_events.gc_at IS
    'When retention marked its run for deletion, by the server''s clock; NULL keeps it.';

-- ---------------------------------------------------------------------------
-- v_run_last_alive_span
-- ---------------------------------------------------------------------------

COMMENT ON COLUMN v_run_last_alive_span.run_id IS 'The run.';
COMMENT ON COLUMN v_run_last_alive_span.span_id IS 'Its span that was alive last.';
COMMENT ON COLUMN v_run_last_alive_span.parent_span_id IS
    'The span that this one is a step of; NULL for a root.';
COMMENT ON COLUMN v_run_last_alive_span.layer IS
    'The layer that the span runs in, in its client''s words.';
COMMENT ON COLUMN v_run_last_alive_span.step_name IS
    'What the span does, in its client''s words.';
COMMENT ON COLUMN v_run_last_alive_span.status IS
    'RUNNING, or how the span ended: SUCCESS, FAILED or CANCELLED.';
COMMENT ON COLUMN v_run_last_alive_span.executor_host IS 'The machine that the span runs on.';
COMMENT ON COLUMN v_run_last_alive_span.agent IS
    'Who runs the span there: a person, a program, a model.';
COMMENT ON COLUMN v_run_last_alive_span.attempt IS 'Which try of the step the span is, from 1.';
COMMENT ON COLUMN v_run_last_alive_span.seconds_since_activity IS
    'Whole seconds from last_alive_at to now, at least 0.';
COMMENT ON COLUMN v_run_last_alive_span.input_summary IS
    'What the span works on, redacted, as its client says.';
COMMENT ON COLUMN v_run_last_alive_span.ts_start IS
    'When the span started, by the client''s clock; NULL where the start was not received.';

-- ---------------------------------------------------------------------------
-- v_active_runs
-- ---------------------------------------------------------------------------

COMMENT ON COLUMN v_active_runs.run_id IS 'The run.';
COMMENT ON COLUMN v_active_runs.task_id IS
    'The business job that it does; NULL where none was said.';
COMMENT ON COLUMN v_active_runs.agent IS
    'Who runs the current step: a person, a program, a model.';
COMMENT ON COLUMN v_active_runs.layer IS
    'The layer that the current step runs in, in its client''s words.';
COMMENT ON COLUMN v_active_runs.step_name IS
    'What the current step does, in its client''s words.';
COMMENT ON COLUMN v_active_runs.span_id IS
    'The current step: the running span that was alive last.';
COMMENT ON COLUMN v_active_runs.last_alive_at IS
    'When the run was last heard of, by the server''s clock.';
COMMENT ON COLUMN v_active_runs.seconds_since_activity IS
    'Whole seconds from last_alive_at to now, at least 0.';
COMMENT ON COLUMN v_active_runs.running_spans IS 'How many of its spans run.';

-- ---------------------------------------------------------------------------
-- v_run_summary
-- ---------------------------------------------------------------------------

COMMENT ON COLUMN v_run_summary.run_id IS 'The run.';
COMMENT ON COLUMN v_run_summary.task_id IS
    'The business job that it does; NULL where none was said.';
COMMENT ON COLUMN v_run_summary.attempt IS
    'Which try of the task the run is: the greatest attempt among its roots.';
COMMENT ON COLUMN v_run_summary.retry_of IS
    'The run that this one retries; NULL where none was said.';
COMMENT ON COLUMN v_run_summary.total_spans IS 'How many spans of it were received.';
COMMENT ON COLUMN v_run_summary.running_spans IS 'How many of them run.';
COMMENT ON COLUMN v_run_summary.success_spans IS 'How many of them ended with SUCCESS.';
COMMENT ON COLUMN v_run_summary.failed_spans IS 'How many of them ended with FAILED.';
COMMENT ON COLUMN v_run_summary.cancelled_spans IS 'How many of them ended with CANCELLED.';
COMMENT ON COLUMN v_run_summary.hosts_involved IS
    'All machines that its spans ran on, in order; empty where none was said.';
COMMENT ON COLUMN v_run_summary.agents IS
    'All agents that ran its spans, in order; empty where none was said.';
COMMENT ON COLUMN v_run_summary.last_alive_at IS
    'When the run was last heard of, by the server''s clock.';
COMMENT ON COLUMN v_run_summary.gc_at IS
    'When retention marked the run for deletion, by the server''s clock; NULL keeps it.';

-- ---------------------------------------------------------------------------
-- v_top_failure_reasons
-- ---------------------------------------------------------------------------

COMMENT ON COLUMN v_top_failure_reasons.reason_kind IS
    'What kind of reason it is: TRANSIENT, PERSISTENT, RESOURCE, CONFIG or UNKNOWN.';
COMMENT ON COLUMN v_top_failure_reasons.reason_code IS
    'Why spans failed, as one of the classifier''s codes; unknown where it found none.';
COMMENT ON COLUMN v_top_failure_reasons.failure_count IS 'How many spans failed for it.';
COMMENT ON COLUMN v_top_failure_reasons.affected_runs IS 'In how many runs.';
COMMENT ON COLUMN v_top_failure_reasons.affected_hosts IS
    'On which machines, in order; empty where none was said.';
COMMENT ON COLUMN v_top_failure_reasons.steps IS
    'In which steps, by name and in order; empty where none was said.';
COMMENT ON COLUMN v_top_failure_reasons.first_seen IS
    'When the first of these failures was received, by the server''s clock.';
COMMENT ON COLUMN v_top_failure_reasons.last_seen IS
    'When the last of these failures was received, by the server''s clock.';
