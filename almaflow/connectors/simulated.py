"""The way outside under `--simulate`: files are made up, notices go nowhere.

Nothing is sent, and nothing is written into the project: what is fetched lies in a temporary
folder, in which files of the project are searched for first.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from almaflow.connectors.attached_files import AttachedFile
from almaflow.connectors.base import ConnectorSession, FileSource, RemoteFile, Search, Write
from almaflow.connectors.errors import FileChanged
from almaflow.late_dataclasses import dataclass


@dataclass(frozen=True)
class MadeUpFile:
    """A file of a scenario; *connection* is None when it is found in every place.

    It is there from *at* on (aware).
    """

    name: str
    content: str
    connection: str | None
    at: datetime


@dataclass(frozen=True)
class SimulatedJob:
    """A run in the simulated Alma; *ended_at* is None as long as it runs."""

    instance_id: str
    by_api: bool
    ended_at: datetime | None


class SimulatedSystems:
    """Finds the *files* of a scenario; without any, a made-up one for each job that has ended.

    *content* returns what a made-up file holds, by its name.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        files: Sequence[MadeUpFile],
        jobs: Callable[[], Sequence[SimulatedJob]],
        content: Callable[[str], str] = lambda name: "content from the simulation\n",
    ) -> None:
        self._now = now
        self._files = files
        self._jobs = jobs
        self._content = content
        self._since = now()
        self._folder: Path | None = None

    def file_source(self, search: Search) -> FileSource:
        return _SimulatedPlace(search, lambda: self._found(search))

    def to_write(self, path: Path) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="almaflow-simulated-"))
        return self._folder / path.relative_to(path.anchor)

    def to_read(self, path: Path) -> Path:
        if self._folder is not None and (fetched := self.to_write(path)).exists():
            return fetched
        return path

    def send_notice(
        self, channel: str, title: str, text: str, files: Sequence[AttachedFile] = ()
    ) -> str:
        """Go nowhere; onlookers see the notice all the same."""
        return ""

    def close(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _found(self, search: Search) -> list[MadeUpFile]:
        if self._files:
            return [
                file
                for file in self._files
                if file.at <= self._now()
                and file.connection in (None, search.connection)
                and search.fits(file.name)
            ]
        return list(self._made_up(search))

    def _made_up(self, search: Search) -> Iterator[MadeUpFile]:
        """Yield files whose names fit: of the job that the pattern names, else of each job.

        There are at least as many as are searched for, unless that job has not ended yet.
        """
        jobs = self._jobs()
        named = next((job for job in jobs if job.instance_id in search.pattern), None)
        fills: list[tuple[str, datetime]] = []
        if named is None:
            ended = [(job.instance_id, job.ended_at) for job in jobs if job.by_api]
            fills = [(fill, at) for fill, at in ended if at is not None]
        elif named.ended_at is None:
            return
        else:
            fills = [("", named.ended_at)]
        for number in range(len(fills) + 1, search.at_least + 1):
            fills.append((f"simulated-{number}", self._since))
        for fill, at in fills:
            name = name_for(search.pattern, fill)
            yield MadeUpFile(name, self._content(name), None, at)


def name_for(pattern: str, fill: str) -> str:
    """Return a name that fits the glob *pattern*, with *fill* in place of its first `*`."""
    first = True

    def one(match: re.Match[str]) -> str:
        nonlocal first
        piece = match.group()
        if piece == "*":
            filled, first = (fill if first else ""), False
            return filled
        if piece == "?":
            return "1"
        # One of the characters that are listed, or one that hardly anybody lists.
        return "1" if piece[1] == "!" else piece[1]

    return re.sub(r"\*|\?|\[!?\]?[^\]]*\]", one, pattern)


class _SimulatedPlace:
    """A place in which *found* says what there is."""

    def __init__(self, search: Search, found: Callable[[], list[MadeUpFile]]) -> None:
        self.what = search.connection or search.folder
        self._found = found

    @contextmanager
    def session(self) -> Iterator[ConnectorSession]:
        yield self

    def files(self) -> list[RemoteFile]:
        unique = {file.name: file for file in self._found()}
        return [
            RemoteFile(
                file.name, len(file.content.encode()), file.at.isoformat(), file.at.timestamp()
            )
            for file in unique.values()
        ]

    def copy(self, file: RemoteFile, write: Write) -> None:
        content = next((it.content for it in self._found() if it.name == file.name), None)
        if content is None:
            raise FileChanged(f"{file.name} is gone")
        write(content.encode())

    def hang_up(self) -> None:
        """There is no connection."""
