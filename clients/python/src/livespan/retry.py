"""A task's runs, each the retry of the one before."""

from __future__ import annotations

import asyncio
import random
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, AsyncIterator, Collection, Iterator, Optional, Type

from .failure import classify_error
from .span import Span

if TYPE_CHECKING:
    from .client import Client


class Attempt(Span):
    """One try: the root span of a run of its own. A failure that another try may
    mend ends here."""

    # Set by Attempts.
    retry_kinds: Collection[str] = ()
    # Whether the try failed so that another one is worth it.
    failed_in_vain = False

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> Optional[bool]:
        super().__exit__(kind, error, trace)
        if isinstance(error, Exception) and self.status == "FAILED":
            self.failed_in_vain = classify_error(error).reason_kind in self.retry_kinds
        return self.failed_in_vain


class Attempts:
    """Tries until one does not fail, or fails for good, or there are no more.

    Each try is a run of the same task: `attempt` counts on, `retry_of` names the
    run before.
    """

    def __init__(
        self,
        client: Client,
        step_name: str,
        times: int,
        pause: float,
        retry_kinds: Collection[str],
        fields: "dict[str, Any]",
    ) -> None:
        self._client = client
        self._step_name = step_name
        self._times = times
        self._pause = pause
        self._retry_kinds = retry_kinds
        self._fields = fields

    def __iter__(self) -> Iterator[Attempt]:
        previous: Optional[Attempt] = None
        for number in range(self._times):
            if previous:
                time.sleep(self._pause_before(number))
            previous = self._next(previous, number)
            yield previous
            if not previous.failed_in_vain:
                return

    async def __aiter__(self) -> AsyncIterator[Attempt]:
        previous: Optional[Attempt] = None
        for number in range(self._times):
            if previous:
                await asyncio.sleep(self._pause_before(number))
            previous = self._next(previous, number)
            yield previous
            if not previous.failed_in_vain:
                return

    def _next(self, previous: Optional[Attempt], number: int) -> Attempt:
        fields = dict(self._fields)
        if previous:
            fields.update(
                task_id=previous.task_id,
                attempt=previous.attempt + 1,
                retry_of=previous.run_id,
            )
        attempt = self._client.new_root(Attempt, self._step_name, fresh=number > 0, **fields)
        # The last one's failure is the caller's to see.
        attempt.retry_kinds = self._retry_kinds if number + 1 < self._times else ()
        return attempt

    def _pause_before(self, number: int) -> float:
        longest: float = self._pause * 2.0 ** (number - 1)
        return longest * random.uniform(0.5, 1.0)
