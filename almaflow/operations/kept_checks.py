"""Checks of workflow files whose results are kept until something in the project changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from almaflow.checked_before import K, checked_once, digest_of, is_below
from almaflow.snapshot.place import SNAPSHOT_FILE


def workflows_checked_once(
    folder: Path,
    paths: Sequence[Path],
    check: Callable[[], K],
    kind: type[K],
    asked: Sequence[str] = (),
) -> K:
    """Return what *check* finds in the workflows of the project at *folder*, or found before.

    *paths* are the files and folders that were typed; of those outside of the project, and of
    hidden ones, nothing is kept. See `checked_once` for the others.
    """
    if not all(is_below(os.fspath(path), folder) for path in paths):
        return check()
    # A snapshot stays in memory once it is read, so a check may use it without opening it.
    snapshot = digest_of(os.fspath(folder / SNAPSHOT_FILE))
    return checked_once(folder, [*asked, snapshot, *map(os.fspath, paths)], check, kind)
