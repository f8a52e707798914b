"""The results of earlier checks: a project in which nothing has changed is not checked again.

A check is anything that is found out from files: what is wrong in them, what almaflow.yaml says of
the store, when workflows are due.

surroundings   what a result depends on besides the project's files: program, folder, environment
folder_tree    the names, kinds and sizes of all files of the project
reading        the files that a check reads, as Python's audit events report them
results        the file in `.almaflow` that keeps the results
findings       the result of a check of files
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from almaflow.checked_before.findings import Findings
from almaflow.checked_before.folder_tree import OWN_FOLDER, FolderTree, is_below, tree_of
from almaflow.checked_before.reading import Reading, digest_of, watched
from almaflow.checked_before.results import Result, ResultFile
from almaflow.checked_before.surroundings import is_listed, is_program, key_of

__all__ = ["Findings", "K", "Kept", "checked_once", "digest_of", "is_below"]


class Kept(Protocol):
    """What a check finds and can be kept; what is read back equals what was found."""

    def to_json(self) -> Any:
        """Return all of it as JSON data."""

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Return what `to_json` made data of."""


K = TypeVar("K", bound=Kept)
"""What a check finds."""


def checked_once(folder: Path, asked: Sequence[str], check: Callable[[], K], kind: type[K]) -> K:
    """Return what *check* finds in the project at *folder*, or found when all was as it is now.

    *asked* is what else *check* depends on: what was typed, and what was read before. It finds a
    *kind*.
    """
    if is_program(os.path.realpath(folder)):
        return check()
    asked = (kind.__name__, *asked)
    file, key, tree = ResultFile(folder / OWN_FOLDER), key_of(folder, asked), tree_of(folder)
    if tree is None:
        return check()
    results = file.read()
    for result in results:
        if result.key == key and _holds(result, tree):
            # Not for what is out of date, but for what a person has changed.
            with suppress(ValueError, TypeError, KeyError):
                return kind.from_json(result.findings)
    with watched() as reading:
        findings = check()
    result = Result(key, tree.names, reading.files, findings.to_json())
    if _is_certain(reading, folder, tree, tree_of(folder)):
        file.write([result, *(one for one in results if one.key != key)])
    return findings


def _holds(result: Result, tree: FolderTree) -> bool:
    return result.tree == tree.names and all(
        digest_of(path) == digest for path, digest in result.files.items()
    )


def _is_certain(
    reading: Reading, folder: Path, before: FolderTree, after: FolderTree | None
) -> bool:
    """Whether all that was read is known, and nothing was changed meanwhile."""
    return (
        after is not None
        and before.times == after.times
        and reading.is_complete
        and all(is_below(one, folder) or is_listed(one) for one in reading.folders)
        and all(digest_of(path) == digest for path, digest in reading.files.items())
    )
