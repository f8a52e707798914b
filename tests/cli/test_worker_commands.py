"""`worker`, `workers` and `store`: what they say to those who share nothing yet."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from almaflow.clock import SystemClock
from almaflow.store import Store
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
