"""Whose a run is: two processes, one that dies, one that is interrupted, people who cancel."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from almaflow import recorded_steps
from almaflow.engine.alma_writes.submission import RequestChanged
from almaflow.engine.engine import Engine
from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.outcome import Outcome, Status
from almaflow.recorded_steps import unreadable
from almaflow.runs.events import EventKind, NullListener
from almaflow.store import (
    LEASE,
    ClaimLost,
    EntryState,
    LeaseLost,
    RunEnded,
    RunExists,
    RunHeld,
    RunRecord,
    Store,
    StoreTrouble,
)
from almaflow.virtual_time import run_virtual
from tests import harness
from tests.harness import START, Ears, Process, Stage, interrupt_after

# Also on PostgreSQL.
EACH_STORE = True

SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
JOB = "submit_job: {job: M901, set: '59317390720001276'}"
LIBRARY: dict[str, Any] = {"sets": [SET], "jobs": [{"job": "M901", "duration": "10m"}]}


@pytest.fixture
def durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage whose store is a file, looked at for cancellations once in virtual 5 seconds."""
    monkeypatch.setattr(harness, "LOOK", timedelta(seconds=5))
    monkeypatch.setattr(harness, "LEASE", LEASE)
    return Stage(tmp_path, LIBRARY, durable=True)


def test_a_run_is_cancelled_from_another_process(durable: Stage) -> None:
    async def cancel(process: Process) -> None:
        await process.wait(minutes=2)
        with durable.using_store() as store:
            store.ask_cancel(process.run_id, "anna")

    played = durable.run(
        f"{{steps: [{{id: x, {JOB}}}], finally: [{{id: f, notify: clean}}]}}", beside=cancel
    )

    assert played.ended == ("cancelled", "Cancelled by anna.")
    assert played.outcomes == {"x": "cancelled", "finally/f": "succeeded"}
    assert played.record.ended_at is not None
    assert played.record.ended_at - START <= timedelta(minutes=2, seconds=6)


def test_a_store_that_cannot_be_asked_for_cancellations_is_asked_later(
    durable: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Store.cancels_asked
    failures = iter([True, True])

    def fail_twice(store: Store, run_ids: Any) -> Any:
        if next(failures, False):
            raise StoreTrouble("The store is busy.")
        return asked(store, run_ids)

    monkeypatch.setattr(Store, "cancels_asked", fail_twice)

    async def cancel(process: Process) -> None:
        with durable.using_store() as store:
            store.ask_cancel(process.run_id, "anna")

    played = durable.run("steps: [{wait: 10m}]", beside=cancel)

    assert played.outcome == "cancelled"


def test_a_run_that_a_live_process_works_on_is_left_to_it(durable: Stage) -> None:
    seen: list[str] = []

    async def try_too(process: Process) -> None:
        await process.wait(minutes=2)
        with durable.using_store() as store:
            other = durable.engine(store, Ears())
            with pytest.raises(RunHeld) as caught:
                async with other.running():
                    await other.work_on(process.run_id)
            seen.append(str(caught.value))

    played = durable.run(f"steps: [{{id: x, {JOB}}}]", beside=try_too)

    assert played.outcome == "succeeded"
    assert seen[0].startswith(f"Run {played.record.id} is being worked on by process ")
    assert len(durable.submissions) == 1


def test_a_finished_run_is_not_worked_on_again(durable: Stage) -> None:
    played = durable.run("steps: [{notify: a}]")

    with pytest.raises(RunEnded, match=f"Run {played.record.id} is finished"):
        durable.resume()


def test_a_run_is_recorded_under_its_key_once(stage: Stage) -> None:
    record = stage.add("steps: [{notify: a}]")

    with pytest.raises(RunExists):
        stage.open_store().add_run({"text": ""}, replace(record, id="20260302-081500-bbb01"))


def test_an_engine_records_a_run(stage: Stage) -> None:
    async def main() -> RunRecord:
        engine = stage.engine(stage.open_store(), Ears())
        async with engine.running():
            await engine.add(stage.plan("steps: [{notify: a}]"))
            return await engine.work_on(stage.open_store().find_run("last").id)

    assert run_virtual(main).outcome == "succeeded"


@pytest.mark.parametrize(
    ("wait", "error"),
    [("123s", ClaimLost), ("10m", LeaseLost)],
    ids=["it writes first", "it renews its lease first"],
)
def test_who_loses_a_run_stops_working_on_it(
    durable: Stage, wait: str, error: type[Exception]
) -> None:
    async def take_over(process: Process) -> None:
        await process.wait(seconds=122)
        with durable.using_store() as store:
            # As if the first process had been taken for dead.
            owner = store.run(process.run_id).owner
            assert owner is not None
            store.leave_process(owner)
            other = store.enter_process(platform.node(), 1, "0")
            store.claim_run(process.run_id, other.id)

    with pytest.raises(error):
        durable.run(f"steps: [{{wait: {wait}}}, {{id: x, {JOB}}}]", beside=take_over)
    assert durable.submissions == []

    played = durable.resume()

    assert played.outcome == "succeeded"
    assert len(durable.submissions) == 1


def test_an_interrupted_run_is_held_and_goes_on_where_it_was(durable: Stage) -> None:
    held = durable.run(
        f"steps: [{{wait: 1m}}, {{id: x, {JOB}}}, {{notify: b}}]", beside=interrupt_after(minutes=2)
    )

    assert held.interrupted
    assert (held.record.held, held.record.owner, held.outcome) == (True, None, None)
    assert held.said(EventKind.RUN) == [
        "The run began.",
        "The run was interrupted. `almaflow resume` continues it.",
    ]

    played = durable.resume()

    assert played.outcome == "succeeded"
    assert played.outcomes == {"wait-1": "succeeded", "x": "succeeded", "notify-3": "succeeded"}
    assert played.record.held is False
    assert played.said(EventKind.RUN)[2] == "The run was resumed."
    assert len(durable.submissions) == 1
    assert played.record.started_at == START


def test_a_resumed_run_sees_what_steps_in_a_branch_gave(durable: Stage) -> None:
    durable.run(
        f"""
        steps:
          - branch: {{on: 1, cases: {{1: [{{id: x, {JOB}}}]}}}}
          - wait: 1h
          - check: steps.x.outcome == 'succeeded'
          - check: steps.x.status | default('') == 'COMPLETED_SUCCESS'
        finally:
          - check: steps.x.outcome == 'succeeded'
        """,
        beside=interrupt_after(minutes=15),
    )

    played = durable.resume()

    assert played.ended == ("succeeded", "")


def test_a_run_resumed_in_finally_sees_how_its_steps_ended(durable: Stage) -> None:
    durable.run(
        f"""
        steps:
          - {{id: x, {JOB}}}
        finally:
          - wait: 20m
          - check: steps.x.outcome == 'succeeded'
          - check: steps.x.status | default('') == 'COMPLETED_SUCCESS'
        """,
        beside=interrupt_after(minutes=20),
    )

    played = durable.resume()

    assert played.ended == ("succeeded", "")


# --- what cannot go on ----------------------------------------------------------------------------


def test_a_request_that_renders_differently_is_not_sent(
    set_stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = set_stage({**LIBRARY, "faults": [{"kind": "lose_answer", "call": "submit"}]})
    stage.run(f"steps: [{{id: x, {JOB}}}]", beside=interrupt_after(seconds=2))
    monkeypatch.setattr(
        "almaflow.engine.alma_writes.submission.marker_of", lambda *_: " [af-another]"
    )

    with pytest.raises(RequestChanged) as caught:
        stage.resume()

    assert str(caught.value) == (
        "The request `submit` of step x differs from the recorded one, so it was not sent. "
        "This is a defect of almaflow; please report it."
    )
    assert caught.value.exit_code == 3
    played = stage.look(stage.open_store().find_run("last").id)
    assert (played.record.status, played.record.owner) == (Status.WAITING, None)
    assert played.record.reason == str(caught.value)
    assert played.state("x", "submit") is EntryState.LOST
    assert stage.sent("submit") == 1


@pytest.mark.parametrize("format", [0, 99], ids=["too-old", "newer"])
def test_a_run_that_this_version_cannot_read_waits_and_says_so(stage: Stage, format: int) -> None:
    stage.add("steps: [{notify: a}]", format=format)

    with pytest.raises(RequestWrong) as caught:
        stage.resume()

    run = stage.open_store().find_run("last")
    assert str(caught.value) == unreadable(run)
    assert (run.status, run.reason, run.owner, run.held) == (
        Status.WAITING,
        str(caught.value),
        None,
        True,
    )


def test_a_run_in_an_earlier_format_that_can_be_read_is_executed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stage.add("steps: [{notify: a}]", format=1)
    monkeypatch.setattr(recorded_steps, "FORMAT", 2)

    stage.resume()

    assert stage.look(run.id).record.outcome is Outcome.SUCCEEDED


def test_the_search_for_runs_reports_those_of_a_newer_version_once(
    stage: Stage,
) -> None:
    newer = stage.add("steps: [{notify: a}]", format=2)
    lines: list[str] = []

    async def main() -> None:
        store = stage.open_store()
        engine = stage.engine(store, Ears())
        engine.log = engine._newer._log = lambda text, level="info", **data: lines.append(text)
        async with engine.running():
            await engine.keep_working()
            await engine.queue_orphans()

    run_virtual(main)

    assert len(lines) == 1
    assert newer.id in lines[0]
    assert stage.look(newer.id).record.status is Status.QUEUED


def test_a_defect_does_not_leave_a_run_without_a_word(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> str:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("almaflow.engine.step_context.AttemptContext.notify", broken)

    with pytest.raises(ZeroDivisionError):
        stage.run("steps: [{notify: a}]")

    run = stage.open_store().find_run("last")
    assert (run.status, run.reason, run.owner) == (
        Status.WAITING,
        "a defect (ZeroDivisionError('oh'))",
        None,
    )
    monkeypatch.undo()
    assert stage.resume().outcome == "succeeded"


def test_the_first_error_comes_out_of_an_engine_alone(stage: Stage) -> None:
    async def one() -> None:
        engine = stage.engine(stage.open_store(), Ears())
        async with engine.running():
            raise AlmaflowError("alone")

    async def several() -> None:
        engine = stage.engine(stage.open_store(), Ears())
        async with engine.running():
            raise ExceptionGroup("two", [ValueError("a"), ValueError("b")])

    with pytest.raises(AlmaflowError, match=r"^alone$"):
        run_virtual(one)
    with pytest.raises(ValueError, match=r"^a$"):
        run_virtual(several)


def test_nobody_needs_to_look_on(stage: Stage) -> None:
    record = stage.add("steps: [{notify: a}]")
    engine = Engine(stage.open_store(), stage.clock, stage.project, stage.open_connection)
    assert isinstance(engine.listener, NullListener)

    async def main() -> RunRecord:
        async with engine.running():
            return await engine.work_on(record.id)

    assert run_virtual(main).outcome == "succeeded"


def test_two_runs_in_one_engine_do_not_wait_for_each_other(stage: Stage) -> None:
    first, second = (stage.add("steps: [{wait: 1h}]") for _ in range(2))

    async def main() -> None:
        engine = stage.engine(stage.open_store(), Ears())
        async with engine.running(), anyio.create_task_group() as tasks:
            tasks.start_soon(engine.work_on, first.id)
            tasks.start_soon(engine.work_on, second.id)

    run_virtual(main)

    ended = {stage.look(record.id).record.ended_at for record in (first, second)}
    assert ended == {START + timedelta(hours=1)}


def test_a_run_that_its_own_process_is_offered_again_is_executed_once(durable: Stage) -> None:
    record = durable.add(f"steps: [{{wait: 1h}}, {{id: x, {JOB}}}, {{wait: 1h}}]")

    async def main() -> None:
        engine = durable.engine(durable.open_store(), Ears())
        async with engine.running(), anyio.create_task_group() as tasks:
            tasks.start_soon(engine.execute, record.id)
            await anyio.sleep(60)
            # As if others had taken this process for dead, but only in the queue of runs.
            tasks.start_soon(engine.execute, record.id)
            await anyio.sleep(100 * 60)
            # The first execution has ended, because the run was not its own any more.
            with durable.using_store() as store:
                store.ask_cancel(record.id, "ann")

    run_virtual(main)

    ended = durable.look(record.id).record
    assert (ended.status, str(ended.outcome)) == (Status.FINISHED, "cancelled")
    assert ended.ended_at is not None
    assert ended.ended_at < START + timedelta(minutes=105)
    assert len(durable.submissions) == 1
