"""The files that are fixed: read, fixed as text, and replaced whole or not at all."""

from __future__ import annotations

import codecs
import difflib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from almaflow.alma_keys import cover_keys
from almaflow.authoring.fixes.rounds import Change, Fixed, Reading, fix_text
from almaflow.document import MAX_BYTES
from almaflow.document.source import SourceText
from almaflow.errors import AlmaflowError
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Problem
from almaflow.text_files import FileUnreadable, display_path, read_bytes
from almaflow.whole_files import write_whole

CheckBytes = Callable[[Path, bytes], tuple[SourceText | None, Sequence[Problem]]]
"""Checks what the file at a path could hold; the source is None when it is not YAML."""


class FileNotFixed(AlmaflowError):
    """The disk refused a fixed file, or somebody changed it in the meantime."""


@dataclass(frozen=True)
class FixedFile:
    """A file with *content* before and *after*; *fixed* is what was fixed."""

    path: Path
    file: str
    content: bytes
    after: bytes
    fixed: tuple[Change, ...]

    def difference(self) -> Iterator[str]:
        """Yield the lines of a unified difference, without their ends."""
        old, new = (
            cover_keys(one.decode("utf-8-sig")).splitlines() for one in (self.content, self.after)
        )
        yield from difflib.unified_diff(old, new, self.file, self.file, lineterm="")


def fix_file(path: Path, check: CheckBytes) -> FixedFile | None:
    """Return the file at *path* fixed; None: nothing is to be fixed. Only UTF-8 is."""
    file = display_path(path)
    try:
        content = read_bytes(path, MAX_BYTES)
        text = content.decode("utf-8")
    except (FileUnreadable, UnicodeDecodeError):
        return None
    mark = text.startswith("\ufeff")

    def read(text: str) -> Reading:
        source, problems = check(path, text.encode("utf-8"))
        return Reading(source or SourceText(text, file), problems)

    result: Fixed = fix_text(text.removeprefix("\ufeff"), read)
    if not result.fixed:
        return None
    after = (codecs.BOM_UTF8 if mark else b"") + result.text.encode("utf-8")
    return FixedFile(path, file, content, after, result.fixed)


def write_fixed(fixed: FixedFile) -> None:
    """Replace the file, whole or not at all.

    Raises:
        FileNotFixed: it has changed, or cannot be written.
    """
    try:
        if not _is_unchanged(fixed):
            raise FileNotFixed(
                f"{fixed.file} was changed while almaflow checked it, so it was not fixed. Run "
                "the command again."
            )
        write_whole(fixed.path, fixed.after)
    except OSError as error:
        reason = error.strerror or error
        raise FileNotFixed(
            f"{fixed.file} cannot be written, so it was not fixed: {reason}."
        ) from error


def _is_unchanged(fixed: FixedFile) -> bool:
    try:
        return read_bytes(fixed.path, MAX_BYTES) == fixed.content
    except FileUnreadable:
        return False
