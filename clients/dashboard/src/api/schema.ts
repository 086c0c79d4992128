// Generated from the server's /api/openapi.json by `make clients-dashboard`. Do not edit.
export interface paths {
    "/api/brain/trace/failures/top": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What fails most, by reason
         * @description What fails most, by reason.
         */
        get: operations["ListTopFailures_2"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/brain/trace/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Runs, the latest started first, in pages
         * @description Runs, the latest started first, in pages.
         */
        get: operations["ListRuns_2"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/brain/trace/runs/{run_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All spans of a run, by start
         * @description All spans of a run, by start.
         */
        get: operations["GetTimeline_2"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/brain/trace/runs/{run_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Asks for a run to be cancelled
         * @description Asks for a run to be cancelled. Its executors are told with the answer to what they say next (`cancel_requested` of Heartbeat, StartSpan and StreamSpans), and stop by themselves; steps that start later are told so too. Asking again changes nothing. A run that was never heard of is NOT_FOUND.
         */
        post: operations["CancelRun_2"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/brain/trace/runs/{run_id}/graph": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A run as a graph, laid out
         * @description A run as a graph, laid out.
         */
        get: operations["GetRunGraph_2"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/brain/trace/runs/{run_id}/last-alive": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The span of a run that was heard of last, and whether the run is stuck
         * @description The span of a run that was heard of last, and whether the run is stuck.
         */
        get: operations["GetLastAliveSpan_2"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/brain/trace/runs/{run_id}/summary": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A run in figures
         * @description A run in figures.
         */
        get: operations["GetRunSummary_2"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/brain/trace/runs/active": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Runs with running spans, the latest started first
         * @description Runs with running spans, the latest started first.
         */
        get: operations["ListActiveRuns_2"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/brain/trace/stuck": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Runs that are stuck, the longest first
         * @description Runs that are stuck, the longest first. Nothing is written by asking, and a run that is heard of again is off the list.
         */
        get: operations["ListStuckRuns_2"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A page that shows this document */
        get: operations["GetDocumentationPage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document */
        get: operations["GetOpenApiDocument"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/failures/sites": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Where failures happen: of one cause, at one step, on one machine; the most frequent first
         * @description Where failures happen: of one cause, at one step, on one machine; the most frequent first.
         */
        get: operations["ListFailureSites"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/failures/top": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What fails most, by reason
         * @description What fails most, by reason.
         */
        get: operations["ListTopFailures"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/failures/trend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How many spans failed when, by kind
         * @description How many spans failed when, by kind.
         */
        get: operations["GetFailureTrend"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/hosts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The machines: what each runs, its last word, its failures
         * @description The machines: what each runs, its last word, its failures.
         */
        get: operations["ListHosts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Runs, the latest started first, in pages
         * @description Runs, the latest started first, in pages.
         */
        get: operations["ListRuns"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Asks for a run to be cancelled
         * @description Asks for a run to be cancelled. Its executors are told with the answer to what they say next (`cancel_requested` of Heartbeat, StartSpan and StreamSpans), and stop by themselves; steps that start later are told so too. Asking again changes nothing. A run that was never heard of is NOT_FOUND.
         */
        post: operations["CancelRun"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run_id}/graph": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A run as a graph, laid out
         * @description A run as a graph, laid out.
         */
        get: operations["GetRunGraph"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run_id}/last-alive": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The span of a run that was heard of last, and whether the run is stuck
         * @description The span of a run that was heard of last, and whether the run is stuck.
         */
        get: operations["GetLastAliveSpan"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run_id}/spans/{span_id}/artifacts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A step leaves a file behind: its bytes, or the name of a file that the server can reach
         * @description A step leaves a file behind: its bytes, or the name of a file that the server can reach. Counts as a sign of life.
         */
        post: operations["StoreArtifact"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run_id}/spans/{span_id}/end": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A step is over
         * @description A step is over. The first end counts; another that says something else is counted in conflicting_ends and changes nothing.
         */
        post: operations["EndSpan"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run_id}/spans/{span_id}/heartbeat": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A step is alive, and may say how far it has come
         * @description A step is alive, and may say how far it has come.
         */
        post: operations["Heartbeat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run_id}/summary": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A run in figures
         * @description A run in figures.
         */
        get: operations["GetRunSummary"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{run_id}/timeline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All spans of a run, by start
         * @description All spans of a run, by start.
         */
        get: operations["GetTimeline"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/active": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Runs with running spans, the latest started first
         * @description Runs with running spans, the latest started first.
         */
        get: operations["ListActiveRuns"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/spans": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A step begins
         * @description A step begins. It is visible to every query once this is answered.
         */
        post: operations["StartSpan"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stuck": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Runs that are stuck, the longest first
         * @description Runs that are stuck, the longest first. Nothing is written by asking, and a run that is heard of again is off the list.
         */
        get: operations["ListStuckRuns"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description A run with running spans, at its current step: the last-alive one. */
        ActiveRun: {
            /** @description Who runs it. */
            agent: string;
            /**
             * Format: int64
             * @description Which try of the task.
             */
            attempt: number;
            /** @description Where the current step runs. */
            executor_host: string;
            /** @description All machines on which it has running spans. */
            hosts: string[];
            /**
             * Format: date-time
             * @description When anything in the run was last heard of, by the server's clock.
             */
            last_alive_at: string | null;
            /** @description The current step's layer. */
            layer: string;
            /** @description How far the current step has come. */
            progress: components["schemas"]["Progress"] | null;
            /**
             * Format: uuid
             * @description The run, a uuid.
             */
            run_id: string;
            /**
             * Format: int64
             * @description How many of its spans run.
             */
            running_spans: number;
            /**
             * Format: int64
             * @description For how long nothing was heard, in seconds.
             */
            seconds_since_activity: number;
            /** @description The current step. */
            span_id: string;
            /**
             * Format: date-time
             * @description When the run started, by its clients' clocks.
             */
            started_at: string | null;
            /** @description RUNNING. */
            status: components["schemas"]["Status"];
            /** @description The current step's name. */
            step_name: string;
            /** @description The business job. */
            task_id: string;
            /** @description What is wrong with it, if anything. */
            verdict: components["schemas"]["Verdict"];
        };
        /** @description A file that a span left behind. */
        Artifact: {
            /**
             * Format: uuid
             * @description The server's id for it, a uuid.
             */
            artifact_id: string;
            /** @description What it is to the reader: "screenshot", "log", "report". */
            artifact_type: string;
            /** @description Its media type, such as "image/png". */
            content_type: string;
            /**
             * Format: date-time
             * @description When it was stored, by the server's clock.
             */
            created_at: string | null;
            /**
             * Format: date-time
             * @description When it stops being served; absent means never.
             */
            expires_at: string | null;
            /** @description Its name, for a download. */
            file_name: string;
            /**
             * Format: uuid
             * @description The run, a uuid.
             */
            run_id: string;
            /** @description The SHA-256 of its bytes as stored, in hex. */
            sha256: string;
            /** @description Its length in bytes, as stored. */
            size_bytes: string;
            /**
             * Format: uuid
             * @description The span, a uuid.
             */
            span_id: string;
            /** @description The store that holds it: "local", "s3", "nas", or another configured name. */
            storage_backend: string;
        };
        /** @description Whom it reaches. */
        CancelRunResponse: {
            /**
             * Format: date-time
             * @description When it was first asked for, by the server's clock.
             */
            cancel_requested_at: string | null;
            /**
             * Format: uuid
             * @description The run, a uuid.
             */
            run_id: string;
            /**
             * Format: int64
             * @description How many of its spans run, and so will be told. 0 where the run has ended, or is between two steps.
             */
            running_spans: number;
        };
        /** @description How the step's end was taken. */
        EndSpanResponse: {
            /** @description Whether an earlier end said something else; that one counts. */
            conflict: boolean;
            /** @description Whether the span's start was received. Where not, a later StartSpan completes it. */
            known: boolean;
            /** @description Why it failed. */
            reason_code: string;
            /** @description What kind of failure it was. */
            reason_kind: components["schemas"]["ReasonKind"];
            /** @description How the span ended, by the first end that was received. */
            status: components["schemas"]["Status"];
        };
        /** @description What went wrong: a google.rpc.Status, and a text to show. */
        Error: {
            /** @description A google.rpc.Code. */
            code: number;
            /** @description google.rpc.BadRequest names the fields or parameters that are wrong, google.rpc.RetryInfo says when to come again, google.rpc.ResourceInfo what does not exist. */
            details: {
                /** @description Which of them it is. */
                "@type": string;
            }[];
            /** @description A text to show: the message, but for a thing that does not exist, where it says what, as `Run not found`. */
            error: string;
            /** @description What to change. */
            message: string;
        };
        /** @description A failed span of a run. */
        FailedSpan: {
            /**
             * Format: int64
             * @description Which try of the step.
             */
            attempt: number;
            /** @description Where it ran. */
            executor_host: string;
            /** @description Its layer. */
            layer: string;
            /** @description What the error said. */
            message: string;
            /** @description Why it failed. */
            reason_code: string;
            /** @description What kind of failure. */
            reason_kind: components["schemas"]["ReasonKind"];
            /**
             * Format: uuid
             * @description The span, a uuid.
             */
            span_id: string;
            /** @description Its name. */
            step_name: string;
            /**
             * Format: date-time
             * @description When it ended, by the client's clock.
             */
            ts_end: string | null;
        };
        /** @description Failures of one reason. */
        FailureGroup: {
            /** @description The machines they ran on, by name. */
            affected_hosts: string[];
            /**
             * Format: int64
             * @description How many runs they belong to.
             */
            affected_runs: number;
            /**
             * Format: int64
             * @description How many spans failed so.
             */
            failure_count: number;
            /**
             * Format: date-time
             * @description When the first of them ended, by the server's clock.
             */
            first_seen: string | null;
            /**
             * Format: date-time
             * @description When the last of them ended, by the server's clock.
             */
            last_seen: string | null;
            /** @description The code. */
            reason_code: string;
            /** @description The kind. */
            reason_kind: components["schemas"]["ReasonKind"];
            /** @description What the latest of them said. */
            sample_message: string;
            /** @description Runs to look at, the latest first; at most 5. */
            sample_run_ids: string[];
            /** @description The steps that failed, by name; at most 20. */
            steps: string[];
        };
        /** @description Failures of one fingerprint, of one step, on one machine. */
        FailureSite: {
            /**
             * Format: int64
             * @description How many runs they belong to.
             */
            affected_runs: number;
            /** @description Who ran it. */
            agent: string;
            /** @description The class of its error. */
            error_type: string;
            /** @description The machine. */
            executor_host: string;
            /**
             * Format: int64
             * @description How many spans failed so.
             */
            failure_count: number;
            /** @description What their errors have in common, as in Span; empty where nothing was said. */
            fingerprint: string;
            /**
             * Format: date-time
             * @description When the first of them ended, by the server's clock.
             */
            first_seen: string | null;
            /**
             * Format: date-time
             * @description When the last of them ended, by the server's clock.
             */
            last_seen: string | null;
            /** @description That span's layer. */
            layer: string;
            /** @description Its code. */
            reason_code: string;
            /** @description What kind of failure it was. */
            reason_kind: components["schemas"]["ReasonKind"];
            /** @description What its error said. */
            sample_message: string;
            /** @description Runs to look at, the latest first; at most 5. */
            sample_run_ids: string[];
            /** @description The latest of the spans, in the first of these runs. */
            sample_span_id: string;
            /** @description The step. */
            step_name: string;
        };
        /** @description Failures over time. */
        GetFailureTrendResponse: {
            /**
             * Format: double
             * @description How long a bucket is, in seconds. The last one ends now.
             */
            bucket_seconds: number;
            /** @description Each kind of which there are failures, by name. */
            kinds: components["schemas"]["KindTrend"][];
            /**
             * Format: date-time
             * @description When the window, and its first bucket, begins.
             */
            since: string | null;
        };
        /** @description Where a run was last alive. The fields beside last_alive_span repeat it for readers that look for them at the top. */
        GetLastAliveSpanResponse: {
            /** @description As in last_alive_span. */
            agent: string;
            /** @description As in last_alive_span. */
            artifacts: {
                [key: string]: string;
            };
            /** @description As in last_alive_span. */
            executor_host: string;
            /** @description As in last_alive_span. */
            input_summary: unknown;
            /** @description As in last_alive_span. */
            is_stuck: boolean;
            /** @description The span, with its evidence. */
            last_alive_span: components["schemas"]["LastAliveSpan"] | null;
            /** @description As in last_alive_span. */
            layer: string;
            /**
             * Format: uuid
             * @description The run, a uuid.
             */
            run_id: string;
            /**
             * Format: int64
             * @description As in last_alive_span.
             */
            seconds_since_activity: number;
            /** @description As in last_alive_span. */
            span_id: string;
            /** @description As in last_alive_span. */
            status: components["schemas"]["Status"];
            /** @description As in last_alive_span. */
            step_name: string;
        };
        /** @description A run as a graph in layers, parents above their steps. */
        GetRunGraphResponse: {
            /** @description Who is whose step. */
            edges: components["schemas"]["GraphEdge"][];
            /**
             * Format: double
             * @description How high the drawing is, in pixels.
             */
            height: number;
            /** @description Its spans. */
            nodes: components["schemas"]["GraphNode"][];
            /**
             * Format: uuid
             * @description The run, a uuid.
             */
            run_id: string;
            /**
             * Format: double
             * @description How wide the drawing is, in pixels.
             */
            width: number;
        };
        /** @description The run's spans. */
        GetTimelineResponse: {
            /**
             * Format: int64
             * @description Which try of the task the run is.
             */
            attempt: number;
            /** @description The span that was heard of last. */
            last_alive_span_id: string;
            /** @description Asks for the next page; empty on the last. */
            next_page_token: string;
            /** @description The run that this one retries. */
            retry_of: string;
            /**
             * Format: uuid
             * @description The run, a uuid.
             */
            run_id: string;
            /** @description Its spans by start; those whose start is unknown by when they were first heard of. Of those that start at once, a span stands before its steps. */
            spans: components["schemas"]["Span"][];
            /** @description Where the run stands. */
            status: components["schemas"]["Status"];
            /** @description The business job that the run belongs to. */
            task_id: string;
        };
        /** @description From a span to one of its steps. */
        GraphEdge: {
            /** @description "<source>-<target>". */
            id: string;
            /** @description The parent's span id. */
            source: string;
            /** @description The step's span id. */
            target: string;
        };
        /** @description A span in the drawing. */
        GraphNode: {
            /** @description Who ran it. */
            agent: string;
            /**
             * Format: int64
             * @description Which try of the step.
             */
            attempt: number;
            /** @description Where it ran. */
            executor_host: string;
            /**
             * Format: double
             * @description Its height in pixels.
             */
            height: number;
            /**
             * Format: uuid
             * @description The span, a uuid.
             */
            id: string;
            /** @description Whether it is the run's last-alive span. */
            is_last_alive: boolean;
            /** @description What to write in it. */
            label: string;
            /** @description Its layer. */
            layer: string;
            /** @description What kind of failure; absent unless the span failed. */
            reason_kind: components["schemas"]["ReasonKind"] | null;
            /** @description Where it stands. */
            status: components["schemas"]["Status"];
            /**
             * Format: double
             * @description Its width in pixels.
             */
            width: number;
            /**
             * Format: double
             * @description Its left edge, in pixels from the drawing's.
             */
            x: number;
            /**
             * Format: double
             * @description Its upper edge, in pixels from the drawing's.
             */
            y: number;
        };
        /** @description What the server knows of it. */
        HeartbeatResponse: {
            /** @description Whether somebody asked for the run to be cancelled. */
            cancel_requested: boolean;
            /** @description Whether the span's start was received. Where not, the server keeps what it heard, and a later StartSpan completes it. */
            known: boolean;
            /** @description Where the span stands. A heartbeat never revives a span that has ended. */
            status: components["schemas"]["Status"];
        };
        /** @description A machine, as its executors speak of it. */
        Host: {
            /** @description Who runs or ran there, by name; at most 20. */
            agents: string[];
            /** @description Its name. */
            executor_host: string;
            /**
             * Format: int64
             * @description How many spans failed there.
             */
            failure_count: number;
            /**
             * Format: date-time
             * @description When anything on it was last heard of, by the server's clock.
             */
            last_alive_at: string | null;
            /**
             * Format: date-time
             * @description When the last of them ended, by the server's clock; absent without any.
             */
            last_failure_at: string | null;
            /**
             * Format: int64
             * @description How many runs these belong to.
             */
            running_runs: number;
            /**
             * Format: int64
             * @description How many spans run on it.
             */
            running_spans: number;
            /** @description What runs there, the last heard of first; at most 5. */
            steps: components["schemas"]["HostStep"][];
        };
        /** @description A step that runs on a machine. */
        HostStep: {
            /** @description Who runs it. */
            agent: string;
            /**
             * Format: date-time
             * @description When it was last heard of, by the server's clock.
             */
            last_alive_at: string | null;
            /** @description Its layer. */
            layer: string;
            /**
             * Format: uuid
             * @description Its run, a uuid.
             */
            run_id: string;
            /**
             * Format: uuid
             * @description The span, a uuid.
             */
            span_id: string;
            /** @description Its name. */
            step_name: string;
        };
        /** @description The failures of a kind over time. */
        KindTrend: {
            /** @description How many in each bucket, the oldest first. */
            counts: number[];
            /**
             * Format: int64
             * @description How many spans failed in all.
             */
            failure_count: number;
            /** @description The kind. */
            reason_kind: components["schemas"]["ReasonKind"];
        };
        /** @description The span of a run that was heard of last. */
        LastAliveSpan: {
            /** @description Who runs it. */
            agent: string;
            /** @description Its newest artifact of each type, as "<artifact_type>_id" to artifact_id. */
            artifacts: {
                [key: string]: string;
            };
            /**
             * Format: int64
             * @description Which try of the step.
             */
            attempt: number;
            /** @description What the verdict rests on, in words. */
            evidence: string;
            /** @description Where it runs, or ran. */
            executor_host: string;
            /** @description What it was given. */
            input_summary: unknown;
            /** @description Whether the run is stuck here. */
            is_stuck: boolean;
            /**
             * Format: date-time
             * @description When it, or one of its steps, was last heard of, by the server's clock.
             */
            last_alive_at: string | null;
            /** @description Its layer. */
            layer: string;
            /** @description How far it has come. */
            progress: components["schemas"]["Progress"] | null;
            /**
             * Format: int64
             * @description For how long nothing of it, or of its steps, was heard, in seconds.
             */
            seconds_since_activity: number;
            /**
             * Format: uuid
             * @description The span, a uuid.
             */
            span_id: string;
            /** @description Where it stands. */
            status: components["schemas"]["Status"];
            /** @description Its name. */
            step_name: string;
            /**
             * Format: date-time
             * @description When it started, by the client's clock.
             */
            ts_start: string | null;
            /** @description What is wrong, where the run is stuck. */
            verdict: components["schemas"]["Verdict"];
        };
        /** @description Runs with running spans. */
        ListActiveRunsResponse: {
            /** @description The runs, the latest started first. */
            runs: components["schemas"]["ActiveRun"][];
            /**
             * Format: int64
             * @description How many there are in all.
             */
            total_count: number;
        };
        /** @description Failures by where they happen. */
        ListFailureSitesResponse: {
            /** @description The sites, the one with the most failures first. */
            sites: components["schemas"]["FailureSite"][];
        };
        /** @description The machines. */
        ListHostsResponse: {
            /** @description The machines on which something runs, or has failed, or has ended in one of the 500 runs that started last; by name. */
            hosts: components["schemas"]["Host"][];
        };
        /** @description A page of runs. */
        ListRunsResponse: {
            /** @description Asks for the next page; empty on the last. */
            next_page_token: string;
            /** @description The runs, the latest started first. A filter that lets little through may make a page short, or empty, before the last. */
            runs: components["schemas"]["RunSummary"][];
        };
        /** @description Runs that are stuck. */
        ListStuckRunsResponse: {
            /** @description The runs, the longest stuck first. */
            runs: components["schemas"]["StuckRun"][];
        };
        /** @description Failures by reason. */
        ListTopFailuresResponse: {
            /** @description The groups, the largest first. */
            failures: components["schemas"]["FailureGroup"][];
        };
        /** @description How far a span has come, in units of its own choice. */
        Progress: {
            /**
             * Format: double
             * @description What is done so far; finite, 0 or more. The work moves when this grows, or when total or note change.
             */
            current: number;
            /** @description What is being done, in a few words; at most 1,024 bytes. */
            note: string;
            /**
             * Format: double
             * @description What there is to do; absent where that isn't known.
             */
            total: number | null;
        };
        /** @description How far a span has come, in units of its own choice. */
        ProgressInput: {
            /**
             * Format: double
             * @description What is done so far; finite, 0 or more. The work moves when this grows, or when total or note change.
             */
            current?: number;
            /** @description What is being done, in a few words; at most 1,024 bytes. */
            note?: string;
            /**
             * Format: double
             * @description What there is to do; absent where that isn't known.
             */
            total?: number;
        };
        /**
         * @description Why a span failed, in the terms that decide whether a retry is worth it.
         *
         *     - `UNKNOWN`: Nothing in the error says which of the others it is.
         *     - `TRANSIENT`: The world around the step: a timeout, a lost connection. A retry may pass.
         *     - `PERSISTENT`: The step itself: a missing file, a wrong argument. A retry fails again.
         *     - `RESOURCE`: Something ran out: memory, disk, quota. A retry helps once there is more.
         *     - `CONFIG`: The set-up: permissions, expired credentials. Somebody must change it.
         * @enum {string}
         */
        ReasonKind: "UNKNOWN" | "TRANSIENT" | "PERSISTENT" | "RESOURCE" | "CONFIG";
        /** @description A run in figures. */
        RunSummary: {
            /** @description Who ran its steps, by name. */
            agents: string[];
            /**
             * Format: int64
             * @description Which try of the task.
             */
            attempt: number;
            /**
             * Format: date-time
             * @description When somebody first asked for it to be cancelled, by the server's clock; absent where nobody did.
             */
            cancel_requested_at: string | null;
            /**
             * Format: int64
             * @description How many were cancelled.
             */
            cancelled_spans: number;
            /**
             * Format: double
             * @description From start to end, or to now while it runs, in seconds.
             */
            duration_seconds: number;
            /**
             * Format: date-time
             * @description When its last span ended, by the clients' clocks; absent while it runs.
             */
            ended_at: string | null;
            /**
             * Format: int64
             * @description How many failed.
             */
            failed_spans: number;
            /** @description Its failed spans, the latest first; at most 20. Only GetRunSummary fills it. */
            failures: components["schemas"]["FailedSpan"][];
            /**
             * Format: date-time
             * @description When retention marked it for deletion; absent where it has not.
             */
            gc_at: string | null;
            /** @description The machines it ran on, by name. */
            hosts_involved: string[];
            /**
             * Format: date-time
             * @description When anything in the run was last heard of, by the server's clock.
             */
            last_alive_at: string | null;
            /**
             * Format: int64
             * @description The greatest attempt among its spans.
             */
            max_attempt: number;
            /** @description The run that this one retries. */
            retry_of: string;
            /** @description The name of its first root, or of its first span. */
            root_step_name: string;
            /**
             * Format: uuid
             * @description The run, a uuid.
             */
            run_id: string;
            /**
             * Format: int64
             * @description How many run.
             */
            running_spans: number;
            /**
             * Format: date-time
             * @description When its first span started, by the clients' clocks.
             */
            started_at: string | null;
            /** @description Where the run stands: RUNNING while any of its spans runs; then the worst of its roots (FAILED, CANCELLED, SUCCESS), of which the last attempt of a step counts. */
            status: components["schemas"]["Status"];
            /**
             * Format: int64
             * @description How many ended well.
             */
            success_spans: number;
            /** @description The business job. */
            task_id: string;
            /**
             * Format: int64
             * @description How many spans it has.
             */
            total_spans: number;
        };
        /** @description A span as a question about it is answered. */
        Span: {
            /** @description Who ran it. */
            agent: string;
            /** @description All its artifacts, oldest first. */
            artifact_list: components["schemas"]["Artifact"][];
            /** @description Its newest artifact of each type, as "<artifact_type>_id" to artifact_id. */
            artifacts: {
                [key: string]: string;
            };
            /**
             * Format: int64
             * @description 1 for the first try, 2 for the first retry.
             */
            attempt: number;
            /** @description Everything else that was said about it, redacted. Where it nests deeper than protobuf's libraries read (29 objects), the rest is a text: its JSON. */
            attributes: Record<string, never> | null;
            /**
             * Format: int64
             * @description How many ends were received that said something else than the first, which counts. More than 0 hints at two processes sharing one span id.
             */
            conflicting_ends: number;
            /**
             * Format: int64
             * @description How many ancestors it has in the run.
             */
            depth: number;
            /**
             * Format: double
             * @description From start to end, or to now while it runs, in seconds; never negative.
             */
            duration_seconds: number;
            /** @description The error that ended it; absent unless there was one. */
            error: components["schemas"]["SpanError"] | null;
            /** @description The machine that it ran on. */
            executor_host: string;
            /** @description Groups failures of one cause: a hash of the error's text with ids, numbers and paths masked. Empty unless the span failed. */
            fingerprint: string;
            /**
             * Format: date-time
             * @description When it was last heard of, by the server's clock.
             */
            heartbeat_ts: string | null;
            /** @description What it was given: redacted, cut to 3 levels and 4 KiB a value. */
            input_summary: unknown;
            /** @description Whether it is the run's last-alive span. */
            is_last_alive: boolean;
            /** @description The level of the work: "L0_orchestrator", "llm", "tool". */
            layer: string;
            /** @description What only OpenTelemetry has words for, redacted: kind, trace_state, flags, status_message, scope, resource, events, links and how many of these were dropped. Only what was said; absent where it came by SpanService. */
            otel: Record<string, never> | null;
            /** @description What it gave back, treated likewise. */
            output_summary: unknown;
            /** @description The span that this one is a step of, as a uuid; empty for a root. It names its parent by the last 8 bytes, within the same run. */
            parent_span_id: string;
            /** @description How far it has come; absent where it never said. */
            progress: components["schemas"]["Progress"] | null;
            /**
             * Format: date-time
             * @description When its progress last moved, by the server's clock.
             */
            progress_at: string | null;
            /** @description The short name of what went wrong, such as "timeout"; empty unless the span ended in an error. */
            reason_code: string;
            /** @description What in the error decided reason_code, in words. */
            reason_evidence: string;
            /** @description The kind of what went wrong; absent unless the span failed. */
            reason_kind: components["schemas"]["ReasonKind"] | null;
            /**
             * Format: uuid
             * @description The run, a uuid.
             */
            run_id: string;
            /**
             * Format: uuid
             * @description The span, a uuid.
             */
            span_id: string;
            /** @description Where it stands. */
            status: components["schemas"]["Status"];
            /** @description What the step does. */
            step_name: string;
            /** @description The business job that the run belongs to; empty where none was named. */
            task_id: string;
            /**
             * Format: date-time
             * @description When it ended, by the client's clock; absent while it runs.
             */
            ts_end: string | null;
            /**
             * Format: date-time
             * @description When it started, by the client's clock; absent until its start is heard.
             */
            ts_start: string | null;
        };
        /** @description The error that ended a span. */
        SpanError: {
            /** @description What it said. Redacted, and cut at 4 KiB. */
            message: string;
            /** @description Where it happened. Redacted, and cut at 4 KiB. */
            stack_trace: string;
            /** @description The class or code: "TimeoutError", "ENOSPC", "503". At most 1,024 bytes. */
            type: string;
        };
        /** @description The error that ended a span. */
        SpanErrorInput: {
            /** @description What it said. Redacted, and cut at 4 KiB. */
            message?: string;
            /** @description Where it happened. Redacted, and cut at 4 KiB. */
            stack_trace?: string;
            /** @description The class or code: "TimeoutError", "ENOSPC", "503". At most 1,024 bytes. */
            type?: string;
        };
        /** @description A step begins. */
        StartSpanRequest: {
            /** @description Who runs it; at most 1,024 bytes. */
            agent?: string;
            /**
             * Format: int64
             * @description 1 (or 0) for the first try, 2 for the first retry; at most 1,000,000.
             */
            attempt?: number;
            /** @description Anything else to know about it: at most 1,024 keys, 64 levels deep. */
            attributes?: Record<string, never>;
            /** @description The machine it runs on; the peer's address where absent. */
            executor_host?: string;
            /** @description What it was given. Stored redacted, cut to 3 levels and 4 KiB a value. */
            input?: Record<string, never>;
            /** @description The level of the work; at most 1,024 bytes. */
            layer?: string;
            /** @description The span that this one is a step of; absent for a root. */
            parent_span_id?: string;
            /** @description After how long without movement a span that beats counts as stuck, from 1 s to 365 days; never where absent. */
            progress_timeout?: string;
            /**
             * Format: uuid
             * @description The run that this one retries, a uuid.
             */
            retry_of?: string;
            /**
             * Format: uuid
             * @description The run, a uuid, with or without hyphens. The server makes one where it is absent; a stream must name it. Its 16 bytes are the OpenTelemetry trace id.
             */
            run_id?: string;
            /**
             * Format: uuid
             * @description The span, a uuid. The server makes one where it is absent; a stream must name it. Its last 8 bytes are the OpenTelemetry span id.
             */
            span_id?: string;
            /**
             * Format: date-time
             * @description When it began by the client's clock, from 1970 to 9999; when the server received it where absent.
             */
            start_time?: string;
            /** @description What the step does; needed, at most 1,024 bytes. */
            step_name?: string;
            /** @description After how long without a sign of life the span counts as stuck, from 1 s to 365 days; the server's default where absent. */
            stuck_after?: string;
            /** @description The business job that the run belongs to; at most 1,024 bytes. The first that is said for a run counts. */
            task_id?: string;
        };
        /** @description The step's identity. */
        StartSpanResponse: {
            /** @description Whether somebody asked for the run to be cancelled, perhaps before this step. */
            cancel_requested: boolean;
            /** @description Whether the span's start had been received before. The first one counts. */
            known: boolean;
            /**
             * Format: uuid
             * @description The run, a uuid.
             */
            run_id: string;
            /**
             * Format: uuid
             * @description The span, a uuid.
             */
            span_id: string;
            /** @description Where the span stands: RUNNING, unless its end came before its start. */
            status: components["schemas"]["Status"];
            /** @description The same identity as a W3C trace context header. Handed to a library that OpenTelemetry instruments, it puts that library's spans under this step. */
            traceparent: string;
        };
        /**
         * @description Where a span, or a whole run, stands. A terminal state is final.
         *
         *     - `STATUS_UNSPECIFIED`: Not said. Never stored.
         *     - `RUNNING`: Started (or first heard of) and not ended.
         *     - `SUCCESS`: Ended well.
         *     - `FAILED`: Ended with an error.
         *     - `CANCELLED`: Ended because somebody asked for it.
         * @enum {string}
         */
        Status: "STATUS_UNSPECIFIED" | "RUNNING" | "SUCCESS" | "FAILED" | "CANCELLED";
        /** @description The file as stored. */
        StoreArtifactResponse: {
            /**
             * Format: uuid
             * @description The server's id for it, a uuid.
             */
            artifact_id: string;
            /** @description Whether the span's start was received. */
            known: boolean;
            /** @description The SHA-256 of its bytes as stored, in hex. */
            sha256: string;
            /** @description Its length in bytes, as stored. */
            size_bytes: string;
        };
        /** @description A run that is stuck, at its last-alive span. */
        StuckRun: {
            /** @description Who runs it. */
            agent: string;
            /** @description The span's newest artifact of each type, as "<artifact_type>_id" to artifact_id. */
            artifacts: {
                [key: string]: string;
            };
            /**
             * Format: int64
             * @description Which try of the step.
             */
            attempt: number;
            /** @description What the verdict rests on, in words. */
            evidence: string;
            /** @description Where it runs. */
            executor_host: string;
            /** @description What the span was given. */
            input_summary: unknown;
            /** @description That span's layer. */
            layer: string;
            /**
             * Format: int64
             * @description The limit that this exceeds, in seconds.
             */
            limit_seconds: number;
            /**
             * Format: uuid
             * @description The run, a uuid.
             */
            run_id: string;
            /**
             * Format: date-time
             * @description When it was last heard of (NO_HEARTBEAT), or last moved (NO_PROGRESS), by the server's clock.
             */
            since: string | null;
            /** @description The span at which it is stuck. */
            span_id: string;
            /**
             * Format: date-time
             * @description When the run started, by its clients' clocks.
             */
            started_at: string | null;
            /** @description Its name. */
            step_name: string;
            /**
             * Format: int64
             * @description For how long nothing was heard, or nothing moved, in seconds.
             */
            stuck_duration_seconds: number;
            /** @description The business job. */
            task_id: string;
            /** @description What is wrong. */
            verdict: components["schemas"]["Verdict"];
        };
        /**
         * @description What is wrong with a run that is not well.
         *
         *     - `VERDICT_UNSPECIFIED`: Nothing: the run is well, or it has ended.
         *     - `NO_HEARTBEAT`: Nothing in the run was heard of for longer than its limit.
         *     - `NO_PROGRESS`: A span beats, but its progress has not moved for longer than its limit.
         * @enum {string}
         */
        Verdict: "VERDICT_UNSPECIFIED" | "NO_HEARTBEAT" | "NO_PROGRESS";
    };
    responses: {
        /** @description Anything else that is no success. */
        Failed: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description Something in the request is wrong; the details name the field or parameter. */
        Invalid: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description What was asked for does not exist. */
        NotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The body is longer than is read. */
        TooLong: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The server cannot take it now. Send it again. */
        Unavailable: {
            headers: {
                /** @description In how many seconds. */
                "Retry-After"?: number;
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The body is not JSON, or does not say so. */
        WrongType: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    ListTopFailures_2: {
        parameters: {
            query?: {
                /** @description Only failures of this agent. */
                agent?: string;
                /** @description Only failures on this machine. */
                executor_host?: string;
                /** @description How many groups at most; 0 is 20, the most is 1,000. */
                page_size?: number;
                /** @description Only failures of this kind, where not UNKNOWN. */
                reason_kind?: components["schemas"]["ReasonKind"];
                /** @description How far back from now, by when the server received the end; a day where absent, at most 3650 days. */
                window?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Failures by reason. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FailureGroup"][];
                };
            };
            400: components["responses"]["Invalid"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    ListRuns_2: {
        parameters: {
            query?: {
                /** @description Only runs with a span of this agent. */
                agent?: string;
                /** @description Only runs with a span on this machine. */
                executor_host?: string;
                /** @description Only runs with a span of this layer. */
                layer?: string;
                /** @description How many at most; 0 is 50, the most is 1,000. */
                page_size?: number;
                /** @description next_page_token of the page before; empty for the first. */
                page_token?: string;
                /** @description Only runs with a failed span of this code; where reason_kind is there too, of both. */
                reason_code?: string;
                /** @description Only runs with a failed span of this kind; absent lets all through. */
                reason_kind?: components["schemas"]["ReasonKind"];
                /** @description Only runs that started at this time or later. */
                started_after?: string;
                /** @description Only runs that started before this time. */
                started_before?: string;
                /** @description Only runs that stand so. */
                status?: components["schemas"]["Status"];
                /** @description Only runs of this task. */
                task_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of runs. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunSummary"][];
                };
            };
            400: components["responses"]["Invalid"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    GetTimeline_2: {
        parameters: {
            query?: {
                /** @description How many spans at most; 0 is all of them. */
                page_size?: number;
                /** @description next_page_token of the page before; empty for the first. */
                page_token?: string;
            };
            header?: never;
            path: {
                /** @description The run, a uuid. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The run's spans. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Span"][];
                };
            };
            400: components["responses"]["Invalid"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    CancelRun_2: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run, a uuid. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description Whom it reaches. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CancelRunResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            413: components["responses"]["TooLong"];
            415: components["responses"]["WrongType"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    GetRunGraph_2: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run, a uuid. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A run as a graph in layers, parents above their steps. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetRunGraphResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    GetLastAliveSpan_2: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run, a uuid. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Where a run was last alive. The fields beside last_alive_span repeat it for readers that look for them at the top. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetLastAliveSpanResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    GetRunSummary_2: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run, a uuid. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A run in figures. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunSummary"];
                };
            };
            400: components["responses"]["Invalid"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    ListActiveRuns_2: {
        parameters: {
            query?: {
                /** @description How many at most; 0 is 1,000, which is also the most. */
                page_size?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Runs with running spans. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ActiveRun"][];
                };
            };
            400: components["responses"]["Invalid"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    ListStuckRuns_2: {
        parameters: {
            query?: {
                /** @description How many at most; 0 is 1,000, which is also the most. */
                page_size?: number;
                /** @description Stands in for the server's default limit, from 1 s to 365 days. A span's own stuck_after still counts for that span. */
                threshold?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Runs that are stuck. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StuckRun"][];
                };
            };
            400: components["responses"]["Invalid"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    GetDocumentationPage: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page. It asks no other server for anything. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            default: components["responses"]["Failed"];
        };
    };
    GetOpenApiDocument: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The document. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
            default: components["responses"]["Failed"];
        };
    };
    ListFailureSites: {
        parameters: {
            query?: {
                /** @description Only failures of this agent. */
                agent?: string;
                /** @description Only failures on this machine. */
                executor_host?: string;
                /** @description How many sites at most; 0 is 50, the most is 1,000. */
                page_size?: number;
                /** @description Only failures of this code. */
                reason_code?: string;
                /** @description Only failures of this kind, where not UNKNOWN. */
                reason_kind?: components["schemas"]["ReasonKind"];
                /** @description As in ListTopFailuresRequest. */
                window?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Failures by where they happen. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListFailureSitesResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    ListTopFailures: {
        parameters: {
            query?: {
                /** @description Only failures of this agent. */
                agent?: string;
                /** @description Only failures on this machine. */
                executor_host?: string;
                /** @description How many groups at most; 0 is 20, the most is 1,000. */
                page_size?: number;
                /** @description Only failures of this kind, where not UNKNOWN. */
                reason_kind?: components["schemas"]["ReasonKind"];
                /** @description How far back from now, by when the server received the end; a day where absent, at most 3650 days. */
                window?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Failures by reason. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListTopFailuresResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    GetFailureTrend: {
        parameters: {
            query?: {
                /** @description Into how many equal parts the window is cut; 0 is 24, the most is 500. */
                buckets?: number;
                /** @description As in ListTopFailuresRequest. */
                window?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Failures over time. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetFailureTrendResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    ListHosts: {
        parameters: {
            query?: {
                /** @description How many at most; 0 is 1,000, which is also the most. */
                page_size?: number;
                /** @description How far back from now failures and ended work are looked at; as in ListTopFailuresRequest. */
                window?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The machines. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListHostsResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    ListRuns: {
        parameters: {
            query?: {
                /** @description Only runs with a span of this agent. */
                agent?: string;
                /** @description Only runs with a span on this machine. */
                executor_host?: string;
                /** @description Only runs with a span of this layer. */
                layer?: string;
                /** @description How many at most; 0 is 50, the most is 1,000. */
                page_size?: number;
                /** @description next_page_token of the page before; empty for the first. */
                page_token?: string;
                /** @description Only runs with a failed span of this code; where reason_kind is there too, of both. */
                reason_code?: string;
                /** @description Only runs with a failed span of this kind; absent lets all through. */
                reason_kind?: components["schemas"]["ReasonKind"];
                /** @description Only runs that started at this time or later. */
                started_after?: string;
                /** @description Only runs that started before this time. */
                started_before?: string;
                /** @description Only runs that stand so. */
                status?: components["schemas"]["Status"];
                /** @description Only runs of this task. */
                task_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of runs. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListRunsResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    CancelRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run, a uuid. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description Whom it reaches. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CancelRunResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            413: components["responses"]["TooLong"];
            415: components["responses"]["WrongType"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    GetRunGraph: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run, a uuid. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A run as a graph in layers, parents above their steps. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetRunGraphResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    GetLastAliveSpan: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run, a uuid. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Where a run was last alive. The fields beside last_alive_span repeat it for readers that look for them at the top. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetLastAliveSpanResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    StoreArtifact: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run, a uuid. */
                run_id: string;
                /** @description The span, a uuid. */
                span_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description What it is to the reader: "screenshot", "log". Letters, digits, '_', '-' and '.'; at most 64 bytes. */
                    artifact_type?: string;
                    /** @description Its bytes, at most 4 MiB. Text, as content_type says, is stored redacted and as UTF-8: in place of bytes that are not UTF-8 stands the replacement character, U+FFFD. Other bytes are stored as they are. Either this, or storage_backend with storage_key. */
                    content?: string;
                    /** @description Its media type; guessed from file_name where absent. */
                    content_type?: string;
                    /** @description Its name for a download; no folders, at most 255 bytes. */
                    file_name?: string;
                    /** @description The configured store that holds the file already, such as "nas". */
                    storage_backend?: string;
                    /** @description The file's path beneath that store's root. */
                    storage_key?: string;
                    /** @description How long it is kept, from 1 s to 3650 days; for good where absent. */
                    ttl?: string;
                };
            };
        };
        responses: {
            /** @description The file as stored. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StoreArtifactResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            413: components["responses"]["TooLong"];
            415: components["responses"]["WrongType"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    EndSpan: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run, a uuid. */
                run_id: string;
                /** @description The span, a uuid. */
                span_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /**
                     * Format: date-time
                     * @description When it ended by the client's clock, from 1970 to 9999; when the server received it where absent. Clocks step back: an end up to 60 s before the start is kept as said and counts as no time at all. More than that is an error.
                     */
                    end_time?: string;
                    /** @description What went wrong. */
                    error?: components["schemas"]["SpanErrorInput"];
                    /**
                     * Format: int32
                     * @description The exit code of a process, evidence for the classifier.
                     */
                    exit_code?: number;
                    /** @description What it gave back. Stored redacted, cut to 3 levels and 4 KiB a value. */
                    output?: Record<string, never>;
                    /** @description What went wrong, in the client's own short name; the classifier's where absent. Lower-case letters, digits, '_', '.' and '-'; at most 128 bytes. */
                    reason_code?: string;
                    /** @description What kind of thing went wrong; the classifier's where absent. */
                    reason_kind?: components["schemas"]["ReasonKind"];
                    /** @description How it ended: SUCCESS, FAILED or CANCELLED. */
                    status?: components["schemas"]["Status"];
                };
            };
        };
        responses: {
            /** @description How the step's end was taken. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndSpanResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            413: components["responses"]["TooLong"];
            415: components["responses"]["WrongType"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    Heartbeat: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run, a uuid. */
                run_id: string;
                /** @description The span, a uuid. */
                span_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description How far it has come; absent where there is nothing to say. */
                    progress?: components["schemas"]["ProgressInput"];
                };
            };
        };
        responses: {
            /** @description What the server knows of it. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HeartbeatResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            413: components["responses"]["TooLong"];
            415: components["responses"]["WrongType"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    GetRunSummary: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The run, a uuid. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A run in figures. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RunSummary"];
                };
            };
            400: components["responses"]["Invalid"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    GetTimeline: {
        parameters: {
            query?: {
                /** @description How many spans at most; 0 is all of them. */
                page_size?: number;
                /** @description next_page_token of the page before; empty for the first. */
                page_token?: string;
            };
            header?: never;
            path: {
                /** @description The run, a uuid. */
                run_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The run's spans. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GetTimelineResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            404: components["responses"]["NotFound"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    ListActiveRuns: {
        parameters: {
            query?: {
                /** @description How many at most; 0 is 1,000, which is also the most. */
                page_size?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Runs with running spans. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListActiveRunsResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    StartSpan: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["StartSpanRequest"];
            };
        };
        responses: {
            /** @description The step's identity. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StartSpanResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            413: components["responses"]["TooLong"];
            415: components["responses"]["WrongType"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
    ListStuckRuns: {
        parameters: {
            query?: {
                /** @description How many at most; 0 is 1,000, which is also the most. */
                page_size?: number;
                /** @description Stands in for the server's default limit, from 1 s to 365 days. A span's own stuck_after still counts for that span. */
                threshold?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Runs that are stuck. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListStuckRunsResponse"];
                };
            };
            400: components["responses"]["Invalid"];
            503: components["responses"]["Unavailable"];
            default: components["responses"]["Failed"];
        };
    };
}
