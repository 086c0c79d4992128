"""Questions to the collector: what runs, where it is stuck, how a run went.

These wait for the answer, at most the client's timeout, and say where none
came. Answers are the messages of `livespan.v1`.
"""

from __future__ import annotations

from typing import Callable, List, Optional, TypeVar

import grpc

from . import connection, events
from .options import Options
from .v1.span_pb2 import Span
from .v1.span_service_pb2 import StoreArtifactRequest, StoreArtifactResponse
from .v1.span_service_pb2_grpc import SpanServiceStub
from .v1.trace_query_pb2 import (
    ActiveRun,
    FailureGroup,
    GetLastAliveSpanRequest,
    GetRunSummaryRequest,
    GetTimelineRequest,
    LastAliveSpan,
    ListActiveRunsRequest,
    ListStuckRunsRequest,
    ListTopFailuresRequest,
    RunSummary,
    StuckRun,
)
from .v1.trace_query_pb2_grpc import TraceQueryStub

T = TypeVar("T")

_PAGE_SIZE = 5_000


class CollectorError(Exception):
    """The collector gave no answer, or one that is an error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})" if message else code)
        # The name of the gRPC status, such as NOT_FOUND.
        self.code_name = code


class Collector:
    """Asks one collector."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._channel: Optional[grpc.Channel] = None

    def close(self) -> None:
        """Closes the connection; the next question opens another."""
        channel, self._channel = self._channel, None
        if channel:
            channel.close()

    def timeline(self, run_id: str) -> List[Span]:
        """All spans of a run, by start."""
        spans: List[Span] = []
        request = GetTimelineRequest(run_id=run_id, page_size=_PAGE_SIZE)
        while True:
            page = self._ask(self._queries().GetTimeline, request)
            spans.extend(page.spans)
            if not page.next_page_token:
                return spans
            request.page_token = page.next_page_token

    def active_runs(self) -> List[ActiveRun]:
        """Runs with running spans, the latest started first."""
        return list(self._ask(self._queries().ListActiveRuns, ListActiveRunsRequest()).runs)

    def stuck_runs(self, threshold: Optional[float] = None) -> List[StuckRun]:
        """Runs that are stuck, the longest first; the threshold is in seconds, the
        server's where absent."""
        request = ListStuckRunsRequest(threshold=events.duration(threshold))
        return list(self._ask(self._queries().ListStuckRuns, request).runs)

    def last_alive_span(self, run_id: str) -> Optional[LastAliveSpan]:
        """The span of a run that was heard of last; None for an unknown run."""
        request = GetLastAliveSpanRequest(run_id=run_id)
        try:
            return self._ask(self._queries().GetLastAliveSpan, request).last_alive_span
        except CollectorError as error:
            if error.code_name == "NOT_FOUND":
                return None
            raise

    def run_summary(self, run_id: str) -> RunSummary:
        """A run in figures."""
        return self._ask(self._queries().GetRunSummary, GetRunSummaryRequest(run_id=run_id))

    def top_failures(self, window: Optional[float] = None) -> List[FailureGroup]:
        """What fails most, by reason, within so many seconds; a day where absent."""
        request = ListTopFailuresRequest(window=events.duration(window))
        return list(self._ask(self._queries().ListTopFailures, request).failures)

    def store_artifact(self, request: StoreArtifactRequest) -> StoreArtifactResponse:
        """Stores an artifact, and waits for it."""
        return self._ask(SpanServiceStub(self._open()).StoreArtifact, request)

    def _open(self) -> grpc.Channel:
        if self._channel is None:
            self._channel = connection.channel(self._options)
        return self._channel

    def _queries(self) -> TraceQueryStub:
        return TraceQueryStub(self._open())

    def _ask(self, method: Callable[..., T], request: object) -> T:
        try:
            return method(
                request,
                timeout=self._options.timeout,
                metadata=connection.metadata(self._options),
            )
        except grpc.RpcError as error:
            if isinstance(error, grpc.Call):
                raise CollectorError(error.code().name, error.details() or "") from error
            raise CollectorError("UNKNOWN", repr(error)) from error
