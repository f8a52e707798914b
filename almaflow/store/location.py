"""Where a store lies: its URL read, its folder and file made ready before anything is written."""

from __future__ import annotations

import errno
import os
from dataclasses import field, replace
from pathlib import Path

from almaflow.late_dataclasses import dataclass
from almaflow.ownership import advice, distrust
from almaflow.store.errors import (
    StoreFull,
    StoreNotTrusted,
    StoreReadOnly,
    StoreUnreachable,
    StoreUrlWrong,
)
from almaflow.store.url import StoreUrl
from almaflow.text_files import other_kind

_NEXT = (
    "Write `store: sqlite:///almaflow.db` or `store: postgresql://user@host/database` in"
    " almaflow.yaml, or leave `store` out."
)

_SQLITE = ("sqlite", "sqlite+pysqlite")
_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")


@dataclass(frozen=True)
class StoreLocation:
    """A store's file, or the address of its database in PostgreSQL; neither: it is in memory."""

    file: Path | None
    url: StoreUrl | None = None
    named: Path | None = field(default=None, compare=False)
    """The file as almaflow.yaml names it, links not followed."""

    def __str__(self) -> str:
        if self.url is not None:
            return str(self._address)
        return "in memory" if self.file is None else str(self.file)

    @property
    def in_memory(self) -> bool:
        """Whether the store is gone when it is closed."""
        return self.file is None and self.url is None

    @property
    def locks(self) -> Path:
        """The folder of the lock files: next to the store's file, else this user's own."""
        if self.url is not None:
            import hashlib  # late, like all that a store in a file does not need

            state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
            address = str(self._address.without_password())
            name = hashlib.sha256(address.encode()).hexdigest()[:16]
            return Path(state, "almaflow", "locks", name)
        if self.file is None:
            raise ValueError("a store in memory has no lock files")
        return self.file.with_name(self.file.name + ".locks")

    @property
    def _address(self) -> StoreUrl:
        # The query may hold a password as well; of all that is in it, only a host is shown.
        assert self.url is not None
        where = {name: it for name, it in self.url.query.items() if name in ("host", "port")}
        return replace(self.url, scheme="postgresql", query=where)


def read_url(url: str) -> StoreLocation:
    """Return the location that *url* names.

    It is `sqlite:///PATH`, `sqlite://` for a store in memory, or
    `postgresql://[user[:password]@]host[:port]/database`, with libpq's settings after a question
    mark. A relative path counts from the working directory. Links are followed, so that all
    processes that use the store agree on where its locks are.

    Raises:
        StoreUrlWrong: it is not such a URL. The message does not show a password.
    """
    try:
        parts = StoreUrl.parse(url)
    except ValueError as error:
        raise StoreUrlWrong(
            f"The value of `store` is not the URL of a store. {_NEXT} A port is a number up to"
            " 65535. In a password, write `%40` for `@`, `%2F` for `/` and `%25` for `%`."
        ) from error
    if parts.scheme in _POSTGRES:
        return StoreLocation(None, parts)
    if parts.scheme.partition("+")[0] != "sqlite":
        raise StoreUrlWrong(
            f"The store {parts} cannot be used: almaflow keeps its store in SQLite or, as"
            f" `postgresql://`, in PostgreSQL. {_NEXT}"
        )
    if parts.host or parts.query or parts.scheme not in _SQLITE:
        raise StoreUrlWrong(
            f"The store {parts} cannot be used: after `sqlite:///` comes a path and nothing"
            f" else (a full path begins with a fourth slash). {_NEXT}"
        )
    if parts.database in (None, "", ":memory:"):
        return StoreLocation(None)
    named = Path(os.path.abspath(os.path.expanduser(parts.database or "")))
    return StoreLocation(Path(os.path.realpath(named)), named=named)


# SQLite takes changes from such files when it opens a database (sqlite.org/tempfiles.html), and in
# a folder like /tmp others may have put one next to a file of ours.
_BESIDE = ("-wal", "-shm", "-journal")


def check_believed(location: StoreLocation) -> None:
    """Refuse a store that others can write, or have put there for us to find.

    `prepare` creates what does not exist yet, for us only.

    Raises:
        StoreNotTrusted: the file, its folder, its folder of locks or a link to them is not only
            ours or root's.
        StoreUnreachable: the file, or one next to it, is a folder, a named pipe or the like.
    """
    if location.in_memory:
        return
    for path in _parts(location):
        try:
            why = distrust(path, alone=True)
        except OSError:
            # It is not there, or cannot be reached: opening it raises the error.
            continue
        if why:
            raise StoreNotTrusted(
                f"The store {location} is not used, because {why}. Others could have changed what "
                f"runs are doing. Write another place as `store` in almaflow.yaml. {advice(path)}"
            )
    if location.file is not None:
        _check_kinds(location, location.file)


def _check_kinds(location: StoreLocation, file: Path) -> None:
    """Refuse what is no file, or no folder: SQLite waits for a named pipe without end."""
    wanted = dict.fromkeys((file, *_beside(file)), "file")
    for path, kind in (wanted | dict.fromkeys((file.parent, location.locks), "folder")).items():
        try:
            found = other_kind(path.stat()) or "a file"
        except OSError as error:
            if error.errno in (errno.ENAMETOOLONG, errno.EACCES):
                raise StoreUnreachable(
                    f"The store {location} cannot be opened: {error.strerror} ({path}).",
                    "Check this user's permissions there, or write another place as `store` in "
                    "almaflow.yaml",
                ) from error
            continue
        if found != f"a {kind}":
            raise StoreUnreachable(
                f"The store {location} cannot be opened: {path} is {found}, not a {kind}.",
                "Move it away, or write another place as `store` in almaflow.yaml",
            )


def _beside(file: Path) -> list[Path]:
    return [file.with_name(file.name + end) for end in _BESIDE]


def _parts(location: StoreLocation) -> list[Path]:
    """Return all that has to be ours: of what is named, only links count."""
    if location.file is None:
        return [location.locks]
    named = [] if location.named is None else [location.named.parent, location.named]
    links = [path for path in named if os.path.islink(path)]
    return [*links, location.file.parent, location.file, *_beside(location.file), location.locks]


def prepare(location: StoreLocation) -> None:
    """Create the store's folder, its folder of locks and its file, for their owner only.

    Only the last folder is made: where the one above is missing, a disk is not mounted, and an
    empty store in its place would have forgotten every run. A store without a file needs nothing.

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


def is_on_read_only_disk(location: StoreLocation) -> bool:
    """Whether the disk of a store's file, which is there, cannot be written at all."""
    if location.file is None or not location.file.exists():
        return False
    return bool(os.statvfs(location.file).f_flag & os.ST_RDONLY)


def refusal(
    location: StoreLocation, error: OSError
) -> StoreUnreachable | StoreReadOnly | StoreFull:
    """Return the error of ours that an *error* of the operating system at *location* means."""
    reason = error.strerror or str(error)
    there = location.file is not None and os.path.exists(location.file)
    what = f"The store {location} cannot be {'written' if there else 'made'}: {reason}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"{what}.", "Free some space on that disk")
    if error.errno == errno.EROFS:
        return StoreReadOnly(
            f"{what}.",
            "Let that disk be written, or write another place as `store` in almaflow.yaml",
        )
    return StoreUnreachable(
        f"{what} ({error.filename or 'unknown place'}).",
        "Check that the folder exists and that this user may write there, or write another place "
        "as `store` in almaflow.yaml",
    )
