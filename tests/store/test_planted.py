"""A store that others can write, or have put there for us to find, is not used."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from almaflow import ownership
from almaflow.ownership import TRUSTED
from almaflow.store.database import Database
from almaflow.store.errors import StoreNotTrusted, StoreUnreachable
from almaflow.store.health import examine

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners are POSIX's")

NOW = datetime(2026, 11, 1, tzinfo=UTC)

OTHER = 54321


@pytest.fixture
def store(tmp_path: Path) -> Path:
    file = tmp_path / ".almaflow" / "almaflow.db"
    Database.open(f"sqlite:///{file}", NOW).close()
    return file


@pytest.fixture
def owned(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Return what lets a path belong to another user."""
    others: set[Path] = set()
    whole = os.lstat

    def lstat(path: Path, **options: Any) -> Any:
        found = whole(path, **options)
        if Path(path) not in others:
            return found
        return SimpleNamespace(st_uid=OTHER, st_gid=OTHER, st_mode=found.st_mode)

    def distrust(path: Path, *, alone: bool = False) -> str:
        return ownership.distrust(path, lstat, alone=alone)

    monkeypatch.setattr("almaflow.store.location.distrust", distrust)
    return others.add


def refused(store: Path) -> str:
    """Return why the store is not used, whoever asks."""
    with pytest.raises(StoreNotTrusted) as error:
        Database.open(f"sqlite:///{store}", NOW)
    with pytest.raises(StoreNotTrusted):
        examine(f"sqlite:///{store}")
    assert error.value.exit_code == 1
    return str(error.value)


def test_a_store_is_made_for_its_owner_alone_and_then_used(store: Path) -> None:
    for path, mode in ((store, 0o600), (store.parent, 0o700), (Path(f"{store}.locks"), 0o700)):
        assert stat.S_IMODE(path.stat().st_mode) == mode

    Database.open(f"sqlite:///{store}", NOW).close()


@pytest.mark.parametrize(
    ("part", "make"),
    [
        ("", os.mkfifo),
        ("", os.mkdir),
        ("-wal", os.mkfifo),
        ("-journal", os.mkdir),
        (".locks", os.mkfifo),
        (".locks", Path.touch),
    ],
)
def test_what_is_not_a_file_or_a_folder_is_named_and_not_waited_for(
    store: Path, part: str, make: Callable[[Path], None]
) -> None:
    path = Path(f"{store}{part}")
    if path.exists():
        path.rename(path.with_name("before"))
    make(path)

    with pytest.raises(StoreUnreachable) as error:
        examine(f"sqlite:///{store}")
    with pytest.raises(StoreUnreachable):
        Database.open(f"sqlite:///{store}", NOW)

    assert str(path) in str(error.value)


def test_a_folder_that_keeps_us_out_is_the_store_s_trouble(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stat(path: Path, **options: Any) -> Any:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "stat", stat)

    with pytest.raises(StoreUnreachable, match="Permission denied"):
        examine(f"sqlite:///{store}")
    with pytest.raises(StoreUnreachable, match="Permission denied"):
        Database.open(f"sqlite:///{store}", NOW)


def test_a_name_that_is_too_long_is_the_store_s_trouble(tmp_path: Path) -> None:
    with pytest.raises(StoreUnreachable):
        Database.open(f"sqlite:///{tmp_path}/{'a' * 5_000}.db", NOW)


@pytest.mark.parametrize("part", ["", ".locks", "folder"])
def test_no_part_of_a_store_may_be_writable_for_everybody(store: Path, part: str) -> None:
    path = store.parent if part == "folder" else Path(f"{store}{part}")
    path.chmod(0o777 if path.is_dir() else 0o666)

    why = refused(store)

    assert f"chmod o-w {path}" in why
    assert TRUSTED in why


@pytest.mark.parametrize("part", ["", ".locks", "folder"])
def test_no_part_of_a_store_may_belong_to_another_user(
    store: Path, owned: Callable[[Path], None], part: str
) -> None:
    owned(store.parent if part == "folder" else Path(f"{store}{part}"))

    assert f"another user, {OTHER}" in refused(store)


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_a_link_of_another_user_is_not_followed_and_one_of_ours_is(
    tmp_path: Path, store: Path, owned: Callable[[Path], None], linked: str
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    if linked == "file":
        link = named = here / "runs.db"
        link.symlink_to(store)
    else:
        link, named = here / ".almaflow", here / ".almaflow" / store.name
        link.symlink_to(store.parent)
    Database.open(f"sqlite:///{named}", NOW).close()

    owned(link)

    assert f"{link} belongs to another user" in refused(named)


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_no_log_beside_a_store_may_belong_to_another_user(
    store: Path, owned: Callable[[Path], None], end: str
) -> None:
    log = Path(f"{store}{end}")
    log.touch(0o644)
    owned(log)

    assert f"{log} belongs to another user" in refused(store)


def test_a_planted_store_is_left_as_it_is(store: Path) -> None:
    planted = store.with_name("planted.db")
    planted.touch()
    planted.chmod(0o666)

    refused(planted)

    assert planted.stat().st_size == 0
    assert stat.S_IMODE(planted.stat().st_mode) == 0o666


def test_a_store_in_a_folder_that_is_trusted_by_name_is_used(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.chmod(0o666)
    monkeypatch.setenv(TRUSTED, str(store.parent))

    Database.open(f"sqlite:///{store}", NOW).close()
