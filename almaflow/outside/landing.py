"""How a file gets from a place into a folder: whole or not at all, never over another one.

A file is written under a name of its own, compared with what may be there, and only then put in
its place. Names come from outside: none of them leads out of the folder.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import threading
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from almaflow.outside.errors import Changed, OutsideError, Refused
from almaflow.outside.places import Place, RemoteFile, Session


class Stopped(OutsideError):
    """Nobody waits for the files any more."""


class Landing:
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

    def stop(self) -> None:
        """Let what is under way in a thread end with its next piece."""
        self._stop.set()

    def fetch(self, place: Place, files: Sequence[RemoteFile]) -> None:
        """Fetch what has not landed yet.

        Raises:
            Changed: a file is not what was listed.
            Refused: a name cannot be that of a file here, another file is in the way, or the disk
                says no.
            NotNow: the connection broke.
        """
        missing = [file for file in files if self._landed.get(file.name) != file]
        targets = {file.name: self._target(file) for file in missing}
        self._make_folder()
        with place.session() as session:
            for file in missing:
                self._fetch(session, file, targets[file.name])
                self._landed[file.name] = file

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _disk(self._folder, error) from error

    def _target(self, file: RemoteFile) -> Path:
        """Return where a file belongs; nothing outside of the folder."""
        name = file.name
        if not is_plain(name):
            raise Refused(
                f"A file is called {name!r} there, which cannot be a file's name here; nothing was "
                "fetched. Narrow `pattern`, or have it renamed."
            )
        target = self._folder / name
        if target.is_symlink() or (target.exists() and not target.is_file()):
            raise Refused(
                f"{target} is there already and is no ordinary file; nothing was fetched. Move it "
                "away, or fetch to another folder."
            )
        if not self._may_replace(file) and target.exists() and target.stat().st_size != file.size:
            raise _in_the_way(target)
        return target

    def _may_replace(self, file: RemoteFile) -> bool:
        """Whether another file of its name may go; one that was fetched before it changed may."""
        return self._replace or file.name in self._landed

    def _fetch(self, session: Session, file: RemoteFile, target: Path) -> None:
        digest = hashlib.sha256(f"{self._mark}\0{file.name}".encode()).hexdigest()[:12]
        part = self._folder / f".almaflow-{digest}.part"
        try:
            with part.open("wb") as stream:
                sink = _Sink(stream, part, self._stop)
                session.copy(file.name, sink.write)
                sink.finish()
            if sink.size != file.size:
                raise Changed(f"{file.name} has {sink.size} bytes by now, {file.size} were listed")
            self._put(part, target, replace=self._may_replace(file))
        except OSError as error:
            raise _disk(target, error) from error
        finally:
            part.unlink(missing_ok=True)

    @staticmethod
    def _put(part: Path, target: Path, *, replace: bool) -> None:
        if target.exists():
            if filecmp.cmp(part, target, shallow=False):
                # Fetched already, by an earlier attempt or run.
                return
            if not replace:
                raise _in_the_way(target)
        os.replace(part, target)


class _Sink:
    """Writes the pieces of a file; an error of the disk is told apart from one of the place."""

    def __init__(self, stream: BinaryIO, path: Path, stop: threading.Event) -> None:
        self.size = 0
        self._stream = stream
        self._path = path
        self._stop = stop

    def write(self, piece: bytes) -> None:
        if self._stop.is_set():
            raise Stopped("Nobody waits for the file any more.")
        try:
            self._stream.write(piece)
        except OSError as error:
            raise _disk(self._path, error) from error
        self.size += len(piece)

    def finish(self) -> None:
        self._stream.flush()
        os.fsync(self._stream.fileno())


# What Windows takes for a device, whatever follows a dot.
_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}
)


def is_plain(name: str, *, windows: bool = os.name == "nt") -> bool:
    """Whether *name* can only be that of a file in the folder it is put into."""
    if name in ("", ".", "..") or set(name) & set("/\\"):
        return False
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
        return False
    if windows:
        reserved = name.partition(".")[0].strip().upper() in _DEVICES
        return not (reserved or set(name) & set(':*?"<>|') or name[-1] in " .")
    return True


def _in_the_way(target: Path) -> Refused:
    return Refused(
        f"{target} is there already, with other content; it was left as it is. Move it away, fetch "
        "to another folder, or say `if_exists: replace`."
    )


def _disk(path: Path, error: OSError) -> Refused:
    return Refused(f"{path} cannot be written: {error.strerror or error}.")
