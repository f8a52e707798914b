"""`store`, `worker` and `workers`: two files stand in place of a file and a server."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from almaflow.cli import shared_store
from almaflow.cli.commands import store as store_command
from almaflow.cli.shared_store import info_of, refuse_other_project
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.settings import find_project
from almaflow.store import ProcessInfo, Store
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


# --- what is said to those who share nothing yet --------------------------------------------------


def test_a_worker_needs_a_store_in_postgresql(almaflow: Almaflow) -> None:
    typed = almaflow("worker")

    assert typed.code == 2
    assert "PostgreSQL" in typed.err
    assert "almaflow serve" in typed.err


def test_a_worker_refuses_a_log_format_that_there_is_not(almaflow: Almaflow) -> None:
    typed = almaflow("worker", "--log-format", "xml")

    assert typed.code == 2
    assert "xml" in typed.err


def test_a_worker_takes_only_institutions_that_there_are(almaflow: Almaflow) -> None:
    typed = almaflow("worker", "--queues", "mian")

    assert typed.code == 2
    assert "did you mean `main`" in typed.err


def test_a_worker_says_how_several_institutions_are_chosen(
    almaflow: Almaflow, write: Write
) -> None:
    here = "{region: eu, api_key: env:ALMA_KEY}"
    write("almaflow.yaml", f"institutions: {{main: {here}, law: {here}}}\n")

    together = almaflow("worker", "--queues", "main, law")
    nothing = almaflow("worker", "--queues", "")

    assert (together.code, nothing.code) == (2, 2)
    assert "`--queues main --queues law`" in together.err
    assert "`main`, `law`" in nothing.err


@pytest.mark.parametrize("number", ["0", "-1", "100001", "many"])
def test_a_worker_refuses_a_concurrency_that_it_cannot_have(
    almaflow: Almaflow, number: str
) -> None:
    typed = almaflow("worker", "--concurrency", number)

    assert (typed.code, typed.err.count("\n")) == (2, 1)
    assert "--concurrency" in typed.err


def test_serve_without_a_worker_needs_a_store_in_postgresql(
    almaflow: Almaflow, folder: Path
) -> None:
    (folder / "workflows").mkdir()

    typed = almaflow("serve", "--no-worker")

    assert typed.code == 2
    assert "--no-worker" in typed.err


def test_a_unit_of_a_worker_needs_a_store_in_postgresql(almaflow: Almaflow) -> None:
    assert almaflow("install-service", "--worker").code == 2


def test_workers_lists_the_processes_of_the_store(almaflow: Almaflow, folder: Path) -> None:
    assert "No process" in almaflow("workers").out
    with closing(entered(folder)):
        shown = almaflow("workers", "--json")

    assert [(it["host"], it["state"], it["runs"]) for it in shown.json] == [("shelf", "lives", [])]


def test_workers_shows_names_and_queues(almaflow: Almaflow, folder: Path) -> None:
    info = ProcessInfo("night-1", ("main", "other"))
    with closing(Store.open(f"sqlite:///{folder / 'almaflow.db'}", clock=SystemClock())) as store:
        store.enter_process("shelf", os.getpid(), "0.1.0", info.to_json())
        shown, listed = almaflow("workers").out, almaflow("workers", "--json").json

    assert "night-1" in shown
    assert "main, other" in shown
    assert (listed[0]["name"], listed[0]["queues"]) == ("night-1", ["main", "other"])


@pytest.mark.parametrize("name", ["night\n1", "\x1b[31m", "n" * 61, "", "  "])
def test_a_worker_refuses_a_name_that_no_table_can_show(almaflow: Almaflow, name: str) -> None:
    typed = almaflow("worker", "--name", name)

    assert typed.code == 2
    assert "--name" in typed.err


def another_project(folder: Path, address: str) -> Store:
    """Return the store, in which a process works for whom `main` is at *address*."""
    store = Store.open(f"sqlite:///{folder / 'almaflow.db'}", clock=SystemClock())
    info = ProcessInfo("serve", addresses={"main": address})
    store.enter_process("shelf", os.getpid(), "0.1.0", info.to_json())
    return store


def test_a_store_is_not_shared_with_a_project_that_means_another_alma(folder: Path) -> None:
    info = info_of(find_project(folder), "worker", ["main"])
    with closing(another_project(folder, info.addresses["main"])) as store:
        refuse_other_project(store, info)
    with (
        closing(another_project(folder, "https://sandbox.example.edu")) as store,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(shared_store, "run_interruptible", lambda wait: None)
        with pytest.raises(RequestWrong, match=r"sandbox\.example\.edu"):
            refuse_other_project(store, info)


def test_a_store_is_checked_table_by_table(almaflow: Almaflow, folder: Path) -> None:
    assert almaflow("store", "check").code == 2
    entered(folder).close()

    checked = almaflow("store", "check", "--json")

    assert checked.code == 0
    assert checked.json["tables"]["processes"]["rows"] == 1


@pytest.mark.parametrize(
    ("target", "word"),
    [
        ("sqlite:///other.db", "PostgreSQL"),
        ("postgresql://user:secret@host/database", "env:NAME"),
        ("env:NOT_SET", "NOT_SET"),
        ("env:", "postgresql://"),
        ("nonsense", "postgresql://"),
    ],
)
def test_a_store_is_not_moved_to_where_it_cannot_be(
    almaflow: Almaflow, folder: Path, target: str, word: str
) -> None:
    entered(folder).close()

    typed = almaflow("store", "migrate", target)

    assert typed.code == 2
    assert word in typed.err
    assert "secret" not in typed.err
    assert (folder / "almaflow.db").is_file()


def test_a_store_that_is_moved_or_never_was_is_not_moved(almaflow: Almaflow, folder: Path) -> None:
    (folder / "was.db.migrated").touch()

    before = almaflow("store", "migrate", "postgresql://u@127.0.0.1:1/d", "--from", "was.db")
    never = almaflow("store", "migrate", "postgresql://u@127.0.0.1:1/d", "--from", "never.db")

    assert (before.code, never.code) == (2, 2)
    assert "was.db.migrated" in before.err
    assert "migrated" not in never.err


def test_a_store_is_moved_into_the_projects_only_when_that_is_in_postgresql(
    almaflow: Almaflow, folder: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered(folder).close()

    nowhere = almaflow("store", "migrate", "--from", "almaflow.db")
    monkeypatch.setenv("STORE", "postgresql://eva:very-secret@127.0.0.1:1/d")
    write("almaflow.yaml", SETTINGS.replace("sqlite:///almaflow.db", "env:STORE"))
    wrong_way = almaflow("store", "migrate", "env:STORE")
    unreachable = almaflow("store", "migrate", "--from", "almaflow.db")

    assert (nowhere.code, wrong_way.code, unreachable.code) == (2, 2, 1)
    assert "--from FILE" in wrong_way.err
    assert "very-secret" not in wrong_way.err + unreachable.err
    assert (folder / "almaflow.db").is_file()
