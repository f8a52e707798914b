"""The folder that files are fetched to, kept open so that it stays the same folder meanwhile.

Where the system allows it, every name is looked up in the open folder itself: a link that is put
in the folder's place while files arrive leads nowhere. No link inside it is followed either.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import secrets
import stat
from pathlib import Path
from typing import BinaryIO, Self

# The system's calls take names relative to an open folder (not on Windows).
_RELATIVE = {os.open, os.stat, os.unlink, os.rename} <= os.supports_dir_fd

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | getattr(os, "O_BINARY", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _NO_LINK

# What is fetched is read by its owner only: it may hold data about people.
_MODE = 0o600


class TargetFolder:
    """An open folder; usable as a context manager. Methods take plain names and raise `OSError`."""

    def __init__(self, path: Path) -> None:
        """Open *path* and make it if it is missing; its last part may not be a link."""
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._open: int | None = os.open(path, _FOLDER) if _RELATIVE else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._open is not None:
            os.close(self._open)
            self._open = None

    def _name(self, name: str) -> str | Path:
        return name if self._open is not None else self.path / name

    def new(self, prefix: str) -> tuple[str, BinaryIO]:
        """Make a file that was not there before, and return its name and the stream to it."""
        name = f"{prefix}-{secrets.token_hex(4)}.part"
        descriptor = os.open(self._name(name), _NEW, _MODE, dir_fd=self._open)
        return name, os.fdopen(descriptor, "wb")

    def status(self, name: str) -> os.stat_result | None:
        """Return what has that name, a link as itself; None when nothing has."""
        try:
            return os.stat(self._name(name), dir_fd=self._open, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def is_ordinary(self, name: str) -> bool:
        """Whether nothing, or an ordinary file, has that name."""
        status = self.status(name)
        return status is None or stat.S_ISREG(status.st_mode)

    def are_same(self, one: str, other: str) -> bool:
        """Whether two files of the folder have the same content."""
        with self._to_read(one) as first, self._to_read(other) as second:
            if os.fstat(first.fileno()).st_size != os.fstat(second.fileno()).st_size:
                return False
            while piece := first.read(filecmp.BUFSIZE):
                if piece != second.read(len(piece)):
                    return False
            return True

    def _to_read(self, name: str) -> BinaryIO:
        flags = os.O_RDONLY | _NO_LINK | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(self._name(name), flags, dir_fd=self._open), "rb")

    def rename(self, name: str, to: str) -> None:
        """Give a file another name; what had that name is replaced, a link too."""
        os.replace(self._name(name), self._name(to), src_dir_fd=self._open, dst_dir_fd=self._open)

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens when it is gone."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name(name), dir_fd=self._open)

    def ignores_case(self) -> bool:
        """Whether two names that differ in their case only are one file here."""
        name, stream = self.new(".almaflow-case")
        try:
            stream.close()
            return self.status(name.upper()) is not None
        finally:
            self.remove(name)

    def space(self) -> int | None:
        """Return how many bytes can still be written here; None where the system does not say."""
        if not hasattr(os, "statvfs"):
            return None
        space = os.statvfs(self.path if self._open is None else self._open)
        return space.f_bavail * space.f_frsize
