"""A store that refuses while a run goes: a clear error, nothing half-written, a run to resume."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.store import EntryState, Store, StoreFull, StoreLocked
from tests import harness
from tests.harness import Process, Stage

SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
WORKFLOW = """
steps:
  - wait: 10m
  - {id: x, submit_job: {job: M901, set: '59317390720001276'}}
"""


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage whose store does not wait long for others."""
    monkeypatch.setattr(harness, "LOOK", timedelta(hours=1))
    stage = Stage(tmp_path, {"sets": [SET]}, durable=True)
    open_store = stage.open_store
    short = timedelta(milliseconds=20)
    monkeypatch.setattr(stage, "open_store", lambda: open_store(busy_timeout=short))
    return stage


@contextmanager
def locked(stage: Stage) -> Iterator[None]:
    """Be a program that holds the store's file."""
    other = sqlite3.connect(stage.store_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@pytest.mark.slow  # it waits in real time until a lock is given up
def test_a_store_that_somebody_locks_ends_the_process_and_not_the_run(stage: Stage) -> None:
    holder = locked(stage)

    async def hold(process: Process) -> None:
        await process.wait(minutes=5)
        holder.__enter__()

    with pytest.raises(StoreLocked, match="is locked: another process holds it"):
        stage.run(WORKFLOW, beside=hold)
    assert stage.sent("submit") == 0
    holder.__exit__(None, None, None)

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert len(stage.submissions) == 1


def test_a_full_disk_ends_the_process_and_not_the_run(stage: Stage) -> None:
    async def fill(process: Process) -> None:
        await process.wait(minutes=5)
        connection = process.store._database._connection
        assert connection is not None
        driver = connection.driver
        (pages,) = driver.execute("PRAGMA page_count").fetchone()
        driver.execute(f"PRAGMA max_page_count = {pages}").close()
        driver.execute("PRAGMA cache_size = 1").close()

    with pytest.raises(StoreFull, match="There is no room for the store"):
        stage.run(f"vars: {{long: {'x' * 50_000}}}" + BIG, beside=fill)

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert played.said().count("x" * 50_000) == 1


BIG = """
steps:
  - wait: 10m
  - stop: "{{ vars.long }}"
"""


@pytest.mark.parametrize("effect", ["begin", "job", "submit", "end"])
def test_a_refused_record_is_no_end_of_the_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, effect: str
) -> None:
    record, record_progress = Store.record, Store.record_progress

    def refuse(
        store: Store, claim: Any, path: str, attempt: int, what: str, *more: Any, **kw: Any
    ) -> Any:
        if (path, what) == ("x", effect):
            raise StoreFull("There is no room.")
        return record(store, claim, path, attempt, what, *more, **kw)

    def refuse_progress(store: Store, claim: Any, status: Any, entries: Any, lines: Any) -> Any:
        if any((entry.path, entry.effect) == ("x", effect) for entry in entries):
            raise StoreFull("There is no room.")
        return record_progress(store, claim, status, entries, lines)

    with monkeypatch.context() as refusing:
        refusing.setattr(Store, "record", refuse)
        refusing.setattr(Store, "record_progress", refuse_progress)
        with pytest.raises(StoreFull):
            stage.run(WORKFLOW)
    assert stage.sent("submit") == (effect == "end")

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert len(stage.submissions) == 1


def test_an_answer_that_could_not_be_recorded_is_looked_for_by_the_next_process(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Store.record

    def refuse(store: Store, *place: Any, **more: Any) -> Any:
        if place[3] == "submit" and place[4] is EntryState.DONE:
            raise StoreFull("There is no room.")
        return record(store, *place, **more)

    monkeypatch.setattr(Store, "record", refuse)
    with pytest.raises(StoreFull):
        stage.run(WORKFLOW)
    monkeypatch.setattr(Store, "record", record)

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert played.entry("x", "submit").value["found"]
    assert (stage.sent("submit"), len(stage.submissions)) == (1, 1)


def test_a_process_that_cannot_say_that_it_leaves_has_done_its_work(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise StoreLocked("The store is locked.")

    monkeypatch.setattr(Store, "leave_process", refuse)

    played = stage.run("steps: [{notify: a}]")

    assert played.outcome == "succeeded"
