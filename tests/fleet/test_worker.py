"""Workers take runs from the queue, give them back, and rescue those of the dead."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from procrastinate.exceptions import ConnectorException
from psycopg import OperationalError

from almaflow import recorded_steps
from almaflow.fleet.task_queue import TaskQueue
from almaflow.fleet.worker import LOOK, QueueLost
from almaflow.outcome import Outcome, Status
from almaflow.store import DueRun, EntryState
from almaflow.waiting import WaitingKind
from tests.fleet.conftest import LEASE, Fleet, is_finished, play, until, waits
from tests.postgres import PostgresServer

NAP = "steps: [{id: nap, wait: 1s}]"
LONG_NAP = "steps: [{id: nap, wait: 1h}]"
JOB = """\
defaults: {poll: {first: 1s, max: 1s}}
steps: [{id: x, submit_job: {job: M901, set: '59317390720001276'}}]
"""
NOTHING = timedelta(seconds=0.5)
QUESTION = "steps: [{id: sign, approve: 'Go on?'}]"


def test_a_worker_brings_a_queued_run_to_its_end(fleet: Fleet) -> None:
    async def story() -> None:
        async with fleet.store() as store, fleet.host():
            run = fleet.add(store, NAP)
            record = await until(store, run.id, is_finished)
            assert record.outcome is Outcome.SUCCEEDED

    play(story)


def test_a_worker_takes_only_runs_of_its_queues(fleet: Fleet) -> None:
    async def story() -> None:
        async with fleet.store() as store, fleet.host("main"):
            other = fleet.add(store, NAP, institution="other")
            ours = fleet.add(store, NAP, institution="main")
            await until(store, ours.id, is_finished)
            assert store.run(other.id).status is Status.QUEUED
            async with fleet.host("other"):
                await until(store, other.id, is_finished)

    play(story)


def test_a_worker_that_stops_gives_its_runs_to_another_one(fleet: Fleet) -> None:
    async def story() -> None:
        async with fleet.store() as store:
            async with fleet.host() as first:
                run = fleet.add(store, LONG_NAP)
                record = await until(store, run.id, waits)
                assert record.owner == first.process_id
            assert store.run(run.id).owner is None
            async with fleet.host() as second:
                await until(store, run.id, lambda one: one.owner == second.process_id)

    play(story)


@pytest.mark.usefixtures("quick_rescue")
def test_a_run_of_a_dead_process_continues_on_another_host(fleet: Fleet) -> None:
    async def story() -> None:
        async with fleet.store() as store, fleet.store() as dead:
            process = dead.enter_process("elsewhere", 1, "0")
            with dead.batch():
                run = fleet.add(dead, NAP)
                dead.claim_run(run.id, process.id)
            async with fleet.host():
                record = await until(store, run.id, is_finished)
            assert record.outcome is Outcome.SUCCEEDED
            assert record.ended_at is not None
            assert record.ended_at - record.requested_at >= LEASE

    play(story)


def test_a_queue_that_cannot_be_reached_is_reported_with_the_reason() -> None:
    error = ConnectorException()
    error.__cause__ = OperationalError("connection failed: db1\n\tIs the server running?")

    assert "connection failed: db1 Is the server running." in str(QueueLost(error))


@pytest.mark.usefixtures("quick_rescue")
def test_a_run_whose_worker_died_after_it_gave_the_run_back_continues(
    fleet: Fleet, postgres: PostgresServer
) -> None:
    async def story() -> None:
        async with fleet.store() as store:
            run = fleet.add(store, NAP)
            with postgres.connect(fleet.url.split("/")[-1].split("?")[0]) as connection:
                # The worker has it, gives the run back, and dies before it ends its task.
                connection.execute("UPDATE procrastinate_jobs SET status = 'doing'")
                TaskQueue().put(connection, [DueRun(run.id, run.key, "main", 1)])
            async with fleet.host():
                record = await until(store, run.id, is_finished)
            assert record.outcome is Outcome.SUCCEEDED

    play(story)


def test_a_cancellation_reaches_the_worker_without_waiting_for_the_next_look(fleet: Fleet) -> None:
    async def story() -> None:
        async with fleet.store() as store, fleet.host():
            run = fleet.add(store, LONG_NAP)
            await until(store, run.id, waits)
            store.ask_cancel(run.id, "ann")
            with anyio.fail_after(LOOK.total_seconds() / 3):
                record = await until(store, run.id, is_finished)
            assert record.outcome is Outcome.CANCELLED

    play(story)


def test_an_answer_reaches_the_worker_without_waiting_for_the_next_look(fleet: Fleet) -> None:
    async def story() -> None:
        async with fleet.store() as store, fleet.host():
            run = fleet.add(store, QUESTION)
            await until(store, run.id, waits)
            store.add_answer(run.id, "sign", "approve", {"approved": True, "comment": ""}, "ann")
            with anyio.fail_after(LOOK.total_seconds() / 3):
                record = await until(store, run.id, is_finished)
            assert record.outcome is Outcome.SUCCEEDED

    play(story)


def test_what_a_person_knows_of_a_submission_reaches_a_worker_without_waiting_for_the_next_look(
    tmp_path: Path, postgres_url: str
) -> None:
    alma_set = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
    library = {
        "sets": [alma_set],
        "jobs": [{"job": "M901", "duration": "1s"}],
        "faults": [{"kind": "reset", "call": "submit", "nth": [1, 2]}],
    }
    fleet = Fleet(tmp_path, postgres_url, scenario=library, connection={"settle": NOTHING})

    async def story() -> None:
        async with fleet.store() as store, fleet.host():
            run = fleet.add(store, JOB)
            record = await until(store, run.id, lambda one: waits(one) and one.owner is None)
            assert [wait.kind for wait in record.waits] == [WaitingKind.RESOLVE]
            (lost,) = (one for one in store.journal(run.id) if one.state is EntryState.LOST)
            value = {"attempt": lost.attempt, "effect": lost.effect, "instance_id": None}
            store.add_answer(run.id, "x", "resolve", value, "ann")
            with anyio.fail_after(LOOK.total_seconds() / 3):
                record = await until(store, run.id, is_finished)
            assert record.outcome is Outcome.SUCCEEDED

    play(story)


def test_a_run_of_an_older_almaflow_is_executed(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded_steps, "FORMAT", 2)

    async def story() -> None:
        async with fleet.store() as store, fleet.host():
            older = fleet.add(store, NAP, format=1)
            record = await until(store, older.id, is_finished)
            assert record.outcome is Outcome.SUCCEEDED

    play(story)


def test_a_run_of_a_newer_almaflow_is_left_alone(fleet: Fleet) -> None:
    async def story() -> None:
        async with fleet.store() as store, fleet.host():
            newer = fleet.add(store, NAP, format=2)
            ours = fleet.add(store, NAP)
            await until(store, ours.id, is_finished)
            await anyio.sleep(timedelta(seconds=0.2).total_seconds())
            record = store.run(newer.id)
            assert (record.status, record.epoch) == (Status.QUEUED, 0)

    play(story)
