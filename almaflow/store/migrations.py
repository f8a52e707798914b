"""What leads from each version of the tables to the next, in the SQL of its day.

The text of a migration never changes: stores have gone that way. Those of PostgreSQL begin with
version 2.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, text

from almaflow.store.values import from_json

_VERSION_2: Final = """
ALTER TABLE processes ADD COLUMN beat INTEGER DEFAULT 0 NOT NULL;
ALTER TABLE processes ADD COLUMN lock_file TEXT DEFAULT '' NOT NULL;
ALTER TABLE runs ADD COLUMN answers_seen BIGINT DEFAULT 0 NOT NULL;
CREATE INDEX runs_by_owner ON runs (owner) WHERE owner IS NOT NULL;
CREATE INDEX runs_unowned ON runs (number) WHERE owner IS NULL AND status != 'finished';
CREATE TABLE answers (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    path TEXT NOT NULL,
    kind VARCHAR(20) NOT NULL,
    value TEXT NOT NULL,
    "by" TEXT NOT NULL,
    at VARCHAR(27) NOT NULL,
    FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE INDEX answers_by_run ON answers (run_id, id);
CREATE TABLE places (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    job_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    path TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    effect TEXT NOT NULL,
    set_id TEXT,
    marker TEXT NOT NULL,
    named BOOLEAN NOT NULL,
    state VARCHAR(20) NOT NULL,
    asked_at VARCHAR(27) NOT NULL,
    not_before VARCHAR(27),
    refusals INTEGER NOT NULL,
    taken_at VARCHAR(27),
    instance_id TEXT,
    candidates TEXT NOT NULL,
    freed_at VARCHAR(27),
    UNIQUE (run_id, path, attempt, effect),
    FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE INDEX places_by_state ON places (account, state, id);
CREATE INDEX places_by_job ON places (account, job_id, taken_at);
CREATE INDEX places_told_later ON places (account, job_id, not_before)
    WHERE not_before IS NOT NULL;
CREATE UNIQUE INDEX places_by_instance ON places (account, instance_id);
CREATE TABLE job_traits (
    account TEXT NOT NULL,
    job_id TEXT NOT NULL,
    keeps_marker BOOLEAN,
    seen_at VARCHAR(27) NOT NULL,
    PRIMARY KEY (account, job_id)
);
CREATE TABLE durations (
    id INTEGER NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    job_id TEXT NOT NULL,
    seconds FLOAT NOT NULL,
    at VARCHAR(27) NOT NULL
);
CREATE INDEX durations_by_job ON durations (account, job_id, id);
"""

# A job's runs beyond so many are not remembered.
_REMEMBERED: Final = 20


def to_version_2(connection: Connection) -> None:
    """Bring leases, answers, places and what is remembered of jobs."""
    _do(connection, _VERSION_2)
    _know_lock_files(connection)
    _copy_durations(connection)


def _do(connection: Connection, statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)


def _know_lock_files(connection: Connection) -> None:
    """Note where the processes of version 1 have their locks: in a folder beside the store."""
    file = connection.exec_driver_sql("PRAGMA database_list").one()[2]
    connection.execute(
        text(
            "UPDATE processes SET lock_file = :folder || '/' || id || '.lock' WHERE left_at IS NULL"
        ),
        {"folder": f"{file}.locks"},
    )


def _copy_durations(connection: Connection) -> None:
    """Take over what the ends of steps in version 1 taught about durations."""
    ends = connection.exec_driver_sql(
        "SELECT value, changed_at FROM journal"
        " WHERE effect = 'end' AND value LIKE '%\"learned\":{%' ORDER BY id DESC"
    ).all()
    kept: list[dict[str, Any]] = []
    of_job: dict[tuple[str, str], int] = {}
    for row in ends:
        learned = from_json(row.value).get("learned")
        if not learned:
            continue
        job = (learned["institution"], learned["job_id"])
        of_job[job] = of_job.get(job, 0) + 1
        if of_job[job] <= _REMEMBERED:
            values = {"account": job[0], "job_id": job[1], "seconds": learned["seconds"]}
            kept.append(values | {"at": row.changed_at})
    if kept:
        connection.execute(
            text(
                "INSERT INTO durations (account, job_id, seconds, at)"
                " VALUES (:account, :job_id, :seconds, :at)"
            ),
            kept[::-1],
        )


_VERSION_3: Final = """
CREATE INDEX runs_by_definition ON runs (definition);
CREATE TABLE leader (
    id INTEGER NOT NULL PRIMARY KEY,
    process_id VARCHAR(32) NOT NULL,
    since VARCHAR(27) NOT NULL,
    FOREIGN KEY (process_id) REFERENCES processes (id)
);
CREATE TABLE schedules (
    id [counted] NOT NULL PRIMARY KEY [never again],
    workflow TEXT NOT NULL,
    entry TEXT NOT NULL,
    timing TEXT NOT NULL,
    begins_at VARCHAR(27) NOT NULL,
    covered_to VARCHAR(27) NOT NULL,
    ended_at VARCHAR(27)
);
CREATE INDEX schedules_by_entry ON schedules (workflow, entry, id);
CREATE UNIQUE INDEX schedules_standing ON schedules (workflow, entry) WHERE ended_at IS NULL;
CREATE TABLE ticks (
    id [counted] NOT NULL PRIMARY KEY [never again],
    schedule_id [number] NOT NULL,
    workflow TEXT NOT NULL,
    entry TEXT NOT NULL,
    at VARCHAR(27) NOT NULL,
    starts_at VARCHAR(27) NOT NULL,
    found_at VARCHAR(27) NOT NULL,
    ready_at VARCHAR(27),
    caught_up BOOLEAN NOT NULL,
    ending VARCHAR(20),
    cause VARCHAR(20),
    reason TEXT NOT NULL,
    run_id TEXT,
    merged_into VARCHAR(27),
    ended_at VARCHAR(27),
    UNIQUE (workflow, entry, at),
    FOREIGN KEY (schedule_id) REFERENCES schedules (id)
);
CREATE INDEX ticks_by_time ON ticks (at, id);
CREATE INDEX ticks_by_workflow ON ticks (workflow, at, id);
CREATE INDEX ticks_by_schedule ON ticks (schedule_id);
CREATE INDEX ticks_open ON ticks (starts_at, at, id) WHERE ending IS NULL;
CREATE INDEX ticks_by_run ON ticks (run_id) WHERE run_id IS NOT NULL;
CREATE TABLE pauses (
    id [counted] NOT NULL PRIMARY KEY [never again],
    workflow TEXT NOT NULL,
    since VARCHAR(27) NOT NULL,
    until VARCHAR(27),
    note TEXT NOT NULL,
    "by" TEXT NOT NULL,
    ended_by TEXT NOT NULL
);
CREATE INDEX pauses_by_workflow ON pauses (workflow, id);
CREATE TABLE sources (
    path TEXT NOT NULL PRIMARY KEY,
    workflow TEXT NOT NULL,
    definition VARCHAR(64) NOT NULL,
    read_at VARCHAR(27) NOT NULL,
    problem TEXT NOT NULL,
    FOREIGN KEY (definition) REFERENCES definitions (hash)
);
CREATE TABLE notices (
    id [counted] NOT NULL PRIMARY KEY [never again],
    key TEXT NOT NULL,
    event TEXT NOT NULL,
    workflow TEXT NOT NULL,
    run_id TEXT,
    channel TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    created_at VARCHAR(27) NOT NULL,
    tries INTEGER NOT NULL,
    next_at VARCHAR(27),
    sent_at VARCHAR(27),
    error TEXT NOT NULL,
    UNIQUE (key, channel)
);
CREATE INDEX notices_by_workflow ON notices (workflow, id);
CREATE INDEX notices_due ON notices (next_at, id) WHERE next_at IS NOT NULL;
CREATE TABLE pruned (
    what VARCHAR(20) NOT NULL PRIMARY KEY,
    before VARCHAR(27) NOT NULL
);
"""

# How each database calls a number of rows, one that it counts, and that none comes again.
_WORDS_3: Final = {
    "sqlite": {"counted": "INTEGER", "number": "INTEGER", "never again": "AUTOINCREMENT"},
    "postgresql": {"counted": "BIGSERIAL", "number": "BIGINT", "never again": ""},
}


def to_version_3(connection: Connection) -> None:
    """Bring timetables: who leads, entries, ticks, pauses, files and notices."""
    statements = _VERSION_3
    for name, word in _WORDS_3[connection.dialect.name].items():
        statements = statements.replace(f"[{name}]", word)
    _do(connection, statements)


_VERSION_4: Final = """
ALTER TABLE job_traits ADD COLUMN kept_length INTEGER;
ALTER TABLE job_traits ADD COLUMN cut_length INTEGER;
"""


def to_version_4(connection: Connection) -> None:
    """Bring how long the names were in which Alma kept or cut our marker."""
    _do(connection, _VERSION_4)
