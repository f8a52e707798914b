"""Runs as tasks of procrastinate: queued in the transaction that makes a run due."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import psycopg
from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job
from procrastinate.schema import SchemaManager

from almaflow.store import DueRun, RunNewer, StoreNewer, StoreOlder

TASK: Final = "almaflow.run"
"""The name of the task that works on a run."""

QUEUE_LENGTH: Final = 40
"""The most characters of a queue's name: PostgreSQL allows 63 for the channel that procrastinate
makes of it, `procrastinate_queue_v1#` and the name."""

NO_INSTITUTION: Final = "-"
"""The queue of runs that name no institution; no institution can have this name."""

CHANNEL: Final = "almaflow"
"""The channel on which topics are announced; see `almaflow.store.run_queue.Changes`."""

Execute = Callable[[str], Awaitable[None]]

# The table of tasks grows from nothing to thousands of rows, and back, faster than the server
# counts them. By counts that are out of date it sorts all waiting tasks to hand out one of them,
# which costs 75 ms with 10,000; along its indexes it takes 1 ms, however many tasks there are.
_BY_INDEX: Final = "; ".join(
    f"SET enable_{way} = off"
    for way in ("sort", "seqscan", "bitmapscan", "hashjoin", "mergejoin", "material")
)

# The rows are locked first: each of two workers that find the same dead one removes other tasks.
_ABANDON: Final = (
    "SELECT procrastinate_finish_job_v1(id, 'aborted', true) FROM"
    " (SELECT id FROM procrastinate_jobs WHERE id = ANY(%(ids)s) AND status = 'doing'"
    " FOR UPDATE SKIP LOCKED) AS stalled"
)

# Not `to_regclass`, which may remember from before it waited for its turn that there are none.
_MADE_FOR: Final = (
    "SELECT obj_description(oid, 'pg_class') FROM pg_catalog.pg_class"
    " WHERE relname = %s AND pg_catalog.pg_table_is_visible(oid)"
)
_TABLE: Final = "procrastinate_jobs"

# procrastinate looks, whenever it hands out a task, for others with the same lock, and has no index
# that leads there: with thousands of tasks that wait, each cost a third of a second.
_LOCK_INDEX: Final = "almaflow_tasks_by_lock"
_MAKE_LOCK_INDEX: Final = (
    f"CREATE INDEX IF NOT EXISTS {_LOCK_INDEX} ON {_TABLE} (lock) WHERE status IN ('todo', 'doing')"
)


class OfferLater(BaseRetryStrategy):
    """Offers a run again, when the worker that it was offered to is too old to read it."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        return RetryDecision(retry_in={"seconds": 30}) if isinstance(exception, RunNewer) else None


def make_app(conninfo: str, execute: Execute) -> App:
    """Return procrastinate's app for the database at *conninfo*, whose only task is a run."""
    # What matters to people is in the log of the run, or of the worker.
    for library in ("procrastinate", "psycopg.pool"):
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)
    connector = PsycopgConnector(
        conninfo=conninfo, min_size=1, max_size=4, configure=_follow_indexes
    )
    app = App(connector=connector)

    @app.task(name=TASK, retry=OfferLater())
    async def run(run_id: str) -> None:
        await execute(run_id)

    return app


async def _follow_indexes(connection: psycopg.AsyncConnection[Any]) -> None:
    """Let the server find tasks by its indexes, whatever it believes about their number.

    Each request of procrastinate is one statement, so it needs no request more for its transaction.
    """
    await connection.set_autocommit(True)
    await connection.execute(_BY_INDEX, prepare=False)


async def abandon(app: App, tasks: Sequence[Job]) -> None:
    """Remove tasks that dead workers had, all in one request.

    procrastinate's `finish_job` does the same for one task; for thousands of them that takes
    longer than a run may wait.

    Raises:
        ConnectorException: the database refused.
    """
    if tasks:
        ids = [task.id for task in tasks]
        await app.connector.execute_query_all_async(_ABANDON, ids=ids)


async def _nothing(run_id: str) -> None:
    raise AssertionError("this app only queues")


class TaskQueue:
    """Queues runs on the connection of the transaction that made them due."""

    def __init__(self) -> None:
        # It connects to nothing: each call comes with a connection.
        self._app = make_app("", _nothing)

    def put(self, connection: psycopg.Connection[Any], runs: Sequence[DueRun]) -> None:
        """Queue each of *runs* that is not queued yet; they are durable with the transaction."""
        jobs = [self._job(run) for run in runs]
        try:
            self._defer(connection, jobs)
        except AlreadyEnqueued:
            for job in jobs:
                with suppress(AlreadyEnqueued):
                    self._defer(connection, [job])

    def _job(self, run: DueRun) -> Job:
        task = self._app.tasks[TASK].configure(
            lock=run.id, queueing_lock=run.key, queue=queue_name(run.institution, run.format)
        )
        return task.make_new_job(run_id=run.id)

    def _defer(self, connection: psycopg.Connection[Any], jobs: list[Job]) -> None:
        # A savepoint: what the database refuses would end the whole transaction.
        try:
            with connection.transaction():
                self._app.job_manager.batch_defer_jobs(jobs=jobs, connection=connection)
        except ConnectorException as error:
            # The store knows what the database's own errors mean.
            raise error.__cause__ or error from None

    def without_task(
        self, connection: psycopg.Connection[Any], run_ids: Sequence[str]
    ) -> Sequence[str]:
        """Return those of *run_ids* that no task waits or works for."""
        query = (
            "SELECT lock FROM procrastinate_jobs WHERE task_name = %s AND lock = ANY(%s)"
            " AND status IN ('todo', 'doing')"
        )
        queued = {row[0] for row in connection.execute(query, (TASK, list(run_ids)))}
        return [run_id for run_id in run_ids if run_id not in queued]

    def announce(self, connection: psycopg.Connection[Any], topics: Collection[str]) -> None:
        """Notify the workers of *topics*."""
        notify = "SELECT pg_notify(%s, topic) FROM unnest(%s::text[]) AS topic"
        connection.execute(notify, (CHANNEL, list(topics)))

    def is_made(self, connection: psycopg.Connection[Any]) -> bool:
        """Whether procrastinate's tables are there.

        Raises:
            StoreNewer, StoreOlder: they are those of another version of procrastinate.
        """
        made_for = _comment(connection, _TABLE)
        if made_for is None:
            return False
        _check_tables(made_for)
        return _comment(connection, _LOCK_INDEX) is not None

    def make_tables(self, connection: psycopg.Connection[Any]) -> None:
        """Make procrastinate's tables in the open transaction, unless they are there."""
        if not self.is_made(connection):
            if _comment(connection, _TABLE) is None:
                connection.execute(SchemaManager.get_schema())
                newest = _newest_migration()
                connection.execute(f"COMMENT ON TABLE {_TABLE} IS '{newest}'")
            connection.execute(_MAKE_LOCK_INDEX)


def _comment(connection: psycopg.Connection[Any], relation: str) -> str | None:
    """Return the comment on a table or an index, empty when it has none; None: it is not there."""
    row = connection.execute(_MADE_FOR, (relation,)).fetchone()
    return None if row is None else row[0] or ""


def _newest_migration() -> str:
    """Return the name of the last migration of procrastinate's tables, such as `03.04.00_50`."""
    files = Path(SchemaManager.get_migrations_path()).glob("*.sql")
    return max(file.name for file in files)[: len("03.04.00_50")]


def _check_tables(theirs: str) -> None:
    """Refuse tables whose newest migration is another one than ours."""
    ours = _newest_migration()
    if theirs < ours:
        raise StoreOlder(
            f"The queue in the store has procrastinate's tables up to the migration {theirs}, and"
            f" the procrastinate on this machine needs {ours}. Stop every worker, apply the"
            " migrations between the two (procrastinate's documentation says how), write `COMMENT"
            f" ON TABLE procrastinate_jobs IS '{ours}'` in the database, and start again."
        )
    if theirs > ours:
        raise StoreNewer(
            f"The queue in the store has procrastinate's tables up to the migration {theirs}, and"
            f" the procrastinate on this machine knows them up to {ours}. Update it: `pip install"
            " --upgrade procrastinate`."
        )


def queue_name(institution: str, format: int = 1) -> str:
    """Return the queue of an *institution*, as almaflow.yaml names it; no two share one.

    Runs in a later format have their own queues: workers that cannot read them are not offered
    them.
    """
    suffix = "" if format == 1 else f".{format}"
    if len(institution) + len(suffix) <= QUEUE_LENGTH:
        return (institution or NO_INSTITUTION) + suffix
    # Two long names may begin with the same characters, and none holds a full stop.
    digest = f".{sha256(institution.encode()).hexdigest()[:32]}{suffix}"
    return institution[: QUEUE_LENGTH - len(digest)] + digest
