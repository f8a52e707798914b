"""The last revisions of a file in git, and what each of them changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from almaflow.clock import Clock
from almaflow.git_reading import LARGEST, GitUnreadable, read_git
from almaflow.late_dataclasses import dataclass
from almaflow.text_files import FileUnreadable, read_bytes

MOST_REVISIONS = 20
"""Revisions that are read of a file."""
# Lines of one difference, and characters of one line, that are shown.
_LINES, _LONGEST = 2000, 1000
# Seconds for which an answer of git is kept, and files for which one is.
_KEEP, _FILES = 10.0, 200

# Neither can be in a line of a difference: NUL makes a file binary for git.
_BEGIN, _END = "\x00begin\x00", "\x00end\x00"
_FORMAT = "--format=%x00begin%x00%H%x00%aI%x00%an%x00%s%x00end%x00"


class Sign(StrEnum):
    """What a line of a difference is."""

    ADDED = "+"
    REMOVED = "-"
    SAME = " "
    PLACE = "@"
    """Not a line of the file: where the lines after it are in it."""


@dataclass(frozen=True)
class DifferenceLine:
    """A line of a difference."""

    sign: Sign
    text: str


@dataclass(frozen=True)
class Revision:
    """A commit that changed a file."""

    commit: str
    at: datetime
    """When its author made it, with the author's offset."""
    author: str
    subject: str
    lines: tuple[DifferenceLine, ...]
    """What it changed in the file; empty when only the file's name or mode changed."""
    is_cut: bool
    """Whether lines are missing, because there are too many."""

    @property
    def added(self) -> int:
        """How many of the lines are new."""
        return sum(line.sign is Sign.ADDED for line in self.lines)

    @property
    def removed(self) -> int:
        """How many of the lines are gone."""
        return sum(line.sign is Sign.REMOVED for line in self.lines)


@dataclass(frozen=True)
class FileHistory:
    """The revisions of a file, newest first; *problem* says why there are none."""

    revisions: tuple[Revision, ...]
    problem: str = ""
    is_changed: bool = False
    """Whether the file has changes that are not committed."""


def file_history(file: Path) -> FileHistory:
    """Return the last revisions of *file*, also under names that it had before."""
    try:
        answer = read_git(
            file.parent,
            *("log", f"--max-count={MOST_REVISIONS}", "--follow", "--patch", "--unified=3"),
            *("--no-color", "--no-ext-diff", "--no-textconv", "--no-notes", "--no-show-signature"),
            *("--encoding=UTF-8", "--submodule=short", _FORMAT, "--", file.name),
        )
    except GitUnreadable as error:
        return FileHistory((), str(error))
    revisions = tuple(_revisions(answer.decode("utf-8", "replace"), len(answer) >= LARGEST))
    if not revisions:
        return FileHistory((), "Git has no commit with this file yet.")
    return FileHistory(revisions, is_changed=_is_changed(file))


def _is_changed(file: Path) -> bool:
    """Whether *file* differs from the last commit, apart from the ends of its lines.

    `git diff` would run the filters that a repository names.
    """
    try:
        committed = read_git(file.parent, "cat-file", "blob", f"HEAD:./{file.name}")
        present = read_bytes(file, LARGEST)
    except (GitUnreadable, FileUnreadable):
        return True
    return committed.splitlines() != present.splitlines()


def _revisions(text: str, is_cut: bool) -> Iterator[Revision]:
    parts = text.split(_BEGIN)[1:]
    for number, part in enumerate(parts):
        head, end, patch = part.partition(_END)
        fields = head.split("\x00")
        # A cut answer may end within a head.
        if not end or len(fields) != 4:
            continue
        commit, written, author, subject = fields
        at = _instant(written)
        if at is None:
            continue
        lines = _lines(patch)
        cut = len(lines) > _LINES or (is_cut and number == len(parts) - 1)
        yield Revision(commit, at, author, subject, tuple(lines[:_LINES]), cut)


def _instant(text: str) -> datetime | None:
    """Return an instant as git writes it; None for one that no calendar has."""
    try:
        at = datetime.fromisoformat(text)
        # Each zone has to be able to show it.
        return at if 1900 < at.year < 2200 else None
    except ValueError:
        return None


def _lines(patch: str) -> Sequence[DifferenceLine]:
    """Return the lines of a patch of one file, without its head."""
    lines: list[DifferenceLine] = []
    for line in patch.split("\n"):
        if line.startswith("@@"):
            lines.append(DifferenceLine(Sign.PLACE, line[:_LONGEST]))
        elif lines and line[:1] in ("+", "-", " "):
            text = line[1:].rstrip("\r")
            lines.append(DifferenceLine(Sign(line[0]), text[:_LONGEST]))
        if len(lines) > _LINES:
            break
    return lines


class Histories:
    """Keeps the histories of files for some seconds; safe to use from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Path, tuple[float, FileHistory]] = OrderedDict()

    def of(self, file: Path) -> FileHistory:
        """Return the history of *file*."""
        with self._lock:
            now = self._clock.elapsed()
            kept = self._kept.get(file)
            if kept is not None and now - kept[0] < _KEEP:
                return kept[1]
            history = file_history(file)
            self._kept[file] = (now, history)
            self._kept.move_to_end(file)
            if len(self._kept) > _FILES:
                self._kept.popitem(last=False)
            return history
