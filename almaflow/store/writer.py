"""Calls of the store from an event loop: off the loop's thread, many in one commit.

A durable commit costs a turn of the disk. What many runs want to record while one commit is
under way is recorded together in the next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar

from almaflow.store import Store
from almaflow.store.errors import StoreTrouble
from almaflow.store.locks import NO_LOCK, Locks, shared_locks
from almaflow.store.methods import again_after_conflict, locks_of_call
from almaflow.thread_pool import ThreadPool

P = ParamSpec("P")
A = TypeVar("A")
T = TypeVar("T")

# The most calls in one commit, so that the first does not wait for long on the last; and of those
# that keep other processes waiting.
_TOGETHER = 256
_TOGETHER_SHARED = 32


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
        locks = locks_of_call(function, arguments, keywords)
        return await self.call_locked(locks, partial(function, *arguments, **keywords))

    async def call_for_each(
        self, function: Callable[[Sequence[A]], Sequence[T]], argument: A, locks: Locks
    ) -> T:
        """Call a function for one argument; it is given those of calls that wait together.

        It makes one transaction and returns a result for each of them. Otherwise as `call_locked`.
        """
        return await self._result_of(_CallForEach(function, argument, locks))

    async def call_locked(self, locks: Locks, function: Callable[[], T]) -> T:
        """Call a function, as `call` does, that makes one transaction with *locks*, or none."""
        return await self._result_of(_Call(function, locks))

    async def _result_of(self, call: _Call[T]) -> T:
        if self._store.in_memory:
            call.make()
            return call.result()
        self._waiting.append(call)
        # The thread may have made the call before its turn, together with an earlier one; then
        # this turn makes what was asked for since, or nothing.
        await self._pool.run(self._make_waiting_calls)
        return call.result()

    def _make_waiting_calls(self) -> None:
        calls = _united(self._next_calls())
        if len(calls) == 1:
            calls[0].make_alone()
        elif calls:
            self._make_together(calls)

    def _next_calls(self) -> list[_Call[Any]]:
        """Take the next calls that share a transaction.

        A transaction keeps what it locks to its end. So calls for which other processes wait share
        one only with those that wait for the same.
        """
        calls: list[_Call[Any]] = []
        most, shared = _TOGETHER, NO_LOCK
        while self._waiting and len(calls) < most:
            theirs = shared_locks(self._waiting[0].locks)
            if not self._store.one_writer:
                if not calls and theirs:
                    most, shared = _TOGETHER_SHARED, theirs
                if not theirs <= shared:
                    break
            calls.append(self._waiting.popleft())
        return calls

    def _make_together(self, calls: Sequence[_Call[Any]]) -> None:
        locks = NO_LOCK.union(*(call.locks for call in calls))

        def together() -> None:
            with self._store.batch(locks):
                for call in calls:
                    call.make()
                    if isinstance(call.error, StoreTrouble):
                        raise call.error

        try:
            again_after_conflict(together)
        except Exception as error:
            for call in calls:
                call.fail(_own(error))


def _own(error: Exception) -> Exception:
    """Return the error for one caller of several: of a trouble of the store, which is met often,
    one of its own. Raised in several tasks, one would grow traceback upon traceback.
    """
    if not isinstance(error, StoreTrouble):
        return error
    own = copy(error)
    own.__cause__ = error
    return own


def _united(calls: Sequence[_Call[Any]]) -> Sequence[_Call[Any]]:
    """Unite calls of one function for several arguments that follow one another."""
    united: list[_Call[Any]] = []
    for call in calls:
        last = united[-1] if united else None
        if isinstance(call, _CallForEach):
            if not isinstance(last, _CallsForEach) or last.function != call.function:
                last = _CallsForEach(call.function)
                united.append(last)
            last.add(call)
        else:
            united.append(call)
    return united


class _Call(Generic[T]):
    """A call that waits, and then its result or error."""

    def __init__(self, function: Callable[[], T], locks: Locks) -> None:
        self._function = function
        self.locks = locks
        self._value: T | None = None
        self.error: Exception | None = None

    def make(self) -> None:
        """Make the call and keep its result or its error."""
        self.error = None
        try:
            self._value = self._function()
        except Exception as error:
            self.fail(error)

    def make_alone(self) -> None:
        """Make the call in a separate transaction."""
        self.error = None
        try:
            self._value = again_after_conflict(self._function)
        except Exception as error:
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Keep an error."""
        self.error = error

    def result(self) -> T:
        """Return what the call returned, or raise what it raised."""
        if self.error is not None:
            raise self.error
        return self._value  # type: ignore[return-value]


class _CallForEach(_Call[T]):
    """A call of a function that does the same for many arguments, for one of them."""

    def __init__(
        self, function: Callable[[Sequence[Any]], Sequence[T]], argument: Any, locks: Locks
    ) -> None:
        super().__init__(lambda: function([argument])[0], locks)
        self.function = function
        self.argument = argument

    def end(self, value: T) -> None:
        """Keep the result for this argument."""
        self.error, self._value = None, value


class _CallsForEach(_Call[None]):
    """Calls of one function for several arguments, made together."""

    def __init__(self, function: Callable[[Sequence[Any]], Sequence[Any]]) -> None:
        super().__init__(self._make_all, NO_LOCK)
        self.function = function
        self._calls: list[_CallForEach[Any]] = []

    def add(self, call: _CallForEach[Any]) -> None:
        """Make *call* as well."""
        self._calls.append(call)
        self.locks |= call.locks

    def _make_all(self) -> None:
        results = self.function([call.argument for call in self._calls])
        for call, value in zip(self._calls, results, strict=True):
            call.end(value)

    def fail(self, error: Exception) -> None:
        """Let each of the calls end with its own copy of an error."""
        super().fail(error)
        for call in self._calls:
            call.fail(_own(error))
