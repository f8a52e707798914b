"""What a check reads is known afterwards, or known to be unknown."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from almaflow.checked_before import folder_tree
from almaflow.checked_before import reading as reading_module
from almaflow.checked_before.folder_tree import is_below, tree_of
from almaflow.checked_before.reading import Reading, digest_of, watched
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


# Python does not trace audit hooks, so these tests call what the hook calls.


def noted(event: str, *arguments: Any) -> Reading:
    reading = Reading()
    reading.note(event, arguments)
    return reading


@pytest.mark.parametrize(
    ("mode", "flags", "is_complete"),
    [
        ("r", os.O_RDONLY, True),
        (None, os.O_RDONLY, True),
        ("w", os.O_RDONLY, False),
        ("a", os.O_RDONLY, False),
        ("r+", os.O_RDONLY, False),
        (None, os.O_WRONLY, False),
        (None, os.O_RDWR, False),
    ],
)
def test_only_a_file_opened_for_reading_has_a_digest(
    tmp_path: Path, mode: str | None, flags: int, is_complete: bool
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("a", encoding="utf-8")

    reading = noted("open", str(file), mode, flags)

    digests = {str(file): digest_of(str(file))}
    assert reading.is_complete is is_complete
    assert reading.files == (digests if is_complete else {})


@pytest.mark.parametrize("name", [3, reading_module.__file__, os.fsencode(os.__file__)])
def test_open_files_and_those_of_the_program_are_not_noted(name: Any) -> None:
    reading = noted("open", name, "r", os.O_RDONLY)

    assert (reading.files, reading.is_complete) == ({}, True)


@pytest.mark.parametrize(
    ("event", "arguments", "folders", "is_complete"),
    [
        ("os.listdir", (None,), {os.getcwd()}, True),
        ("os.scandir", (os.path.join(os.getcwd(), "a", ".."),), {os.getcwd()}, True),
        ("os.scandir", (os.fsencode(os.getcwd()),), {os.getcwd()}, True),
        ("os.listdir", (3,), set(), False),
        ("socket.connect", (), set(), False),
        ("os.system", ("true",), set(), False),
        ("import", ("json",), set(), True),
    ],
)
def test_an_event_is_noted_passed_over_or_makes_the_rest_unknown(
    event: str, arguments: tuple[Any, ...], folders: set[str], is_complete: bool
) -> None:
    reading = noted(event, *arguments)

    assert (reading.folders, reading.files) == (folders, {})
    assert reading.is_complete is is_complete


def test_a_file_is_known_as_it_was_when_it_was_read_first(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("a", encoding="utf-8")
    before = digest_of(str(file))
    reading = noted("open", str(file), "r", os.O_RDONLY)

    file.write_text("b", encoding="utf-8")
    reading.note("open", (str(file), "r", os.O_RDONLY))

    assert reading.files == {str(file): before}
    assert digest_of(str(file)) != before


def test_too_many_files_are_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_module, "_MOST", 1)
    reading = noted("open", str(tmp_path / "a"), "r", os.O_RDONLY)
    assert reading.is_complete

    reading.note("open", (str(tmp_path / "b"), "r", os.O_RDONLY))

    assert not reading.is_complete
    assert list(reading.files) == [str(tmp_path / "a")]


def test_what_is_opened_while_an_event_is_noted_is_not_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Reading()

    def digest(path: str) -> str:
        reading.note("os.system", ("true",))
        return "digest"

    monkeypatch.setattr(reading_module, "digest_of", digest)
    reading.note("open", (str(tmp_path / "a"), "r", os.O_RDONLY))

    assert (reading.files, reading.is_complete) == ({str(tmp_path / "a"): "digest"}, True)


def test_an_event_reaches_each_block_that_watches() -> None:
    with watched() as outer, watched() as inner:
        reading_module._note("os.system", ("true",))
    with watched() as later:
        pass

    assert [one.is_complete for one in (outer, inner, later)] == [False, False, True]


def test_a_file_that_is_opened_while_python_ends_is_no_defect() -> None:
    program = """if True:
        import os
        from almaflow.checked_before import reading

        class Late:
            def __del__(self, open=os.open, close=os.close, null=os.devnull):
                close(open(null, 0))

        with reading.watched():
            pass
        reading.late = Late()
    """

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert ended.stderr == b""


def test_what_cannot_be_read_has_its_kind_or_error_as_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("abc", encoding="utf-8")
    monkeypatch.setattr(reading_module, "_LARGEST", 2)

    assert digest_of(str(file)).endswith(", 3 bytes")
    assert digest_of(str(tmp_path)).startswith("kind ")
    assert digest_of(str(tmp_path / "missing")) == f"error {errno.ENOENT}"
    assert digest_of("a\0b") == "error None"
