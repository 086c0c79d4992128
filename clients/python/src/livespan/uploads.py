"""Hands artifacts to the collector, beside the work.

Whoever adds an artifact never waits: its bytes go to a bounded queue, and a
thread uploads them. What the collector could not take goes to the spool. An
upload whose answer was lost is repeated, so that an artifact may be there twice,
never not at all.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import Deque, NamedTuple, Optional

import grpc

from . import connection
from .counts import Losses
from .options import LOG, Options
from .spool import UPLOAD, Batch, Spool
from .v1.span_service_pb2 import StoreArtifactRequest
from .v1.span_service_pb2_grpc import SpanServiceStub

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 15.0

# The most that may wait in memory, in bytes: four of the largest.
_QUEUE_LIMIT = 16 << 20

FULL = "artifacts wait in vain, the queue and the spool are full"
REFUSED = "the collector refused artifacts"
UNWRITABLE = "artifacts can't be written to the spool"

# What another try may change.
_PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNKNOWN,
)


class _Upload(NamedTuple):
    request: StoreArtifactRequest
    result: "Future[str]"
    batch: Optional[Batch]


class Uploader:
    """One thread and what waits for it."""

    def __init__(self, options: Options, spool: Optional[Spool], losses: Losses) -> None:
        self._options = options
        self._spool = spool
        self._losses = losses
        self.forget()

    def forget(self) -> None:
        """At the start, and in a forked child: what waited is the parent's."""
        self._changed = threading.Condition(threading.RLock())
        self._queue: Deque[_Upload] = deque()
        self._bytes = 0
        self._thread: Optional[threading.Thread] = None
        self._channel: Optional[grpc.Channel] = None
        self._busy = False
        self._closing = False
        self._hurry = False
        self._forking = False

    def put(self, request: StoreArtifactRequest) -> "Future[str]":
        """Takes an artifact. The result is its id, once the collector has it; it is
        cancelled where that is left to the spool, or to nobody."""
        result: "Future[str]" = Future()
        with self._changed:
            size = request.ByteSize()
            if self._closing or self._bytes + size > _QUEUE_LIMIT:
                self._losses.add(FULL, 1)
                result.cancel()
                return result
            self._queue.append(_Upload(request, result, None))
            self._bytes += size
            self._start()
            self._changed.notify_all()
        return result

    def replay(self) -> None:
        """Uploads what earlier processes left."""
        with self._changed:
            if not self._closing and self._spooled():
                self._start()
                self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Waits until the collector has all artifacts; False where it hasn't in
        time."""
        deadline = time.monotonic() + timeout
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            while self._thread and (self._queue or self._busy or self._spooled()):
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            return not self._queue and not self._spooled()

    def close(self, timeout: float) -> None:
        """Uploads for as long as it may take, and spools the rest."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread and thread is not threading.current_thread():
            thread.join(timeout)
            with self._changed:
                channel = self._channel
            if thread.is_alive() and channel:
                channel.close()
                thread.join(1.0)
        with self._changed:
            self._spill()
            lost = [upload for upload in self._queue if upload.batch is None]
            self._queue.clear()
        for upload in lost:
            upload.result.cancel()
        if lost:
            self._losses.add(FULL, len(lost))

    def before_fork(self) -> None:
        """Waits for the upload under way: gRPC's threads don't survive a fork."""
        deadline = time.monotonic() + 2.0
        self._changed.acquire()
        self._forking = True
        while self._busy and time.monotonic() < deadline:
            if self._channel:
                self._channel.close()
            self._changed.wait(0.05)

    def after_fork_in_parent(self) -> None:
        """Goes on."""
        self._forking = False
        self._changed.notify_all()
        self._changed.release()

    def _spooled(self) -> Optional[Batch]:
        return self._spool.next_batch(UPLOAD) if self._spool else None

    def _start(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="livespan-uploads", daemon=True)
            try:
                thread.start()
                self._thread = thread
            except RuntimeError:
                # The interpreter is ending; close() spools what waits.
                pass

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            upload = self._wait()
            if upload is None:
                return
            done = self._store(upload)
            with self._changed:
                self._busy = False
                if done:
                    pause = _FIRST_PAUSE
                else:
                    if upload.batch is None:
                        self._queue.appendleft(upload)
                    if self._closing:
                        return
                    self._spill()
                self._changed.notify_all()
                if not done and not self._hurry:
                    self._changed.wait(pause * random.uniform(0.5, 1.0))
                    pause = min(pause * 2, _LONGEST_PAUSE)
                self._hurry = False

    def _wait(self) -> Optional[_Upload]:
        with self._changed:
            while True:
                if not self._forking:
                    upload = self._next()
                    if upload:
                        self._busy = True
                        return upload
                    if self._closing:
                        return None
                self._changed.wait()

    def _next(self) -> Optional[_Upload]:
        while self._spool and not self._closing:
            batch = self._spooled()
            if not batch:
                break
            try:
                (record,) = self._spool.records(batch)
                return _Upload(StoreArtifactRequest.FromString(record), Future(), batch)
            except Exception as error:
                # Damaged, or removed by somebody: it would stand in the way for good.
                self._losses.add(UNWRITABLE, 1, repr(error))
                self._spool.remove(batch)
        return self._queue.popleft() if self._queue else None

    def _store(self, upload: _Upload) -> bool:
        """False where another try may help."""
        try:
            channel = connection.channel(self._options)
            with self._changed:
                self._channel = channel
            reply = SpanServiceStub(channel).StoreArtifact(
                upload.request,
                timeout=self._options.timeout,
                metadata=connection.metadata(self._options),
            )
        except grpc.RpcError as error:
            code = error.code() if isinstance(error, grpc.Call) else None
            if code in _PASSING:
                LOG.debug("an artifact has to wait: %s", code)
                return False
            self._settle(upload, None)
            detail = error.details() if isinstance(error, grpc.Call) else repr(error)
            self._losses.add(REFUSED, 1, str(detail))
            return True
        except Exception as error:
            # A closed channel, a certificate that can't be read: tried again.
            LOG.debug("an artifact has to wait: %r", error)
            return False
        finally:
            with self._changed:
                opened, self._channel = self._channel, None
            if opened:
                opened.close()
        self._settle(upload, reply.artifact_id)
        return True

    def _settle(self, upload: _Upload, artifact_id: Optional[str]) -> None:
        if upload.batch is not None:
            if self._spool:
                self._spool.remove(upload.batch)
            return
        with self._changed:
            self._bytes -= upload.request.ByteSize()
        if artifact_id is None:
            upload.result.cancel()
        elif upload.result.set_running_or_notify_cancel():
            upload.result.set_result(artifact_id)

    def _spill(self) -> None:
        """Moves the queue to the spool."""
        while self._spool and self._queue:
            upload = self._queue[0]
            try:
                if not self._spool.append(UPLOAD, [upload.request.SerializeToString()]):
                    return
            except OSError as error:
                self._losses.add(UNWRITABLE, 0, str(error))
                return
            self._queue.popleft()
            self._bytes -= upload.request.ByteSize()
            upload.result.cancel()
