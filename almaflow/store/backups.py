"""Copies of a store, made while it is in use."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from almaflow.errors import StoreError
from almaflow.store.errors import StoreFull
from almaflow.store.location import StoreLocation


def copy(location: StoreLocation, target: Path) -> None:
    """Copy the store into the file *target*, which must not be there.

    The copy is one state of the store, even if others write meanwhile; it is complete or absent.

    Raises:
        StoreError: the store is not a file, *target* exists already, or cannot be written.
    """
    if location.url is not None:
        raise StoreError(
            f"The store {location} is in PostgreSQL, whose own tool makes copies: "
            f"`pg_dump --format=custom --file={target} '{location}'`."
        )
    if location.file is None:
        raise StoreError("A store in memory cannot be copied; it is gone when the command ends.")
    _refuse_what_is_there(target)
    try:
        _copy(location.file, target)
    except sqlite3.Error as error:
        full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
        raise (StoreFull if full else StoreError)(
            f"The store {location} could not be copied to {target}: {error}. Nothing is left of "
            "the copy; look at the disk of both."
        ) from error
    except FileExistsError:
        _refuse_what_is_there(target)
        raise
    except OSError as error:
        raise StoreError(
            f"The copy {target} cannot be written: {error.strerror or error}. Name a file in a "
            "folder that is there and that this user may write."
        ) from error


def _refuse_what_is_there(target: Path) -> None:
    if os.path.lexists(target):
        raise StoreError(
            f"{target} is there already, and a copy never takes the place of anything; name "
            "another file."
        )


def _copy(file: Path, target: Path) -> None:
    # Created for its owner only and in the same folder, so that a link can publish it whole.
    import tempfile

    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.absolute().parent)
    os.close(descriptor)
    made = Path(name)
    try:
        source = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)
        with closing(source), closing(sqlite3.connect(made)) as copied:
            # In one step it is one state, and others that write do not make it start over.
            source.backup(copied)
            # A copy is one file, without others next to it.
            copied.execute("PRAGMA journal_mode = DELETE").close()
            verdict = copied.execute("PRAGMA quick_check").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged ({verdict})")
        _sync(made)
        os.link(made, target)
        _sync(target.absolute().parent)
    finally:
        made.unlink(missing_ok=True)
        for beside in ("-wal", "-shm", "-journal"):
            made.with_name(made.name + beside).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    with suppress(PermissionError):  # Windows does not open folders
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
