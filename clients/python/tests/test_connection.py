"""How a client reads its settings, and what every call says of it."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional

import grpc
import pytest

import livespan
from livespan import options
from livespan.v1.span_service_pb2 import StreamSpansRequest, StreamSpansResponse
from livespan.v1.span_service_pb2_grpc import (
    SpanServiceServicer,
    add_SpanServiceServicer_to_server,
)


class Listener(SpanServiceServicer):
    """Acknowledges everything, and keeps what callers say of themselves: the real
    collector asks nobody yet."""

    def __init__(self) -> None:
        self.said: List[Dict[str, object]] = []

    def StreamSpans(
        self, request_iterator: Iterator[StreamSpansRequest], context: grpc.ServicerContext
    ) -> Iterator[StreamSpansResponse]:
        self.said.append(dict(context.invocation_metadata()))
        for request in request_iterator:
            yield StreamSpansResponse(
                acked_through=request.seq,
                cancel_requested_run_ids=[request.start.run_id] if request.start.run_id else [],
            )


@pytest.fixture
def listener() -> Iterator["tuple[Listener, str]"]:
    listener = Listener()  # type: ignore[abstract]
    server = grpc.server(ThreadPoolExecutor(2))
    add_SpanServiceServicer_to_server(listener, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield listener, f"http://127.0.0.1:{port}"
    server.stop(None)


def a_token_is_sent_with_the_stream(
    listener: "tuple[Listener, str]", make_client: Callable[..., livespan.Client]
) -> None:
    heard, url = listener
    client = make_client(url, token="made-up")
    with client.span("work") as span:
        assert client.flush(30)
        assert span.cancel_requested
    client.close()
    assert [said["authorization"] for said in heard.said] == ["Bearer made-up"]


@pytest.mark.parametrize(
    ("text", "target", "tls"),
    [
        ("http://127.0.0.1:4317", "127.0.0.1:4317", False),
        ("mac-mini:4317/", "mac-mini:4317", False),
        ("https://spans.example.com", "spans.example.com:443", True),
    ],
)
def an_address_is_read_as_people_write_it(text: str, target: str, tls: bool) -> None:
    assert options.address(text) == options.Address(target, tls)


@pytest.mark.parametrize("text", ["", "a b", "http://x:1/path", "http://me:pass@x:1", "ftp://x"])
def what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write it as"):
        options.address(text)


@pytest.mark.parametrize(("text", "length"), [("500ms", 0.5), ("1h30m", 5400.0), ("0s", 0.0)])
def a_length_of_time_is_read_with_its_unit(text: str, length: float) -> None:
    assert options.seconds(text) == pytest.approx(length)


def a_variable_that_cannot_be_used_is_told_of_and_ignored(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "livespan"):
        found = options.from_environment(
            {"LIVESPAN_HEARTBEAT": "soon", "LIVESPAN_SERVER": "", "LIVESPAN_SPOOL_DIR": "off"}
        )
    assert (found.heartbeat, str(found.server)) == (10.0, options.DEFAULT_SERVER)
    assert not found.keeps_spool
    assert "LIVESPAN_HEARTBEAT" in caplog.text


def a_certificate_that_is_not_there_fails_no_work(
    make_client: Callable[..., livespan.Client], tmp_path: Path
) -> None:
    missing: Optional[Path] = tmp_path / "none.pem"
    client = make_client("https://127.0.0.1:1", tls_ca=missing, flush_timeout=0.2)
    with client.span("work"):
        pass
    client.close()
    assert sum(client.losses().values()) == 0
