"""Stores of version 2, which knew no timetables, in the SQL that they were made with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.outcome import Status
from almaflow.store import (
    EntryState,
    NewNotice,
    PlaceState,
    Source,
    Spot,
    Store,
    StoreNewer,
)
from tests.postgres import PostgresServer
from tests.store.conftest import HOST, NOON, make_record
from tests.store.others import Rival, shape
from tests.store.ticking import enter_leader, lay, stand

Opener = Callable[..., Store]

VERSION_2 = """
CREATE TABLE definitions (
    hash VARCHAR(64) NOT NULL, content TEXT NOT NULL, PRIMARY KEY (hash)
);
CREATE TABLE durations (
    id [counted] NOT NULL, account TEXT NOT NULL, job_id TEXT NOT NULL, seconds FLOAT NOT NULL,
    at VARCHAR(27) NOT NULL, PRIMARY KEY (id)
);
CREATE INDEX durations_by_job ON durations (account, job_id, id);
CREATE TABLE job_traits (
    account TEXT NOT NULL, job_id TEXT NOT NULL, keeps_marker BOOLEAN,
    seen_at VARCHAR(27) NOT NULL, PRIMARY KEY (account, job_id)
);
CREATE TABLE processes (
    id VARCHAR(32) NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL, version TEXT NOT NULL,
    entered_at VARCHAR(27) NOT NULL, left_at VARCHAR(27), beat INTEGER DEFAULT 0 NOT NULL,
    lock_file TEXT DEFAULT '' NOT NULL, PRIMARY KEY (id)
);
CREATE TABLE schema_version (
    version INTEGER NOT NULL, applied_at VARCHAR(27) NOT NULL, PRIMARY KEY (version)
);
CREATE TABLE runs (
    number [counted] NOT NULL, id TEXT NOT NULL, workflow TEXT NOT NULL, "key" TEXT NOT NULL,
    "trigger" TEXT NOT NULL, definition VARCHAR(64) NOT NULL, path TEXT NOT NULL,
    inputs TEXT NOT NULL, vars TEXT NOT NULL, institution TEXT NOT NULL,
    status VARCHAR(20) NOT NULL, reason TEXT NOT NULL, outcome VARCHAR(20), error TEXT NOT NULL,
    outputs TEXT, attempt INTEGER NOT NULL, requested_at VARCHAR(27) NOT NULL,
    scheduled_at VARCHAR(27) NOT NULL, started_at VARCHAR(27), ended_at VARCHAR(27),
    deadline_at VARCHAR(27), held BOOLEAN NOT NULL, cancel_requested_at VARCHAR(27),
    cancel_requested_by TEXT NOT NULL, owner VARCHAR(32), epoch INTEGER NOT NULL,
    format INTEGER NOT NULL, answers_seen BIGINT DEFAULT 0 NOT NULL,
    PRIMARY KEY (number), UNIQUE (id), UNIQUE ("key"),
    FOREIGN KEY(definition) REFERENCES definitions (hash),
    FOREIGN KEY(owner) REFERENCES processes (id)
);
CREATE INDEX runs_by_cancel ON runs (cancel_requested_at) WHERE cancel_requested_at IS NOT NULL;
CREATE INDEX runs_by_owner ON runs (owner) WHERE owner IS NOT NULL;
CREATE INDEX runs_by_status ON runs (status, number);
CREATE INDEX runs_by_workflow ON runs (workflow, number);
CREATE INDEX runs_unowned ON runs (number) WHERE owner IS NULL AND status != 'finished';
CREATE TABLE answers (
    id [counted] NOT NULL PRIMARY KEY [never again], run_id TEXT NOT NULL, path TEXT NOT NULL,
    kind VARCHAR(20) NOT NULL, value TEXT NOT NULL, "by" TEXT NOT NULL,
    at VARCHAR(27) NOT NULL, FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE INDEX answers_by_run ON answers (run_id, id);
CREATE TABLE events (
    id [counted] NOT NULL PRIMARY KEY [never again], run_id TEXT NOT NULL,
    at VARCHAR(27) NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL, text TEXT NOT NULL,
    data TEXT NOT NULL, FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE INDEX events_by_run ON events (run_id, id);
CREATE TABLE journal (
    id [counted] NOT NULL, run_id TEXT NOT NULL, path TEXT NOT NULL, attempt INTEGER NOT NULL,
    effect TEXT NOT NULL, state VARCHAR(20) NOT NULL, value TEXT NOT NULL,
    request_hash TEXT NOT NULL, sends INTEGER NOT NULL, created_at VARCHAR(27) NOT NULL,
    changed_at VARCHAR(27) NOT NULL, epoch INTEGER NOT NULL, PRIMARY KEY (id),
    UNIQUE (run_id, path, attempt, effect),
    FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE places (
    id [counted] NOT NULL PRIMARY KEY [never again], account TEXT NOT NULL, job_id TEXT NOT NULL,
    run_id TEXT NOT NULL, path TEXT NOT NULL, attempt INTEGER NOT NULL, effect TEXT NOT NULL,
    set_id TEXT, marker TEXT NOT NULL, named BOOLEAN NOT NULL, state VARCHAR(20) NOT NULL,
    asked_at VARCHAR(27) NOT NULL, not_before VARCHAR(27), refusals INTEGER NOT NULL,
    taken_at VARCHAR(27), instance_id TEXT, candidates TEXT NOT NULL, freed_at VARCHAR(27),
    UNIQUE (run_id, path, attempt, effect),
    FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX places_by_instance ON places (account, instance_id);
CREATE INDEX places_by_job ON places (account, job_id, taken_at);
CREATE INDEX places_by_state ON places (account, state, id);
CREATE INDEX places_told_later ON places (account, job_id, not_before)
    WHERE not_before IS NOT NULL;
INSERT INTO schema_version VALUES (2, '2026-10-01T00:00:00.000000Z');
INSERT INTO definitions VALUES ('d1', '{"workflow":"steps: []"}');
INSERT INTO processes VALUES
    ('p1', 'HOST', 1, '0.1.0', '2026-11-01T12:00:00.000000Z', '2026-11-01T12:30:00.000000Z', 7, '');
INSERT INTO runs (id, workflow, "key", "trigger", definition, path, inputs, vars, institution,
        status, reason, error, attempt, requested_at, scheduled_at, started_at, held,
        cancel_requested_by, owner, epoch, format) VALUES
    ('RUN', 'withdraw', 'withdraw/manual/1', 'manual', 'd1', '', '{"x":1}', '{}', 'main',
     'waiting', 'job M157 runs', '', 1, '2026-11-01T12:00:00.000000Z',
     '2026-11-01T12:00:00.000000Z', '2026-11-01T12:00:00.000000Z', false, '', 'p1', 1, 1);
INSERT INTO journal (run_id, path, attempt, effect, state, value, request_hash, sends, created_at,
        changed_at, epoch) VALUES
    ('RUN', 'w', 1, 'submit', 'intent', '{"marker":"af-1"}', 'h', 1,
     '2026-11-01T12:00:00.000000Z', '2026-11-01T12:00:00.000000Z', 1);
INSERT INTO events (run_id, at, kind, path, text, data) VALUES
    ('RUN', '2026-11-01T12:00:00.000000Z', 'run', '', 'Began.', 'null');
INSERT INTO places (account, job_id, run_id, path, attempt, effect, marker, named, state, asked_at,
        refusals, taken_at, candidates) VALUES
    ('main', 'M157', 'RUN', 'w', 1, 'submit', 'af-1', true, 'taken',
     '2026-11-01T12:00:00.000000Z', 0, '2026-11-01T12:00:00.000000Z', '[]')
"""

WORDS = {
    "sqlite": {"[counted]": "INTEGER", "[never again]": "AUTOINCREMENT"},
    "postgres": {"[counted]": "BIGSERIAL", "[never again]": ""},
}


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, file: Path) -> Any:
    """The address of a store of version 2, of each kind in turn."""
    text = VERSION_2.replace("RUN", make_record().id).replace("HOST", HOST)
    for ours, theirs in WORDS[request.param].items():
        text = text.replace(ours, theirs)
    if request.param == "sqlite":
        fill(f"sqlite:///{file}", text)
        yield f"sqlite:///{file}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.new_database(empty=True) as url:
        fill(url, text)
        yield url


def fill(url: str, statements: str) -> None:
    with Rival(url).connection() as connection:
        for statement in statements.split(";\n"):
            connection.execute(statement)


@pytest.fixture
def new_url(request: pytest.FixtureRequest, store_url: str, tmp_path: Path) -> str:
    """The address of a new store of the same kind."""
    if store_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/new.db"
    return str(request.getfixturevalue("postgres_url"))


def test_a_store_of_version_2_comes_to_be_what_a_new_one_is(
    open_store: Opener, new_url: str
) -> None:
    assert shape(open_store()) == shape(open_store(new_url))


def test_a_store_of_version_2_keeps_its_runs_and_can_do_what_is_new(open_store: Opener) -> None:
    store = open_store()

    run = store.run(make_record().id)
    assert (run.status, run.inputs, run.owner) == (Status.WAITING, {"x": 1}, "p1")
    assert [entry.state for entry in store.journal(run.id)] == [EntryState.INTENT]
    assert [event.text for event in store.events(run.id)] == ["Began."]
    place = store.place(run.id, Spot("w", 1, "submit"))
    assert place is not None
    assert place.state is PlaceState.TAKEN
    leader = enter_leader(store)
    assert store.claim_run(run.id, leader).epoch == 2
    schedule = stand(store, leader)
    first, _ = lay(store, leader, schedule, 1, 2)
    started = store.start_tick(leader, first, {"workflow": "steps: []"}, make_record(2))
    assert started is not None
    assert store.tick_of_run(started.id) is not None
    assert len(store.open_ticks()) == 1
    store.pause("withdraw", by="eva")
    source = Source(path="a.yaml", workflow="withdraw", definition="d1", read_at=NOON)
    assert store.keep_source(leader, source, None) == replace(source, definition="d1")
    new = NewNotice(
        key="k", event="missed", workflow="", run_id=None, channel="log", title="", text=""
    )
    assert store.add_notices([new]) == 1


def test_a_store_of_version_2_without_anything_new_is_opened_twice(open_store: Opener) -> None:
    open_store()
    store = open_store()

    assert store.ticks() == []
    assert store.pauses(since=NOON - timedelta(days=1)) == []


def test_a_store_of_a_newer_version_is_left_alone(open_store: Opener, rival: Rival) -> None:
    open_store().close()
    rival.do("INSERT INTO schema_version VALUES (5, '2027-01-01T00:00:00.000000Z')")

    with pytest.raises(StoreNewer, match="its tables have version 5, this almaflow knows up to 4"):
        open_store()
