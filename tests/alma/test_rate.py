from __future__ import annotations

import asyncio

import anyio

from almaflow.alma.rate_limit import CallRate
from almaflow.virtual_time import run_virtual


async def instants(rate: CallRate, count: int) -> list[float]:
    """Let *count* calls pass, all asked for at once, and return when each did (seconds)."""
    loop = asyncio.get_running_loop()
    passed: list[float] = []

    async def one() -> None:
        await rate.wait()
        passed.append(loop.time())

    async with anyio.create_task_group() as group:
        for _ in range(count):
            group.start_soon(one)
    return passed


def most_within(seconds: float, passed: list[float]) -> int:
    return max(sum(1 for other in passed if at <= other < at + seconds) for at in passed)


def test_no_second_and_no_minute_sees_more_calls_than_alma_takes() -> None:
    passed = run_virtual(instants, CallRate(40, 1200), 2000)

    assert most_within(1, passed) <= 50
    assert most_within(60, passed) <= 1500


def test_a_sandbox_is_asked_less_often() -> None:
    passed = run_virtual(instants, CallRate(8, 240), 600)

    assert most_within(1, passed) <= 10
    assert most_within(60, passed) <= 300


def test_the_rate_is_used_and_not_only_kept() -> None:
    passed = run_virtual(instants, CallRate(40, 1200), 1300)

    assert passed[-1] <= 60


def test_waiting_ends_in_virtual_time_late_in_a_long_run() -> None:
    async def late() -> float:
        rate = CallRate(40, 1200)
        await anyio.sleep(10_000_000.123456789)  # noqa: ASYNC116 - a time late in a long run
        began = asyncio.get_running_loop().time()
        await instants(rate, 500)
        return asyncio.get_running_loop().time() - began

    assert run_virtual(late) < 20


def test_a_slow_rate_lets_one_call_pass_at_a_time() -> None:
    passed = run_virtual(instants, CallRate(0.5, 100), 3)

    assert passed[0] == 0
    assert passed[2] >= 4


def test_a_rate_can_be_used_in_one_loop_after_another() -> None:
    rate = CallRate()

    assert len(run_virtual(instants, rate, 20)) == 20
    assert len(run_virtual(instants, rate, 20)) == 20
