"""How files get into the project, from a place that is a folder of this machine."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from almaflow.outside.errors import Changed, NotNow, Refused
from almaflow.outside.landing import Landing, Stopped, is_plain
from almaflow.outside.local import LocalPlace
from almaflow.outside.places import RemoteFile, Search, Session, Write, look


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "project" / "fetched"


def place(source: Path) -> LocalPlace:
    return LocalPlace(Search(None, str(source), "*"), source)


def fetch(source: Path, target: Path, *, replace: bool = False) -> None:
    there = place(source)
    Landing(target, "run 1", replace=replace).fetch(there, look(there))


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        act()
    return str(caught.value)


def test_files_arrive_whole_and_nothing_else_is_left(source: Path, target: Path) -> None:
    (source / "a.csv").write_text("a" * 1_000_000)
    (source / "b.csv").write_text("b")

    fetch(source, target)

    assert contents(target) == {"a.csv": "a" * 1_000_000, "b.csv": "b"}


def test_a_file_that_is_there_with_the_same_content_counts_as_fetched(
    source: Path, target: Path
) -> None:
    (source / "a.csv").write_text("same")
    fetch(source, target)
    os.utime(target / "a.csv", (1, 1))

    fetch(source, target)

    assert contents(target) == {"a.csv": "same"}
    assert (target / "a.csv").stat().st_mtime == 1


@pytest.mark.parametrize("other", ["diff", "of another size"])
def test_another_file_of_the_name_is_left_as_it_is(source: Path, target: Path, other: str) -> None:
    (source / "a.csv").write_text("mine")
    target.mkdir(parents=True)
    (target / "a.csv").write_text(other)

    told = refusal(lambda: fetch(source, target))

    assert told == (
        f"{target / 'a.csv'} is there already, with other content; it was left as it is. Move it "
        "away, fetch to another folder, or say `if_exists: replace`."
    )
    assert contents(target) == {"a.csv": other}


@pytest.mark.parametrize("other", ["diff", "of another size"])
def test_another_file_of_the_name_is_replaced_on_request(
    source: Path, target: Path, other: str
) -> None:
    (source / "a.csv").write_text("mine")
    target.mkdir(parents=True)
    (target / "a.csv").write_text(other)

    fetch(source, target, replace=True)

    assert contents(target) == {"a.csv": "mine"}


def test_what_has_landed_is_not_fetched_again(source: Path, target: Path) -> None:
    (source / "a.csv").write_text("a")
    (source / "b.csv").write_text("b")
    there = Breaking(place(source), after=1)
    landing = Landing(target, "run 1", replace=False)

    with pytest.raises(NotNow):
        landing.fetch(there, look(there))
    landing.fetch(there, look(there))

    assert contents(target) == {"a.csv": "a", "b.csv": "b"}
    assert there.copied == ["a.csv", "b.csv"]


def test_a_file_that_landed_and_then_changed_is_fetched_again(source: Path, target: Path) -> None:
    (source / "a.csv").write_text("a")
    there = place(source)
    landing = Landing(target, "run 1", replace=False)
    landing.fetch(there, look(there))
    (source / "a.csv").write_text("a and more")

    landing.fetch(there, look(there))

    assert contents(target) == {"a.csv": "a and more"}


def test_a_file_that_is_not_as_it_was_listed_is_not_kept(source: Path, target: Path) -> None:
    (source / "a.csv").write_text("a")
    there = place(source)
    listed = look(there)
    (source / "a.csv").write_text("grown")

    with pytest.raises(Changed) as caught:
        Landing(target, "run 1", replace=False).fetch(there, listed)

    assert str(caught.value) == "a.csv has 5 bytes by now, 1 were listed"
    assert contents(target) == {}


def test_a_file_that_is_gone_is_told(source: Path, target: Path) -> None:
    there = place(source)

    with pytest.raises(Changed, match=r"a\.csv is gone"):
        Landing(target, "run 1", replace=False).fetch(there, [RemoteFile("a.csv", 1, "")])


@pytest.mark.parametrize("name", ["../a", "..", ".", "", "a/b", "a\\b", "a\nb", "a\0b", "\udc80"])
def test_a_name_never_leads_out_of_the_folder(source: Path, target: Path, name: str) -> None:
    landing = Landing(target, "run 1", replace=True)

    told = refusal(lambda: landing.fetch(place(source), [RemoteFile(name, 1, "")]))

    assert told == (
        f"A file is called {name!r} there, which cannot be a file's name here; nothing was "
        "fetched. Narrow `pattern`, or have it renamed."
    )
    assert not target.exists()


@pytest.mark.parametrize(
    ("name", "here", "on_windows"),
    [
        ("a.csv", True, True),
        ("é \N{NO-BREAK SPACE}.csv", True, True),
        ("2026-03-02T08:15.csv", True, False),
        ("con.txt", True, False),
        ("LPT1", True, False),
        ("trailing.", True, False),
        ("what?", True, False),
        ("..", False, False),
    ],
)
def test_which_names_are_good_depends_on_the_machine(
    name: str, here: bool, on_windows: bool
) -> None:
    assert is_plain(name, windows=False) is here
    assert is_plain(name, windows=True) is on_windows


def test_a_link_in_the_folder_is_not_followed(source: Path, target: Path, tmp_path: Path) -> None:
    (source / "a.csv").write_text("x")
    target.mkdir(parents=True)
    (target / "a.csv").symlink_to(tmp_path / "elsewhere")

    told = refusal(lambda: fetch(source, target, replace=True))

    assert told == (
        f"{target / 'a.csv'} is there already and is no ordinary file; nothing was fetched. Move "
        "it away, or fetch to another folder."
    )
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_of_the_name_is_in_the_way(source: Path, target: Path) -> None:
    (source / "a.csv").write_text("x")
    (target / "a.csv").mkdir(parents=True)

    assert "is no ordinary file" in refusal(lambda: fetch(source, target, replace=True))


def test_a_target_that_cannot_be_made_is_told(source: Path, target: Path) -> None:
    target.parent.parent.joinpath("project").write_text("a file")

    told = refusal(lambda: fetch(source, target))

    assert told == f"{target} cannot be written: Not a directory."


@pytest.mark.parametrize("where", ["write", "fsync", "open"])
def test_a_full_disk_is_told_and_nothing_is_left(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    (source / "a.csv").write_text("x")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    there = place(source)
    files = look(there)

    def fail(*arguments: Any, **more: Any) -> Any:
        raise full

    if where == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    elif where == "open":
        monkeypatch.setattr(Path, "open", fail)
    else:
        monkeypatch.setattr("almaflow.outside.landing._Sink.finish", fail)

    told = refusal(lambda: Landing(target, "run 1", replace=False).fetch(there, files))

    assert told == f"{target / 'a.csv'} cannot be written: No space left on device."
    assert contents(target) == {}


def test_a_piece_that_the_disk_does_not_take_is_the_disk_s_fault(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that of the place, which would be asked again and again."""
    from almaflow.outside.landing import _Sink

    class Full:
        def write(self, piece: bytes) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    stream: Any = Full()
    stop: Any = type("Never", (), {"is_set": lambda self: False})()

    told = refusal(lambda: _Sink(stream, target / "a.csv", stop).write(b"x"))

    assert told == f"{target / 'a.csv'} cannot be written: No space left on device."


def test_a_landing_that_is_stopped_ends_with_the_next_piece(source: Path, target: Path) -> None:
    (source / "a.csv").write_text("x")
    there = place(source)
    landing = Landing(target, "run 1", replace=False)
    landing.stop()

    with pytest.raises(Stopped):
        landing.fetch(there, look(there))

    assert contents(target) == {}


# --- folders of this machine ----------------------------------------------------------------------


def test_a_folder_shows_its_files_and_links_inside_it(source: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of another folder")
    (source / "a").write_text("one")
    (source / "inside").symlink_to("a")
    (source / "outside").symlink_to(tmp_path / "secret")
    (source / "nowhere").symlink_to("gone")
    (source / "folder").mkdir()

    found = look(place(source))

    assert [(file.name, file.size) for file in found] == [("a", 3), ("inside", 3)]


def test_a_folder_that_is_not_there_or_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for name in ("nowhere", "file"):
        told = refusal(lambda name=name: look(place(tmp_path / name)))  # type: ignore[misc]
        assert told == f"There is no folder {tmp_path / name}."


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (PermissionError(13, "Permission denied"), Refused, "The folder {} may not be read."),
        (
            OSError(5, "Input/output error"),
            NotNow,
            "The folder {} cannot be read: Input/output error.",
        ),
    ],
)
def test_a_folder_that_cannot_be_read_is_told(
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
    kind: type[Exception],
    told: str,
) -> None:
    def fail(folder: Path) -> Any:
        raise error

    monkeypatch.setattr(os, "scandir", fail)

    with pytest.raises(kind) as caught:
        look(place(source))

    assert str(caught.value) == told.format(source)


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (PermissionError(13, "Permission denied"), Refused, "{} may not be read."),
        (OSError(5, "Input/output error"), NotNow, "{} cannot be read: Input/output error."),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
    kind: type[Exception],
    told: str,
) -> None:
    (source / "a").write_text("x")

    class Broken:
        def __enter__(self) -> Broken:
            return self

        def __exit__(self, *error: object) -> None: ...

        def read(self, size: int) -> bytes:
            raise error

    def open_broken(self: Path, mode: str) -> Any:
        if isinstance(error, PermissionError):
            raise error
        return Broken()

    monkeypatch.setattr(Path, "open", open_broken)

    with pytest.raises(kind) as caught:
        place(source).copy("a", lambda piece: None)

    assert str(caught.value) == told.format(source / "a")


class Breaking:
    """A place whose connection breaks once, *after* so many files."""

    def __init__(self, inside: LocalPlace, after: int) -> None:
        self.what = inside.what
        self.inside = inside
        self.after: int | None = after
        self.copied: list[str] = []

    @contextmanager
    def session(self) -> Iterator[Session]:
        yield self

    def files(self) -> list[RemoteFile]:
        return self.inside.files()

    def copy(self, name: str, write: Write) -> None:
        if len(self.copied) == self.after:
            self.after = None
            write(b"hal")
            raise NotNow("It broke off.")
        self.inside.copy(name, write)
        self.copied.append(name)
