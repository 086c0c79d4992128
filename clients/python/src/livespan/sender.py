"""Hands events to the collector, in one StreamSpans connection a process.

Whoever puts an event never waits and never fails: it goes to a bounded queue. A
thread sends what is queued and keeps it until it is acknowledged. Where the
collector is away the thread writes the queue to the spool and tries again,
later and later; the next connection sends the spool first.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from typing import Callable, Deque, Dict, Iterator, List, NamedTuple, Optional, Set

import grpc

from . import connection
from .counts import Losses
from .ids import SpanKey
from .options import LOG, Options
from .spool import EVENTS, Batch, Spool
from .v1.span_service_pb2 import HeartbeatRequest, StreamSpansRequest, StreamSpansResponse
from .v1.span_service_pb2_grpc import SpanServiceStub

# How many events may be on their way; the server's own bound is 4,096.
_MOST_IN_FLIGHT = 1024

# The pauses after failed attempts, in seconds; each is cut by up to a half, so
# that many processes don't come back at once.
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 15.0

# How long events wait in memory, in seconds, before they are written to disk
# while the collector is away.
_SPILL_INTERVAL = 1.0

# How long the first event waits for the thread's own set-up. Later, when the
# interpreter ends, gRPC could no longer start the threads that it needs.
_SET_UP_SECONDS = 0.5

# How long gRPC's own threads take to let go of a closed connection. A child that
# is forked while one of them holds a lock never gets it; such a child's spans go
# to the spool.
_SETTLE_SECONDS = 0.05

FULL = "the queue and the spool are full, events are dropped"
UNWRITABLE = "the spool can't be written"
UNREADABLE = "a part of the spool can't be read"
REFUSED = "the collector refused events"
CLOSED = "the client was closed before its spans"


class _Item(NamedTuple):
    """An event that waits or is on its way."""

    request: StreamSpansRequest
    size: int
    # The batch that holds it on disk; None for one in memory.
    batch: Optional[Batch]
    # Whether acknowledging it settles the batch.
    last: bool
    # Heartbeats are made anew rather than sent again.
    beat: bool


class Sender:
    """One connection and what waits for it."""

    def __init__(
        self,
        options: Options,
        spool: Optional[Spool],
        losses: Losses,
        adopted: Callable[[], None],
    ) -> None:
        """`adopted` is called when the spool took over what others left."""
        self._options = options
        self._spool = spool
        self._losses = losses
        self._adopted = adopted
        # Reentrant: a signal's handler may interrupt its own thread in here.
        self._changed = threading.Condition(threading.RLock())
        self._reset()

    def _reset(self) -> None:
        self._queue: Deque[_Item] = deque()
        self._beats: Dict[SpanKey, HeartbeatRequest] = {}
        self._in_flight: Deque[_Item] = deque()
        self._bytes = 0
        self._seq = 0
        self._acked = 0
        self._heard_at = time.monotonic()
        self._thread: Optional[threading.Thread] = None
        self._under_way = threading.Event()
        self._call: Optional[grpc.Call] = None
        # Whether there is a channel, or may be one any moment.
        self._in_session = False
        self._hurry = False
        self._closing = False
        self._given_up = False
        self._forking = 0
        self._attempts = 0
        self._cancelled_runs: Set[str] = set()

    # ---- what spans call ----------------------------------------------------

    def put(self, request: StreamSpansRequest) -> None:
        """Takes an event. Never waits for the collector, never fails."""
        size = request.ByteSize() + 64
        with self._changed:
            if self._closing:
                self._losses.add(CLOSED, 1)
                return
            if self._bytes + size > self._options.queue_limit:
                self._losses.add(FULL, 1)
                return
            self._queue.append(_Item(request, size, None, False, False))
            self._bytes += size
            self._changed.notify_all()
        self._ensure_started()

    def beat(self, key: SpanKey, request: HeartbeatRequest) -> None:
        """Takes a sign of life; of those that wait for one span the last counts."""
        with self._changed:
            if self._closing:
                return
            self._beats[key] = request
            self._changed.notify_all()

    def forget_beat(self, key: SpanKey) -> None:
        """The span has ended: it has no more to say."""
        with self._changed:
            self._beats.pop(key, None)

    def is_cancel_requested(self, run_id: str) -> bool:
        """Whether somebody asked for the run to be cancelled."""
        return run_id in self._cancelled_runs

    def watch(self) -> None:
        """Gives up a connection on which nothing was acknowledged for too long."""
        with self._changed:
            silent = time.monotonic() - self._heard_at
            if self._in_flight and self._call and silent > self._options.timeout:
                self._call.cancel()  # type: ignore[no-untyped-call]

    def flush(self, timeout: float) -> bool:
        """Waits until the collector has all that was put; False where it hasn't
        in time."""
        deadline = time.monotonic() + timeout
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            while not self._is_settled():
                left = deadline - time.monotonic()
                if left <= 0 or self._thread is None:
                    return False
                self._changed.wait(left)
            return True

    def close(self, timeout: float) -> None:
        """Sends what waits for as long as it may take, and writes the rest to the
        spool."""
        with self._changed:
            self._closing = True
            self._hurry = True
            self._changed.notify_all()
            thread = self._thread
        if thread and thread is not threading.current_thread():
            thread.join(timeout)
            with self._changed:
                self._given_up = True
                call = self._call
                self._changed.notify_all()
            if thread.is_alive() and call:
                call.cancel()  # type: ignore[no-untyped-call]
            thread.join(1.0)
        with self._changed:
            self._requeue()
            self._spill()
            lost = sum(1 for item in self._queue if not item.beat)
            self._queue.clear()
        if lost:
            self._losses.add(FULL, lost)

    # ---- forks --------------------------------------------------------------

    def before_fork(self) -> None:
        """Lets go of the connection: gRPC's threads don't survive in the child."""
        deadline = time.monotonic() + 2.0
        self._changed.acquire()
        self._forking += 1
        connected = self._in_session
        while self._in_session and time.monotonic() < deadline:
            if self._call:
                self._call.cancel()  # type: ignore[no-untyped-call]
            self._changed.wait(0.05)
        if connected:
            time.sleep(_SETTLE_SECONDS)

    def after_fork_in_parent(self) -> None:
        """Goes on; what was on its way is sent again."""
        self._forking -= 1
        self._changed.notify_all()
        self._changed.release()

    def after_fork_in_child(self) -> None:
        """Begins anew: what waited is the parent's to send."""
        self._changed = threading.Condition(threading.RLock())
        self._reset()

    # ---- the thread ---------------------------------------------------------

    def _ensure_started(self) -> None:
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="livespan-sender", daemon=True
                )
                try:
                    self._thread.start()
                except RuntimeError:
                    # The interpreter is ending; close() spools what waits.
                    self._thread = None
                    return
            under_way = self._under_way
        if not under_way.is_set():
            under_way.wait(_SET_UP_SECONDS)

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        self._adopt()
        while self._wait_for_work():
            heard = self._session()
            with self._changed:
                self._requeue()
                if self._closing:
                    break
            if heard:
                pause = _FIRST_PAUSE
                self._adopt()
            self._rest(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, _LONGEST_PAUSE)
        self._under_way.set()

    def _adopt(self) -> None:
        if self._spool:
            self._spool.adopt()
            self._adopted()

    def _wait_for_work(self) -> bool:
        """False when there is no more to do."""
        with self._changed:
            while self._forking or not self._has_work():
                if self._closing and not self._forking:
                    return False
                self._changed.wait()
            self._in_session = not self._given_up
            return self._in_session

    def _has_work(self) -> bool:
        return bool(self._queue or self._beats or self._oldest_batch())

    def _oldest_batch(self) -> Optional[Batch]:
        return self._spool.next_batch(EVENTS) if self._spool else None

    def _is_settled(self) -> bool:
        sent = all(item.beat for item in self._in_flight)
        return sent and not self._queue and not self._oldest_batch()

    def _rest(self, pause: float) -> None:
        """Waits before the next attempt, and brings to disk what comes meanwhile."""
        until = time.monotonic() + pause
        with self._changed:
            while True:
                self._changed.notify_all()
                left = until - time.monotonic()
                if left <= 0 or self._hurry or self._closing:
                    self._hurry = False
                    return
                # Not at once: most collectors that are away are only restarting.
                if self._attempts > 1:
                    self._spill()
                self._changed.wait(min(left, _SPILL_INTERVAL))

    def _requeue(self) -> None:
        """What was on its way is to be sent again."""
        back = [item for item in self._in_flight if item.batch is None and not item.beat]
        self._queue.extendleft(reversed(back))
        self._in_flight.clear()

    def _spill(self) -> None:
        """Moves the queue to the spool."""
        if not self._spool or not self._queue:
            return
        items = list(self._queue)
        records = [item.request.SerializeToString() for item in items]
        try:
            if not self._spool.append(EVENTS, records):
                return
        except OSError as error:
            self._losses.add(UNWRITABLE, 0, str(error))
            return
        for item in items:
            self._queue.popleft()
            self._bytes -= item.size

    # ---- one connection -----------------------------------------------------

    def _session(self) -> bool:
        """Connects and sends until either side ends it. Whether anything was
        acknowledged."""
        with self._changed:
            self._seq = self._acked = 0
            self._heard_at = time.monotonic()
            self._attempts += 1
            self._hurry = False
        over = threading.Event()
        channel: Optional[grpc.Channel] = None
        try:
            channel = connection.channel(self._options)
            stub = SpanServiceStub(channel)
            metadata = connection.metadata(self._options)
            call = stub.StreamSpans(self._outgoing(over), metadata=metadata)
            with self._changed:
                self._call = call
            self._under_way.set()
            if self._given_up or self._forking:
                call.cancel()  # type: ignore[no-untyped-call]
            for reply in call:
                self._acknowledge(reply)
        except grpc.RpcError as error:
            code = error.code() if isinstance(error, grpc.Call) else None
            LOG.debug("the collector at %s is away: %s", self._options.server, code)
            if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
                self._losses.add("the collector refuses this client", 0, str(code))
        except Exception as error:
            # Whatever it is, the work must not fail for it, and is tried again.
            self._losses.add("the connection failed", 0, repr(error))
        finally:
            over.set()
            if channel:
                channel.close()
            with self._changed:
                self._call = None
                self._in_session = False
                self._changed.notify_all()
        return self._acked > 0

    def _outgoing(self, over: threading.Event) -> Iterator[StreamSpansRequest]:
        """The connection's events, each as it comes up. Runs in gRPC's thread."""
        # What was read from batches that are not settled yet.
        loaded: Deque[_Item] = deque()
        known: Set[Batch] = set()
        while not over.is_set():
            batch: Optional[Batch] = None
            with self._changed:
                if self._given_up or self._forking:
                    return
                if len(self._in_flight) >= _MOST_IN_FLIGHT:
                    self._changed.wait(1.0)
                    continue
                item = loaded.popleft() if loaded else None
                if not item and self._spool:
                    batch = self._spool.next_batch(EVENTS, known)
                if not item and not batch:
                    item = self._next()
                if item:
                    self._seq += 1
                    if not self._in_flight:
                        self._heard_at = time.monotonic()
                    self._in_flight.append(item)
                    item.request.seq = self._seq
                elif not batch:
                    if self._closing and not self._in_flight:
                        return
                    self._changed.wait(1.0)
            if item:
                yield item.request
            elif batch:
                known.add(batch)
                loaded.extend(self._load(batch))

    def _next(self) -> Optional[_Item]:
        """The next event in memory."""
        if self._queue:
            return self._queue.popleft()
        for key in self._beats:
            beat = self._beats.pop(key)
            return _Item(StreamSpansRequest(heartbeat=beat), 0, None, False, True)
        return None

    def _load(self, batch: Batch) -> List[_Item]:
        assert self._spool is not None
        try:
            requests = [StreamSpansRequest.FromString(r) for r in self._spool.records(batch)]
        except Exception as error:
            # Damaged, or removed by somebody: it would stand in the way for good.
            self._losses.add(UNREADABLE, 1, repr(error))
            requests = []
        if not requests:
            self._spool.remove(batch)
        last = len(requests) - 1
        return [_Item(request, 0, batch, i == last, False) for i, request in enumerate(requests)]

    def _acknowledge(self, reply: StreamSpansResponse) -> None:
        settled: List[Batch] = []
        with self._changed:
            self._heard_at = time.monotonic()
            self._attempts = 0
            while self._in_flight and self._acked < reply.acked_through:
                item = self._in_flight.popleft()
                self._acked += 1
                if item.batch is None:
                    self._bytes -= item.size
                elif item.last:
                    settled.append(item.batch)
            self._cancelled_runs.update(reply.cancel_requested_run_ids)
            self._changed.notify_all()
        for batch in settled:
            if self._spool:
                self._spool.remove(batch)
        for rejected in reply.rejected:
            self._losses.add(REFUSED, 1, rejected.message)
        if settled:
            with self._changed:
                self._changed.notify_all()
