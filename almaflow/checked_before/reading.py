"""Which files are read meanwhile, and what is in them.

Python reports every file that it opens and every folder that it lists to an audit hook (PEP 578),
whoever asks for it. So a new check that reads one more file needs nothing here. What else a check
could learn, from another process or the network, is not known afterwards.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from almaflow.checked_before.surroundings import is_program

_LARGEST = 64 * 1024 * 1024  # bytes; no check reads as much
_MOST = 10_000
_PIECE = 1024 * 1024

# Answers that no digest can be taken of.
_UNKNOWABLE = frozenset(
    {
        *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork"),
        *("socket.connect", "socket.getaddrinfo", "sqlite3.connect", "ctypes.dlopen"),
    }
)
_CODE = (".py", ".pyc", ".so", ".pyd")


class Reading:
    """The files that were read, with what was in them just before, and the folders listed."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.folders: set[str] = set()
        self.is_complete = True
        self._busy = False

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take in an audit event."""
        if self._busy:
            return
        self._busy = True
        try:
            if event == "open":
                self._opened(*arguments)
            elif event in ("os.listdir", "os.scandir"):
                self._listed(arguments[0])
            elif event in _UNKNOWABLE:
                self.is_complete = False
        finally:
            self._busy = False

    def _opened(self, name: Any, mode: str | None, flags: int) -> None:
        if isinstance(name, int):
            # A file that is open already, so it was reported.
            return
        path = os.path.abspath(os.fsdecode(name))
        if is_program(path):
            return
        writes = flags & (os.O_WRONLY | os.O_RDWR) or set(mode or "") & set("wax+")
        if writes or path.endswith(_CODE) or len(self.files) >= _MOST:
            self.is_complete = False
        elif path not in self.files:
            self.files[path] = digest_of(path)

    def _listed(self, name: Any) -> None:
        if isinstance(name, int):
            self.is_complete = False
        else:
            self.folders.add(os.path.abspath(os.fsdecode("." if name is None else name)))


_current: list[Reading] = []
_hooked: list[bool] = []


@contextmanager
def watched() -> Iterator[Reading]:
    """Return what is read inside of the block."""
    if not _hooked:
        # A hook stays as long as the process.
        sys.addaudithook(_note)
        _hooked.append(True)
    reading = Reading()
    _current.append(reading)
    try:
        yield reading
    finally:
        _current.remove(reading)


# The list is a default, because the names of a module are gone before Python has ended.
def _note(event: str, arguments: tuple[Any, ...], current: Sequence[Reading] = _current) -> None:
    for reading in current:
        reading.note(event, arguments)


def digest_of(path: str) -> str:
    """Return a digest of the file at *path*, or what keeps it from being read."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            # It is not read; the size is what a check may say of it.
            return f"kind {stat.S_IFMT(status.st_mode)}, {status.st_size} bytes"
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
        return digest.hexdigest()
    except (OSError, ValueError) as error:
        return f"error {getattr(error, 'errno', None)}"
