"""What clients have to do with the process around them: its end, SIGTERM, forks."""

from __future__ import annotations

import atexit
import os
import signal
import threading
import weakref
from types import FrameType
from typing import TYPE_CHECKING, List, Optional

if TYPE_CHECKING:
    from .client import Client

_CLIENTS: "weakref.WeakSet[Client]" = weakref.WeakSet()
_LOCK = threading.Lock()
_registered = False

# Taken by the forking thread alone, between the two halves of a fork.
_forking: "List[Client]" = []


def register(client: Client, handle_sigterm: bool) -> None:
    """Looks after a client until it is gone."""
    global _registered
    with _LOCK:
        _CLIENTS.add(client)
        if not _registered:
            _registered = True
            atexit.register(_close_all)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(
                    before=_before_fork,
                    after_in_parent=_after_fork_in_parent,
                    after_in_child=_after_fork_in_child,
                )
    if handle_sigterm:
        _handle_sigterm()


def _close_all() -> None:
    for client in list(_CLIENTS):
        client.close()


def _before_fork() -> None:
    _forking[:] = list(_CLIENTS)
    for client in _forking:
        client.before_fork()


def _after_fork_in_parent() -> None:
    for client in reversed(_forking):
        client.after_fork_in_parent()
    _forking.clear()


def _after_fork_in_child() -> None:
    for client in _forking:
        client.after_fork_in_child()
    _forking.clear()


def _handle_sigterm() -> None:
    # Only the main thread may; a client that another thread makes goes without.
    if threading.current_thread() is not threading.main_thread():
        return
    before = signal.getsignal(signal.SIGTERM)
    # None: set by something that isn't Python.
    if before in (None, signal.SIG_IGN) or getattr(before, "livespan", False):
        return

    def handler(number: int, frame: Optional[FrameType]) -> None:
        clients = list(_CLIENTS)
        for client in clients:
            client.cancel_open_spans()
        if callable(before):
            for client in clients:
                client.flush()
            before(number, frame)
            return
        for client in clients:
            client.close()
        # As if there had been no handler: whoever waits for the process sees it.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    handler.livespan = True  # type: ignore[attr-defined]
    signal.signal(signal.SIGTERM, handler)
