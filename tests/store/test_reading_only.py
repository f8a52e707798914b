"""A store that cannot be written: it can be read, and writing says what is in the way."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from almaflow.store import (
    EntryState,
    Store,
    StoreFull,
    StoreReadOnly,
    StoreTrouble,
    StoreUnreachable,
)
from almaflow.store import database as database_module
from almaflow.store.location import StoreLocation
from tests.store.conftest import ManualClock, claimed


def refusing(number: int) -> Callable[[StoreLocation], None]:
    """Return what prepares a store where the system refuses to write."""

    def prepare(location: StoreLocation) -> None:
        from almaflow.store.location import refusal

        raise refusal(location, OSError(number, os.strerror(number), str(location.file)))

    return prepare


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with a run whose process died, closed."""
    url = f"sqlite:///{tmp_path}/store.db"
    store = Store.open(url, clock=ManualClock())
    claim = claimed(store)
    store.record(claim, "w", 1, "submit", EntryState.INTENT)
    store.close()
    return url


@pytest.mark.parametrize(
    ("number", "trouble"),
    [
        (errno.EROFS, StoreReadOnly),
        (errno.EACCES, StoreUnreachable),
        (errno.ENOSPC, StoreFull),
        (errno.EDQUOT, StoreFull),
    ],
)
def test_a_store_that_cannot_be_written_is_read(
    url: str, monkeypatch: pytest.MonkeyPatch, number: int, trouble: type[StoreTrouble]
) -> None:
    monkeypatch.setattr(database_module, "prepare", refusing(number))

    store = Store.open(url, clock=ManualClock())

    try:
        [record] = store.runs()
        assert [entry.effect for entry in store.journal(record.id)] == ["submit"]
        assert record.owner is not None
        owner = store.process(record.owner)
        assert owner is not None
        assert owner.left_at is not None
        for _ in range(2):
            with pytest.raises(trouble):
                store.ask_cancel(record.id, "anna")
        with pytest.raises(StoreTrouble):
            store.enter_process("here", 1, "0")
    finally:
        store.close()


@pytest.mark.parametrize("content", [b"", b"no database" * 100])
def test_a_file_without_tables_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    file = tmp_path / "store.db"
    file.write_bytes(content)
    monkeypatch.setattr(database_module, "prepare", refusing(errno.EROFS))

    with pytest.raises(StoreReadOnly):
        Store.open(f"sqlite:///{file}", clock=ManualClock())


def test_changes_that_are_still_in_the_log_are_read_too(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "prepare", refusing(errno.EROFS))
    database = sqlite3.connect(tmp_path / "store.db")
    database.execute("PRAGMA journal_mode = WAL").close()
    database.execute("UPDATE runs SET cancel_requested_by = 'from the log'").close()
    database.commit()

    store = Store.open(url, clock=ManualClock())

    assert [record.cancel_requested_by for record in store.runs()] == ["from the log"]
    store.close()
    database.close()


def test_where_no_file_can_be_made_beside_it_the_store_is_read_as_it_is(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "prepare", refusing(errno.EROFS))
    connect = sqlite3.connect

    def without_files_beside(address: str, **options: object) -> sqlite3.Connection:
        if "mode=ro" in address:
            raise sqlite3.OperationalError("unable to open database file")
        return connect(address, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(sqlite3, "connect", without_files_beside)

    store = Store.open(url, clock=ManualClock())

    assert len(store.runs()) == 1
    store.close()


LIMITED = """
import resource, sys
from almaflow.__main__ import main
resource.setrlimit({limit}, ({value}, resource.getrlimit({limit})[1]))
sys.argv = ["almaflow", *sys.argv[1:]]
sys.exit(main())
"""


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX's limits")
@pytest.mark.parametrize(
    ("limit", "value"), [("resource.RLIMIT_FSIZE", 16384), ("resource.RLIMIT_NOFILE", 4)]
)
def test_limits_of_the_system_end_a_first_run_with_a_sentence(
    tmp_path: Path, limit: str, value: int
) -> None:
    (tmp_path / "w.yaml").write_text("steps: [{notify: a}]\n", encoding="utf-8")
    (tmp_path / "almaflow.yaml").write_text(
        'default_institution: m\ninstitutions: {m: {region: eu, api_key: "env:KEY_FOR_LIMITS"}}\n',
        encoding="utf-8",
    )
    root = Path(__file__).parent.parent.parent

    done = subprocess.run(
        # With a limit of the size of files Python would cut off what it keeps of modules.
        [sys.executable, "-B", "-c", LIMITED.format(limit=limit, value=value), "run", "w.yaml"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root), "KEY_FOR_LIMITS": "a-key-of-the-tests"},
        timeout=60,
        check=False,
    )

    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
