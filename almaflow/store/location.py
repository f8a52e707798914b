"""Where a store lies: its URL read, its folder and file made ready before anything is written."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from almaflow.store.errors import StoreFull, StoreReadOnly, StoreUnreachable, StoreUrlWrong

_NEXT = "Write `store: sqlite:///almaflow.db` in almaflow.yaml, or leave `store` out."


@dataclass(frozen=True)
class StoreLocation:
    """A store's file; None means that it is kept in memory."""

    file: Path | None

    def __str__(self) -> str:
        return "in memory" if self.file is None else str(self.file)

    @property
    def locks(self) -> Path:
        """The folder of the lock files beside the store's file."""
        if self.file is None:
            raise ValueError("a store in memory has no lock files")
        return self.file.with_name(self.file.name + ".locks")


def read_url(url: str) -> StoreLocation:
    """Return the place that *url* names: `sqlite:///PATH`, or `sqlite://` for one in memory.

    A relative path counts from the working directory. Links are followed, so that whoever uses
    the store agrees on where its locks are.

    Raises:
        StoreUrlWrong: it is no such URL. The message does not show a password.
    """
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise StoreUrlWrong(f"The value of `store` is not the URL of a store. {_NEXT}") from error
    shown = parts.render_as_string(hide_password=True)
    if parts.get_backend_name() != "sqlite":
        raise StoreUrlWrong(
            f"The store {shown} cannot be used: this almaflow keeps its store in SQLite. {_NEXT}"
        )
    if parts.host or parts.query or parts.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise StoreUrlWrong(
            f"The store {shown} cannot be used: after `sqlite:///` comes a path and nothing"
            f" else (a full path begins with a fourth slash). {_NEXT}"
        )
    if parts.database in (None, "", ":memory:"):
        return StoreLocation(None)
    return StoreLocation(Path(parts.database or "").expanduser().resolve())


def prepare(location: StoreLocation) -> None:
    """Make the store's folder, its folder of locks and its file, for nobody but their owner.

    Only the last folder is made: where the one above is missing, a disk is not mounted, and an
    empty store in its place would have forgotten every run.

    Raises:
        StoreUnreachable, StoreReadOnly, StoreFull: the system does not let us.
    """
    if location.file is None:
        return
    try:
        location.file.parent.mkdir(mode=0o700, exist_ok=True)
        _make_file(location.file)
        location.locks.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise refusal(location, error) from error


def _make_file(file: Path) -> None:
    # A file that exists must not be opened here: when a descriptor is closed, POSIX takes away
    # the locks that another connection of this process holds on the same file.
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if file.is_file() and file.stat().st_size == 0:
            file.chmod(0o600)


def refusal(
    location: StoreLocation, error: OSError
) -> StoreUnreachable | StoreReadOnly | StoreFull:
    """Return the error of ours that an *error* of the operating system at *location* means."""
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"The store {location} cannot be made: {reason}. Make room on that disk.")
    if error.errno == errno.EROFS:
        return StoreReadOnly(
            f"The store {location} cannot be made: {reason}. Name a place that can be written"
            " as `store` in almaflow.yaml."
        )
    return StoreUnreachable(
        f"The store {location} cannot be made: {reason} ({error.filename or 'unknown place'})."
        " Make the folder and see that this user may write there, or name another place as"
        " `store` in almaflow.yaml."
    )
