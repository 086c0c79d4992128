"""A real collector for the tests: the built binary with a Postgres of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Callable, Iterator, List, Optional, TypeVar

import pytest

import livespan
from livespan.v1.span_pb2 import Span

REPOSITORY = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("LIVESPAN_BIN", REPOSITORY / "target" / "debug" / "livespan"))

# How long anything in a test may take, in seconds.
PATIENCE = 30.0

T = TypeVar("T")


def eventually(ask: Callable[[], Optional[T]], patience: float = PATIENCE) -> T:
    """Asks again and again until the answer says yes."""
    deadline = time.monotonic() + patience
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not so within {patience} s: {answer!r}"
        time.sleep(0.02)


class Server:
    """A collector that can be killed and brought back."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="livespan-"))
        # Where the tests run as root, Postgres runs as somebody else.
        self._folder.chmod(0o755)
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._starts = 0
        self.address = "127.0.0.1:0"

    @property
    def url(self) -> str:
        """Where it is, also while it is away."""
        return f"http://{self.address}"

    def start(self) -> None:
        """Starts it, at the address of the time before."""
        self._starts += 1
        log = self._folder / f"server-{self._starts}.log"
        command = [str(BINARY), "serve", "--data-dir", str(self._folder / "data")]
        command += ["--grpc-addr", self.address, "--otlp-http-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LIVESPAN_")}
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, env={**environment, "NO_COLOR": "1"}
            )

        def listening() -> Optional["re.Match[str]"]:
            text = re.sub(r"\x1b\[[0-9;]*m", "", log.read_text())
            assert self._process and self._process.poll() is None, text
            return re.search(r"grpc_addr=([0-9.:]+)", text) if "serving" in text else None

        self.address = eventually(listening).group(1)

    def kill(self) -> None:
        """Ends it at once, as a crash does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ends it in good order, and forgets what it stored."""
        self._end(signal.SIGTERM)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self, number: int) -> None:
        if self._process:
            self._process.send_signal(number)
            self._process.wait(PATIENCE)
            self._process = None


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The collector of all tests that leave it alone."""
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def mortal() -> Iterator[Server]:
    """A collector of the test's own, to kill."""
    server = Server()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[Callable[..., livespan.Client]]:
    """Makes clients that are closed in the end."""
    clients: List[livespan.Client] = []

    def make(server: str, **settings: object) -> livespan.Client:
        settings.setdefault("spool_dir", tmp_path / "spool")
        settings.setdefault("handle_sigterm", False)
        clients.append(livespan.Client(server, **settings))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(server: Server, make_client: Callable[..., livespan.Client]) -> livespan.Client:
    """A client of the common collector."""
    return make_client(server.url)


@pytest.fixture(scope="session")
def asker(server: Server) -> Iterator[livespan.Client]:
    """A client that only asks."""
    client = livespan.Client(server.url, spool_dir=None, handle_sigterm=False)
    yield client
    client.close()


def seen(client: livespan.Client, run_id: str) -> List[Span]:
    """The run's spans, none where it was never heard of."""
    try:
        return client.get_run_timeline(run_id)
    except livespan.CollectorError as error:
        if error.code_name in ("NOT_FOUND", "UNAVAILABLE"):
            return []
        raise
