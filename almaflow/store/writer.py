"""Calls of the store from an event loop: off the loop's thread, many in one commit.

A durable commit costs a turn of the disk. What many runs want to record while one commit is
under way is recorded together in the next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar

from almaflow.store import Store
from almaflow.store.errors import StoreTrouble
from almaflow.thread_pool import ThreadPool

P = ParamSpec("P")
T = TypeVar("T")

# The most calls in one commit, so that the first does not wait for long on the last.
_TOGETHER = 256


class StoreWriter:
    """One thread that calls the store; what waits while it is busy shares a transaction.

    A store in memory is called directly, on the loop's own thread: it has no disk to wait for.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pool = ThreadPool("store", 1)
        self._waiting: deque[_Call[Any]] = deque()

    def close(self) -> None:
        """End the thread after the calls that were made so far; a later call starts it again."""
        self._pool.close()

    async def call(
        self, function: Callable[P, T], /, *arguments: P.args, **keywords: P.kwargs
    ) -> T:
        """Call a method of the store and return its result once it is durable.

        Calls are made in the order in which they were asked for. A call that fails takes back
        only itself; a `StoreTrouble` is met by every call that shared its transaction, and none
        of them is recorded. A caller that is cancelled has its call made all the same.
        """
        if self._store.in_memory:
            return function(*arguments, **keywords)
        call = _Call(partial(function, *arguments, **keywords))
        self._waiting.append(call)
        # The thread may have made the call before its turn, together with an earlier one; then
        # this turn makes what was asked for since, or nothing.
        await self._pool.run(self._make_waiting_calls)
        return call.result()

    def _make_waiting_calls(self) -> None:
        calls = [self._waiting.popleft() for _ in range(min(_TOGETHER, len(self._waiting)))]
        if len(calls) == 1:
            calls[0].make()
        elif calls:
            self._make_together(calls)

    def _make_together(self, calls: list[_Call[Any]]) -> None:
        try:
            with self._store.batch():
                for call in calls:
                    call.make()
                    if isinstance(call.error, StoreTrouble):
                        raise call.error
        except StoreTrouble as trouble:
            for call in calls:
                # Each caller gets its own: raised in several tasks, one would grow traceback
                # upon traceback.
                call.error = copy(trouble)
                call.error.__cause__ = trouble
        except Exception as error:
            for call in calls:
                call.error = error


class _Call(Generic[T]):
    """A call that waits, and then its result or error."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._value: T | None = None
        self.error: Exception | None = None

    def make(self) -> None:
        """Make the call and keep its result or its error."""
        try:
            self._value = self._function()
        except Exception as error:
            self.error = error

    def result(self) -> T:
        """Return what the call returned, or raise what it raised."""
        if self.error is not None:
            raise self.error
        return self._value  # type: ignore[return-value]
