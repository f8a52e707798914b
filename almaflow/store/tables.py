"""The tables as they are now. `schema` says how an older store gets there.

Instants are text of one width (`2026-11-01T01:30:00.000000Z`), so that they sort, read well in
any tool and are the same in every database; values are JSON text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# Some types are ours: INSTANT, and two that number rows. NUMBER may give the number of a deleted
# row again, COUNTER does not: a reader of a log remembers the last id that it has seen.
SCHEMA: Final = """
CREATE TABLE store_version (
    version INTEGER NOT NULL PRIMARY KEY,
    applied_at INSTANT NOT NULL
);

CREATE TABLE definitions (
    hash VARCHAR(64) NOT NULL PRIMARY KEY,
    content TEXT NOT NULL
);

CREATE TABLE processes (
    id VARCHAR(32) NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    version TEXT NOT NULL,
    entered_at INSTANT NOT NULL,
    left_at INSTANT,
    -- Grows with each renewal of the process's lease.
    beat INTEGER DEFAULT 0 NOT NULL,
    -- The file that the process keeps locked while it lives; empty when there is none.
    lock_file TEXT DEFAULT '' NOT NULL,
    -- A JSON object, `records.ProcessInfo`. Older stores of version 1 get it; see `schema`.
    info TEXT DEFAULT '{}' NOT NULL
);

CREATE TABLE runs (
    -- The order of recording: two runs may have the same instant, above all in virtual time.
    number NUMBER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    workflow TEXT NOT NULL,
    "key" TEXT NOT NULL UNIQUE,
    "trigger" TEXT NOT NULL,
    definition VARCHAR(64) NOT NULL REFERENCES definitions (hash),
    path TEXT NOT NULL,
    inputs TEXT NOT NULL,
    vars TEXT NOT NULL,
    institution TEXT NOT NULL,
    status VARCHAR(20) NOT NULL,
    -- A JSON list of `almaflow.waiting.Waiting`.
    waits TEXT NOT NULL,
    outcome VARCHAR(20),
    error TEXT NOT NULL,
    outputs TEXT,
    attempt INTEGER NOT NULL,
    requested_at INSTANT NOT NULL,
    scheduled_at INSTANT NOT NULL,
    started_at INSTANT,
    ended_at INSTANT,
    deadline_at INSTANT,
    held BOOLEAN NOT NULL,
    cancel_requested_at INSTANT,
    cancel_requested_by TEXT NOT NULL,
    owner VARCHAR(32) REFERENCES processes (id),
    epoch INTEGER NOT NULL,
    format INTEGER NOT NULL,
    -- The newest answer of a person when the run was claimed: the claimant knew of it.
    answers_seen BIGINT DEFAULT 0 NOT NULL
);
CREATE INDEX runs_by_workflow ON runs (workflow, number);
CREATE INDEX runs_by_status ON runs (status, number);
CREATE INDEX runs_by_cancel ON runs (cancel_requested_at) WHERE cancel_requested_at IS NOT NULL;
-- Processes ask all the time what they may take over: these hold the runs that qualify.
CREATE INDEX runs_by_owner ON runs (owner) WHERE owner IS NOT NULL;
CREATE INDEX runs_unowned ON runs (number) WHERE owner IS NULL AND status != 'finished';
-- Retention checks here whether a definition can be deleted.
CREATE INDEX runs_by_definition ON runs (definition);

CREATE TABLE journal (
    id NUMBER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    effect TEXT NOT NULL,
    state VARCHAR(20) NOT NULL,
    value TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    sends INTEGER NOT NULL,
    created_at INSTANT NOT NULL,
    changed_at INSTANT NOT NULL,
    epoch INTEGER NOT NULL,
    UNIQUE (run_id, path, attempt, effect)
);

CREATE TABLE events (
    id COUNTER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    at INSTANT NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    text TEXT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX events_by_run ON events (run_id, id);

CREATE TABLE answers (
    id COUNTER PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    kind VARCHAR(20) NOT NULL,
    value TEXT NOT NULL,
    "by" TEXT NOT NULL,
    at INSTANT NOT NULL
);
CREATE INDEX answers_by_run ON answers (run_id, id);

CREATE TABLE places (
    -- The ticket: the submission that asked first has the smaller one.
    id COUNTER PRIMARY KEY,
    account TEXT NOT NULL,
    job_id TEXT NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    effect TEXT NOT NULL,
    set_id TEXT,
    marker TEXT NOT NULL,
    named BOOLEAN NOT NULL,
    state VARCHAR(20) NOT NULL,
    asked_at INSTANT NOT NULL,
    not_before INSTANT,
    refusals INTEGER NOT NULL,
    taken_at INSTANT,
    instance_id TEXT,
    candidates TEXT NOT NULL,
    freed_at INSTANT,
    UNIQUE (run_id, path, attempt, effect)
);
CREATE INDEX places_by_state ON places (account, state, id);
CREATE INDEX places_by_job ON places (account, job_id, taken_at);
CREATE INDEX places_told_later ON places (account, job_id, not_before)
    WHERE not_before IS NOT NULL;
CREATE UNIQUE INDEX places_by_instance ON places (account, instance_id);

CREATE TABLE job_traits (
    account TEXT NOT NULL,
    job_id TEXT NOT NULL,
    seen_at INSTANT NOT NULL,
    kept_length INTEGER,
    cut_length INTEGER,
    PRIMARY KEY (account, job_id)
);

CREATE TABLE durations (
    id NUMBER PRIMARY KEY,
    account TEXT NOT NULL,
    job_id TEXT NOT NULL,
    seconds FLOAT NOT NULL,
    at INSTANT NOT NULL
);
CREATE INDEX durations_by_job ON durations (account, job_id, id);

-- The scheduler

CREATE TABLE leader (
    -- There is one row at most, number 1.
    id INTEGER NOT NULL PRIMARY KEY,
    process_id VARCHAR(32) NOT NULL REFERENCES processes (id),
    since INSTANT NOT NULL
);

CREATE TABLE schedules (
    id COUNTER PRIMARY KEY,
    workflow TEXT NOT NULL,
    entry TEXT NOT NULL,
    timing TEXT NOT NULL,
    begins_at INSTANT NOT NULL,
    covered_to INSTANT NOT NULL,
    ended_at INSTANT
);
CREATE INDEX schedules_by_entry ON schedules (workflow, entry, id);
CREATE UNIQUE INDEX schedules_standing ON schedules (workflow, entry) WHERE ended_at IS NULL;

CREATE TABLE ticks (
    id COUNTER PRIMARY KEY,
    schedule_id REFERENCE NOT NULL REFERENCES schedules (id),
    workflow TEXT NOT NULL,
    entry TEXT NOT NULL,
    at INSTANT NOT NULL,
    starts_at INSTANT NOT NULL,
    found_at INSTANT NOT NULL,
    ready_at INSTANT,
    caught_up BOOLEAN NOT NULL,
    ending VARCHAR(20),
    cause VARCHAR(20),
    reason TEXT NOT NULL,
    -- No foreign key: the ledger keeps the id of a run that was deleted.
    run_id TEXT,
    merged_into INSTANT,
    ended_at INSTANT,
    UNIQUE (workflow, entry, at)
);
CREATE INDEX ticks_by_time ON ticks (at, id);
CREATE INDEX ticks_by_workflow ON ticks (workflow, at, id);
CREATE INDEX ticks_by_schedule ON ticks (schedule_id);
-- The scheduler asks for these whenever it wakes: a handful among a million.
CREATE INDEX ticks_open ON ticks (starts_at, at, id) WHERE ending IS NULL;
CREATE INDEX ticks_by_run ON ticks (run_id) WHERE run_id IS NOT NULL;

CREATE TABLE pauses (
    id COUNTER PRIMARY KEY,
    workflow TEXT NOT NULL,
    since INSTANT NOT NULL,
    until INSTANT,
    note TEXT NOT NULL,
    "by" TEXT NOT NULL,
    ended_by TEXT NOT NULL
);
CREATE INDEX pauses_by_workflow ON pauses (workflow, id);

CREATE TABLE sources (
    path TEXT NOT NULL PRIMARY KEY,
    workflow TEXT NOT NULL,
    definition VARCHAR(64) NOT NULL REFERENCES definitions (hash),
    read_at INSTANT NOT NULL,
    problem TEXT NOT NULL
);

CREATE TABLE job_ends (
    id COUNTER PRIMARY KEY,
    account TEXT NOT NULL,
    instance_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    job_name TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    ended_at INSTANT,
    received_at INSTANT NOT NULL,
    -- Whether it is known which workflows start because of it.
    decided BOOLEAN NOT NULL,
    UNIQUE (account, instance_id)
);
CREATE INDEX job_ends_undecided ON job_ends (id) WHERE NOT decided;

CREATE TABLE job_end_starts (
    job_end_id REFERENCE NOT NULL REFERENCES job_ends (id) ON DELETE CASCADE,
    workflow TEXT NOT NULL,
    -- No foreign key: the id of a run that was deleted is kept.
    run_id TEXT,
    -- Why the workflow did not start; empty while it is to start, and when it has.
    reason TEXT NOT NULL,
    PRIMARY KEY (job_end_id, workflow)
);
CREATE INDEX job_end_starts_waiting ON job_end_starts (job_end_id)
    WHERE run_id IS NULL AND reason = '';

CREATE TABLE notices (
    id COUNTER PRIMARY KEY,
    "key" TEXT NOT NULL,
    event TEXT NOT NULL,
    workflow TEXT NOT NULL,
    run_id TEXT,
    channel TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    created_at INSTANT NOT NULL,
    tries INTEGER NOT NULL,
    next_at INSTANT,
    sent_at INSTANT,
    error TEXT NOT NULL,
    UNIQUE ("key", channel)
);
CREATE INDEX notices_by_workflow ON notices (workflow, id);
CREATE INDEX notices_due ON notices (next_at, id) WHERE next_at IS NOT NULL;

-- Up to when the rows of a table may have been deleted because of their age.
CREATE TABLE pruned (
    what VARCHAR(20) NOT NULL PRIMARY KEY,
    "before" INSTANT NOT NULL
);
"""

_WORDS: Final = [line.split() for line in SCHEMA.splitlines() if line]

NAMES: Final = tuple(words[2] for words in _WORDS if words[:2] == ["CREATE", "TABLE"])
"""The names of all tables; each comes after those that it refers to."""

# What each kind of database writes for the types that it does not know. In SQLite, REFERENCE is
# the type of a column that holds a COUNTER of another table.
SQLITE_TYPES: Final[Mapping[str, str]] = {
    "INSTANT": "VARCHAR(27)",
    "NUMBER PRIMARY KEY": "INTEGER NOT NULL PRIMARY KEY",
    "COUNTER PRIMARY KEY": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT",
    "REFERENCE ": "INTEGER ",
}
POSTGRES_TYPES: Final[Mapping[str, str]] = {
    "INSTANT": "VARCHAR(27)",
    "NUMBER PRIMARY KEY": "BIGSERIAL PRIMARY KEY",
    "COUNTER PRIMARY KEY": "BIGSERIAL PRIMARY KEY",
    "REFERENCE ": "BIGINT ",
}


def _columns(kind: str) -> frozenset[str]:
    return frozenset(
        words[0].strip('"') for words in _WORDS if len(words) > 1 and words[1].strip(",") == kind
    )


INSTANTS: Final = _columns("INSTANT")
"""The names of the columns that hold instants, whatever their table."""
BOOLEANS: Final = _columns("BOOLEAN")
"""The names of the columns that hold truth values, whatever their table."""


def statements(types: Mapping[str, str]) -> list[str]:
    """Return what creates the tables and indexes, in order, with the *types* of a database."""
    text = SCHEMA
    for ours, theirs in types.items():
        text = text.replace(ours, theirs)
    return [statement for statement in text.split(";\n") if statement.strip()]


def table_of(statement: str) -> str:
    """Return the table that a statement of `statements` makes, or makes an index of."""
    match = re.search(r"CREATE (?:TABLE|(?:UNIQUE )?INDEX \w+\s+ON) (\w+)", statement)
    assert match is not None
    return match[1]
