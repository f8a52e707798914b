"""The file of the snapshot: where it is, read once while it does not change, written whole."""

from __future__ import annotations

import os
from pathlib import Path

from almaflow.errors import AlmaflowError
from almaflow.snapshot.file_format import SnapshotInvalid, read_snapshot_text, snapshot_text
from almaflow.snapshot.model import Snapshot
from almaflow.snapshot.place import SNAPSHOT_FILE, has_snapshot
from almaflow.text_files import MIB, FileUnreadable, read_text
from almaflow.whole_files import write_whole

LARGEST_SNAPSHOT = 16 * MIB
"""The largest file that is read (bytes); an institution with 5,000 jobs has some 2 MiB."""

# The last file that was read: a folder of workflows is checked with one.
_READ: dict[Path, tuple[tuple[int, int, int], Snapshot | SnapshotInvalid]] = {}


class SnapshotNotWritten(AlmaflowError):
    """The disk refused the file of the snapshot; what was there before is unchanged."""


def snapshot_in(folder: Path) -> Snapshot | None:
    """Return the snapshot of the project in *folder*; None: there is none that can be read."""
    if not has_snapshot(folder):
        return None
    try:
        return read_snapshot(folder / SNAPSHOT_FILE)
    except SnapshotInvalid:
        # `validate` and `doctor` report it; a run does not depend on it.
        return None


def read_snapshot(file: Path) -> Snapshot:
    """Return the snapshot in *file*.

    Raises:
        SnapshotInvalid: it cannot be read, is not a snapshot, or is one of a newer almaflow.
    """
    try:
        status = os.stat(file)
        version = (status.st_mtime_ns, status.st_size, status.st_ino)
    except OSError:
        version = (0, 0, 0)
    kept = _READ.get(file)
    if kept is None or kept[0] != version:
        kept = version, _read(file)
        _READ.clear()
        _READ[file] = kept
    if isinstance(kept[1], SnapshotInvalid):
        raise kept[1]
    return kept[1]


def _read(file: Path) -> Snapshot | SnapshotInvalid:
    try:
        return read_snapshot_text(read_text(file, LARGEST_SNAPSHOT))
    except FileUnreadable as error:
        return SnapshotInvalid(
            f"It cannot be read: {error.reason}. Restore it from git, or remove it and run "
            "`almaflow snapshot`.",
            error.line,
            error.column,
        )
    except SnapshotInvalid as error:
        return error


def write_snapshot(file: Path, snapshot: Snapshot) -> None:
    """Write *snapshot* to *file*, whole or not at all.

    Raises:
        SnapshotNotWritten: the disk refuses.
    """
    try:
        write_whole(file, snapshot_text(snapshot).encode())
    except OSError as error:
        raise SnapshotNotWritten(
            f"The snapshot cannot be written to {file}: {error.strerror or error}. Nothing was "
            "changed. Free some space or check the permissions of the folder, then repeat the "
            "command."
        ) from error
