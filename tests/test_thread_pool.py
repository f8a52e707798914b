from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable

import anyio
import anyio.lowlevel
import pytest

from almaflow.thread_pool import ThreadPool, calls_under_way

# Leaves while a call hangs for ever.
HANGING = """
import threading, anyio
from almaflow.thread_pool import ThreadPool
async def main():
    with anyio.move_on_after(0.01):
        await ThreadPool("hang", 1).run(threading.Event().wait)
    print("left")
anyio.run(main)
"""


def test_a_call_returns_its_result_from_a_named_daemon_thread() -> None:
    def look(first: int, second: int) -> tuple[str, bool, int]:
        thread = threading.current_thread()
        return thread.name, thread.daemon, first + second

    async def main() -> tuple[str, bool, int]:
        return await ThreadPool("alma", 2).run(look, 1, 2)

    assert anyio.run(main) == ("alma-1", True, 3)


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(4), KeyboardInterrupt()])
def test_a_call_raises_its_error_in_the_caller(error: BaseException) -> None:
    def fail() -> None:
        raise error

    async def main() -> None:
        with pytest.raises(type(error)) as caught:
            await ThreadPool("test", 1).run(fail)
        assert caught.value is error

    asyncio.run(main())


def test_an_exhausted_iterator_is_an_error_like_others() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match=r"a worker raised StopIteration\(\)"):
            await ThreadPool("test", 1).run(next, iter(()))

    anyio.run(main)


def test_no_more_calls_run_at_a_time_than_there_are_threads() -> None:
    pool = ThreadPool("test", 3)
    lock = threading.Lock()
    together = threading.Barrier(3)
    now, most = 0, 0

    def work() -> str:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        together.wait(10)
        with lock:
            now -= 1
        return threading.current_thread().name

    async def main() -> list[str]:
        return await asyncio.gather(*(pool.run(work) for _ in range(12)))

    names = asyncio.run(main())

    assert most == 3
    assert set(names) == {"test-1", "test-2", "test-3"}


def test_an_idle_thread_is_used_again() -> None:
    pool = ThreadPool("test", 8)
    idle = threading.Event()

    async def main() -> set[str]:
        names = set()
        for _ in range(20):
            names.add((await pool.run(threading.current_thread)).name)
            # The thread counts itself idle just after it has answered.
            while pool._idle == 0:
                idle.wait(0.001)
        return names

    assert anyio.run(main) == {"test-1"}


def test_a_pool_that_is_closed_ends_its_threads_after_their_calls_and_can_be_used_again() -> None:
    go = threading.Event()
    threads: list[threading.Thread] = []

    def work() -> str:
        threads.append(threading.current_thread())
        go.wait(10)
        return "done"

    async def main() -> list[str]:
        results: list[str] = []

        async def call() -> None:
            results.append(await pool.run(work))

        with ThreadPool("test", 1) as pool:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call)
                await anyio.lowlevel.checkpoint()
                pool.close()
                go.set()
                tasks.start_soon(call)
        return results

    assert anyio.run(main) == ["done", "done"]
    for thread in threads:
        thread.join(10)
    assert [thread.is_alive() for thread in threads] == [False, False]
    assert len(set(threads)) == 2


def test_calls_under_way_are_counted_until_their_result_is_seen() -> None:
    pool = ThreadPool("test", 2)
    go = threading.Event()
    counts: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        counts.append(calls_under_way(loop))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pool.run, go.wait, 10)
            tasks.start_soon(pool.run, go.wait, 10)
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
            counts.append(calls_under_way(loop))
            go.set()
        counts.append(calls_under_way(loop))

    anyio.run(main)

    assert counts == [0, 2, 0]


def test_a_cancelled_caller_leaves_its_call_running_and_counted() -> None:
    pool = ThreadPool("test", 1)
    go, done = threading.Event(), threading.Event()

    def work() -> None:
        go.wait(10)
        done.set()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with anyio.move_on_after(0) as scope:
            await pool.run(work)
        assert scope.cancelled_caught
        assert calls_under_way(loop) == 1
        go.set()
        while calls_under_way(loop):
            await anyio.lowlevel.checkpoint()
        assert done.is_set()

    anyio.run(main)


def test_a_result_that_comes_after_its_loop_has_closed_is_dropped() -> None:
    pool = ThreadPool("test", 1)
    go = threading.Event()

    async def leave() -> None:
        with anyio.move_on_after(0):
            await pool.run(go.wait, 10)

    async def again() -> str:
        return (await pool.run(threading.current_thread)).name

    anyio.run(leave)
    go.set()

    assert anyio.run(again) == "test-1"


def test_a_thread_that_cannot_be_started_is_told_and_not_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = ThreadPool("test", 1)

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> str:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError, match="can't start new thread"):
                await pool.run(threading.current_thread)
        assert calls_under_way(asyncio.get_running_loop()) == 0
        return (await pool.run(threading.current_thread)).name

    assert anyio.run(main) == "test-1"


def test_a_call_that_hangs_does_not_keep_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout == "left\n"


def test_two_loops_are_counted_apart() -> None:
    pool = ThreadPool("test", 2)
    go = threading.Event()
    other_is_busy = threading.Event()

    async def busy() -> None:
        call: Awaitable[bool] = asyncio.ensure_future(pool.run(go.wait, 10))
        await asyncio.sleep(0)
        other_is_busy.set()
        await call

    async def main() -> int:
        return calls_under_way(asyncio.get_running_loop())

    thread = threading.Thread(target=asyncio.run, args=(busy(),))
    thread.start()
    other_is_busy.wait(10)
    count = asyncio.run(main())
    go.set()
    thread.join(10)

    assert count == 0
