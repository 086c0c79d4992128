"""What Python's exceptions say about a failure.

The classifier's table knows names and phrases; an exception knows more: its
errno, the HTTP or gRPC status or SQLSTATE that it carries, the classes that it
is derived from, and the exception that caused it.
"""

from __future__ import annotations

import asyncio
import errno
import traceback
from dataclasses import replace
from typing import Iterator, Optional

from . import redact
from .classify import Classification, Failure, classify
from .v1.span_pb2 import SpanError

# How many causes of causes are asked.
_MOST_CAUSES = 8

# The most of a stack trace that is kept, in bytes: what was raised stands at
# its end, and the server keeps the beginning.
_STACK_BYTES = 3900

_MOST_NAME_BYTES = 1000


def classify_error(error: BaseException) -> Classification:
    """Why an exception was raised, as reason code and kind.

    >>> classify_error(FileNotFoundError(2, "No such file or directory"))
    Classification(reason_code='missing_file', reason_kind='PERSISTENT', cancelled=False)
    """
    if isinstance(error, (KeyboardInterrupt, asyncio.CancelledError, GeneratorExit)):
        return Classification("cancelled", "UNKNOWN", True)
    best: Optional[Classification] = None
    for failure in _evidence(error):
        found = classify(failure)
        if found.reason_kind != "UNKNOWN" or found.cancelled:
            return found
        if best is None or best.reason_code == "unknown":
            best = found
    return best or Classification("unknown", "UNKNOWN", False)


def as_the_server_sees(error: BaseException) -> Classification:
    """What the server makes of the exception's name and message alone."""
    return classify(
        Failure(error_type=type_name(error), message=message(error), exit_code=exit_code(error))
    )


def span_error(error: BaseException) -> SpanError:
    """The exception as a span tells of it, redacted."""
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    stack = redact.text_whole("".join(lines)).encode()
    if len(stack) > _STACK_BYTES:
        stack = "…\n".encode() + stack[-_STACK_BYTES:]
    return SpanError(
        type=type_name(error),
        message=redact.text(message(error)),
        stack_trace=stack.decode("utf-8", "ignore").replace("\0", ""),
    )


def type_name(error: BaseException) -> str:
    """The exception's class: `TimeoutError`, `requests.exceptions.ConnectionError`."""
    kind = type(error)
    bare = kind.__module__ in ("builtins", "__main__")
    name = kind.__qualname__ if bare else f"{kind.__module__}.{kind.__qualname__}"
    return name[:_MOST_NAME_BYTES]


def message(error: BaseException) -> str:
    """What the exception says."""
    try:
        return str(error).replace("\0", "")
    except Exception:
        # An exception that can't say what it is must not hide itself.
        return ""


def exit_code(error: BaseException) -> Optional[int]:
    """The exit code of the process that failed: this one, or one that it ran."""
    code: object = getattr(error, "returncode", None)
    if isinstance(error, SystemExit):
        code = error.code
    if not isinstance(code, int) or isinstance(code, bool):
        return None
    return code if -(2**31) <= code < 2**31 else None


def _evidence(error: BaseException) -> Iterator[Failure]:
    """From the exception itself to its causes, each with what it carries."""
    seen = 0
    current: Optional[BaseException] = error
    while current is not None and seen < _MOST_CAUSES:
        seen += 1
        yield from _evidence_of(current)
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )


def _evidence_of(error: BaseException) -> Iterator[Failure]:
    said = message(error)
    carried = Failure(
        rpc_status_code=_rpc_status(error),
        http_status_code=_http_status(error),
        exit_code=exit_code(error),
        message=said,
    )
    code = _code(error)
    if code:
        yield Failure(error_type=code, message=said)
    # The statuses before the name: `HTTPError` alone says nothing.
    if carried.rpc_status_code or carried.http_status_code or carried.exit_code:
        yield replace(carried, message=None)
    yield Failure(error_type=type_name(error), message=said)
    for kind in type(error).__mro__[1:]:
        if kind.__name__ not in ("Exception", "BaseException", "object"):
            yield Failure(error_type=kind.__name__)


def _code(error: BaseException) -> Optional[str]:
    """An errno's name, or a database's SQLSTATE."""
    if isinstance(error, OSError) and isinstance(error.errno, int):
        name = errno.errorcode.get(error.errno)
        if name:
            return name
    for field in ("sqlstate", "pgcode"):
        value = getattr(error, field, None)
        if isinstance(value, str) and len(value) == 5:
            return value
    return None


def _http_status(error: BaseException) -> Optional[int]:
    """requests, httpx, urllib, aiohttp and the clients built on them."""
    places = (getattr(error, "response", None), error)
    for place in places:
        for field in ("status_code", "status", "code"):
            value = getattr(place, field, None)
            if isinstance(value, int) and not isinstance(value, bool) and 100 <= value < 600:
                return value if not isinstance(error, SystemExit) else None
    return None


def _rpc_status(error: BaseException) -> Optional[str]:
    """The name of a gRPC status."""
    code = getattr(error, "code", None)
    try:
        value = code() if callable(code) else None
    except Exception:
        # Somebody else's method, which may want arguments.
        return None
    name = getattr(value, "name", None)
    return name if isinstance(name, str) else None
