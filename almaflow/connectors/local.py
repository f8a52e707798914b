"""A folder of this machine, or one that it has mounted, as a place with files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from almaflow.connectors.base import ConnectorSession, RemoteFile, Search, Write, bounded
from almaflow.connectors.errors import ConnectorRefused, FileChanged, TemporaryFailure

# A pipe that took a file's place must not be waited for.
_TO_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

# Bytes read at a time.
_PIECE = 256 * 1024


class LocalSource:
    """The folder at *folder*."""

    def __init__(self, search: Search, folder: Path) -> None:
        self.what = str(folder)
        self._search = search
        self._folder = folder

    @contextmanager
    def session(self) -> Iterator[ConnectorSession]:
        yield self

    def files(self) -> list[RemoteFile]:
        try:
            inside = os.path.realpath(self._folder)
            with os.scandir(self._folder) as entries:
                listed = bounded(entries, f"The folder {self._folder}")
                files = [one for one in listed if self._search.fits(one.name)]
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ConnectorRefused(f"There is no folder {self._folder}.") from error
        except PermissionError as error:
            raise ConnectorRefused(
                f"There is no permission to read the folder {self._folder}."
            ) from error
        except OSError as error:
            raise TemporaryFailure(
                f"The folder {self._folder} cannot be read: {_why(error)}"
            ) from error
        return [file for one in files if (file := _file(one, inside)) is not None]

    def copy(self, file: RemoteFile, write: Write) -> None:
        name = file.name
        try:
            stream = os.fdopen(os.open(self._folder / name, _TO_READ), "rb")
        except FileNotFoundError as error:
            raise FileChanged(f"{name} is gone") from error
        except PermissionError as error:
            raise ConnectorRefused(
                f"There is no permission to read {self._folder / name}."
            ) from error
        except OSError as error:
            raise TemporaryFailure(
                f"{self._folder / name} cannot be read: {_why(error)}"
            ) from error
        with stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise FileChanged(f"{name} is not a regular file any more")
            while piece := self._piece(stream, name):
                write(piece)

    def hang_up(self) -> None:
        """A file of this machine ends with its next piece."""

    def _piece(self, stream: BinaryIO, name: str) -> bytes:
        try:
            return stream.read(_PIECE)
        except OSError as error:
            raise TemporaryFailure(
                f"{self._folder / name} cannot be read: {_why(error)}"
            ) from error


def _file(entry: os.DirEntry[str], folder: str) -> RemoteFile | None:
    """Return an entry that is a file of the folder, and no link to one elsewhere; else None."""
    try:
        if not entry.is_file():
            return None
        if entry.is_symlink() and not Path(os.path.realpath(entry.path)).is_relative_to(folder):
            return None
        stat = entry.stat()
    except OSError:
        # Gone meanwhile; so it is not there.
        return None
    return RemoteFile(entry.name, stat.st_size, str(stat.st_mtime_ns), stat.st_mtime)


def _why(error: OSError) -> str:
    return f"{error.strerror or error}."
