"""A coroutine of a library is cancelled so that it can clean up, and ends all the same."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from almaflow.fleet import asyncio_task
from almaflow.fleet.asyncio_task import cancelled_gently


async def cancelled_after_a_moment(seen: list[str], losses: int) -> None:
    """Run a coroutine that loses *losses* cancellations and then cleans up, and cancel it."""

    async def work() -> None:
        lost = 0
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                lost += 1
                seen.append("cancelled")
                if lost > losses:
                    await asyncio.sleep(0)
                    seen.append("cleaned up")
                    raise

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancelled_gently, work())
            await anyio.lowlevel.checkpoint()
            await anyio.lowlevel.checkpoint()
            scope.cancel()


@pytest.mark.parametrize("losses", [0, 2])
def test_a_coroutine_is_cancelled_until_it_ends_and_may_wait_while_it_cleans_up(
    losses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncio_task, "_AGAIN", 0.01)
    seen: list[str] = []

    anyio.run(cancelled_after_a_moment, seen, losses, backend="asyncio")

    assert seen == ["cancelled"] * (losses + 1) + ["cleaned up"]


def test_an_error_of_a_coroutine_is_raised() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        anyio.run(cancelled_gently, fail(), backend="asyncio")
