"""Stores that an earlier almaflow made, in the SQL that it made them with."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from almaflow.outcome import Status
from almaflow.store import EntryState, MarkerHabit, PlaceLimits, Spot, Store
from tests.store.conftest import HOST, NOON, make_record
from tests.store.others import shape

Opener = Callable[..., Store]

VERSION_1 = """
CREATE TABLE schema_version (
    version INTEGER NOT NULL, applied_at VARCHAR(27) NOT NULL, PRIMARY KEY (version)
);
CREATE TABLE definitions (
    hash VARCHAR(64) NOT NULL, content TEXT NOT NULL, PRIMARY KEY (hash)
);
CREATE TABLE processes (
    id VARCHAR(32) NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL, version TEXT NOT NULL,
    entered_at VARCHAR(27) NOT NULL, left_at VARCHAR(27), PRIMARY KEY (id)
);
CREATE TABLE runs (
    number INTEGER NOT NULL, id TEXT NOT NULL, workflow TEXT NOT NULL, "key" TEXT NOT NULL,
    "trigger" TEXT NOT NULL, definition VARCHAR(64) NOT NULL, path TEXT NOT NULL,
    inputs TEXT NOT NULL, vars TEXT NOT NULL, institution TEXT NOT NULL,
    status VARCHAR(20) NOT NULL, reason TEXT NOT NULL, outcome VARCHAR(20), error TEXT NOT NULL,
    outputs TEXT, attempt INTEGER NOT NULL, requested_at VARCHAR(27) NOT NULL,
    scheduled_at VARCHAR(27) NOT NULL, started_at VARCHAR(27), ended_at VARCHAR(27),
    deadline_at VARCHAR(27), held BOOLEAN NOT NULL, cancel_requested_at VARCHAR(27),
    cancel_requested_by TEXT NOT NULL, owner VARCHAR(32), epoch INTEGER NOT NULL,
    format INTEGER NOT NULL,
    PRIMARY KEY (number), UNIQUE (id), UNIQUE ("key"),
    FOREIGN KEY(definition) REFERENCES definitions (hash),
    FOREIGN KEY(owner) REFERENCES processes (id)
);
CREATE INDEX runs_by_workflow ON runs (workflow, number);
CREATE INDEX runs_by_status ON runs (status, number);
CREATE INDEX runs_by_cancel ON runs (cancel_requested_at) WHERE cancel_requested_at IS NOT NULL;
CREATE TABLE journal (
    id INTEGER NOT NULL, run_id TEXT NOT NULL, path TEXT NOT NULL, attempt INTEGER NOT NULL,
    effect TEXT NOT NULL, state VARCHAR(20) NOT NULL, value TEXT NOT NULL,
    request_hash TEXT NOT NULL, sends INTEGER NOT NULL, created_at VARCHAR(27) NOT NULL,
    changed_at VARCHAR(27) NOT NULL, epoch INTEGER NOT NULL,
    PRIMARY KEY (id), UNIQUE (run_id, path, attempt, effect),
    FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE events (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL,
    at VARCHAR(27) NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL, text TEXT NOT NULL,
    data TEXT NOT NULL, FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE INDEX events_by_run ON events (run_id, id);
INSERT INTO schema_version VALUES (1, '2026-10-01T00:00:00.000000Z');
INSERT INTO definitions VALUES ('d1', '{"workflow":"steps: []"}');
INSERT INTO processes VALUES
    ('p1', 'HOST', 1, '0.1.0', '2026-11-01T12:00:00.000000Z', NULL),
    ('p2', 'HOST', 2, '0.1.0', '2026-11-01T11:00:00.000000Z', '2026-11-01T11:30:00.000000Z');
INSERT INTO runs VALUES
    (1, 'RUN', 'withdraw', 'withdraw/manual/1', 'manual', 'd1', '', '{"x":1}', '{}', 'main',
     'waiting', 'job M157 runs', NULL, '', NULL, 1, '2026-11-01T12:00:00.000000Z',
     '2026-11-01T12:00:00.000000Z', '2026-11-01T12:00:00.000000Z', NULL,
     '2026-11-01T20:00:00.000000Z', 0, NULL, '', 'p1', 1, 1);
INSERT INTO journal VALUES
    (1, 'RUN', 'w', 1, 'submit', 'intent', '{"marker":"af-1"}', 'h', 1,
     '2026-11-01T12:00:00.000000Z', '2026-11-01T12:00:00.000000Z', 1);
INSERT INTO events VALUES (1, 'RUN', '2026-11-01T12:00:00.000000Z', 'run', '', 'Began.', 'null');
"""


@pytest.fixture
def store_url(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.fixture
def old(file: Path) -> sqlite3.Connection:
    """A store of version 1 whose process was killed while an answer of Alma was under way."""
    connection = sqlite3.connect(file, isolation_level=None)
    text = VERSION_1.replace("RUN", make_record().id).replace("HOST", HOST)
    connection.executescript("PRAGMA journal_mode = WAL; BEGIN;" + text + "COMMIT;")
    return connection


def end(number: int, value: str, effect: str = "end") -> str:
    """Return the statement that records an end of a step, as version 1 did."""
    return (
        f"INSERT INTO journal VALUES ({number}, '{make_record().id}', 's{number}', 1,"
        f" '{effect}', 'done', '{value}', '', 0, '2026-11-01T12:00:00.000000Z',"
        " '2026-11-01T12:30:00.000000Z', 1)"
    )


def learned(job_id: str, seconds: float) -> str:
    return (
        '{"outcome":"succeeded","learned":{"institution":"main",'
        f'"job_id":"{job_id}","seconds":{seconds}}}}}'
    )


def test_a_store_of_version_1_keeps_its_runs_and_can_do_what_is_new(
    old: sqlite3.Connection, open_store: Opener, file: Path
) -> None:
    old.close()

    store = open_store()

    run = store.run(make_record().id)
    assert (run.status, run.inputs, run.owner) == (Status.WAITING, {"x": 1}, "p1")
    assert run.deadline_at == NOON + timedelta(hours=8)
    assert [entry.state for entry in store.journal(run.id)] == [EntryState.INTENT]
    assert [event.text for event in store.events(run.id)] == ["Began."]
    # Nothing tells that its process has died.
    mine = store.enter_process(HOST, 3, "0.2.0")
    assert store.orphans(mine.id) == []
    store.leave_process("p1")
    claim = store.claim_run(run.id, mine.id)
    spot = Spot("w", 1, "submit")
    store.ask_place(claim, spot, "main", "M157", None, "af-1", True)
    store.take_place(claim, spot, PlaceLimits(3, 5))
    store.add_answer(run.id, "w", "resolve", {}, "eva")
    store.note_habit("main", "M157", MarkerHabit(kept=40))
    store.add_duration("main", "M157", 60)
    assert store.learned_durations() == [{"institution": "main", "job_id": "M157", "seconds": 60.0}]


def test_a_process_of_version_1_that_was_killed_is_found_dead_by_its_lock(
    old: sqlite3.Connection, open_store: Opener, file: Path
) -> None:
    old.close()
    locks = file.with_name(f"{file.name}.locks")
    locks.mkdir()
    (locks / "p1.lock").touch()

    store = open_store()

    mine = store.enter_process(HOST, 3, "0.2.0")
    process = store.process("p2")
    assert process is not None
    assert process.lock_file == ""
    assert store.orphans(mine.id) == [make_record().id]


def test_what_version_1_learned_of_durations_is_known(
    old: sqlite3.Connection, open_store: Opener
) -> None:
    for number in range(2, 27):
        old.execute(end(number, learned("M44", number)))
    old.execute(end(30, learned("M48", 7.5)))
    old.execute(end(31, '{"outcome":"failed","learned":null}'))
    old.execute(end(32, '{"facts":{"learned":{"of":"a person"}},"learned":null}'))
    old.execute(end(33, learned("M99", 1), "begin"))
    old.close()

    store = open_store()

    told = [(one["job_id"], one["seconds"]) for one in store.learned_durations()]
    assert told == [("M44", float(number)) for number in range(7, 27)] + [("M48", 7.5)]


def test_a_store_in_memory_begins_with_the_newest_tables(open_store: Opener) -> None:
    assert open_store("sqlite://").learned_durations() == []


def test_an_old_store_comes_to_be_what_a_new_one_is(
    old: sqlite3.Connection, open_store: Opener, tmp_path: Path
) -> None:
    old.close()
    new = open_store(f"sqlite:///{tmp_path}/new.db")

    brought = open_store()

    assert shape(brought) == shape(new)
    with brought._database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_a_migration_that_is_cut_off_is_done_again_from_the_start(
    old: sqlite3.Connection, open_store: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    old.execute(end(2, learned("M44", 5)))
    old.close()

    def crash(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("almaflow.store.migrations._copy_durations", crash)
    with pytest.raises(ZeroDivisionError):
        open_store()
    monkeypatch.undo()

    assert len(open_store().learned_durations()) == 1
