"""Places that hold files: what `fetch_files` asks of them, whatever they are."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from almaflow.outside.errors import Refused

Write = Callable[[bytes], object]
"""Takes the next piece of a file."""


@dataclass(frozen=True)
class RemoteFile:
    """A file in a place; *stamp* is what the place says of its last change, empty when nothing.

    Two that are equal have not changed between two looks.
    """

    name: str
    size: int
    stamp: str


@dataclass(frozen=True)
class Search:
    """Which files are looked for: those in *folder* whose names fit *pattern*.

    *connection* is an entry of almaflow.yaml, and *folder* then a folder below the one of its
    address, or from the root with a leading `/`; without one *folder* is a folder of this
    machine. A simulation makes up *at_least* files.
    """

    connection: str | None
    folder: str
    pattern: str
    at_least: int = 1

    def fits(self, name: str) -> bool:
        """Whether a file is meant."""
        return fnmatch.fnmatchcase(name, self.pattern)


class Session(Protocol):
    """An open connection to a place."""

    def files(self) -> list[RemoteFile]:
        """Return the files that are looked for, in no order.

        Raises: Refused, NotNow.
        """
        ...

    def copy(self, name: str, write: Write) -> None:
        """Give all of a file to *write*, piece by piece.

        Raises: Changed when it is gone; Refused, NotNow, and what *write* raises.
        """
        ...


class Place(Protocol):
    """Where files are looked for."""

    what: str
    """The place as messages call it."""

    def session(self) -> AbstractContextManager[Session]:
        """Connect; Raises: Refused, NotNow, Unreachable."""
        ...


class Outside(Protocol):
    """The way outside that an engine is given."""

    def place(self, search: Search) -> Place:
        """Return the place that *search* names; Raises: Refused, RequestWrong."""
        ...

    def to_write(self, path: Path) -> Path:
        """Return where what belongs at *path* in the project is written."""
        ...

    def to_read(self, path: Path) -> Path:
        """Return where what belongs at *path* in the project is read."""
        ...

    def send_notice(self, channel: str, title: str, text: str) -> None:
        """Send a text for people to a channel of almaflow.yaml; secrets in it are placeholders.

        Raises: NotNow, Refused, RequestWrong.
        """
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...


class NoWayOutside:
    """Reaches nothing; for engines whose runs need nothing outside."""

    def place(self, search: Search) -> Place:
        raise Refused(f"There is no way to {search.connection or search.folder} from here.")

    def to_write(self, path: Path) -> Path:
        return path

    def to_read(self, path: Path) -> Path:
        return path

    def send_notice(self, channel: str, title: str, text: str) -> None:
        raise Refused(f"There is no way to the channel `{channel}` from here.")

    def close(self) -> None:
        """Nothing is held."""


def look(place: Place) -> Sequence[RemoteFile]:
    """Return the files of a place by name; connects and leaves again."""
    with place.session() as session:
        return sorted(session.files(), key=lambda file: file.name)
