"""`store check` and `store migrate`, between two files in place of a file and a server."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from almaflow.cli.commands import store as store_command
from almaflow.clock import SystemClock
from almaflow.store import Store
from almaflow.store.health import Health
from tests.cli.conftest import Almaflow, Write

SETTINGS = """\
store: sqlite:///almaflow.db
institutions: {main: {region: eu, api_key: env:ALMA_KEY}}
"""


@pytest.fixture(autouse=True)
def settings(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALMA_KEY", "a-key-that-is-long-enough-to-hide")
    write("almaflow.yaml", SETTINGS)


def entered(folder: Path) -> Store:
    """Return the store, in which this process works."""
    store = Store.open(f"sqlite:///{folder / 'almaflow.db'}", clock=SystemClock())
    store.enter_process("shelf", os.getpid(), "0.1.0")
    return store


def left(folder: Path) -> None:
    """Make the store, in which nobody works any more."""
    with closing(Store.open(f"sqlite:///{folder / 'almaflow.db'}", clock=SystemClock())) as store:
        store.leave_process(store.enter_process("shelf", os.getpid(), "0.1.0").id)


@pytest.fixture
def into_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a second file for the server: `migrate_to` itself is tested with one."""
    url = f"sqlite:///{folder / 'new.db'}"

    def copy(self: Store, other: Store, *, dry_run: bool = False) -> Any:
        return self.contents()

    monkeypatch.setattr(store_command, "_target", lambda project, target: url)
    monkeypatch.setattr(Store, "migrate_to", copy)


def test_a_store_is_shown_table_by_table(almaflow: Almaflow, folder: Path) -> None:
    left(folder)

    checked = almaflow("store", "check")

    assert checked.code == 0
    assert checked.out.split("\n")[0].split() == ["TABLE", "ROWS", "HASH"]
    rows = [line.split() for line in checked.out.splitlines()]
    assert ["processes", "1"] in [row[:2] for row in rows]


@pytest.mark.parametrize("as_json", [False, True])
def test_each_fault_of_a_store_is_shown_and_it_ends_badly(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    left(folder)
    health = Health("here", True, 1, faults=("page 3 is torn", "page 4 is torn"))
    monkeypatch.setattr(store_command, "examine", lambda url: health)

    checked = almaflow("store", "check", *(["--json"] if as_json else []))

    assert checked.code == 1
    if as_json:
        assert checked.json["faults"] == list(health.faults)
    else:
        assert [fault in checked.err for fault in health.faults] == [True, True]


@pytest.mark.usefixtures("into_a_file")
def test_a_store_that_a_process_works_with_is_not_moved(almaflow: Almaflow, folder: Path) -> None:
    with closing(entered(folder)):
        moved = almaflow("store", "migrate", "env:NEW")

    assert moved.code == 2
    assert f"Process {os.getpid()} on shelf" in moved.err
    assert (folder / "almaflow.db").is_file()


@pytest.mark.usefixtures("into_a_file")
@pytest.mark.parametrize("source", [(), ("--from", "almaflow.db")])
def test_a_store_that_was_moved_is_put_aside_and_the_next_step_is_named(
    almaflow: Almaflow, folder: Path, source: tuple[str, ...]
) -> None:
    left(folder)

    moved = almaflow("store", "migrate", "env:NEW", *source)

    assert moved.code == 0
    assert "store: env:NEW" in moved.out + moved.err
    assert not (folder / "almaflow.db").exists()
    assert (folder / "almaflow.db.migrated").is_file()


@pytest.mark.usefixtures("into_a_file")
def test_a_store_that_was_moved_into_the_projects_needs_no_new_settings(
    almaflow: Almaflow, folder: Path
) -> None:
    left(folder)

    moved = almaflow("store", "migrate", "--from", "almaflow.db")

    assert moved.code == 0
    assert "store:" not in moved.out + moved.err


@pytest.mark.usefixtures("into_a_file")
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_move_is_reported_as_json(almaflow: Almaflow, folder: Path, dry_run: bool) -> None:
    left(folder)

    moved = almaflow("store", "migrate", "env:NEW", "--json", *(["--dry-run"] if dry_run else []))

    assert moved.code == 0
    assert moved.json["dry_run"] is dry_run
    assert moved.json["from"] == str(folder / "almaflow.db")
    assert moved.json["tables"]["processes"]["rows"] == 1
    assert (folder / "almaflow.db").is_file() is dry_run


@pytest.mark.usefixtures("into_a_file")
def test_a_dry_run_keeps_the_old_store(almaflow: Almaflow, folder: Path) -> None:
    left(folder)

    moved = almaflow("store", "migrate", "env:NEW", "--dry-run")

    assert moved.code == 0
    assert "--dry-run" in moved.out + moved.err
    assert (folder / "almaflow.db").is_file()


def test_an_address_whose_password_others_would_see_is_refused(
    almaflow: Almaflow, folder: Path
) -> None:
    left(folder)

    moved = almaflow("store", "migrate", "postgresql://eva:very-secret@127.0.0.1:1/d")

    assert moved.code == 2
    assert "env:NAME" in moved.err
    assert "very-secret" not in moved.err
