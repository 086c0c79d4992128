"""Tells a livespan collector about steps of work while they run.

    import livespan

    with livespan.span("fetch page", layer="tool", task_id="T-1") as span:
        span.set_input({"url": url})
        ...

The functions here use one client a process, made at their first use from the
`LIVESPAN_…` variables; `Client` makes others.
"""

from __future__ import annotations

import threading
from typing import Any, Callable, List, Optional, TypeVar, overload

from .classify import Classification
from .client import Client
from .context import CURRENT as _CURRENT
from .failure import classify_error
from .ids import SpanKey
from .options import Options
from .queries import CollectorError
from .redact import sanitize
from .retry import Attempt, Attempts
from .span import Span
from .v1 import span_pb2, trace_query_pb2

__all__ = [
    "Attempt",
    "Attempts",
    "Classification",
    "Client",
    "CollectorError",
    "Options",
    "Span",
    "SpanKey",
    "attempts",
    "classify_error",
    "current_span",
    "default_client",
    "flush",
    "get_active_runs",
    "get_last_alive_span",
    "get_run_timeline",
    "get_stuck_runs",
    "sanitize",
    "span",
    "store_artifact",
    "trace_step",
    "traced",
    "with_span",
]

__version__ = "0.1.0"

F = TypeVar("F", bound=Callable[..., Any])

_default: Optional[Client] = None
_lock = threading.Lock()


def default_client() -> Client:
    """The client that the functions of this module use."""
    global _default
    with _lock:
        if _default is None:
            _default = Client()
        return _default


def current_span() -> Optional[Span]:
    """The innermost open span of this thread or task."""
    return _CURRENT.get()


def span(step_name: str, **fields: Any) -> Span:
    """`Client.span` of the default client."""
    return default_client().span(step_name, **fields)


with_span = span


@overload
def traced(function: F) -> F: ...


@overload
def traced(function: None = None, **fields: Any) -> Callable[[F], F]: ...


def traced(function: Any = None, **fields: Any) -> Any:
    """`Client.traced` of the default client."""
    return default_client().traced(function, **fields)


def attempts(step_name: str, **fields: Any) -> Attempts:
    """`Client.attempts` of the default client."""
    return default_client().attempts(step_name, **fields)


def store_artifact(span: Any, artifact_type: str, source: Any, **fields: Any) -> str:
    """`Client.store_artifact` of the default client."""
    return default_client().store_artifact(span, artifact_type, source, **fields)


def get_run_timeline(run_id: str) -> List[span_pb2.Span]:
    """`Client.get_run_timeline` of the default client."""
    return default_client().get_run_timeline(run_id)


def get_active_runs() -> List[trace_query_pb2.ActiveRun]:
    """`Client.get_active_runs` of the default client."""
    return default_client().get_active_runs()


def get_stuck_runs(threshold: Optional[float] = None) -> List[trace_query_pb2.StuckRun]:
    """`Client.get_stuck_runs` of the default client."""
    return default_client().get_stuck_runs(threshold)


def get_last_alive_span(run_id: str) -> Optional[trace_query_pb2.LastAliveSpan]:
    """`Client.get_last_alive_span` of the default client."""
    return default_client().get_last_alive_span(run_id)


class _TraceStep:
    """`Client.trace_step` of the default client."""

    def start(self, step_name: str, **fields: Any) -> Span:
        """Begins a step."""
        return default_client().trace_step.start(step_name, **fields)

    def heartbeat(self, span: Span, **progress: Any) -> None:
        """Says that it is alive."""
        default_client().trace_step.heartbeat(span, **progress)

    def end(self, span: Span, **outcome: Any) -> None:
        """Says that it is over."""
        default_client().trace_step.end(span, **outcome)


trace_step = _TraceStep()


def flush(timeout: Optional[float] = None) -> bool:
    """`Client.flush` of the default client."""
    return default_client().flush(timeout)
