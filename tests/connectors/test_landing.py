"""How files get into the project, from a place that is a folder of this machine."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from almaflow.connectors.base import (
    ConnectorSession,
    RemoteFile,
    Search,
    Write,
    bounded,
    list_files,
    size_of,
)
from almaflow.connectors.download import Download, DownloadStopped, is_plain
from almaflow.connectors.errors import ConnectorRefused, FileChanged, TemporaryFailure
from almaflow.connectors.local import LocalSource
from almaflow.connectors.target_folder import TargetFolder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "project" / "fetched"


def place(source: Path) -> LocalSource:
    return LocalSource(Search(None, str(source), "*"), source)


def fetch(source: Path, target: Path, *, replace: bool = False) -> None:
    there = place(source)
    Download(target, "run 1", replace=replace).fetch(there, list_files(there))


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(ConnectorRefused) as caught:
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
        f"{target / 'a.csv'} already exists with different content and was not changed. Move "
        "it, fetch to another folder, or use `if_exists: replace`."
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
    (source / "b.csv").write_text("bbbb")
    there = Breaking(place(source), after=1)
    landing = Download(target, "run 1", replace=False)

    with pytest.raises(TemporaryFailure):
        landing.fetch(there, list_files(there))
    landing.fetch(there, list_files(there))

    assert contents(target) == {"a.csv": "a", "b.csv": "bbbb"}
    assert there.copied == ["a.csv", "b.csv"]


def test_a_file_that_landed_and_then_changed_is_fetched_again(source: Path, target: Path) -> None:
    (source / "a.csv").write_text("a")
    there = place(source)
    landing = Download(target, "run 1", replace=False)
    landing.fetch(there, list_files(there))
    (source / "a.csv").write_text("a and more")

    landing.fetch(there, list_files(there))

    assert contents(target) == {"a.csv": "a and more"}


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ("grown", "a.csv has more than the 1 bytes that were listed"),
        ("", "a.csv now has 0 bytes, but 1 were listed"),
    ],
)
def test_a_file_that_is_not_as_it_was_listed_is_not_kept(
    source: Path, target: Path, now: str, told: str
) -> None:
    (source / "a.csv").write_text("a")
    there = place(source)
    listed = list_files(there)
    (source / "a.csv").write_text(now)

    with pytest.raises(FileChanged) as caught:
        Download(target, "run 1", replace=False).fetch(there, listed)

    assert str(caught.value) == told
    assert contents(target) == {}


def test_a_file_that_is_gone_is_told(source: Path, target: Path) -> None:
    there = place(source)

    with pytest.raises(FileChanged, match=r"a\.csv is gone"):
        Download(target, "run 1", replace=False).fetch(there, [RemoteFile("a.csv", 1, "")])


HOSTILE_NAMES = (
    *("../a", "..", ".", "", "a/b", "/etc/passwd", "a\\b", "..\\a", "a\nb", "a\r", "a\0b"),
    *("\udc80", "\x1b[2J", "\x9b2J", "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe", "a\u2028b"),
    *("é" * 128, "x" * 256, "x" * 10_000, ".bashrc", ".git"),
)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_never_leads_out_of_the_folder(source: Path, target: Path, name: str) -> None:
    landing = Download(target, "run 1", replace=True)

    told = refusal(lambda: landing.fetch(place(source), [RemoteFile(name, 1, "")]))

    assert told.startswith("The server lists a file named ")
    assert told.isprintable()
    assert len(told) < 800
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
        f"{target / 'a.csv'} already exists and is not a regular file. Nothing was fetched. "
        "Move it, or fetch to another folder."
    )
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_of_the_name_is_in_the_way(source: Path, target: Path) -> None:
    (source / "a.csv").write_text("x")
    (target / "a.csv").mkdir(parents=True)

    assert "is not a regular file" in refusal(lambda: fetch(source, target, replace=True))


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
    files = list_files(there)

    def fail(*arguments: Any, **more: Any) -> Any:
        raise full

    if where == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    elif where == "open":
        monkeypatch.setattr("almaflow.connectors.target_folder.TargetFolder.new", fail)
    else:
        monkeypatch.setattr("almaflow.connectors.download._Sink.finish", fail)

    told = refusal(lambda: Download(target, "run 1", replace=False).fetch(there, files))

    assert told == f"{target / 'a.csv'} cannot be written: No space left on device."
    assert contents(target) == {}


def test_a_piece_that_the_disk_does_not_take_is_the_disk_s_fault(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that of the place, which would be asked again and again."""
    from almaflow.connectors.download import _Sink

    class Full:
        def write(self, piece: bytes) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    stream: Any = Full()
    stop: Any = type("Never", (), {"is_set": lambda self: False})()

    told = refusal(
        lambda: _Sink(stream, target / "a.csv", RemoteFile("a.csv", 1, ""), stop).write(b"x")
    )

    assert told == f"{target / 'a.csv'} cannot be written: No space left on device."


def test_a_landing_that_is_stopped_ends_with_the_next_piece(source: Path, target: Path) -> None:
    (source / "a.csv").write_text("x")
    there = place(source)
    landing = Download(target, "run 1", replace=False)
    landing.stop()

    with pytest.raises(DownloadStopped):
        landing.fetch(there, list_files(there))

    assert contents(target) == {}


# --- hostile places and neighbours ----------------------------------------------------------------


class Hostile:
    """A place that lists *files* and sends *piece* again and again, with what *meanwhile* does."""

    what = "the server"

    def __init__(
        self, *files: RemoteFile, piece: bytes = b"x", meanwhile: Callable[[], object] = list
    ) -> None:
        self.listed = list(files)
        self.piece = piece
        self.meanwhile = meanwhile
        self.sent = 0

    @contextmanager
    def session(self) -> Iterator[ConnectorSession]:
        yield self

    def files(self) -> list[RemoteFile]:
        return self.listed

    def copy(self, file: RemoteFile, write: Write) -> None:
        self.meanwhile()
        while self.sent < file.size or file.size == 3:
            write(self.piece)
            self.sent += len(self.piece)

    def hang_up(self) -> None: ...


def land(there: Hostile, target: Path, *, replace: bool = False) -> None:
    Download(target, "run 1", replace=replace).fetch(there, there.listed)


def test_a_file_that_does_not_end_is_stopped_beyond_its_size(target: Path) -> None:
    there = Hostile(RemoteFile("a", 3, ""), piece=b"x" * 1000)

    with pytest.raises(FileChanged, match="more than the 3 bytes"):
        land(there, target)

    assert there.sent == 0
    assert contents(target) == {}


def test_a_link_that_is_planted_is_never_written_through(target: Path, tmp_path: Path) -> None:
    """Neither under the name of a file that is not whole yet, nor under its last one."""
    precious = tmp_path / "precious"
    precious.write_text("precious")
    target.mkdir(parents=True)
    for digit in range(16):
        (target / f".almaflow-{digit:x}.part").symlink_to(precious)

    def plant() -> None:
        for part in list(target.glob("*.part")):
            if not part.is_symlink():
                part.unlink()
                part.symlink_to(precious)
        (target / "a").symlink_to(precious)

    with pytest.raises(ConnectorRefused):
        land(Hostile(RemoteFile("a", 1, ""), meanwhile=plant), target, replace=True)

    assert precious.read_text() == "precious"


def test_what_is_fetched_is_read_by_its_owner_only(source: Path, target: Path) -> None:
    (source / "a").write_text("x")
    (source / "a").chmod(0o666)

    fetch(source, target)

    assert stat.S_IMODE((target / "a").stat().st_mode) == 0o600


def test_a_folder_that_is_replaced_by_a_link_meanwhile_is_not_written_through(
    target: Path, tmp_path: Path
) -> None:
    elsewhere, moved = tmp_path / "elsewhere", tmp_path / "moved"
    elsewhere.mkdir()

    def swap() -> None:
        target.rename(moved)
        target.symlink_to(elsewhere)

    land(Hostile(RemoteFile("a", 1, ""), meanwhile=swap), target)

    assert contents(elsewhere) == {}
    assert contents(moved) == {"a": "x"}


def test_a_target_folder_that_is_a_link_is_refused(target: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target.parent.mkdir()
    target.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConnectorRefused):
        land(Hostile(RemoteFile("a", 1, "")), target)

    assert contents(tmp_path / "elsewhere") == {}


@pytest.mark.parametrize(
    ("one", "other"), [("a.csv", "A.CSV"), ("é", "e\N{COMBINING ACUTE ACCENT}"), ("ß", "SS")]
)
def test_names_that_would_be_one_file_are_refused_where_case_is_ignored(
    target: Path, monkeypatch: pytest.MonkeyPatch, one: str, other: str
) -> None:
    monkeypatch.setattr(TargetFolder, "ignores_case", lambda folder: True)
    there = Hostile(RemoteFile(one, 1, ""), RemoteFile(other, 1, ""))

    assert "would have the same name" in refusal(lambda: land(there, target))
    assert contents(target) == {}


def test_names_that_differ_in_case_are_two_files_where_case_counts(
    source: Path, target: Path
) -> None:
    (source / "a").write_text("small")
    (source / "A").write_text("large")
    if len(list(source.iterdir())) == 1:
        pytest.skip("this file system ignores case")

    fetch(source, target)

    assert contents(target) == {"a": "small", "A": "large"}


def test_files_that_are_larger_than_the_disk_are_refused_before_they_are_fetched(
    target: Path,
) -> None:
    there = Hostile(RemoteFile("a", 2**62, ""))

    assert "bytes are free" in refusal(lambda: land(there, target))
    assert there.sent == 0


def test_stopping_hangs_up_the_connection(target: Path) -> None:
    """Its thread must not wait for a server that sends nothing more."""
    hung_up: list[bool] = []
    there = Hostile(RemoteFile("a", 1, ""))
    landing = Download(target, "run 1", replace=False)
    there.meanwhile = landing.stop
    there.hang_up = lambda: hung_up.append(True)  # type: ignore[method-assign]

    with pytest.raises(DownloadStopped):
        landing.fetch(there, there.listed)

    assert hung_up == [True]


@pytest.mark.parametrize("size", [-5, None, "5", 2**63, 10**400, 1.5])
def test_a_size_that_no_file_has_is_refused(size: object) -> None:
    assert "an invalid size" in refusal(lambda: size_of("a\x1b", size, "`exports`"))


def test_a_listing_without_end_is_refused() -> None:
    assert "more than 200000 entries" in refusal(lambda: list(bounded(count(), "The folder")))


def test_hidden_files_are_not_data() -> None:
    assert not Search(None, "", "*").fits(".netrc")
    assert not Search(None, "", ".*").fits(".netrc")


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(source: Path) -> None:
    os.mkfifo(source / "a")

    with pytest.raises(FileChanged, match="not a regular file"):
        place(source).copy(RemoteFile("a", 1, ""), lambda piece: None)


# --- folders of this machine ----------------------------------------------------------------------


def test_a_folder_shows_its_files_and_links_inside_it(source: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of another folder")
    (source / "a").write_text("one")
    (source / "inside").symlink_to("a")
    (source / "outside").symlink_to(tmp_path / "secret")
    (source / "nowhere").symlink_to("gone")
    (source / "folder").mkdir()

    found = list_files(place(source))

    assert [(file.name, file.size) for file in found] == [("a", 3), ("inside", 3)]


def test_a_folder_that_is_not_there_or_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for name in ("nowhere", "file"):
        told = refusal(lambda name=name: list_files(place(tmp_path / name)))  # type: ignore[misc]
        assert told == f"There is no folder {tmp_path / name}."


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (
            PermissionError(13, "Permission denied"),
            ConnectorRefused,
            ("There is no permission to read the folder {}."),
        ),
        (
            OSError(5, "Input/output error"),
            TemporaryFailure,
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
        list_files(place(source))

    assert str(caught.value) == told.format(source)


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (
            PermissionError(13, "Permission denied"),
            ConnectorRefused,
            "There is no permission to read {}.",
        ),
        (
            OSError(5, "Input/output error"),
            TemporaryFailure,
            "{} cannot be read: Input/output error.",
        ),
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

    class Broken(io.BytesIO):
        def fileno(self) -> int:
            return 0

        def read(self, size: int | None = -1) -> bytes:
            raise error

    def fail(*arguments: Any) -> Any:
        raise error

    if isinstance(error, PermissionError):
        monkeypatch.setattr(os, "open", fail)
    else:
        monkeypatch.setattr(os, "fdopen", lambda descriptor, mode: _closing(descriptor, Broken()))
        monkeypatch.setattr(os, "fstat", lambda descriptor: (source / "a").stat())

    with pytest.raises(kind) as caught:
        place(source).copy(RemoteFile("a", 1, ""), lambda piece: None)

    assert str(caught.value) == told.format(source / "a")


def _closing(descriptor: int, stream: io.BytesIO) -> io.BytesIO:
    os.close(descriptor)
    return stream


class Breaking:
    """A place whose connection breaks once, *after* so many files."""

    def __init__(self, inside: LocalSource, after: int) -> None:
        self.what = inside.what
        self.inside = inside
        self.after: int | None = after
        self.copied: list[str] = []

    @contextmanager
    def session(self) -> Iterator[ConnectorSession]:
        yield self

    def files(self) -> list[RemoteFile]:
        return self.inside.files()

    def hang_up(self) -> None: ...

    def copy(self, file: RemoteFile, write: Write) -> None:
        if len(self.copied) == self.after:
            self.after = None
            write(b"hal")
            raise TemporaryFailure("It broke off.")
        self.inside.copy(file, write)
        self.copied.append(file.name)
