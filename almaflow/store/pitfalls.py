"""What a store's place can do to it: network shares, and a store that was left behind."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from almaflow.outcome import Status
from almaflow.store.location import read_url

# Source: the types that Linux gives to mounted network shares (`man 5 proc`, `/proc/mounts`).
_SHARES = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|afs|ncpfs|davfs|9p|vboxsf|ceph|lustre|gpfs|beegfs"
    r"|fuse\.(sshfs|glusterfs|rclone|s3fs|ceph|davfs2?)"
)
_MOUNTS = Path("/proc/mounts")
_ESCAPED = re.compile(r"\\([0-7]{3})")
# The store of a project that names none.
_USUAL = Path(".almaflow", "almaflow.db")


def on_a_share(file: Path, mounts: Path = _MOUNTS) -> str:
    """Return a warning when *file* is on a network share; empty: it is not, or it is not known."""
    kind = _kind_of_share(file.absolute(), mounts)
    if not kind:
        return ""
    return (
        f"The store {file} is on a network share ({kind}). Locks of SQLite are not reliable there, "
        "and two processes can damage the store. Name a file on a local disk as `store` in "
        "almaflow.yaml, or a database in PostgreSQL."
    )


def warnings_about(url: str, folder: Path) -> list[str]:
    """Return the warnings about the store at *url* of the project in *folder*.

    Raises:
        StoreUrlWrong: *url* is not the address of a store.
    """
    file = read_url(url).file
    warnings = [on_a_share(file) if file is not None else "", left_behind(folder, file)]
    return [warning for warning in warnings if warning]


def _kind_of_share(file: Path, mounts: Path) -> str:
    if str(file).startswith("\\\\"):
        return "a Windows share"
    kinds = {point: kind for point, kind in _mounted(mounts) if file.is_relative_to(point)}
    if not kinds:
        return ""
    nearest = kinds[max(kinds, key=lambda point: len(point.parts))]
    return nearest if _SHARES.fullmatch(nearest) else ""


def _mounted(mounts: Path) -> Iterator[tuple[Path, str]]:
    """Yield what is mounted: the folder, and the type of its file system."""
    # Only Linux has the list.
    with suppress(OSError):
        for line in mounts.read_text("utf-8", "surrogateescape").splitlines():
            parts = line.split(" ")
            if len(parts) > 2:
                yield Path(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), parts[1])), parts[2]


def left_behind(folder: Path, used: Path | None) -> str:
    """Return a warning when the usual store of a project in *folder* has unfinished runs.

    *used* is the file of the store that almaflow.yaml names; None: it is in PostgreSQL.
    """
    file = folder / _USUAL
    if used == file or not file.is_file():
        return ""
    unfinished = 0
    address = f"{file.as_uri()}?mode=ro"
    with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True)) as usual:
        statement = "SELECT count(*) FROM runs WHERE status != ?"
        unfinished = usual.execute(statement, (Status.FINISHED.value,)).fetchone()[0]
    if not unfinished:
        return ""
    return (
        f"{file} has {unfinished} unfinished run{'s' if unfinished > 1 else ''}, and almaflow.yaml "
        "names another store now. They do not continue. To move them into an empty database, run "
        "`almaflow store migrate --from .almaflow/almaflow.db`; otherwise delete the file."
    )
