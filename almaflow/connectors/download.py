"""How a file gets from a place into a folder: whole or not at all, never over another one.

A file is written under a separate name, compared with what may be there, and only then put in
its place. Names come from outside: none of them leads out of the folder.
"""

from __future__ import annotations

import hashlib
import os
import threading
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from almaflow.connectors.base import ConnectorSession, FileSource, RemoteFile
from almaflow.connectors.errors import ConnectorError, ConnectorRefused, FileChanged
from almaflow.connectors.target_folder import TargetFolder


class DownloadStopped(ConnectorError):
    """Nobody waits for the files any more."""


class Download:
    """Fetches files into *folder*, each once, however often `fetch` is begun again.

    *mark* is the run's, in the names of what is not whole yet. With *replace* a file takes the
    place of another one of its name.
    """

    def __init__(self, folder: Path, mark: str, *, replace: bool) -> None:
        self._landed: dict[str, RemoteFile] = {}
        self._folder = folder
        self._mark = mark
        self._replace = replace
        self._stop = threading.Event()
        self._session: ConnectorSession | None = None

    def stop(self) -> None:
        """Let what is under way in a thread end: its connection is hung up."""
        self._stop.set()
        session = self._session
        if session is not None:
            session.hang_up()

    def fetch(self, place: FileSource, files: Sequence[RemoteFile]) -> None:
        """Fetch what has not landed yet.

        Raises:
            FileChanged: a file is not what was listed.
            ConnectorRefused: a name cannot be that of a file here, another file is in the way, or
                the disk refuses it.
            TemporaryFailure: the connection broke.
        """
        missing = [file for file in files if self._landed.get(file.name) != file]
        for file in missing:
            check_name(file.name)
        try:
            with TargetFolder(self._folder) as target:
                self._check(target, missing)
                self._fetch_all(place, missing, target)
        except OSError as error:
            raise _disk(self._folder, error) from error

    def _check(self, target: TargetFolder, files: Sequence[RemoteFile]) -> None:
        """Refuse what cannot land, before anything is fetched."""
        twins = _twins(file.name for file in files)
        if twins and target.ignores_case():
            raise ConnectorRefused(
                f"The files {twins[0]!r} and {twins[1]!r} would have the same name in "
                f"{self._folder}. Nothing was fetched. Narrow `pattern`, or have one of the "
                "files renamed."
            )
        for file in files:
            self._check_target(target, file)
        size, space = sum(file.size for file in files), target.space()
        if space is not None and size > space:
            raise ConnectorRefused(
                f"The files have {size} bytes, but only {space} bytes are free in "
                f"{self._folder}. Nothing was fetched. Free some space, or narrow `pattern`."
            )

    def _check_target(self, target: TargetFolder, file: RemoteFile) -> None:
        if not target.is_ordinary(file.name):
            raise ConnectorRefused(
                f"{self._folder / file.name} already exists and is not a regular file. Nothing "
                "was fetched. Move it, or fetch to another folder."
            )
        present = target.status(file.name)
        if present is not None and not self._may_replace(file) and present.st_size != file.size:
            raise _in_the_way(self._folder / file.name)

    def _may_replace(self, file: RemoteFile) -> bool:
        """Whether another file of its name may go; one that was fetched before it changed may."""
        return self._replace or file.name in self._landed

    def _fetch_all(
        self, place: FileSource, files: Sequence[RemoteFile], target: TargetFolder
    ) -> None:
        with place.session() as session:
            self._session = session
            try:
                for file in files:
                    self._fetch(session, file, target)
                    self._landed[file.name] = file
            finally:
                self._session = None

    def _fetch(self, session: ConnectorSession, file: RemoteFile, target: TargetFolder) -> None:
        digest = hashlib.sha256(f"{self._mark}\0{file.name}".encode()).hexdigest()[:12]
        try:
            part, stream = target.new(f".almaflow-{digest}")
            try:
                with stream:
                    sink = _Sink(stream, self._folder / file.name, file, self._stop)
                    session.copy(file, sink.write)
                    sink.finish()
                self._put(target, part, file)
            finally:
                target.remove(part)
        except OSError as error:
            raise _disk(self._folder / file.name, error) from error

    def _put(self, target: TargetFolder, part: str, file: RemoteFile) -> None:
        if not target.is_ordinary(file.name):
            raise _in_the_way(self._folder / file.name)
        if target.status(file.name) is not None:
            if target.are_same(part, file.name):
                # Fetched already, by an earlier attempt or run.
                return
            if not self._may_replace(file):
                raise _in_the_way(self._folder / file.name)
        target.rename(part, file.name)


class _Sink:
    """Writes the pieces of a file; an error of the disk is told apart from one of the place.

    It takes as many bytes as were listed for *file*, and not one more.
    """

    def __init__(
        self, stream: BinaryIO, path: Path, file: RemoteFile, stop: threading.Event
    ) -> None:
        self._size = 0
        self._stream = stream
        self._path = path
        self._file = file
        self._stop = stop

    def write(self, piece: bytes) -> None:
        if self._stop.is_set():
            raise DownloadStopped("The file is not needed any more.")
        self._size += len(piece)
        if self._size > self._file.size:
            raise FileChanged(
                f"{self._file.name} has more than the {self._file.size} bytes that were listed"
            )
        try:
            self._stream.write(piece)
        except OSError as error:
            raise _disk(self._path, error) from error

    def finish(self) -> None:
        """Have all of it on the disk; Raises: FileChanged when it is not all."""
        if self._size != self._file.size:
            raise FileChanged(
                f"{self._file.name} now has {self._size} bytes, but {self._file.size} were listed"
            )
        self._stream.flush()
        os.fsync(self._stream.fileno())


# What Windows takes for a device, whatever follows a dot.
_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}
)


# Bytes in the name of a file, on most systems.
_LONGEST_NAME = 255
# Characters of a name that a message shows.
_SHOWN = 80
# Control characters, halves of characters, ends of lines; and what turns the direction of a text.
_NOT_IN_NAMES = ("Cc", "Cs", "Zl", "Zp")
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def check_name(name: str) -> None:
    """Refuse a name that cannot be that of a file here; Raises: ConnectorRefused."""
    if is_plain(name):
        return
    text = ascii(name[:_SHOWN]) + ("…" if len(name) > _SHOWN else "")
    raise ConnectorRefused(
        f"The server lists a file named {text}, which is not a valid file name on this "
        "machine. Nothing was fetched. Narrow `pattern`, or have the file renamed."
    )


def is_plain(name: str, *, windows: bool = os.name == "nt") -> bool:
    """Whether *name* can only be that of a visible file in the folder it is put into."""
    if name.startswith(".") or name == "" or set(name) & set("/\\"):
        return False
    if set(name) & _DIRECTIONS or any(unicodedata.category(it) in _NOT_IN_NAMES for it in name):
        return False
    if len(name.encode()) > _LONGEST_NAME:
        return False
    if windows:
        reserved = name.partition(".")[0].strip().upper() in _DEVICES
        return not (reserved or set(name) & set(':*?"<>|') or name[-1] in " .")
    return True


def _twins(names: Iterable[str]) -> tuple[str, str] | None:
    """Return two names that differ only in case, or in how their accents are written."""
    seen: dict[str, str] = {}
    for name in names:
        twin = seen.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if twin != name:
            return twin, name
    return None


def _in_the_way(target: Path) -> ConnectorRefused:
    return ConnectorRefused(
        f"{target} already exists with different content and was not changed. Move it, fetch "
        "to another folder, or use `if_exists: replace`."
    )


def _disk(path: Path, error: OSError) -> ConnectorRefused:
    return ConnectorRefused(f"{path} cannot be written: {error.strerror or error}.")
