"""A step of work, told of while it runs."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import threading
import time
from concurrent.futures import Future
from contextvars import Token
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Callable, Dict, Optional, Type, Union

from . import context, events, failure, redact
from .ids import SpanKey
from .options import LOG
from .v1.span_pb2 import CANCELLED, FAILED, SUCCESS, Progress, ReasonKind, Status
from .v1.span_service_pb2 import (
    EndSpanRequest,
    HeartbeatRequest,
    StartSpanRequest,
    StoreArtifactRequest,
    StreamSpansRequest,
)

if TYPE_CHECKING:
    from .client import Client

# Heartbeats are at least this share of their interval apart, so that the last
# one before a limit is never late.
_THROTTLE = 0.8

# The most bytes of one artifact that the collector takes.
MOST_ARTIFACT_BYTES = 4 << 20

_TEXT_TYPES = ("json", "xml", "yaml", "x-ndjson", "javascript", "toml")


class Span:
    """One step. Made by `Client.span`, started by `with` or `start`.

    Nothing here waits for the collector or raises because of it.
    """

    def __init__(
        self, client: Client, request: StartSpanRequest, heartbeat: float, automatic: bool = True
    ) -> None:
        self._client = client
        self._request = request
        self._interval = heartbeat * _THROTTLE
        self._automatic = automatic
        self._lock = threading.RLock()
        self._progress: Optional[Progress] = None
        self._progress_told = True
        self._beat_at = 0.0
        self._output: object = None
        self._started = False
        self._ended: Optional[Status.ValueType] = None
        self._pid = os.getpid()
        self._token: Optional[Token[Optional[Span]]] = None
        self._detach: Optional[Callable[[], None]] = None
        # The run and the span, uuids.
        self.key = SpanKey(request.run_id, request.span_id)

    def __repr__(self) -> str:
        return f"<Span {self._request.step_name!r} {self.key.span_id} of run {self.key.run_id}>"

    # ---- what it is ---------------------------------------------------------

    @property
    def run_id(self) -> str:
        """The run, a uuid."""
        return self.key.run_id

    @property
    def span_id(self) -> str:
        """The span, a uuid."""
        return self.key.span_id

    @property
    def task_id(self) -> str:
        """The business job; empty where none was named."""
        return self._request.task_id

    @property
    def agent(self) -> str:
        """Who runs it."""
        return self._request.agent

    @property
    def attempt(self) -> int:
        """1 for the first try, 2 for the first retry."""
        return self._request.attempt

    @property
    def traceparent(self) -> str:
        """The W3C header that puts another process's spans under this one."""
        return self.key.traceparent()

    @property
    def status(self) -> Optional[str]:
        """RUNNING, SUCCESS, FAILED or CANCELLED; None before it is started."""
        if self._ended is not None:
            return Status.Name(self._ended)
        return "RUNNING" if self._started else None

    @property
    def cancel_requested(self) -> bool:
        """Whether somebody asked for the run to be cancelled. It is for the work to
        look and to stop."""
        return self._client.sender.is_cancel_requested(self.run_id)

    def environment(self) -> Dict[str, str]:
        """The variables that put a process beneath this step: `livespan exec`, this
        package, and what OpenTelemetry instruments read them.

            subprocess.run(command, env={**os.environ, **span.environment()})
        """
        return {
            "LIVESPAN_RUN_ID": self.run_id,
            "LIVESPAN_SPAN_ID": self.span_id,
            "LIVESPAN_TASK_ID": self.task_id,
            "LIVESPAN_ATTEMPT": str(self.attempt),
            "TRACEPARENT": self.traceparent,
        }

    def retry_environment(self) -> Dict[str, str]:
        """The variables that make a process's run the retry of this one."""
        return {
            "LIVESPAN_RUN_ID": "",
            "LIVESPAN_SPAN_ID": "",
            "TRACEPARENT": "",
            "LIVESPAN_TASK_ID": self.task_id,
            "LIVESPAN_ATTEMPT": str(self.attempt + 1),
            "LIVESPAN_RETRY_OF": self.run_id,
        }

    # ---- its life -----------------------------------------------------------

    def start(self) -> Span:
        """Tells that the step begins. `with` does it by itself."""
        with self._lock:
            if self._started:
                return self
            self._started = True
            self._beat_at = time.monotonic()
            self._request.start_time.CopyFrom(events.now())
            self._send(start=self._request)
        if self._automatic:
            self._client.heart.add(self)
        return self

    def end(
        self,
        status: str = "SUCCESS",
        error: Optional[BaseException] = None,
        output: object = None,
        reason_code: str = "",
        reason_kind: Optional[str] = None,
    ) -> None:
        """Tells that the step is over; the first end counts. `with` does it by
        itself.

        Raises ValueError where the status is none of SUCCESS, FAILED, CANCELLED,
        or the reason kind none of the five.
        """
        if status not in ("SUCCESS", "FAILED", "CANCELLED"):
            raise ValueError(f"status {status!r} is none of SUCCESS, FAILED, CANCELLED")
        if output is not None:
            self.set_output(output)
        request = EndSpanRequest(
            run_id=self.run_id,
            span_id=self.span_id,
            status=Status.Value(status),
            reason_code=reason_code,
        )
        if reason_kind is not None:
            request.reason_kind = ReasonKind.Value(reason_kind)
        if error is not None:
            _explain(request, error)
        self._end(request)

    def _end(self, request: EndSpanRequest) -> None:
        with self._lock:
            if not self._started or self._ended is not None or self._is_the_parents():
                return
            self._ended = request.status
            request.end_time.CopyFrom(events.now())
            output = events.summary(self._output)
            if output is not None:
                request.output.CopyFrom(output)
            self._client.heart.remove(self)
            self._client.sender.forget_beat(self.key)
            # The end says nothing of progress.
            if not self._progress_told:
                self._progress_told = True
                self._send(heartbeat=self._heartbeat())
            self._send(end=request)

    def cancel(self) -> None:
        """Ends the step as cancelled."""
        self.end("CANCELLED")

    def fail(self, error: BaseException) -> None:
        """Ends the step for an exception that was handled: failed, or cancelled
        where that is what it says."""
        request = EndSpanRequest(run_id=self.run_id, span_id=self.span_id)
        request.status = _status_of(error)
        _explain(request, error)
        self._end(request)

    # ---- what it tells ------------------------------------------------------

    def set_input(self, value: object) -> None:
        """What the step was given; the first that is said counts. Secrets are taken
        out, three levels and 4 KiB a value stay."""
        with self._lock:
            summary = events.summary(value)
            if summary is None or self._request.HasField("input"):
                return
            self._request.input.CopyFrom(summary)
            # The server completes the start that it has.
            if self._started and self._ended is None:
                self._send(start=self._request)

    def set_output(self, value: object) -> None:
        """What the step gave back, told at its end; the last that is said counts."""
        with self._lock:
            self._output = redact.sanitize(value)

    def progress(
        self, current: float, total: Optional[float] = None, note: str = ""
    ) -> None:
        """How far the step has come. May be called as often as one likes: it is told
        with the next sign of life."""
        with self._lock:
            self._progress = Progress(
                current=_finite(current),
                total=None if total is None else _finite(total),
                note=events.name(note) if note else "",
            )
            self._progress_told = False

    def heartbeat(self) -> None:
        """A sign of life now, where the last one is long enough ago. Spans give
        theirs by themselves; this is for those of `trace_step`."""
        self.beat_if_due(time.monotonic())

    def add_artifact(
        self,
        artifact_type: str,
        source: Union[str, os.PathLike[str], bytes],
        file_name: Optional[str] = None,
        content_type: Optional[str] = None,
        ttl: Optional[float] = None,
    ) -> "Future[str]":
        """Leaves a file behind: its path, or its bytes; at most 4 MiB.

        The file is read now and stored meanwhile. The result is its id once the
        collector has it; it is cancelled where the file can't be read, is too
        large, or waits in the spool.
        """
        result: "Future[str]" = Future()
        try:
            request = artifact(self.key, artifact_type, source, file_name, content_type, ttl)
        except (OSError, ValueError) as error:
            LOG.warning("the artifact %r is left out: %s", artifact_type, error)
            result.cancel()
            return result
        return self._client.uploader.put(request)

    # ---- as a context -------------------------------------------------------

    def __enter__(self) -> Span:
        self._token = context.CURRENT.set(self)
        self._detach = context.attach_to_opentelemetry(self.key)
        return self.start()

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> Optional[bool]:
        self._leave()
        if error is None or (isinstance(error, SystemExit) and not error.code):
            self.end()
        else:
            self.fail(error)
        return None

    async def __aenter__(self) -> Span:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> Optional[bool]:
        return self.__exit__(kind, error, trace)

    def _leave(self) -> None:
        detach, self._detach = self._detach, None
        if detach:
            detach()
        token, self._token = self._token, None
        if token:
            try:
                context.CURRENT.reset(token)
            except ValueError:
                # A generator that is closed elsewhere than it was begun.
                pass

    # ---- signs of life ------------------------------------------------------

    def beat_if_due(self, now: float) -> float:
        """Gives a sign of life where it is time for one; when the next is due, by
        the monotonic clock."""
        with self._lock:
            if self._ended is not None or not self._started:
                return now + self._interval
            due = self._beat_at + self._interval
            if now < due:
                return due
            self._beat_at = now
            self._progress_told = True
            if not self._is_the_parents():
                self._client.sender.beat(self.key, self._heartbeat())
            return now + self._interval

    def _heartbeat(self) -> HeartbeatRequest:
        return HeartbeatRequest(
            run_id=self.run_id, span_id=self.span_id, progress=self._progress
        )

    def _send(
        self,
        start: Optional[StartSpanRequest] = None,
        heartbeat: Optional[HeartbeatRequest] = None,
        end: Optional[EndSpanRequest] = None,
    ) -> None:
        if not self._is_the_parents():
            # A copy: the request may be completed while it waits.
            event = StreamSpansRequest(start=start, heartbeat=heartbeat, end=end)
            self._client.sender.put(event)

    def _is_the_parents(self) -> bool:
        """After a fork the parent goes on with its spans; the child's copies are
        silent."""
        return self._pid != os.getpid()


def artifact(
    key: SpanKey,
    artifact_type: str,
    source: Union[str, os.PathLike[str], bytes],
    file_name: Optional[str] = None,
    content_type: Optional[str] = None,
    ttl: Optional[float] = None,
) -> StoreArtifactRequest:
    """Reads an artifact; texts are redacted.

    Raises OSError where it can't be read, ValueError where it is too large.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        content = bytes(source)
    else:
        path = Path(source)
        if path.stat().st_size > MOST_ARTIFACT_BYTES:
            raise ValueError(f"{path} is over {MOST_ARTIFACT_BYTES} bytes")
        content = path.read_bytes()
        file_name = file_name or path.name
    if len(content) > MOST_ARTIFACT_BYTES:
        raise ValueError(f"it has {len(content)} bytes, the most is {MOST_ARTIFACT_BYTES}")
    file_name = file_name or artifact_type
    if content_type is None:
        content_type = mimetypes.guess_type(file_name)[0] or ""
    if content_type.startswith("text/") or content_type.endswith(_TEXT_TYPES):
        content = redact.text_whole(content.decode("utf-8", "replace")).encode()
    return StoreArtifactRequest(
        run_id=key.run_id,
        span_id=key.span_id,
        artifact_type=artifact_type,
        file_name=file_name,
        content_type=content_type,
        ttl=events.duration(ttl),
        content=content,
    )


def _status_of(error: BaseException) -> Status.ValueType:
    if isinstance(error, (KeyboardInterrupt, asyncio.CancelledError, GeneratorExit)):
        return CANCELLED
    if isinstance(error, SystemExit):
        return FAILED if error.code else SUCCESS
    return CANCELLED if failure.classify_error(error).cancelled else FAILED


def _explain(request: EndSpanRequest, error: BaseException) -> None:
    """What went wrong. The reason is given only where this side knows more than
    the server, which may have rules of its own."""
    request.error.CopyFrom(failure.span_error(error))
    code = failure.exit_code(error)
    if code is not None:
        request.exit_code = code
    found = failure.classify_error(error)
    if request.reason_code or found.reason_code == "unknown":
        return
    if found != failure.as_the_server_sees(error):
        request.reason_code = found.reason_code
        request.reason_kind = ReasonKind.Value(found.reason_kind)


def _finite(number: float) -> float:
    """The server takes finite numbers of 0 or more."""
    value = float(number)
    return value if 0 <= value < float("inf") else 0.0


