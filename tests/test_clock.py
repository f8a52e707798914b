from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import anyio
import anyio.lowlevel
import pytest

from almaflow.clock import Clock, SystemClock, sleep
from almaflow.thread_pool import ThreadPool
from almaflow.virtual_time import VirtualClock, run_virtual
from tests.work import calls_made_by

START = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_hours_pass_at_once() -> None:
    clock = VirtualClock(START)

    async def main() -> None:
        await sleep(clock, timedelta(hours=8))

    assert calls_made_by(lambda: run_virtual(main)) < 10_000
    assert clock.now() == START + timedelta(hours=8)


def test_sleepers_wake_in_the_order_of_their_instants() -> None:
    clock = VirtualClock(START)
    woken: list[tuple[str, datetime]] = []

    async def sleeper(name: str, minutes: float) -> None:
        await clock.sleep_until(START + timedelta(minutes=minutes))
        woken.append((name, clock.now()))

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sleeper, "late", 60 * 24 * 4000)
            tasks.start_soon(sleeper, "early", 0.5)
            tasks.start_soon(sleeper, "passed", -5)

    run_virtual(main)

    assert woken == [
        ("passed", START),
        ("early", START + timedelta(seconds=30)),
        ("late", START + timedelta(days=4000)),
    ]


def test_a_timeout_is_virtual_too() -> None:
    async def main() -> float:
        with anyio.move_on_after(3600) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught
        return anyio.current_time()

    assert run_virtual(main) == 3600.0


def test_time_stands_still_while_a_thread_works() -> None:
    clock = VirtualClock(START)
    pool = ThreadPool("test", 1)
    go = threading.Event()
    ticks: list[datetime] = []

    async def tick() -> None:
        await sleep(clock, timedelta(seconds=10))
        ticks.append(clock.now())

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tick)
            with anyio.fail_after(5):
                threading.Timer(0.01, go.set).start()
                await pool.run(go.wait, 10)
            assert ticks == []

    run_virtual(main)

    assert ticks == [START + timedelta(seconds=10)]


def test_a_thread_that_works_reads_the_loops_time() -> None:
    clock = VirtualClock(START)
    pool = ThreadPool("test", 1)

    async def main() -> datetime:
        clock.now()
        await anyio.sleep(90)
        return await pool.run(clock.now)

    assert run_virtual(main) == START + timedelta(seconds=90)


def test_a_second_loop_goes_on_where_the_first_one_ended() -> None:
    clock = VirtualClock(START)

    async def main() -> datetime:
        await sleep(clock, timedelta(hours=1))
        return clock.now()

    instants = [run_virtual(main), clock.now(), run_virtual(main), clock.now()]

    assert instants == [START + timedelta(hours=hours) for hours in (1, 1, 2, 2)]


def test_a_clock_that_has_not_run_is_at_its_start_in_utc() -> None:
    start = datetime(2026, 3, 29, 3, 30, tzinfo=timezone(timedelta(hours=2)))

    assert VirtualClock(start).now() == START
    assert VirtualClock(start).now().tzinfo is UTC


def test_the_systems_clock_is_aware_and_in_utc() -> None:
    before = datetime.now(UTC)

    now = SystemClock().now()

    assert before <= now <= datetime.now(UTC)
    assert now.tzinfo is UTC


@pytest.mark.parametrize("has_boottime", [True, False])
def test_elapsed_seconds_only_go_forward(
    monkeypatch: pytest.MonkeyPatch, has_boottime: bool
) -> None:
    if not has_boottime:
        monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    before = time.monotonic()
    first = SystemClock().elapsed()
    passed = SystemClock().elapsed() - first

    assert 0 <= passed <= time.monotonic() - before


def test_elapsed_seconds_count_on_while_the_machine_is_suspended() -> None:
    """Where there is such a clock: it is ahead of the monotonic one by all suspensions."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        before = time.clock_gettime(time.CLOCK_BOOTTIME)
        assert before <= SystemClock().elapsed() <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_virtual_elapsed_seconds_go_on_from_loop_to_loop() -> None:
    clock = VirtualClock(START)
    seen = [clock.elapsed()]

    async def main() -> None:
        await sleep(clock, timedelta(hours=1))
        seen.append(clock.elapsed())

    run_virtual(main)
    run_virtual(main)

    assert [*seen, clock.elapsed()] == [0.0, 3600.0, 7200.0, 7200.0]


class _Suspended(SystemClock):
    """A machine that was suspended: its time of day leaps while its loop stands still."""

    def __init__(self) -> None:
        later = [START + timedelta(seconds=10), START + timedelta(hours=2)]
        self.instants = [START, START, *later]

    def now(self) -> datetime:
        return self.instants.pop(0) if len(self.instants) > 1 else self.instants[0]


def test_a_live_sleeper_looks_at_the_clock_every_half_minute() -> None:
    async def main() -> float:
        await _Suspended().sleep_until(START + timedelta(hours=1))
        return anyio.current_time()

    assert run_virtual(main) == 60.0


class _SetBack(SystemClock):
    """A machine whose clock somebody sets back by a day, while time goes on."""

    def __init__(self) -> None:
        self.instants = [START, START]
        self.seconds = [0.0, 0.0, 30.0, 3600.0]

    def now(self) -> datetime:
        return self.instants.pop() if self.instants else START - timedelta(days=1)

    def elapsed(self) -> float:
        return self.seconds.pop(0)


def test_a_sleeper_whose_clock_is_set_back_wakes_when_as_much_time_has_passed() -> None:
    clock = _SetBack()

    async def main() -> float:
        await clock.sleep_until(START + timedelta(hours=1))
        return anyio.current_time()

    assert run_virtual(main) == 60.0
    assert clock.now() < START
    assert clock.seconds == []


@pytest.mark.parametrize("make", [SystemClock, lambda: VirtualClock(START)])
def test_a_wait_of_nothing_lets_others_go(make: Callable[[], Clock]) -> None:
    clock = make()
    steps: list[str] = []

    async def waiter(name: str) -> None:
        for _ in range(2):
            await clock.sleep_until(START - timedelta(days=1))
            steps.append(name)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(waiter, "a")
            tasks.start_soon(waiter, "b")

    run_virtual(main)

    assert steps == ["a", "b", "a", "b"]


def test_time_does_not_jump_over_something_that_is_ready() -> None:
    ours, theirs = socket.socketpair()

    heard_at: list[float] = []

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep, 60)
            theirs.send(b"x")
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
            await anyio.wait_readable(ours)
            heard_at.append(anyio.current_time())

    with ours, theirs:
        run_virtual(main)

    assert heard_at == [0.0]
