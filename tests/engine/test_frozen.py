"""Runs of a frozen process: who wants them watches it for a lease, then takes them over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from almaflow.clock import sleep
from almaflow.engine.engine import Engine
from almaflow.outcome import Outcome
from almaflow.store import LEASE, RENEW, ClaimLost, LeaseLost, RunHeld
from almaflow.virtual_time import run_virtual
from tests import harness
from tests.harness import Ears, Stage

# Also on PostgreSQL.
EACH_STORE = True

SECONDS = LEASE.total_seconds()


@pytest.fixture
def durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(harness, "LOOK", timedelta(seconds=1))
    monkeypatch.setattr(harness, "LEASE", LEASE)
    return Stage(tmp_path, durable=True)


def seconds_for(stage: Stage, main: Callable[[], Awaitable[None]]) -> float:
    """Do *main* in virtual time and return the seconds that it took."""
    took = 0.0

    async def timed() -> None:
        nonlocal took
        began = stage.clock.elapsed()
        await main()
        took = stage.clock.elapsed() - began

    run_virtual(timed)
    return took


def watching(engine: Engine) -> list[tuple[int, str]]:
    """Return the list into which *engine* puts the processes that it watches."""
    watched: list[tuple[int, str]] = []
    engine.watching = lambda pid, host: watched.append((pid, host))
    return watched


def test_a_run_of_a_frozen_process_is_taken_over_when_its_lease_has_run_out(
    durable: Stage,
) -> None:
    run_id = durable.add("steps: [{notify: a}]").id
    with durable.using_store() as frozen, durable.using_store() as store:
        process = frozen.enter_process("shelf", 4711, "0")
        claim = frozen.claim_run(run_id, process.id)
        engine = durable.engine(store, Ears())
        watched = watching(engine)

        async def resume() -> None:
            async with engine.running():
                assert (await engine.work_on(run_id)).outcome is Outcome.SUCCEEDED

        took = seconds_for(durable, resume)

        assert SECONDS <= took <= SECONDS + 3
        assert set(watched) == {(4711, "shelf")}
        # Woken, it has lost its right to act, and what it held.
        with pytest.raises(LeaseLost):
            frozen.renew_lease(process.id)
        with pytest.raises(ClaimLost):
            frozen.finish_run(claim, Outcome.FAILED)


def test_a_run_of_a_process_that_lives_is_refused_at_its_first_sign_of_life(
    durable: Stage,
) -> None:
    run_id = durable.add("steps: [{notify: a}]").id
    with durable.using_store() as other, durable.using_store() as store:
        process = other.enter_process("shelf", 4711, "0")
        other.claim_run(run_id, process.id)
        engine = durable.engine(store, Ears())

        async def live() -> None:
            while True:
                await sleep(durable.clock, RENEW)
                other.renew_lease(process.id)

        async def resume() -> None:
            async with engine.running(), anyio.create_task_group() as tasks:
                tasks.start_soon(live)
                with pytest.raises(RunHeld):
                    await engine.work_on(run_id)
                tasks.cancel_scope.cancel()

        took = seconds_for(durable, resume)

        assert took <= RENEW.total_seconds() + 2
        assert store.run(run_id).owner == process.id


def test_all_runs_include_those_of_a_frozen_process_and_free_ones_do_not_wait(
    durable: Stage,
) -> None:
    stuck = durable.add("steps: [{notify: a}]").id
    free = durable.add("steps: [{notify: a}]").id
    with durable.using_store() as frozen, durable.using_store() as store:
        frozen.claim_run(stuck, frozen.enter_process("shelf", 4711, "0").id)
        engine = durable.engine(store, Ears())
        watched = watching(engine)

        async def resume_all() -> None:
            async with engine.running():
                await engine.keep_working()

        took = seconds_for(durable, resume_all)

        assert SECONDS <= took <= SECONDS + 3
        assert watched == [(4711, "shelf")]
        first, last = store.run(free).ended_at, store.run(stuck).ended_at
        assert first is not None
        assert last is not None
        assert last - first >= LEASE - timedelta(seconds=1)


def test_all_runs_leave_out_those_of_a_process_that_lives(durable: Stage) -> None:
    run_id = durable.add("steps: [{notify: a}]").id
    with durable.using_store() as other, durable.using_store() as store:
        process = other.enter_process("shelf", 4711, "0")
        other.claim_run(run_id, process.id)
        engine = durable.engine(store, Ears())
        watched = watching(engine)

        async def live() -> None:
            while True:
                await sleep(durable.clock, RENEW)
                other.renew_lease(process.id)

        async def resume_all() -> None:
            async with engine.running(), anyio.create_task_group() as tasks:
                tasks.start_soon(live)
                await engine.keep_working()
                tasks.cancel_scope.cancel()

        took = seconds_for(durable, resume_all)

        assert took <= RENEW.total_seconds() + 2
        assert watched == []
        assert store.run(run_id).owner == process.id
