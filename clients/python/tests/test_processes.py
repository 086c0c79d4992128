"""The end of a process, signals, forks, and what goes from one to the next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Dict, List

import livespan
from livespan.v1.span_pb2 import CANCELLED, FAILED, RUNNING, SUCCESS

from .conftest import BINARY, PATIENCE, Server, eventually, seen


def program(server: Server, folder: Path, text: str, **more: str) -> "subprocess.Popen[str]":
    """A Python program that uses the collector."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LIVESPAN_")}
    environment.update(LIVESPAN_SERVER=server.url, LIVESPAN_SPOOL_DIR=str(folder / "spool"))
    environment.update(LIVESPAN_FLUSH_TIMEOUT="20s", **more)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(text)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: "subprocess.Popen[str]", status: int = 0) -> List[str]:
    """The lines that it wrote."""
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == status, err
    return out.splitlines()


def a_short_program_leaves_nothing_behind(
    server: Server, asker: livespan.Client, tmp_path: Path
) -> None:
    (run_id,) = finished(
        program(server, tmp_path, """
            import livespan
            with livespan.span("short") as span:
                span.add_artifact("log", b"x")
            print(span.run_id)
        """)
    )
    (span,) = asker.get_run_timeline(run_id)
    assert span.status == SUCCESS and len(span.artifact_list) == 1


def an_uncaught_exception_and_an_exit_code_are_told(
    server: Server, asker: livespan.Client, tmp_path: Path
) -> None:
    (run_id,) = finished(
        program(server, tmp_path, """
            import livespan, sys
            with livespan.span("exits") as span:
                print(span.run_id, flush=True)
                sys.exit(3)
        """),
        status=3,
    )
    (span,) = asker.get_run_timeline(run_id)
    assert span.status == FAILED


def the_end_by_sigterm_cancels_what_is_open(
    server: Server, asker: livespan.Client, tmp_path: Path
) -> None:
    process = program(server, tmp_path, """
        import livespan, time
        with livespan.span("outer") as span, livespan.span("inner"):
            print(span.run_id, flush=True)
            time.sleep(3600)
    """)
    assert process.stdout
    run_id = process.stdout.readline().strip()
    eventually(lambda: len(seen(asker, run_id)) == 2)
    process.send_signal(signal.SIGTERM)
    finished(process, status=-signal.SIGTERM)
    assert [span.status for span in asker.get_run_timeline(run_id)] == [CANCELLED, CANCELLED]


def the_handler_that_was_there_is_called_too(
    server: Server, asker: livespan.Client, tmp_path: Path
) -> None:
    process = program(server, tmp_path, """
        import signal, sys, time
        def handler(number, frame):
            print("handled", flush=True)
            sys.exit(7)
        signal.signal(signal.SIGTERM, handler)
        import livespan
        with livespan.span("work") as span:
            print(span.run_id, flush=True)
            time.sleep(3600)
    """)
    assert process.stdout
    run_id = process.stdout.readline().strip()
    eventually(lambda: seen(asker, run_id))
    process.send_signal(signal.SIGTERM)
    assert finished(process, status=7) == ["handled"]
    (span,) = asker.get_run_timeline(run_id)
    assert span.status == CANCELLED


def a_killed_program_stays_seen_as_running(
    server: Server, asker: livespan.Client, tmp_path: Path
) -> None:
    process = program(server, tmp_path, """
        import livespan, time
        with livespan.span("work") as span:
            print(span.run_id, flush=True)
            time.sleep(3600)
    """)
    assert process.stdout
    run_id = process.stdout.readline().strip()
    eventually(lambda: seen(asker, run_id))
    process.kill()
    process.communicate(timeout=PATIENCE)
    (span,) = asker.get_run_timeline(run_id)
    assert span.status == RUNNING


def a_forked_child_has_a_connection_of_its_own(
    server: Server, asker: livespan.Client, tmp_path: Path
) -> None:
    lines = finished(
        program(server, tmp_path, """
            import livespan, os, sys
            with livespan.span("parent") as span:
                with livespan.span("before"):
                    pass
                livespan.flush(20)
                children = []
                for number in range(3):
                    pid = os.fork()
                    if pid == 0:
                        with livespan.span(f"child {number}"):
                            pass
                        sys.exit(0 if livespan.flush(20) else 9)
                    children.append(pid)
                with livespan.span("after"):
                    pass
                for pid in children:
                    assert os.waitpid(pid, 0)[1] == 0
            print(span.run_id)
        """)
    )
    spans = asker.get_run_timeline(lines[-1])
    names = sorted(span.step_name for span in spans)
    assert names == ["after", "before", "child 0", "child 1", "child 2", "parent"]
    assert {span.status for span in spans} == {SUCCESS}
    (parent,) = (span for span in spans if span.step_name == "parent")
    assert all(s.parent_span_id == parent.span_id for s in spans if s is not parent)
    assert parent.conflicting_ends == 0


def a_program_under_exec_joins_its_run(
    server: Server, asker: livespan.Client, tmp_path: Path
) -> None:
    code = """
import livespan
with livespan.span("within") as span:
    print(span.run_id)
"""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LIVESPAN_")}
    environment.update(LIVESPAN_SERVER=server.url, LIVESPAN_SPOOL_DIR=str(tmp_path / "spool"))
    command = [str(BINARY), "exec", "--task", "T-exec", "--", sys.executable, "-c", code]
    out = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True, timeout=PATIENCE
    ).stdout
    spans = {span.step_name: span for span in asker.get_run_timeline(out.strip())}
    within = spans.pop("within")
    (outer,) = spans.values()
    assert (within.parent_span_id, within.task_id) == (outer.span_id, "T-exec")


def a_process_that_a_step_starts_is_beneath_it(
    server: Server, client: livespan.Client, asker: livespan.Client, tmp_path: Path
) -> None:
    text = """
        import livespan
        with livespan.span("beneath"):
            pass
    """
    with client.span("above", task_id="T") as span:
        finished(program(server, tmp_path, text, **span.environment()))
        retry: Dict[str, str] = span.retry_environment()
    spans = {found.step_name: found for found in asker.get_run_timeline(span.run_id)}
    assert spans["beneath"].parent_span_id == span.span_id
    (run_id,) = finished(
        program(server, tmp_path, """
            import livespan
            with livespan.span("again") as span:
                print(span.run_id)
        """, **retry)
    )
    summary = asker.get_run_summary(run_id)
    assert (summary.retry_of, summary.attempt, summary.task_id) == (span.run_id, 2, "T")


def a_trace_context_alone_names_run_and_parent(
    server: Server, asker: livespan.Client, tmp_path: Path
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319e-00f067aa0ba902b7-01"
    text = """
        import livespan
        with livespan.span("joined") as span:
            print(span.run_id)
    """
    lines = finished(program(server, tmp_path, text, TRACEPARENT=trace))
    assert lines == ["0af76519-16cd-43dd-8448-eb211c80319e"]
    (span,) = asker.get_run_timeline(lines[0])
    assert span.parent_span_id.replace("-", "").endswith("00f067aa0ba902b7")


def a_step_is_opentelemetrys_current_context(client: livespan.Client) -> None:
    from opentelemetry import trace

    assert not trace.get_current_span().get_span_context().is_valid
    with client.span("work") as span:
        context = trace.get_current_span().get_span_context()
        assert f"00-{context.trace_id:032x}-{context.span_id:016x}-01" == span.traceparent
        assert context.is_remote
    assert not trace.get_current_span().get_span_context().is_valid
