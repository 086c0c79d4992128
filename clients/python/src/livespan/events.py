"""Values as the wire has them: redacted, bounded, never refused."""

from __future__ import annotations

import time
from typing import Mapping, Optional

from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from . import redact

# The server's bound for a name.
MOST_NAME_BYTES = 1024

# The most that a summary may weigh; a message of the stream has at most 4 MiB.
_MOST_SUMMARY_BYTES = 1 << 20

# The server takes 64 levels; a Struct's own fields are one of them.
_ATTRIBUTE_LEVELS = 60
_MOST_ATTRIBUTES = 1024

# A double holds every integer up to this one.
_EXACT = 1 << 53


def name(text: object) -> str:
    """A short text, redacted and cut to what the server takes."""
    redacted = redact.text(str(text)).replace("\0", "\ufffd")
    raw = redacted.encode("utf-8", "replace")
    if len(raw) <= MOST_NAME_BYTES:
        return redacted
    return raw[: MOST_NAME_BYTES - 3].decode("utf-8", "ignore") + "…"


def summary(value: object) -> Optional[Struct]:
    """Input or output: three levels, secrets out. What isn't a mapping stands
    under `value`."""
    return None if value is None else _bounded(_struct(value, 3))


def attributes(value: Mapping[str, object]) -> Struct:
    """Anything else to know, in full detail."""
    kept = dict(list(value.items())[:_MOST_ATTRIBUTES])
    return _bounded(_struct(kept, _ATTRIBUTE_LEVELS))


def _struct(value: object, levels: int) -> Struct:
    fields = value if isinstance(value, Mapping) else {"value": value}
    struct = Struct()
    struct.update(_plain(redact.sanitize(fields, levels)))  # type: ignore[arg-type]
    return struct


def _plain(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {key.replace("\0", "\ufffd"): _plain(field) for key, field in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _EXACT:
        return str(value)
    return value


def _bounded(struct: Struct) -> Struct:
    size = struct.ByteSize()
    if size <= _MOST_SUMMARY_BYTES:
        return struct
    short = Struct()
    short.update({"value": f"[TRUNCATED: {size} bytes left out]"})
    return short


def now() -> Timestamp:
    """This moment by the client's clock."""
    nanoseconds = time.time_ns()
    return Timestamp(seconds=nanoseconds // 10**9, nanos=nanoseconds % 10**9)


def duration(length: Optional[float]) -> Optional[Duration]:
    """A length of time, given in seconds."""
    if length is None:
        return None
    nanoseconds = round(length * 10**9)
    return Duration(seconds=nanoseconds // 10**9, nanos=nanoseconds % 10**9)
