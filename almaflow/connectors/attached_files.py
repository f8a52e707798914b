"""Files that a notification carries: taken when the message is made, read when it is sent.

A notification may leave hours later, and from another process. What is recorded of a file is its
path, size and digest, never its content; a file that is gone by then, or is another one, is named
in the notification.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from almaflow.late_dataclasses import dataclass
from almaflow.text_files import MIB, FileUnreadable, UnreadableReason, printable, read_bytes

LARGEST_FILE, LARGEST_TOTAL = 10 * MIB, 25 * MIB
"""Bytes of one file, and of all files of a notification; most mail servers accept no more."""
MOST_FILES = 20


@dataclass(frozen=True)
class AttachedFile:
    """A file as it was when the message was made.

    *name* is what the workflow calls it, *path* where it is, absolute and without links; *digest*
    is the SHA-256 of its content, in hexadecimal digits.
    """

    name: str
    path: str
    size: int
    digest: str

    @property
    def shown(self) -> str:
        """Its name and size, for people."""
        return f"{printable(self.name)} ({size_in_words(self.size)})"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return asdict(self)


def files_of_json(data: Iterable[dict[str, Any]]) -> list[AttachedFile]:
    """Return the files that `to_json` made data of."""
    return [AttachedFile(**one) for one in data]


def take_files(wanted: Sequence[tuple[str, Path]]) -> tuple[list[AttachedFile], list[str]]:
    """Return the files that can be attached, and a sentence about each that cannot.

    *wanted* are the files by the names that people know, with their paths.
    """
    files: list[AttachedFile] = []
    problems: list[str] = []
    for name, path in wanted:
        try:
            content = read_bytes(path, LARGEST_FILE)
        except FileUnreadable as error:
            problems.append(_not_attached(name, _reason(error)))
            continue
        if len(files) == MOST_FILES:
            reason = f"a notification carries at most {MOST_FILES} files"
            problems.append(_not_attached(name, reason))
        elif sum(one.size for one in files) + len(content) > LARGEST_TOTAL:
            reason = f"the files of a notification have at most {LARGEST_TOTAL // MIB} MiB in total"
            problems.append(_not_attached(name, reason))
        else:
            real = os.path.realpath(path)
            files.append(AttachedFile(name, real, len(content), _digest(content)))
    return files, problems


def load_files(files: Sequence[AttachedFile]) -> tuple[list[tuple[AttachedFile, bytes]], list[str]]:
    """Return *files* with their content now, and a sentence about each that is gone or changed."""
    loaded: list[tuple[AttachedFile, bytes]] = []
    problems: list[str] = []
    for file in files:
        try:
            content = _read_again(Path(file.path))
        except FileUnreadable as error:
            problems.append(_not_attached(file.name, _reason(error)))
            continue
        if _digest(content) != file.digest:
            problems.append(
                f"{printable(file.name)} was changed after this message was made; this is its "
                "newer content."
            )
        loaded.append((file, content))
    return loaded, problems


def in_words(files: Sequence[AttachedFile], problems: Sequence[str], what: str = "Attached") -> str:
    """Return lines for people about attached *files*; empty when there is nothing to say."""
    listed = ", ".join(file.shown for file in files)
    return "\n".join([f"{what}: {listed}."] * bool(files) + list(problems))


def size_in_words(size: int) -> str:
    """Return a number of bytes for people."""
    for unit, one in (("MB", 1_000_000), ("kB", 1_000)):
        if size >= one:
            return f"{size / one:.1f} {unit}"
    return f"{size} bytes" if size != 1 else "1 byte"


def _read_again(path: Path) -> bytes:
    if os.path.realpath(path) != str(path):
        # A link that was put there later may lead to anything.
        raise FileUnreadable(UnreadableReason.SPECIAL, "it was replaced by a link")
    return read_bytes(path, LARGEST_FILE)


def _reason(error: FileUnreadable) -> str:
    return "there is no such file" if error.kind is UnreadableReason.MISSING else error.reason


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _not_attached(name: str, reason: str) -> str:
    return f"{printable(name)} is not attached: {reason}."
