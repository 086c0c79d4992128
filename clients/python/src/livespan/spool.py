"""What the collector could not take, on disk, until this process or the next
one can hand it over.

A folder a collector, in it a folder a process, in it one file a batch, which
appears whole and synced or not at all. Whoever holds the lock of a process's
folder owns its batches; the kernel gives it back when the process dies, and the
next process takes them over. Everything in it was redacted before.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import struct
import threading
import time
import uuid
from pathlib import Path
from typing import Callable, Collection, Dict, List, NamedTuple, Optional, TypeVar

try:
    import fcntl
except ImportError:  # Windows: batches wait for the process that wrote them.
    fcntl = None  # type: ignore[assignment]

T = TypeVar("T")

_LENGTH = struct.Struct(">I")

EVENTS = "events"
UPLOAD = "upload"

# How long a count of what other processes hold is good for, in seconds.
_COUNT_AGE = 10.0


class Batch(NamedTuple):
    """A file of records."""

    path: Path
    kind: str


class Spool:
    """This process's part of the spool, and what it took over."""

    def __init__(self, root: Path, target: str, limit: int) -> None:
        self._folder = root / re.sub(r"[^A-Za-z0-9.-]+", "_", target)
        self._limit = limit
        self._lock = threading.Lock()
        self._own: Optional[Path] = None
        self._number = 0
        self._pending: List[Batch] = []
        # Locks of the folders that this process owns.
        self._locks: Dict[Path, int] = {}
        self._used = 0
        self._counted_at = float("-inf")

    def append(self, kind: str, records: List[bytes]) -> bool:
        """Writes and syncs a batch; False where the spool is full.

        Raises OSError where the disk refuses.
        """
        data = b"".join(_LENGTH.pack(len(record)) + record for record in records)
        with self._lock:
            if self._bytes_used() + len(data) > self._limit:
                return False
            folder = self._own_folder()
            self._number += 1
            path = folder / f"{self._number:012}.{kind}"
            draft = path.with_suffix(".draft")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(draft, path)
            except OSError:
                draft.unlink(missing_ok=True)
                raise
            _sync_folder(folder)
            self._used += len(data)
            self._pending.append(Batch(path, kind))
            return True

    def next_batch(self, kind: str, known: Collection[Batch] = ()) -> Optional[Batch]:
        """The oldest batch of a kind that isn't among the known ones."""
        with self._lock:
            return next((b for b in self._pending if b.kind == kind and b not in known), None)

    def records(self, batch: Batch) -> List[bytes]:
        """A batch's records. Raises OSError."""
        data = batch.path.read_bytes()
        records, at = [], 0
        while at + _LENGTH.size <= len(data):
            (length,) = _LENGTH.unpack_from(data, at)
            at += _LENGTH.size
            records.append(data[at : at + length])
            at += length
        return records

    def remove(self, batch: Batch) -> None:
        """Forgets a batch that was handed over."""
        with self._lock:
            if batch not in self._pending:
                return
            self._pending.remove(batch)
            try:
                self._used -= batch.path.stat().st_size
                batch.path.unlink()
            except OSError:
                return
            folder = batch.path.parent
            if folder != self._own and not any(b.path.parent == folder for b in self._pending):
                self._leave(folder)

    def adopt(self) -> None:
        """Takes over what processes left that are no more."""
        with self._lock:
            if fcntl is None or not self._folder.is_dir():
                return
            found: List[Batch] = []
            for folder in self._ignoring_errors(lambda: sorted(self._folder.iterdir())) or []:
                if folder not in self._locks and self._take(folder):
                    batches = _batches(folder)
                    found += batches
                    if not batches:
                        self._leave(folder)
            # Before what this process wrote: theirs is older.
            self._pending[:0] = found

    def close(self) -> None:
        """Gives back the folders, of which the empty ones go."""
        with self._lock:
            for folder in list(self._locks):
                self._leave(folder)
            self._own = None

    def forget(self) -> None:
        """In a forked child: all of it is the parent's."""
        for descriptor in self._locks.values():
            self._ignoring_errors(functools.partial(os.close, descriptor))
        self._lock = threading.Lock()
        self._locks.clear()
        self._pending.clear()
        self._own = None

    def _own_folder(self) -> Path:
        if self._own is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The time first: folders are taken over in the order of their names.
            name = f"{time.time_ns():020}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
            folder = self._folder / name
            folder.mkdir(mode=0o700)
            self._take(folder)
            self._own = folder
            self._number = 0
        return self._own

    def _take(self, folder: Path) -> bool:
        try:
            descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return False
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its owner may have removed it while this process waited.
            os.stat(folder / "lock")
        except OSError:
            os.close(descriptor)
            return False
        self._locks[folder] = descriptor
        return True

    def _leave(self, folder: Path) -> None:
        if not _batches(folder):
            shutil.rmtree(folder, ignore_errors=True)
        descriptor = self._locks.pop(folder, None)
        if descriptor is not None:
            os.close(descriptor)

    def _bytes_used(self) -> int:
        """What all processes hold for this collector."""
        now = time.monotonic()
        if now - self._counted_at > _COUNT_AGE:
            self._counted_at = now
            files = self._ignoring_errors(
                lambda: sum(p.stat().st_size for p in self._folder.glob("*/*") if p.is_file())
            )
            self._used = files if files is not None else self._used
        return self._used

    @staticmethod
    def _ignoring_errors(read: Callable[[], T]) -> Optional[T]:
        # Other processes come and go in this folder.
        try:
            return read()
        except OSError:
            return None


def _batches(folder: Path) -> List[Batch]:
    try:
        files = sorted(folder.iterdir())
    except OSError:
        return []
    kinds = {f".{EVENTS}": EVENTS, f".{UPLOAD}": UPLOAD}
    return [Batch(file, kinds[file.suffix]) for file in files if file.suffix in kinds]


def _sync_folder(folder: Path) -> None:
    """Without it the name of a new file may be lost with the power."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
