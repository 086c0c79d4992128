"""Identities: runs and spans, and how they meet OpenTelemetry's.

A run is a trace: its 16 bytes are the trace id. A span's last 8 bytes are the
OpenTelemetry span id, so that what an instrumented library exports under a
span's `traceparent` finds its parent.
"""

from __future__ import annotations

import os
import re
import time
import uuid
from typing import NamedTuple, Optional

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})(?:-.*)?\Z")
_UUID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class SpanKey(NamedTuple):
    """A span's whole name: its run and its id, uuids with hyphens."""

    run_id: str
    span_id: str

    def traceparent(self) -> str:
        """The W3C header that puts a library's spans under this one."""
        return f"00-{uuid.UUID(self.run_id).hex}-{uuid.UUID(self.span_id).hex[16:]}-01"


def new_run_id() -> str:
    """A new run. Version 7, so that runs of one time lie together on disk."""
    milliseconds = time.time_ns() // 1_000_000 & (1 << 48) - 1
    random = int.from_bytes(os.urandom(10), "big")
    high = milliseconds << 16 | 0x7000 | (random >> 64) & 0xFFF
    low = 0b10 << 62 | random & (1 << 62) - 1
    return str(uuid.UUID(int=high << 64 | low))


def new_span_id(run_id: str) -> str:
    """A new span of the run: the run's first 8 bytes, then 8 random ones."""
    # The variant's bits keep them from being all zero, which is no span.
    low = uuid.uuid4().bytes[8:]
    return str(uuid.UUID(bytes=uuid.UUID(run_id).bytes[:8] + low))


def parsed(text: str) -> Optional[str]:
    """A run's or span's id in its usual spelling; None where the text is none."""
    text = text.strip()
    if not _UUID.fullmatch(text):
        return None
    value = uuid.UUID(text)
    return str(value) if value.int else None


def from_traceparent(header: str) -> Optional[SpanKey]:
    """Reads a `traceparent` header; None where it is not one."""
    match = _TRACEPARENT.match(header.strip())
    if not match:
        return None
    version, trace, span = match.groups()
    if version == "ff" or not int(trace, 16) or not int(span, 16):
        return None
    return SpanKey(str(uuid.UUID(trace)), str(uuid.UUID(trace[:16] + span)))
