"""Lets a program run by opentelemetry-instrument join the trace that its
environment names.

OpenTelemetry says how a trace's context is told in the environment (TRACEPARENT,
TRACESTATE, BAGGAGE), and leaves it to each program to take it from there; the
automatic instrumentation of Python does not. Spans that the main thread records
while no other span is open get the parent that is named there; other threads
begin traces of their own, as they always do in Python.
"""

import os

from opentelemetry import context, propagate

VARIABLES = ("TRACEPARENT", "TRACESTATE", "BAGGAGE")


def attach() -> None:
    """Makes the environment's context the current one. Nonsense is ignored."""
    carrier = {name.lower(): os.environ[name] for name in VARIABLES if name in os.environ}
    context.attach(propagate.extract(carrier))
