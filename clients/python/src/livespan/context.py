"""Whose step the current code is: within the process by a context variable,
between processes by the environment.

Where OpenTelemetry is installed, a span is its current remote context too, so
that what an instrumented library records lands beneath the step.
"""

from __future__ import annotations

import os
import uuid
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Callable, Mapping, NamedTuple, Optional

from . import ids
from .options import LOG

if TYPE_CHECKING:
    from .span import Span

# The innermost open span of the current thread or task.
CURRENT: "ContextVar[Optional[Span]]" = ContextVar("livespan_current", default=None)


class Place(NamedTuple):
    """Where a span belongs."""

    run_id: str
    parent_span_id: str


def inherited(
    run_id: Optional[str] = None, environment: Optional[Mapping[str, str]] = None
) -> Place:
    """The place of a span that no other one of this process holds: the run that
    is named, else LIVESPAN_RUN_ID with LIVESPAN_SPAN_ID, else TRACEPARENT, else a
    run of its own. What can't be read counts as absent."""
    variables = os.environ if environment is None else environment
    trace = None
    header = variables.get("TRACEPARENT", "")
    if header:
        trace = ids.from_traceparent(header)
        if trace is None:
            _ignored("TRACEPARENT", header)
    outer_run = _read(variables, "LIVESPAN_RUN_ID")
    outer_span = _read(variables, "LIVESPAN_SPAN_ID")
    run = run_id or outer_run or (trace.run_id if trace else None) or ids.new_run_id()
    # A step's parent is of the same run.
    if outer_span and outer_run == run:
        return Place(run, outer_span)
    return Place(run, trace.span_id if trace and trace.run_id == run else "")


def _read(variables: Mapping[str, str], name: str) -> Optional[str]:
    text = variables.get(name, "")
    value = ids.parsed(text) if text else None
    if text and value is None:
        _ignored(name, text)
    return value


def _ignored(name: str, text: str) -> None:
    LOG.warning("%s=%r is not valid and is ignored", name, text[:80])


def attach_to_opentelemetry(key: ids.SpanKey) -> Optional[Callable[[], None]]:
    """Makes the span OpenTelemetry's current one; returns what takes it back.
    None where OpenTelemetry isn't installed."""
    try:
        from opentelemetry import context, trace
    except ImportError:
        return None
    otel: Any = trace
    span_context = otel.SpanContext(
        trace_id=uuid.UUID(key.run_id).int,
        span_id=uuid.UUID(key.span_id).int & (1 << 64) - 1,
        is_remote=True,
        trace_flags=otel.TraceFlags(otel.TraceFlags.SAMPLED),
    )
    token = context.attach(otel.set_span_in_context(otel.NonRecordingSpan(span_context)))
    return lambda: context.detach(token)
