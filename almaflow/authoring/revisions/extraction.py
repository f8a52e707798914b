"""The files of a revision, laid out in a temporary folder.

Nothing of git's own is run for it: no filter, no hook, no conversion of line ends. Links are laid
out only when they stay inside.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from almaflow.authoring.revisions.repository import Repository, Revision, TreeEntry
from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.text_files import MIB

MOST_FILES = 20_000
"""How many files of a revision are laid out."""
LARGEST_FILE = 32 * MIB
"""Bytes of the largest file that is laid out; workflows read none that is larger."""
LARGEST_PROJECT = 256 * MIB
"""Bytes of all files that are laid out."""
# What git prints next to each file (bytes).
_HEAD = 100


@dataclass(frozen=True)
class LaidOut:
    """A revision in *folder*; *remarks* are sentences about what is missing there."""

    folder: Path
    remarks: tuple[str, ...]
    submodules: tuple[str, ...]


@contextmanager
def laid_out(repository: Repository, revision: Revision) -> Iterator[LaidOut]:
    """Lay out the project of a revision for as long as the block runs.

    Raises:
        RequestWrong: it is too large, or git cannot read it.
    """
    entries, submodules = repository.files(revision)
    wanted = [entry for entry in entries if _is_wanted(entry)]
    _check_size(wanted, revision)
    contents = repository.contents(wanted, LARGEST_PROJECT + _HEAD * MOST_FILES)
    with tempfile.TemporaryDirectory(prefix="almaflow-diff-") as name:
        folder = Path(os.path.realpath(name))
        missing = [entry.path for entry in wanted if entry.blob not in contents]
        there = [entry for entry in wanted if entry.blob in contents]
        hidden = _write(folder, there, contents)
        remarks = tuple(_remarks(revision, missing, hidden))
        yield LaidOut(folder, remarks, tuple(submodules))


def _remarks(revision: Revision, missing: Sequence[str], hidden: Sequence[str]) -> Iterator[str]:
    if hidden:
        yield (
            f"Of `{revision.name}` is not compared: {', '.join(hidden[:5])}. On this system "
            "another file has that name, because upper and lower case do not count."
        )
    if missing:
        yield (
            f"{len(missing)} files of `{revision.name}` are not in this clone, such as "
            f"{missing[0]}. Fetch them with `git fetch --refetch`, or compare in a full clone."
        )


def _is_wanted(entry: TreeEntry) -> bool:
    """Whether a workflow may use a file: it is not hidden, and not larger than any that is read."""
    is_hidden = any(part.startswith(".") for part in entry.path.split("/"))
    return not is_hidden and entry.size <= LARGEST_FILE


def _check_size(entries: Sequence[TreeEntry], revision: Revision) -> None:
    size = sum(entry.size for entry in entries)
    if len(entries) > MOST_FILES or size > LARGEST_PROJECT:
        raise RequestWrong(
            f"The project has {len(entries):,} files with {size // MIB:,} MiB in "
            f"`{revision.name}`, and at most {MOST_FILES:,} files with "
            f"{LARGEST_PROJECT // MIB} MiB are compared. Keep workflows and their files in a "
            "separate folder, with almaflow.yaml in it."
        )


def _write(folder: Path, entries: Sequence[TreeEntry], contents: dict[str, bytes]) -> list[str]:
    """Write the files; return those whose name is taken where upper and lower case do not count."""
    hidden = []
    for entry in entries:
        if not entry.is_link:
            target = folder / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(target):
                hidden.append(entry.path)
                continue
            target.write_bytes(contents[entry.blob])
    links = [folder / entry.path for entry in entries if entry.is_link]
    for entry in entries:
        if entry.is_link:
            _link(folder, entry.path, os.fsdecode(contents[entry.blob]))
    # A link may lead outside over another one.
    for link in links:
        if os.path.lexists(link) and not Path(os.path.realpath(link)).is_relative_to(folder):
            link.unlink()
    return hidden


def _link(folder: Path, path: str, target: str) -> None:
    """Make a link, unless it leads outside or this system has none."""
    inside = os.path.normpath(os.path.join(os.path.dirname(path), target))
    if os.path.isabs(target) or inside.startswith("..") or "\0" in target:
        return
    link = folder / path
    link.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError, NotImplementedError):
        link.symlink_to(target)
