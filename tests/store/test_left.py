"""Whatever a store opens, it closes: fifty of each leave no thread, socket or file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import anyio
import pytest

from almaflow.errors import StoreError
from almaflow.store import Store, StoreReadOnly
from almaflow.store.database import Database
from almaflow.store.health import examine
from almaflow.store.writer import StoreWriter
from tests.store.conftest import HOST, ManualClock, make_record
from tests.test_nothing_left import FIFTY, nothing_is_left


def _use(url: str, number: int) -> None:
    """Be a process that opens the store and does a little of everything."""
    with closing(Store.open(url, clock=ManualClock())) as store:

        async def work() -> None:
            with closing(StoreWriter(store)) as writer:
                process = await writer.call(store.enter_process, HOST, number, "0.1.0")
                await writer.call(store.add_run, {}, make_record(number))
                claim = await writer.call(store.claim_run, make_record(number).id, process.id)
                await writer.call(store.release_run, claim, False)
                await writer.call(store.leave_process, process.id)

        anyio.run(work)
        assert len(store.runs()) == number


def test_stores_that_are_used_and_closed_leave_nothing(store_url: str) -> None:
    _use(store_url, 1)

    with nothing_is_left():
        for number in range(2, FIFTY + 2):
            _use(store_url, number)


def test_stores_in_memory_leave_nothing() -> None:
    with nothing_is_left():
        for _ in range(FIFTY):
            _use("sqlite://", 1)


def test_a_store_that_is_closed_without_leaving_leaves_nothing(store_url: str) -> None:
    with nothing_is_left():
        for number in range(FIFTY):
            with closing(Store.open(store_url, clock=ManualClock())) as store:
                store.enter_process(HOST, number, "0.1.0")


def _damage(file: Path) -> None:
    file.write_text("This is a letter, and not a database." * 100, encoding="utf-8")


def _belong_to_a_newer_almaflow(file: Path) -> None:
    Store.open(f"sqlite:///{file}", clock=ManualClock()).close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE store_version SET version = 999")
        connection.commit()


@pytest.mark.parametrize("spoil", [_damage, _belong_to_a_newer_almaflow])
@pytest.mark.parametrize("read_only", [False, True])
def test_stores_that_cannot_be_opened_leave_nothing(
    spoil: Callable[[Path], None], read_only: bool, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(file)
    if read_only:
        refused = StoreReadOnly("The store cannot be written.", "Check the disk")

        def refuse(*_: object) -> Database:
            raise refused

        monkeypatch.setattr(Database, "_open_to_write", refuse)

    with nothing_is_left():
        for _ in range(FIFTY):
            with pytest.raises(StoreError):
                Store.open(f"sqlite:///{file}", clock=ManualClock())


def test_examining_and_copying_stores_leaves_nothing(file: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{file}"
    _use(url, 1)
    damaged = tmp_path / "damaged.db"
    _damage(damaged)

    with nothing_is_left():
        for number in range(FIFTY):
            examine(url)
            with suppress(StoreError):
                examine(f"sqlite:///{damaged}")
            with closing(Store.open(url, clock=ManualClock())) as store:
                store.backup(tmp_path / f"copy-{number}.db")
