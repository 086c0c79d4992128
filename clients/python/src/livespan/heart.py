"""The thread that says that open spans are alive.

Work that keeps the processor busy doesn't hold it up: Python gives each thread
its turn every few milliseconds. Only an extension that keeps the interpreter's
lock for long does; then nothing in the process is seen to be alive, rightly.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Dict, Optional

from .ids import SpanKey
from .sender import Sender

if TYPE_CHECKING:
    from .span import Span

# How often the connection itself is looked after, in seconds.
_WATCH_INTERVAL = 1.0


class Heart:
    """Beats for all open spans of a client."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self.forget()

    def forget(self) -> None:
        """At the start, and in a forked child: open spans are the parent's."""
        self._changed = threading.Condition(threading.RLock())
        self._open: Dict[SpanKey, Span] = {}
        self._thread: Optional[threading.Thread] = None
        self._stopped = False

    def add(self, span: Span) -> None:
        """Beats for the span until it is removed."""
        with self._changed:
            self._open[span.key] = span
            if self._thread is None and not self._stopped:
                thread = threading.Thread(target=self._run, name="livespan-heart", daemon=True)
                try:
                    thread.start()
                    self._thread = thread
                except RuntimeError:
                    # The interpreter is ending, and soon the span.
                    return
            self._changed.notify_all()

    def remove(self, span: Span) -> None:
        """The span has ended."""
        with self._changed:
            self._open.pop(span.key, None)

    def open_spans(self) -> "list[Span]":
        """The spans that are open, the innermost last."""
        with self._changed:
            return list(self._open.values())

    def stop(self) -> None:
        """Beats no more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def before_fork(self) -> None:
        """Holds still, so that the child finds nothing half done."""
        self._changed.acquire()

    def after_fork_in_parent(self) -> None:
        """Goes on."""
        self._changed.release()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._stopped:
                    return
                spans = list(self._open.values())
            now = time.monotonic()
            due = [span.beat_if_due(now) for span in spans]
            self._sender.watch()
            pause = min([_WATCH_INTERVAL] + [at - now for at in due])
            with self._changed:
                self._changed.wait(max(pause, 0.01))
