"""Sends the trace of ../expectation.rs by opentelemetry-python's SDK."""

import os
import sys

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator


def exporter() -> SpanExporter:
    """The one that the protocol asks for; it reads all else itself."""
    if os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    return OTLPSpanExporter()


class Watched(SpanExporter):
    """Remembers a failure, which the batch processor only logs."""

    def __init__(self, inner: SpanExporter):
        self.inner = inner
        self.exports = 0
        self.failed = False

    def export(self, spans):
        result = self.inner.export(spans)
        self.exports += 1
        self.failed |= result is not SpanExportResult.SUCCESS
        return result

    def shutdown(self):
        self.inner.shutdown()


def checkout(tracer) -> str:
    """The trace; returns its id."""
    parent = TraceContextTextMapPropagator().extract(
        {name.lower(): os.environ[name] for name in ("TRACEPARENT",) if name in os.environ}
    )
    with tracer.start_as_current_span("checkout", context=parent, kind=SpanKind.SERVER) as root:
        root.set_attributes(
            {
                "text": "naïve 渲染",
                "yes": True,
                "big": 9007199254740993,
                "negative": -7,
                "ratio": 1.5,
                "nan": float("nan"),
                "texts": ["a", "ü"],
                "truths": [True, False],
                "counts": [1, -2],
                "ratios": [0.5, 2.25],
                "empty": [],
                "bytes": b"\x00\xff\xfe",
                "map": {"k": "v", "n": 1, "inner": {"deep": [True, "x"]}},
                "null": None,
                "gen_ai.agent.name": "caramel",
                "password": "hunter2",
                "livespan.task_id": "order-42",
            }
        )
        charge_card(tracer)
        return trace.format_trace_id(root.get_span_context().trace_id)


def charge_card(tracer) -> None:
    first_try = SpanContext(
        trace_id=0x0102030405060708090A0B0C0D0E0F10,
        span_id=0x0102030405060708,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
        trace_state=TraceState([("vendor", "1")]),
    )
    links = [Link(first_try, {"why": "first try"})]
    with tracer.start_as_current_span("charge card", kind=SpanKind.CLIENT, links=links) as span:
        span.set_attribute("http.request.resend_count", 1)
        span.add_event("authorized", {"amount": 12.5, "currency": "EUR"})
        try:
            # The SDK records what leaves the block.
            with tracer.start_as_current_span("read receipt"):
                open("/nowhere/receipt.txt")
        except FileNotFoundError:
            pass
        span.add_event("captured", {"parts": 2, "final": True})
        span.set_status(Status(StatusCode.OK))


def main() -> int:
    watched = Watched(exporter())
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(watched))
    tracer = provider.get_tracer("checkout-scope", "1.2.3", attributes={"team": "payments"})
    trace_id = checkout(tracer)
    provider.shutdown()
    if watched.failed or watched.exports == 0:
        return 1
    print(trace_id)
    return 0


if __name__ == "__main__":
    sys.exit(main())
