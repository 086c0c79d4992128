"""Three nested steps by the Logfire SDK, the inmost of which waits.

Logfire exports a step twice: as a pending span when it starts, and when it has
ended. Pending spans go to its own exporter, which `base_url` points at any
collector; to others they go where these are wrapped as its own is, which takes
a name that the package keeps to itself for now.

    logfire_steps.py base_url | processor
"""

import os
import sys

import logfire
from opentelemetry import trace

ENDPOINT = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]


def configure(way: str) -> None:
    if way == "base_url":
        # Else it would export to the variable's endpoint too.
        del os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
        logfire.configure(
            token="any",
            advanced=logfire.AdvancedOptions(base_url=ENDPOINT),
            console=False,
            metrics=False,
            inspect_arguments=False,
        )
        return
    from logfire._internal.exporters.remove_pending import RemovePendingSpansExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = RemovePendingSpansExporter(OTLPSpanExporter(f"{ENDPOINT}/v1/traces"))
    del os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
    logfire.configure(
        send_to_logfire=False,
        additional_span_processors=[BatchSpanProcessor(exporter, schedule_delay_millis=100)],
        console=False,
        metrics=False,
        inspect_arguments=False,
    )


def main() -> None:
    configure(sys.argv[1])
    with logfire.span("checkout {order}", order="order-42", _tags=["shop"]):
        context = trace.get_current_span().get_span_context()
        print(trace.format_trace_id(context.trace_id), flush=True)
        with logfire.span("charge card"):
            try:
                with logfire.span("read receipt"):
                    sys.stdin.readline()
                    open("/nowhere/receipt.txt")
            except FileNotFoundError:
                pass
    logfire.shutdown()


if __name__ == "__main__":
    main()
