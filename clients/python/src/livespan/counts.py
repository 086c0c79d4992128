"""What was lost, counted, and said once a reason instead of once an event."""

from __future__ import annotations

import threading
from typing import Dict, Set

from .options import LOG


class Losses:
    """Counts by reason."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._counts: Dict[str, int] = {}
        self._said: Set[str] = set()

    def add(self, reason: str, count: int, detail: str = "") -> None:
        """Counts a loss, and says so where it is the first for its reason."""
        with self._lock:
            self._counts[reason] = self._counts.get(reason, 0) + count
            first = reason not in self._said
            self._said.add(reason)
        if first:
            LOG.warning("spans are incomplete: %s%s", reason, f": {detail}" if detail else "")

    def counts(self) -> Dict[str, int]:
        """How many events and artifacts were lost, by reason."""
        with self._lock:
            return dict(self._counts)

    def forget(self) -> None:
        """In a forked child: the parent's losses are not its own."""
        self._lock = threading.RLock()
        self._counts.clear()
