"""Places that hold files: what `fetch_files` asks of them, whatever they are."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import field
from pathlib import Path
from typing import Protocol, TypeVar

from almaflow.connectors.attached_files import AttachedFile
from almaflow.connectors.errors import ConnectorRefused
from almaflow.late_dataclasses import dataclass

T = TypeVar("T")

Write = Callable[[bytes], object]
"""Takes the next piece of a file."""

# Entries of one folder, of any name; `at_least` is at most 100,000.
MOST_ENTRIES = 200_000
# Characters of all names in a folder; file systems allow 255 bytes for one.
MOST_CHARACTERS = 64 * 1024 * 1024
# No file system has larger files (bytes).
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class RemoteFile:
    """A file in a place; *stamp* is what the place says of its last change, empty when nothing.

    Two that are equal have not changed between two looks. *changed* is when it was changed last, in
    seconds since 1970, None when the place does not say that.
    """

    name: str
    size: int
    stamp: str
    changed: float | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Search:
    """Which files are searched for: those in *folder* whose names fit *pattern*.

    *connection* is an entry of almaflow.yaml, and *folder* then a folder below the one of its
    address, or from the root with a leading `/`; without one *folder* is a folder of this
    machine. A simulation makes up *at_least* files.
    """

    connection: str | None
    folder: str
    pattern: str
    at_least: int = 1

    def fits(self, name: str) -> bool:
        """Whether a file is meant; hidden ones, which begin with a full stop, never are."""
        return not name.startswith(".") and fnmatch.fnmatchcase(name, self.pattern)


class ConnectorSession(Protocol):
    """An open connection to a place."""

    def files(self) -> list[RemoteFile]:
        """Return the files that are searched for, in no order.

        Raises: ConnectorRefused, also when there are more than `MOST_ENTRIES`; TemporaryFailure.
        """
        ...

    def copy(self, file: RemoteFile, write: Write) -> None:
        """Give all of a file to *write*, piece by piece.

        Raises: FileChanged when it is gone; ConnectorRefused, TemporaryFailure, and what *write*
        raises.
        """
        ...

    def hang_up(self) -> None:
        """Let what another thread does in this session fail soon: nobody waits for it."""
        ...


class FileSource(Protocol):
    """Where files are searched for."""

    what: str
    """The place as messages call it."""

    def session(self) -> AbstractContextManager[ConnectorSession]:
        """Connect; Raises: ConnectorRefused, TemporaryFailure, Unreachable."""
        ...


class ExternalSystems(Protocol):
    """The way outside that an engine is given."""

    def file_source(self, search: Search) -> FileSource:
        """Return the place that *search* names; Raises: ConnectorRefused, RequestWrong."""
        ...

    def to_write(self, path: Path) -> Path:
        """Return where what belongs at *path* in the project is written."""
        ...

    def to_read(self, path: Path) -> Path:
        """Return where what belongs at *path* in the project is read."""
        ...

    def send_notice(
        self, channel: str, title: str, text: str, files: Sequence[AttachedFile] = ()
    ) -> str:
        """Send a text for people to a channel of almaflow.yaml; secrets in it are placeholders.

        Returns what happened to the *files* as a sentence; empty: all of them were sent along.

        Raises: TemporaryFailure, ConnectorRefused, RequestWrong.
        """
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...


class NoExternalSystems:
    """Reaches nothing; for engines whose runs need nothing outside."""

    def file_source(self, search: Search) -> FileSource:
        raise ConnectorRefused(
            f"{search.connection or search.folder} cannot be reached from this process."
        )

    def to_write(self, path: Path) -> Path:
        return path

    def to_read(self, path: Path) -> Path:
        return path

    def send_notice(
        self, channel: str, title: str, text: str, files: Sequence[AttachedFile] = ()
    ) -> str:
        raise ConnectorRefused(f"The channel `{channel}` cannot be reached from this process.")

    def close(self) -> None:
        """Nothing is held."""


def bounded(entries: Iterable[T], what: str) -> Iterator[T]:
    """Yield the entries of the folder *what*; Raises: ConnectorRefused when there is no end."""
    for number, entry in enumerate(entries):
        if number >= MOST_ENTRIES:
            raise ConnectorRefused(too_many(what))
        yield entry


def too_long(what: str) -> str:
    """Return the sentence about a folder whose names are too long altogether."""
    return (
        f"The names of the files in {what} have more than {MOST_CHARACTERS} characters in "
        "total. Specify another folder as `folder`, or ask the operator of the server."
    )


def too_many(what: str) -> str:
    """Return the sentence about a folder that has too many entries."""
    return (
        f"{what} has more than {MOST_ENTRIES} entries. Move old files to another folder, or "
        "specify a folder with fewer files as `folder`."
    )


def size_of(name: str, listed: object, what: str) -> int:
    """Return the size that *what* lists for a file; Raises: ConnectorRefused when it is none."""
    if isinstance(listed, int) and 0 <= listed <= _LARGEST:
        return listed
    raise ConnectorRefused(
        f"{what} reports an invalid size for the file {name[:80]!a}. Nothing was fetched. "
        "Narrow `pattern`, or ask the operator of the server."
    )


def list_files(place: FileSource) -> Sequence[RemoteFile]:
    """Return the files of a place by name; connects and leaves again."""
    with place.session() as session:
        return sorted(session.files(), key=lambda file: file.name)
