"""The collector away, killed and back; the queue's and the spool's bounds."""

from __future__ import annotations

import logging
import socket
import time
from pathlib import Path
from typing import Callable, List

import pytest

import livespan
from livespan.v1.span_pb2 import SUCCESS

from .conftest import Server, eventually, seen

MakeClient = Callable[..., livespan.Client]


def free_address() -> str:
    """An address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def batches(folder: Path) -> List[Path]:
    """What is in the spool."""
    return sorted(folder.glob("*/*/*.events")) + sorted(folder.glob("*/*/*.upload"))


def the_work_neither_waits_nor_fails_without_a_collector(
    make_client: MakeClient, tmp_path: Path
) -> None:
    client = make_client(f"http://{free_address()}", flush_timeout=0.5)
    began = time.monotonic()
    for number in range(200):
        with client.span("work") as span:
            span.set_output({"n": number, "password": "hunter2"})
        span.add_artifact("log", b"token=abcdef123456", content_type="text/plain")
    assert time.monotonic() - began < 5
    client.close()
    assert client.losses() == {}
    spooled = b"".join(path.read_bytes() for path in batches(tmp_path / "spool"))
    assert spooled and b"hunter2" not in spooled and b"abcdef123456" not in spooled
    assert all(path.stat().st_mode & 0o077 == 0 for path in batches(tmp_path / "spool"))


def what_one_process_spooled_the_next_one_sends(
    mortal: Server, make_client: MakeClient, tmp_path: Path
) -> None:
    mortal.address = free_address()
    away = make_client(mortal.url, flush_timeout=0.2)
    with away.span("outer") as outer:
        with away.span("inner"):
            outer.add_artifact("log", b"text", content_type="text/plain")
    away.close()
    assert batches(tmp_path / "spool")
    mortal.start()
    back = make_client(mortal.url)
    with back.span("later"):
        pass
    assert back.flush(30)
    spans = eventually(lambda: seen(back, outer.run_id))
    assert [(span.step_name, span.status) for span in spans] == [
        ("outer", SUCCESS),
        ("inner", SUCCESS),
    ]
    eventually(lambda: not batches(tmp_path / "spool"))
    (first, _) = seen(back, outer.run_id)
    assert len(first.artifact_list) == 1


def a_collector_killed_in_the_middle_gets_everything_once(
    mortal: Server, make_client: MakeClient, tmp_path: Path
) -> None:
    mortal.start()
    client = make_client(mortal.url)
    with client.span("root") as root:
        for number in range(600):
            if number == 200:
                assert client.flush(30)
                mortal.kill()
            if number == 300:
                # Written to disk while the collector is away.
                eventually(lambda: batches(tmp_path / "spool"))
            if number == 400:
                mortal.start()
            with client.span(f"step {number}"):
                pass
        assert client.flush(60)
    assert client.flush(30)
    spans = client.get_run_timeline(root.run_id)
    assert len(spans) == 601
    assert {span.status for span in spans} == {SUCCESS}
    assert sum(span.conflicting_ends for span in spans) == 0
    assert client.losses() == {}
    assert not batches(tmp_path / "spool")


def a_full_queue_drops_and_says_so_once(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client(f"http://{free_address()}", spool_dir=None, queue_limit=20_000)
    with caplog.at_level(logging.WARNING, "livespan"):
        for _ in range(500):
            with client.span("work"):
                pass
    (lost,) = client.losses().values()
    assert lost > 500
    assert len([r for r in caplog.records if "incomplete" in r.getMessage()]) == 1


def a_full_spool_takes_no_more(make_client: MakeClient, tmp_path: Path) -> None:
    client = make_client(
        f"http://{free_address()}", spool_limit=10_000, queue_limit=20_000, flush_timeout=0.1
    )
    for _ in range(500):
        with client.span("work"):
            pass
    client.close()
    assert sum(path.stat().st_size for path in batches(tmp_path / "spool")) <= 10_000
    assert sum(client.losses().values()) > 0


def a_spool_that_cannot_be_written_fails_nothing(make_client: MakeClient, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    client = make_client(
        f"http://{free_address()}", spool_dir=tmp_path / "file" / "spool", flush_timeout=0.1
    )
    with client.span("work"):
        pass
    client.close()
    assert sum(client.losses().values()) == 2


def two_living_processes_leave_each_others_spool_alone(
    mortal: Server, make_client: MakeClient, tmp_path: Path
) -> None:
    mortal.address = free_address()
    one = make_client(mortal.url, flush_timeout=0.2)
    other = make_client(mortal.url, flush_timeout=0.2)
    runs = []
    for client in (one, other):
        with client.span("work") as span:
            runs.append(span.run_id)
    eventually(lambda: len(batches(tmp_path / "spool")) >= 2)
    assert len({path.parent for path in batches(tmp_path / "spool")}) == 2
    mortal.start()
    assert one.flush(30) and other.flush(30)
    for run_id in runs:
        assert [found.status for found in one.get_run_timeline(run_id)] == [SUCCESS]
    assert not batches(tmp_path / "spool")
