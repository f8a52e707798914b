"""What a check reads is known afterwards, or known to be unknown."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from almaflow.checked_before import folder_tree
from almaflow.checked_before.folder_tree import is_below, tree_of
from almaflow.checked_before.reading import digest_of, watched
from almaflow.checked_before.surroundings import key_of

READERS: list[Callable[[Path], object]] = [
    lambda path: path.read_text("utf-8"),
    lambda path: path.read_bytes(),
    lambda path: os.close(os.open(path, os.O_RDONLY)),
    lambda path: open(os.fsencode(path), "rb").close(),
    lambda path: open(os.path.relpath(path), encoding="utf-8").close(),
]


@pytest.mark.parametrize("read", READERS)
def test_each_way_to_read_a_file_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "a.txt"
    file.write_text("a", encoding="utf-8")

    with watched() as reading:
        read(file)

    assert reading.files == {str(file): digest_of(str(file))}
    assert reading.is_complete


def test_a_file_that_is_not_there_is_noted_as_well(tmp_path: Path) -> None:
    with watched() as reading, pytest.raises(FileNotFoundError):
        (tmp_path / "a.txt").read_bytes()

    before = reading.files[str(tmp_path / "a.txt")]
    (tmp_path / "a.txt").touch()
    assert digest_of(str(tmp_path / "a.txt")) != before


def test_folders_that_are_listed_are_noted(tmp_path: Path) -> None:
    with watched() as reading:
        os.listdir(tmp_path)
        list(os.scandir(tmp_path / ".."))

    assert reading.folders == {str(tmp_path), str(tmp_path.parent)}


@pytest.mark.parametrize(
    "act",
    [
        lambda path: path.write_text("new", encoding="utf-8"),
        lambda path: sqlite3.connect(path).close(),
        lambda path: subprocess.run([sys.executable, "-c", ""], check=True),
        lambda path: (path.parent / "module.py").open(encoding="utf-8").close(),
    ],
)
def test_what_is_learned_in_other_ways_is_known_to_be_unknown(
    tmp_path: Path, act: Callable[[Path], object]
) -> None:
    (tmp_path / "module.py").touch()

    with watched() as reading:
        act(tmp_path / "a.txt")

    assert not reading.is_complete


def test_nothing_is_noted_afterwards(tmp_path: Path) -> None:
    with watched() as reading:
        pass
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")

    assert (reading.files, reading.is_complete) == ({}, True)


def test_the_names_of_a_tree_do_not_depend_on_times(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").write_text("b", encoding="utf-8")
    before = tree_of(tmp_path)

    os.utime(tmp_path / "a" / "b.txt", (1, 1))
    after = tree_of(tmp_path)

    assert before is not None
    assert after is not None
    assert before.names == after.names
    assert before.times != after.times


def test_a_large_tree_or_one_that_cannot_be_listed_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tree_of(tmp_path / "missing") is None
    for number in range(3):
        (tmp_path / str(number)).touch()
    monkeypatch.setattr(folder_tree, "MOST_ENTRIES", 2)
    assert tree_of(tmp_path) is None


def test_hidden_folders_and_those_outside_are_not_in_a_tree(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path.parent)

    assert is_below(str(tmp_path), tmp_path)
    assert is_below(str(tmp_path / "a" / "b"), tmp_path)
    assert not is_below(str(tmp_path / ".git"), tmp_path)
    assert not is_below(str(tmp_path.parent), tmp_path)
    assert not is_below(str(tmp_path / "link"), tmp_path)


def test_the_key_differs_with_what_is_asked_and_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key(asked: str = "a") -> str:
        return key_of(tmp_path, [asked])

    first = key()
    assert key() == first
    assert key("b") != first
    monkeypatch.setenv("A_VARIABLE", "1")
    assert key() != first
    monkeypatch.delenv("A_VARIABLE")
    assert key() == first
    monkeypatch.chdir(tmp_path)
    assert key() != first
    here = key()
    monkeypatch.setattr("almaflow.checked_before.surroundings.program", lambda: ("another",))
    assert key() != here
