"""Runs are queued in the transaction that makes them due, and only then."""

from __future__ import annotations

from typing import Any

import pytest
from procrastinate.jobs import Job

from almaflow.fleet.task_queue import QUEUE_LENGTH, TaskQueue, abandon, make_app, queue_name
from almaflow.store import Store, StoreNewer, StoreOlder, StoreTrouble
from tests.fleet.conftest import Fleet, play
from tests.postgres import PostgresServer

WORKFLOW = "steps: [{id: nap, wait: 1s}]"

pytestmark = pytest.mark.quick


def tasks(fleet: Fleet, postgres: PostgresServer) -> list[tuple[Any, ...]]:
    """Return the tasks of the fleet's store: lock, queueing lock, queue."""
    name = fleet.url.split("/")[-1].split("?")[0]
    with postgres.connect(name) as connection:
        query = "SELECT lock, queueing_lock, queue_name FROM procrastinate_jobs ORDER BY id"
        return list(connection.execute(query))


def test_a_recorded_run_is_a_task_with_its_id_and_key(
    fleet: Fleet, postgres: PostgresServer
) -> None:
    async def story() -> None:
        async with fleet.store() as store:
            run = fleet.add(store, WORKFLOW, institution="main")
            assert tasks(fleet, postgres) == [(run.id, run.key, "main")]

    play(story)


def test_a_run_that_cannot_be_queued_is_not_recorded(
    fleet: Fleet, postgres: PostgresServer
) -> None:
    async def story() -> None:
        async with fleet.store() as store:
            name = fleet.url.split("/")[-1].split("?")[0]
            with postgres.connect(name) as connection:
                connection.execute("ALTER TABLE procrastinate_jobs RENAME TO taken_away")

            with pytest.raises(StoreTrouble, match="procrastinate_jobs"):
                fleet.add(store, WORKFLOW)

            assert list(store.runs()) == []

    play(story)


@pytest.mark.parametrize("institution", ["default", "none", "a" * 500])
def test_no_institution_shares_the_queue_of_runs_without_one(
    fleet: Fleet, postgres: PostgresServer, institution: str
) -> None:
    async def story() -> None:
        async with fleet.store() as store:
            fleet.add(store, WORKFLOW, institution=institution)
            fleet.add(store, WORKFLOW, institution="")
            named, unnamed = [task[2] for task in tasks(fleet, postgres)]
            assert (named, unnamed) == (queue_name(institution), queue_name(""))
            assert named != unnamed

    play(story)


def test_institutions_with_long_names_have_a_queue_each() -> None:
    names = ["a" * length for length in (QUEUE_LENGTH - 1, QUEUE_LENGTH, QUEUE_LENGTH + 1, 500)]

    queues = [queue_name(name) for name in names]

    assert len(set(queues)) == len(names)
    assert all(len(queue) <= QUEUE_LENGTH for queue in queues)


def test_a_run_that_is_not_recorded_leaves_no_task(fleet: Fleet, postgres: PostgresServer) -> None:
    def record_and_fail(store: Store) -> None:
        with store.batch():
            fleet.add(store, WORKFLOW)
            raise RuntimeError("no")

    async def story() -> None:
        async with fleet.store() as store:
            with pytest.raises(RuntimeError):
                record_and_fail(store)
            assert tasks(fleet, postgres) == []

    play(story)


def test_a_run_that_is_taken_in_the_same_transaction_is_not_queued(
    fleet: Fleet, postgres: PostgresServer
) -> None:
    async def story() -> None:
        async with fleet.store() as store:
            process = store.enter_process("host", 1, "0")
            with store.batch():
                run = fleet.add(store, WORKFLOW)
                store.claim_run(run.id, process.id)
            assert tasks(fleet, postgres) == []

    play(story)


def test_a_run_is_queued_once_however_often_it_becomes_due(
    fleet: Fleet, postgres: PostgresServer
) -> None:
    async def story() -> None:
        async with fleet.store() as store:
            run = fleet.add(store, WORKFLOW)
            store.ask_cancel(run.id, "ann")
            store.queue_runs([run.id])
            assert len(tasks(fleet, postgres)) == 1

    play(story)


def test_a_run_that_is_given_back_is_queued_and_one_on_hold_is_not(
    fleet: Fleet, postgres: PostgresServer
) -> None:
    async def story() -> None:
        async with fleet.store() as store:
            process = store.enter_process("host", 1, "0")
            with store.batch():
                held = fleet.add(store, WORKFLOW)
                claim = store.claim_run(held.id, process.id)
            store.release_run(claim, True)
            assert tasks(fleet, postgres) == []
            claim = store.claim_run(held.id, process.id)
            store.release_run(claim, False)
            assert [task[0] for task in tasks(fleet, postgres)] == [held.id]

    play(story)


def test_hosts_that_begin_together_on_a_new_store_make_its_tables_once(
    postgres: PostgresServer,
) -> None:
    queue = TaskQueue()
    with postgres.new_database(empty=True) as url:
        name = url.split("/")[-1].split("?")[0]
        with postgres.connect(name) as one, postgres.connect(name) as other:
            assert not queue.is_made(one)
            with one.transaction():
                one.execute("SELECT 1")  # here it waits for its turn
                queue.make_tables(other)

                queue.make_tables(one)

            assert queue.is_made(one)


@pytest.mark.parametrize(
    ("mark", "error"), [("01.00.00_01", StoreOlder), ("99.00.00_01", StoreNewer)]
)
def test_tables_of_another_version_of_the_queue_are_refused(
    fleet: Fleet, postgres: PostgresServer, mark: str, error: type[Exception]
) -> None:
    async def story() -> None:
        async with fleet.store():
            pass
        name = fleet.url.split("/")[-1].split("?")[0]
        with postgres.connect(name) as connection:
            connection.execute(f"COMMENT ON TABLE procrastinate_jobs IS '{mark}'")
        with pytest.raises(error):
            async with fleet.store():
                pass

    play(story)


def test_runs_are_queued_although_one_of_them_is_queued_already(
    fleet: Fleet, postgres: PostgresServer
) -> None:
    async def story() -> None:
        async with fleet.store() as store:
            process = store.enter_process("host", 1, "0")
            runs = [fleet.add(store, WORKFLOW) for _ in range(3)]
            drop_tasks(fleet, postgres, [runs[0].id, runs[2].id])
            with store.batch():
                for run in runs:
                    store.release_run(store.claim_run(run.id, process.id), False)
            assert {task[0] for task in tasks(fleet, postgres)} == {run.id for run in runs}

    play(story)


def test_a_store_without_the_index_of_tasks_by_lock_gets_it(
    fleet: Fleet, postgres: PostgresServer
) -> None:
    async def story() -> None:
        async with fleet.store() as store:
            fleet.add(store, WORKFLOW)
        assert drop_index(fleet, postgres) == 1
        async with fleet.store():
            pass
        assert drop_index(fleet, postgres) == 1

    play(story)


async def unused(run_id: str) -> None:
    raise AssertionError("no run is executed here")


def test_the_next_task_is_found_by_an_index_whatever_the_server_knows_of_the_table(
    fleet: Fleet,
) -> None:
    explain = (
        "EXPLAIN SELECT id FROM procrastinate_jobs WHERE status = 'todo'"
        " ORDER BY priority DESC, id LIMIT 1"
    )

    async def story() -> None:
        async with fleet.store(), make_app(fleet.url, unused).open_async() as app:
            plan = await app.connector.execute_query_all_async(explain)
            assert not [line for line in plan if "Sort" in str(line) or "Seq Scan" in str(line)]

    play(story)


def test_tasks_of_the_dead_are_removed_though_another_worker_has_removed_some(
    fleet: Fleet, postgres: PostgresServer
) -> None:
    def as_jobs(runs: list[str]) -> list[Job]:
        name = fleet.url.split("/")[-1].split("?")[0]
        with postgres.connect(name) as connection:
            connection.execute("UPDATE procrastinate_jobs SET status = 'doing'")
            query = "SELECT id FROM procrastinate_jobs WHERE lock = ANY(%s)"
            ids = [row[0] for row in connection.execute(query, (runs,))]
        return [
            Job(id=id_, lock=None, queueing_lock=None, task_name="x", queue="main") for id_ in ids
        ]

    async def story() -> None:
        async with fleet.store() as store, make_app(fleet.url, unused).open_async() as app:
            runs = [fleet.add(store, WORKFLOW).id for _ in range(4)]
            jobs = as_jobs(runs[:3])
            drop_tasks(fleet, postgres, runs[:1])

            await abandon(app, jobs)
            await abandon(app, [])

            assert [task[0] for task in tasks(fleet, postgres)] == runs[3:]

    play(story)


def drop_tasks(fleet: Fleet, postgres: PostgresServer, run_ids: list[str]) -> None:
    name = fleet.url.split("/")[-1].split("?")[0]
    with postgres.connect(name) as connection:
        connection.execute("DELETE FROM procrastinate_jobs WHERE lock = ANY(%s)", (run_ids,))


def drop_index(fleet: Fleet, postgres: PostgresServer) -> int:
    """Take away the index of tasks by lock; return how many there were."""
    name = fleet.url.split("/")[-1].split("?")[0]
    with postgres.connect(name) as connection:
        found = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'procrastinate_jobs'"
            " AND indexname LIKE 'almaflow%'"
        ).fetchall()
        for (index,) in found:
            connection.execute(f"DROP INDEX {index}")
    return len(found)
