"""What may be said to a client, in code or by `LIVESPAN_…` variables.

The variables are those of the command line. One that can't be used is told of
and ignored: what is wrong with the records must not keep the work from running.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Mapping, Optional, TypeVar

LOG = logging.getLogger("livespan")

DEFAULT_SERVER = "http://127.0.0.1:4317"

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_URL = re.compile(r"(?:(https?)://)?([^/@?#\s]+)/?")

T = TypeVar("T")


@dataclass(frozen=True)
class Address:
    """Where the collector is."""

    # HOST:PORT, as gRPC wants it.
    target: str
    # Whether the connection is encrypted.
    tls: bool

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.target}"


def address(text: str) -> Address:
    """Reads `http://host:port`, `https://host:port`, or `host:port`, which means
    the first. Raises ValueError with what to write instead."""
    match = _URL.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not an address: write it as {DEFAULT_SERVER}")
    tls = match.group(1) == "https"
    target = match.group(2)
    if not re.search(r":[0-9]+\Z", target):
        target += ":443" if tls else ":80"
    return Address(target, tls)


def seconds(text: str) -> float:
    """Reads a length of time, `300ms` or `1h30m`, in seconds. Raises ValueError."""
    bare = text.strip()
    parts = _DURATION.findall(bare)
    if not parts or _DURATION.sub("", bare).strip():
        raise ValueError(f"{text!r} is no length of time: write 500ms, 30s, 5m or 1h30m")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _some_seconds(text: str) -> float:
    length = seconds(text)
    if length <= 0:
        raise ValueError(f"{text!r} has to be longer than no time at all")
    return length


def _attempt(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise ValueError(f"{text} is not from 1 to 1,000,000")
    return number


def _size(text: str) -> int:
    match = re.fullmatch(r"([0-9]+)\s*(KiB|MiB|GiB|B)?", text.strip())
    if not match:
        raise ValueError(f"{text!r} is no size: write 64MiB")
    return int(match.group(1)) << {"KiB": 10, "MiB": 20, "GiB": 30}.get(match.group(2) or "B", 0)


@dataclass(frozen=True)
class Options:
    """How a client behaves. Times are seconds, sizes are bytes."""

    # The collector's gRPC address. LIVESPAN_SERVER
    server: Address = Address("127.0.0.1:4317", False)
    # Sent as `authorization: Bearer …`. LIVESPAN_TOKEN
    token: Optional[str] = None
    # A PEM file with the authorities to trust, instead of the usual ones.
    # LIVESPAN_TLS_CA
    tls_ca: Optional[Path] = None
    # PEM files that say who the client is. LIVESPAN_TLS_CERT, LIVESPAN_TLS_KEY
    tls_cert: Optional[Path] = None
    tls_key: Optional[Path] = None
    # How long a question, or the upload of an artifact, may take.
    # LIVESPAN_TIMEOUT
    timeout: float = 10.0
    # How often a running span gives a sign of life. LIVESPAN_HEARTBEAT
    heartbeat: float = 10.0
    # How long the process's end may wait for the collector. LIVESPAN_FLUSH_TIMEOUT
    flush_timeout: float = 2.0
    # The folder for what the collector could not take; None for no spool.
    # LIVESPAN_SPOOL_DIR, "off" for none
    spool_dir: Optional[Path] = None
    # The most that the spool may hold. LIVESPAN_SPOOL_LIMIT
    spool_limit: int = 64 << 20
    # The most that may wait in memory. LIVESPAN_QUEUE_LIMIT
    queue_limit: int = 8 << 20
    # The business job that new runs belong to. LIVESPAN_TASK_ID
    task_id: str = ""
    # Who runs the spans. LIVESPAN_AGENT
    agent: str = ""
    # The level of spans that name none. LIVESPAN_LAYER
    layer: str = "python"
    # The machine; its name where absent.
    executor_host: str = ""
    # Which try of the task new runs are. LIVESPAN_ATTEMPT
    attempt: int = 1
    # The run that new runs retry. LIVESPAN_RETRY_OF
    retry_of: str = ""
    # Whether SIGTERM ends open spans as cancelled.
    handle_sigterm: bool = True

    @property
    def keeps_spool(self) -> bool:
        """Whether anything may be written to disk."""
        return self.spool_dir is not None and self.spool_limit > 0


def from_environment(environment: Optional[Mapping[str, str]] = None) -> Options:
    """The options that the variables ask for."""
    variables = os.environ if environment is None else environment

    def read(name: str, default: T, convert: Callable[[str], T]) -> T:
        # An empty variable counts as absent.
        text = variables.get(name, "")
        if not text:
            return default
        try:
            return convert(text)
        except ValueError as error:
            LOG.warning("%s is not valid and is ignored: %s", name, error)
            return default

    def some_path(name: str) -> Optional[Path]:
        return Path(variables[name]) if variables.get(name) else None

    retry_of = variables.get("LIVESPAN_RETRY_OF", "")
    attempt = 2 if retry_of else 1
    spool = variables.get("LIVESPAN_SPOOL_DIR") or str(_spool_dir(variables))
    return Options(
        server=read("LIVESPAN_SERVER", address(DEFAULT_SERVER), address),
        token=variables.get("LIVESPAN_TOKEN") or None,
        tls_ca=some_path("LIVESPAN_TLS_CA"),
        tls_cert=some_path("LIVESPAN_TLS_CERT"),
        tls_key=some_path("LIVESPAN_TLS_KEY"),
        timeout=read("LIVESPAN_TIMEOUT", 10.0, _some_seconds),
        heartbeat=read("LIVESPAN_HEARTBEAT", 10.0, _some_seconds),
        flush_timeout=read("LIVESPAN_FLUSH_TIMEOUT", 2.0, seconds),
        spool_dir=None if spool == "off" else Path(spool),
        spool_limit=read("LIVESPAN_SPOOL_LIMIT", 64 << 20, _size),
        queue_limit=read("LIVESPAN_QUEUE_LIMIT", 8 << 20, _size),
        task_id=variables.get("LIVESPAN_TASK_ID", ""),
        agent=variables.get("LIVESPAN_AGENT", ""),
        layer=variables.get("LIVESPAN_LAYER") or "python",
        executor_host=socket.gethostname(),
        attempt=read("LIVESPAN_ATTEMPT", attempt, _attempt),
        retry_of=retry_of,
    )


def _spool_dir(variables: Mapping[str, str]) -> Path:
    state = variables.get("XDG_STATE_HOME")
    home = variables.get("HOME") or variables.get("USERPROFILE")
    if state:
        return Path(state, "livespan", "spool")
    if home:
        return Path(home, ".local", "state", "livespan", "spool")
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir(), f"livespan-spool-{user}")
