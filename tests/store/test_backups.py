"""Copies of a store that is in use."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from almaflow.errors import StoreError
from almaflow.store import Store, StoreFull
from tests.store.conftest import ManualClock, make_record
from tests.store.others import Rival


@pytest.fixture
def store_url(file: Path) -> str:
    """The address of a new store in a file."""
    return f"sqlite:///{file}"


def test_a_copy_is_a_store_of_its_own_for_its_owner_only(
    store: Store, tmp_path: Path, open_store: Callable[..., Store]
) -> None:
    run = store.add_run({"workflow": "steps: []"}, make_record(1))

    store.backup(tmp_path / "copy.db")
    store.add_run({}, make_record(2))

    copy = tmp_path / "copy.db"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir() if "copy" in path.name) == ["copy.db"]
    again = open_store(f"sqlite:///{copy}")
    assert again.runs() == [run]


def test_a_copy_is_made_while_another_process_is_in_the_middle_of_writing(
    store: Store, rival: Rival, tmp_path: Path, open_store: Callable[..., Store]
) -> None:
    run = store.add_run({}, make_record(1))

    with rival.writing():
        store.backup(tmp_path / "copy.db")

    assert open_store(f"sqlite:///{tmp_path}/copy.db").runs() == [run]


def test_a_copy_never_takes_the_place_of_anything(store: Store, tmp_path: Path) -> None:
    there, link = tmp_path / "there.db", tmp_path / "link.db"
    there.write_text("mine")
    link.symlink_to(tmp_path / "nowhere")

    for path in (there, link):
        with pytest.raises(StoreError, match="is there already"):
            store.backup(path)

    assert there.read_text() == "mine"


def test_a_file_that_comes_meanwhile_is_left_alone(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "copy.db"
    link = os.link

    def at_the_last_moment(source: Path, path: Path) -> None:
        target.write_text("theirs")
        link(source, path)

    monkeypatch.setattr(os, "link", at_the_last_moment)

    with pytest.raises(StoreError, match="is there already"):
        store.backup(target)

    assert target.read_text() == "theirs"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".copy")]


def test_a_folder_that_is_not_there_is_told(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written: No such file or directory"):
        store.backup(tmp_path / "missing" / "copy.db")


@pytest.mark.parametrize(
    ("code", "kind"), [(sqlite3.SQLITE_FULL, StoreFull), (sqlite3.SQLITE_IOERR, StoreError)]
)
def test_a_disk_that_refuses_leaves_nothing_behind(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception]
) -> None:
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect

    def refusing(database: Any, **options: Any) -> sqlite3.Connection:
        if options.get("uri"):
            return connect(database, **options)
        error = sqlite3.OperationalError("the disk says no")
        error.sqlite_errorcode = code
        raise error

    monkeypatch.setattr(sqlite3, "connect", refusing)

    with pytest.raises(kind, match="could not be copied"):
        store.backup(tmp_path / "copy.db")

    assert not [path for path in tmp_path.iterdir() if "copy" in path.name]


def test_a_store_that_is_no_file_has_no_copy(
    tmp_path: Path, open_store: Callable[..., Store], clock: ManualClock
) -> None:
    with pytest.raises(StoreError, match="in memory cannot be copied"):
        open_store("sqlite://").backup(tmp_path / "copy.db")


def test_a_server_has_its_own_tool(
    tmp_path: Path, open_store: Callable[..., Store], postgres_url: str
) -> None:
    with pytest.raises(StoreError, match="pg_dump --format=custom"):
        open_store(postgres_url).backup(tmp_path / "copy.db")
