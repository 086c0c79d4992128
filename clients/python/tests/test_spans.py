"""Steps as the collector sees them, while they run and afterwards."""

from __future__ import annotations

import asyncio
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, List, Optional

import pytest

import livespan
from livespan.v1.span_pb2 import CANCELLED, CONFIG, FAILED, RUNNING, SUCCESS, TRANSIENT, Span

from .conftest import Server, eventually, seen


def ended(client: livespan.Client, run_id: str) -> List[Span]:
    """The run's spans once the collector has all that was said."""
    assert client.flush(30)
    return client.get_run_timeline(run_id)


def only(client: livespan.Client, run_id: str) -> Span:
    (span,) = ended(client, run_id)
    return span


def a_step_is_seen_while_it_runs(client: livespan.Client, asker: livespan.Client) -> None:
    with client.span("work", layer="tool", task_id="T-7", agent="qa", input={"n": 1}) as span:
        (running,) = eventually(lambda: seen(asker, span.run_id))
        assert (running.status, running.step_name, running.layer) == (RUNNING, "work", "tool")
        assert (running.task_id, running.agent, running.attempt) == ("T-7", "qa", 1)
        assert running.input_summary.struct_value["n"] == 1
        assert span.run_id in [run.run_id for run in asker.get_active_runs()]
        alive = asker.get_last_alive_span(span.run_id)
        assert alive and alive.span_id == span.span_id
    done = only(client, span.run_id)
    assert (done.status, span.status) == (SUCCESS, "SUCCESS")
    assert done.ts_end.ToNanoseconds() >= done.ts_start.ToNanoseconds()


def a_raised_exception_fails_the_step_and_goes_on(client: livespan.Client) -> None:
    with pytest.raises(PermissionError):
        with client.span("work") as span:
            raise PermissionError(13, "Permission denied", "/etc/shadow")
    done = only(client, span.run_id)
    assert (done.status, done.reason_code, done.reason_kind) == (FAILED, "permission", CONFIG)
    assert done.error.type == "PermissionError"
    assert "raise PermissionError" in done.error.stack_trace


def an_http_status_that_only_the_client_sees_decides(client: livespan.Client) -> None:
    class HTTPError(Exception):
        code = 503

    with pytest.raises(HTTPError):
        with client.span("fetch") as span:
            raise HTTPError("the page did not come")
    done = only(client, span.run_id)
    assert (done.status, done.reason_kind) == (FAILED, TRANSIENT)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, asyncio.CancelledError])
def what_was_stopped_is_cancelled(client: livespan.Client, stop: Any) -> None:
    with pytest.raises(stop):
        with client.span("work") as span:
            raise stop
    assert only(client, span.run_id).status == CANCELLED


def the_exit_code_of_a_process_tells_why_it_failed(client: livespan.Client) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        with client.span("run") as span:
            subprocess.run(["sh", "-c", "exit 137"], check=True)
    assert only(client, span.run_id).reason_code == "out_of_memory"


def what_goes_in_and_out_is_told_without_secrets(client: livespan.Client) -> None:
    with client.span("work") as span:
        span.set_input({"user": "ann", "password": "hunter2", "deep": {"a": {"b": {"c": 1}}}})
        span.set_output(["done", "token=abcdef123456"])
    done = only(client, span.run_id)
    given = done.input_summary.struct_value
    assert (given["user"], given["password"]) == ("ann", "[REDACTED]")
    values = done.output_summary.struct_value.fields["value"].list_value.values
    assert [value.string_value for value in values] == ["done", "token=[REDACTED]"]


def a_step_within_a_step_is_its_child(client: livespan.Client) -> None:
    with client.span("outer", task_id="T", agent="nobel", attempt=3) as outer:
        assert livespan.current_span() is outer
        with client.span("inner") as inner:
            pass
    assert livespan.current_span() is None
    spans = {span.step_name: span for span in ended(client, outer.run_id)}
    assert spans["inner"].parent_span_id == outer.span_id
    assert (inner.run_id, inner.task_id, inner.attempt) == (outer.run_id, "T", 3)
    assert spans["inner"].agent == "nobel"


def every_task_nests_by_itself(client: livespan.Client) -> None:
    @client.traced(layer="tool")
    async def leaf(number: int) -> int:
        await asyncio.sleep(0)
        async with client.span(f"leaf {number}"):
            await asyncio.sleep(0)
        return number

    async def work() -> str:
        async with client.span("root") as root:
            assert await asyncio.gather(*(leaf(n) for n in range(5))) == list(range(5))
        return root.run_id

    spans = ended(client, asyncio.run(work()))
    by_id = {span.span_id: span for span in spans}
    assert len(spans) == 11
    for span in spans:
        if span.step_name.startswith("leaf "):
            assert by_id[span.parent_span_id].step_name.endswith("leaf")


def a_cancelled_task_is_cancelled(client: livespan.Client) -> None:
    async def work() -> str:
        started: "asyncio.Future[str]" = asyncio.get_running_loop().create_future()

        async def sleeper() -> None:
            async with client.span("sleep") as span:
                started.set_result(span.run_id)
                await asyncio.sleep(3600)

        task = asyncio.create_task(sleeper())
        run_id = await started
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await client.aflush(30)
        return run_id

    assert only(client, asyncio.run(work())).status == CANCELLED


def a_traced_function_is_a_step_of_its_name(client: livespan.Client) -> None:
    @client.traced
    def double(number: int) -> int:
        span = livespan.current_span()
        assert span
        runs.append(span.run_id)
        return number * 2

    runs: List[str] = []
    assert double(4) == 8
    assert only(client, runs[0]).step_name.endswith("double")
    with pytest.raises(TypeError):

        @client.traced
        def numbers() -> Any:
            yield 1


def an_artifact_is_stored_by_path_and_by_bytes(client: livespan.Client, tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_text("password=hunter2\n")
    with client.span("work") as span:
        first = span.add_artifact("log", log, content_type="text/plain")
        second = span.add_artifact("screenshot", b"\x89PNG...", "page.png")
        missing = span.add_artifact("log", tmp_path / "none.log")
        large = span.add_artifact("dump", b"x" * (5 << 20))
        assert first.result(30) and second.result(30)
    assert missing.cancelled() and large.cancelled()
    done = only(client, span.run_id)
    assert done.artifacts == {"log_id": first.result(), "screenshot_id": second.result()}
    stored = {artifact.artifact_type: artifact for artifact in done.artifact_list}
    assert stored["screenshot"].content_type == "image/png"
    assert stored["log"].size_bytes == len("password=[REDACTED]\n")
    waited_for = client.store_artifact(span, "report", b"{}", "application/json")
    assert only(client, span.run_id).artifacts["report_id"] == waited_for


def a_busy_processor_holds_up_no_sign_of_life(
    server: Server, make_client: Callable[..., livespan.Client], asker: livespan.Client
) -> None:
    client = make_client(server.url, heartbeat=0.2)
    with client.span("compute") as span:
        (first,) = eventually(lambda: seen(asker, span.run_id))
        stop_at = time.monotonic() + 20
        latest: Optional[Span] = None
        # Python code without a pause; the question only every so often.
        while time.monotonic() < stop_at:
            span.progress(sum(n * n for n in range(200_000)), note="summing")
            (latest,) = seen(asker, span.run_id)
            heard = latest.heartbeat_ts.ToNanoseconds() - first.heartbeat_ts.ToNanoseconds()
            if heard > 500_000_000 and latest.progress.note == "summing":
                break
        else:
            pytest.fail(f"no sign of life: {latest}")


def the_last_progress_is_told_with_the_end(client: livespan.Client) -> None:
    with client.span("work") as span:
        for number in range(100):
            span.progress(number + 1, 100, "counting")
    done = only(client, span.run_id)
    assert (done.progress.current, done.progress.total) == (100, 100)


def a_step_by_hand_is_started_beaten_and_ended(
    client: livespan.Client, asker: livespan.Client
) -> None:
    span = client.trace_step.start("by hand", layer="manual")
    assert livespan.current_span() is None
    eventually(lambda: seen(asker, span.run_id))
    client.trace_step.heartbeat(span, current=1, total=2)
    client.trace_step.end(span, error=TimeoutError("too late"))
    done = only(client, span.run_id)
    assert (done.reason_code, done.reason_kind) == ("timeout", TRANSIENT)
    assert done.progress.current == 1


def a_transient_failure_is_tried_again_as_the_next_run(client: livespan.Client) -> None:
    tries = []
    for attempt in client.attempts("import", task_id="T-retry", times=3, pause=0.01):
        with attempt as span:
            tries.append(span)
            if len(tries) < 3:
                raise ConnectionResetError(104, "Connection reset by peer")
    assert [span.status for span in tries] == ["FAILED", "FAILED", "SUCCESS"]
    assert client.flush(30)
    summaries = [client.get_run_summary(span.run_id) for span in tries]
    assert [summary.attempt for summary in summaries] == [1, 2, 3]
    assert [summary.task_id for summary in summaries] == ["T-retry"] * 3
    assert [s.retry_of for s in summaries] == ["", tries[0].run_id, tries[1].run_id]


def a_lasting_failure_is_tried_once(client: livespan.Client) -> None:
    tries = 0
    with pytest.raises(FileNotFoundError):
        for attempt in client.attempts("import", times=3, pause=0.01):
            with attempt:
                tries += 1
                raise FileNotFoundError(2, "No such file or directory")
    assert tries == 1


def an_unknown_run_has_no_last_alive_span(asker: livespan.Client) -> None:
    assert asker.get_last_alive_span("0af76519-16cd-43dd-8448-eb211c80319c") is None
    assert isinstance(asker.get_stuck_runs(), list)
    assert isinstance(asker.get_top_failures(), list)


def nothing_that_is_said_raises(client: livespan.Client) -> None:
    class Rude:
        def __str__(self) -> str:
            raise RuntimeError("no")

    circle: List[Any] = []
    circle.append(circle)
    span = client.span(
        "x" * 5000,
        input={"rude": Rude(), "circle": circle, "nul": "a\0b", "big": 1 << 70, "half": "\ud800"},
        attributes={str(n): n for n in range(2000)},
        run_id="nonsense",
        attempt=-5,
    )
    with span:
        span.progress(float("nan"), -1)
        span.set_output(object())
    done = only(client, span.run_id)
    assert done.status == SUCCESS
    assert client.losses() == {}
