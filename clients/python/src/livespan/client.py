"""The client: makes spans, asks questions, and ends in good order."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import getpass
import inspect
import os
import time

from pathlib import Path
from typing import Any, Callable, Collection, Dict, List, Mapping, Optional, Type, TypeVar, Union, overload


from . import context, events, ids, options, process
from .counts import Losses
from .heart import Heart
from .ids import SpanKey
from .options import LOG, Options
from .queries import Collector
from .retry import Attempts
from .sender import Sender
from .span import Span, artifact
from .spool import Spool
from .uploads import Uploader
from .v1 import span_pb2, trace_query_pb2
from .v1.span_service_pb2 import StartSpanRequest

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", bound=Span)


class Client:
    """A process's connection to its collector.

    Nothing is connected before the first span or question. Options that are not
    given come from the `LIVESPAN_…` variables; `livespan.Options` tells them.
    """

    def __init__(self, server: Optional[str] = None, **settings: Any) -> None:
        """`server` is the collector's address, `http://host:port`; the rest are
        fields of `Options`.

        Raises ValueError where the address is none, TypeError for an option that
        there isn't.
        """
        if server is not None:
            settings["server"] = options.address(server)
        for name in ("spool_dir", "tls_ca", "tls_cert", "tls_key"):
            if settings.get(name) is not None:
                settings[name] = Path(settings[name])
        self.options: Options = dataclasses.replace(options.from_environment(), **settings)
        self.losses_by_reason = Losses()
        spool = None
        if self.options.keeps_spool and self.options.spool_dir:
            target = self.options.server.target
            spool = Spool(self.options.spool_dir, target, self.options.spool_limit)
        self._spool = spool
        self.uploader = Uploader(self.options, spool, self.losses_by_reason)
        self.sender = Sender(self.options, spool, self.losses_by_reason, self.uploader.replay)
        self.heart = Heart(self.sender)
        self.collector = Collector(self.options)
        self.trace_step = TraceStep(self)
        self._closed = False
        process.register(self, self.options.handle_sigterm)

    # ---- spans --------------------------------------------------------------

    def span(
        self,
        step_name: str,
        *,
        layer: Optional[str] = None,
        task_id: Optional[str] = None,
        run_id: Optional[str] = None,
        agent: Optional[str] = None,
        attempt: Optional[int] = None,
        retry_of: Optional[str] = None,
        input: object = None,
        attributes: Optional[Mapping[str, object]] = None,
        stuck_after: Optional[float] = None,
        progress_timeout: Optional[float] = None,
        parent: Optional[Span] = None,
    ) -> Span:
        """A step, for `with` and `async with`.

        It belongs beneath `parent`, else beneath the innermost open span of this
        thread or task, else where the environment says, else to a new run. Times
        are in seconds.
        """
        return self._new(
            Span,
            step_name,
            layer=layer,
            task_id=task_id,
            run_id=run_id,
            agent=agent,
            attempt=attempt,
            retry_of=retry_of,
            input=input,
            attributes=attributes,
            stuck_after=stuck_after,
            progress_timeout=progress_timeout,
            parent=parent,
        )

    @overload
    def traced(self, function: F) -> F: ...

    @overload
    def traced(
        self, function: None = None, *, step_name: Optional[str] = None, **fields: Any
    ) -> Callable[[F], F]: ...

    def traced(
        self, function: Optional[F] = None, *, step_name: Optional[str] = None, **fields: Any
    ) -> Any:
        """Makes every call of a function a step: `@traced`, or
        `@traced(layer="tool")` with the fields of `span`. Coroutines too.

        Raises TypeError for a generator, whose body runs between other code's.
        """
        if function is None:
            return functools.partial(self.traced, step_name=step_name, **fields)
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError("a generator can't be traced: use span() around the work within")
        name = step_name or function.__qualname__

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                async with self.span(name, **fields):
                    return await function(*args, **kwargs)

            return coroutine

        @functools.wraps(function)
        def traced(*args: Any, **kwargs: Any) -> Any:
            with self.span(name, **fields):
                return function(*args, **kwargs)

        return traced

    def attempts(
        self,
        step_name: str,
        *,
        times: int = 3,
        pause: float = 1.0,
        retry_kinds: Collection[str] = ("TRANSIENT",),
        **fields: Any,
    ) -> Attempts:
        """A task's tries, each a run of its own:

            for attempt in client.attempts("import", task_id="T-1"):
                with attempt:
                    work()

        A failure of another kind, and that of the last try, is raised. Between
        tries is a pause in seconds, doubled each time; `async for` waits without
        blocking.
        """
        return Attempts(self, step_name, times, pause, retry_kinds, fields)

    def new_root(self, kind: Type[S], step_name: str, fresh: bool, **fields: Any) -> S:
        """The root span of a run: a new one, or the one that the environment names."""
        if fresh or context.CURRENT.get() is not None:
            fields["run_id"] = ids.new_run_id()
        return self._new(kind, step_name=step_name, parent=None, root=True, **fields)

    def _new(
        self,
        kind: Type[S],
        step_name: str,
        layer: Optional[str] = None,
        task_id: Optional[str] = None,
        run_id: Optional[str] = None,
        agent: Optional[str] = None,
        attempt: Optional[int] = None,
        retry_of: Optional[str] = None,
        input: object = None,
        attributes: Optional[Mapping[str, object]] = None,
        stuck_after: Optional[float] = None,
        progress_timeout: Optional[float] = None,
        parent: Optional[Span] = None,
        root: bool = False,
        automatic: bool = True,
    ) -> S:
        chosen = self.options
        outer = parent if parent or root else context.CURRENT.get()
        named = _id("run_id", run_id)
        if outer and (parent or named in (None, outer.run_id)):
            place = context.Place(outer.run_id, outer.span_id)
        else:
            outer = None
            place = context.inherited(named)
        request = StartSpanRequest(
            run_id=place.run_id,
            span_id=ids.new_span_id(place.run_id),
            parent_span_id=place.parent_span_id,
            task_id=events.name(_first(task_id, outer.task_id if outer else chosen.task_id)),
            retry_of=_id("retry_of", _first(retry_of, None if outer else chosen.retry_of)) or "",
            layer=events.name(_first(layer, chosen.layer)),
            step_name=events.name(step_name) or "step",
            executor_host=events.name(chosen.executor_host),
            agent=events.name(_first(agent, (outer.agent if outer else chosen.agent) or _user())),
            attempt=_attempt(_first(attempt, outer.attempt if outer else chosen.attempt)),
            input=events.summary(input),
            attributes=events.attributes(attributes) if attributes else None,
            stuck_after=events.duration(stuck_after),
            progress_timeout=events.duration(progress_timeout),
        )
        # Three signs of life within the span's own limit.
        heartbeat = min(chosen.heartbeat, stuck_after / 3 if stuck_after else chosen.heartbeat)
        return kind(self, request, heartbeat, automatic)

    # ---- questions ----------------------------------------------------------

    def get_run_timeline(self, run_id: str) -> List[span_pb2.Span]:
        """All spans of a run, by start. Raises CollectorError."""
        return self.collector.timeline(run_id)

    def get_active_runs(self) -> List[trace_query_pb2.ActiveRun]:
        """Runs with running spans, the latest started first. Raises CollectorError."""
        return self.collector.active_runs()

    def get_stuck_runs(
        self, threshold: Optional[float] = None
    ) -> List[trace_query_pb2.StuckRun]:
        """Runs that are stuck, the longest first; silence counts from `threshold`
        seconds on, or the server's default. Raises CollectorError."""
        return self.collector.stuck_runs(threshold)

    def get_last_alive_span(self, run_id: str) -> Optional[trace_query_pb2.LastAliveSpan]:
        """The span of a run that was heard of last; None for an unknown run. Raises
        CollectorError."""
        return self.collector.last_alive_span(run_id)

    def get_run_summary(self, run_id: str) -> trace_query_pb2.RunSummary:
        """A run in figures. Raises CollectorError."""
        return self.collector.run_summary(run_id)

    def get_top_failures(
        self, window: Optional[float] = None
    ) -> List[trace_query_pb2.FailureGroup]:
        """What fails most within so many seconds; a day where absent. Raises
        CollectorError."""
        return self.collector.top_failures(window)

    def store_artifact(
        self,
        span: Union[Span, SpanKey],
        artifact_type: str,
        source: Union[str, os.PathLike[str], bytes],
        content_type: Optional[str] = None,
        file_name: Optional[str] = None,
        ttl: Optional[float] = None,
    ) -> str:
        """Stores a file of a span and waits for its id; `Span.add_artifact` doesn't
        wait. Raises CollectorError, OSError, and ValueError over 4 MiB."""
        key = span.key if isinstance(span, Span) else span
        request = artifact(key, artifact_type, source, file_name, content_type, ttl)
        return self.collector.store_artifact(request).artifact_id

    async def ask(self, question: Callable[..., Any], *args: Any) -> Any:
        """Asks beside the event loop: `await client.ask(client.get_active_runs)`."""
        return await asyncio.get_running_loop().run_in_executor(None, lambda: question(*args))

    # ---- its end ------------------------------------------------------------

    def flush(self, timeout: Optional[float] = None) -> bool:
        """Waits until the collector has everything, at most `timeout` seconds, or
        the option flush_timeout; False where it hasn't in time."""
        limit = self.options.flush_timeout if timeout is None else timeout
        deadline = time.monotonic() + limit
        sent = self.sender.flush(limit)
        return self.uploader.flush(max(0.0, deadline - time.monotonic())) and sent

    async def aflush(self, timeout: Optional[float] = None) -> bool:
        """`flush` beside the event loop."""
        flushed: bool = await self.ask(self.flush, timeout)
        return flushed

    def close(self) -> None:
        """Sends what waits, at most flush_timeout seconds long, and spools the rest.
        The end of the process does it by itself."""
        if self._closed:
            return
        self._closed = True
        self.heart.stop()
        deadline = time.monotonic() + self.options.flush_timeout
        self.sender.close(self.options.flush_timeout)
        self.uploader.close(max(0.1, deadline - time.monotonic()))
        self.collector.close()
        if self._spool:
            self._spool.close()
        lost = self.losses()
        if any(lost.values()):
            said = ", ".join(f"{reason}: {count}" for reason, count in lost.items())
            LOG.warning("what is missing from the records: %s", said)

    def losses(self) -> Dict[str, int]:
        """How many events and artifacts were lost so far, by reason."""
        return self.losses_by_reason.counts()

    def cancel_open_spans(self) -> None:
        """Ends what is open as cancelled, the innermost first."""
        for span in reversed(self.heart.open_spans()):
            span.cancel()

    def before_fork(self) -> None:
        """Called by the process before it forks."""
        self.uploader.before_fork()
        self.sender.before_fork()
        self.heart.before_fork()
        self.collector.close()

    def after_fork_in_parent(self) -> None:
        """Called by the process after it forked."""
        self.heart.after_fork_in_parent()
        self.sender.after_fork_in_parent()
        self.uploader.after_fork_in_parent()

    def after_fork_in_child(self) -> None:
        """Called by the child: it begins anew, with a connection of its own."""
        self.losses_by_reason.forget()
        if self._spool:
            self._spool.forget()
        self.heart.forget()
        self.sender.after_fork_in_child()
        self.uploader.forget()


class TraceStep:
    """Steps by hand, where `with` doesn't fit: start, heartbeat, end.

    Such a span gives no signs of life by itself.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def start(self, step_name: str, **fields: Any) -> Span:
        """Begins a step; the fields are those of `Client.span`."""
        return self._client._new(Span, step_name=step_name, automatic=False, **fields).start()

    def heartbeat(
        self,
        span: Span,
        current: Optional[float] = None,
        total: Optional[float] = None,
        note: str = "",
    ) -> None:
        """Says that the step is alive, and how far it has come. May be called as often
        as one likes."""
        if current is not None:
            span.progress(current, total, note)
        span.heartbeat()

    def end(
        self,
        span: Span,
        status: str = "SUCCESS",
        error: Optional[BaseException] = None,
        output: object = None,
    ) -> None:
        """Says that the step is over: for an exception, failed or cancelled."""
        if output is not None:
            span.set_output(output)
        if error is not None:
            span.fail(error)
        else:
            span.end(status)


def _first(given: Any, otherwise: Any) -> Any:
    return otherwise if given is None else given


def _id(field: str, text: Optional[str]) -> Optional[str]:
    """An id as given; one that is none is told of and left out."""
    if not text:
        return None
    value = ids.parsed(text)
    if value is None:
        LOG.warning("%s=%r is no uuid and is ignored", field, text[:80])
    return value


def _attempt(number: int) -> int:
    return min(max(int(number), 1), 1_000_000)


@functools.lru_cache(maxsize=1)
def _user() -> str:
    try:
        return getpass.getuser()
    except Exception:
        # A container may know no name for its user.
        return "python"
