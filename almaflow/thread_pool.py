"""Blocking work next to the event loop, in daemon threads that never delay the exit.

Python joins ordinary worker threads when it exits, so one hanging HTTP request would keep a
process alive after Ctrl-C; anyio's and asyncio's pools use such threads, ours does not. The
number of calls under way is counted for each loop, so that the time of `virtual_time` does not
jump while a thread works.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_Queue = queue.SimpleQueue[Callable[[], None] | None]
"""Calls to make; None ends the thread that takes it."""

_under_way: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()


def calls_under_way(loop: asyncio.AbstractEventLoop) -> int:
    """Return how many calls of *loop* are in threads whose result it has not seen yet."""
    return _under_way.get(loop, 0)


class ThreadPool:
    """At most *size* daemon threads, started when needed.

    A caller that is cancelled leaves its call running and drops the result; shield the await
    where the result matters. Close the pool, or use it as a context manager, so that its threads
    end.
    """

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._work: _Queue = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = 0
        self._idle = 0

    def close(self) -> None:
        """Let each thread end after the calls that were made so far; does not wait for them.

        A call after this starts a new thread: what is late must not fail for that.
        """
        with self._lock:
            for _ in range(self._started):
                self._work.put(None)
            self._work = queue.SimpleQueue()
            self._started = self._idle = 0

    def __enter__(self) -> ThreadPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def run(self, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Call *function* in a thread and return, or raise, what it does."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                result, error = function(*arguments), None
            except BaseException as caught:
                result, error = None, caught
            try:
                loop.call_soon_threadsafe(_deliver, loop, future, result, error)
            except RuntimeError:
                # The loop was closed meanwhile: nothing is left to receive the result.
                return

        self._put(work)
        # Its result arrives by a later turn of this loop, so this is not too late to count it.
        _under_way[loop] = calls_under_way(loop) + 1
        return await future

    def _put(self, work: Callable[[], None]) -> None:
        with self._lock:
            if self._idle == 0 and self._started < self._size:
                name = f"{self._name}-{self._started + 1}"
                thread = threading.Thread(
                    target=self._serve, args=(self._work,), name=name, daemon=True
                )
                thread.start()
                self._started += 1
            else:
                self._idle = max(0, self._idle - 1)
            self._work.put(work)

    def _serve(self, work: _Queue) -> None:
        while (call := work.get()) is not None:
            call()
            # What the call holds must not live until the next one.
            del call
            with self._lock:
                if work is self._work:
                    self._idle += 1


def _deliver(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    result: Any,
    error: BaseException | None,
) -> None:
    _under_way[loop] = calls_under_way(loop) - 1
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):
        future.set_exception(RuntimeError(f"a worker raised {error!r}"))
    else:
        future.set_exception(error)
