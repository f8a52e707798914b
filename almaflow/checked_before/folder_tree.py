"""What is in a project's folder, without what is in its files."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path

from almaflow.late_dataclasses import dataclass

OWN_FOLDER = ".almaflow"
"""Where almaflow keeps what it remembers of a project."""
MOST_ENTRIES = 10_000
"""Files and folders; looking at more takes longer than reading most settings."""


@dataclass(frozen=True)
class FolderTree:
    """Two digests: *names* covers names, kinds, sizes, owners and rights, *times* also changes."""

    names: str
    times: str


def tree_of(folder: Path) -> FolderTree | None:
    """Return what is in *folder* and below; None when that is too much or cannot be listed.

    What is in hidden folders, and `.almaflow` itself, is left out: no file of a project may name
    that.
    """
    names: list[str] = []
    times: list[str] = []
    try:
        for words, status in _entries(folder):
            if len(names) >= MOST_ENTRIES:
                return None
            names.append(words)
            times.append(f"{words} {status.st_mtime_ns} {status.st_ctime_ns}")
    except OSError:
        return None
    return FolderTree(_digest(names), _digest(times))


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def is_below(path: str, folder: Path) -> bool:
    """Whether `tree_of` would list the folder at *path*: it is *folder* or in it, and not hidden.

    Links to folders are not followed.
    """
    real, top = os.path.realpath(path), os.path.realpath(folder)
    if real != top and not real.startswith(os.path.join(top, "")):
        return False
    parts = os.path.relpath(real, top).split(os.sep)
    return parts == ["."] or not any(part.startswith(".") for part in parts)


def _entries(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield what is known about each entry, and the system's facts about it, in a fixed order."""
    waiting = [os.fspath(folder)]
    while waiting:
        current = waiting.pop()
        with os.scandir(current) as listed:
            entries = sorted(listed, key=attrgetter("name"))
        for entry in entries:
            if entry.name == OWN_FOLDER:
                continue
            status = entry.stat(follow_symlinks=False)
            yield _words(entry, status), status
            if stat.S_ISDIR(status.st_mode) and not entry.name.startswith("."):
                waiting.append(entry.path)


def _words(entry: os.DirEntry[str], status: os.stat_result) -> str:
    words = f"{entry.path!a} {status.st_mode} {status.st_uid} {status.st_gid}"
    if stat.S_ISREG(status.st_mode):
        return f"{words} {status.st_size}"
    if stat.S_ISLNK(status.st_mode):
        return f"{words} {os.readlink(entry.path)!a} {_target(entry.path)}"
    return words


def _target(link: str) -> str:
    """Return what a link leads to."""
    try:
        status = os.stat(link)
    except OSError as error:
        return str(error.errno)
    size = status.st_size if stat.S_ISREG(status.st_mode) else 0
    return f"{os.path.realpath(link)!a} {status.st_mode} {status.st_uid} {size}"
