"""Servers that are reached through fsspec: what their sessions have in common."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from almaflow.connectors.base import (
    MOST_CHARACTERS,
    RemoteFile,
    Search,
    Write,
    bounded,
    size_of,
    too_long,
)
from almaflow.connectors.errors import ConnectorError, ConnectorRefused
from almaflow.connectors.time_limit import LISTING, TimeLimit, seconds_for
from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.redaction import REDACTION

# Seconds to a connection, and to the next piece of an answer.
CONNECT, ANSWER = 20.0, 60.0

# Bytes asked for at a time.
_PIECE = 1024 * 1024

_HOME = "/~"

_MLSD_TIME = late_pattern(r"\d{14}(\.\d+)?", re.ASCII)


@dataclass(frozen=True)
class RemoteServer:
    """A connection of almaflow.yaml, ready to be used; *password* is None when there is none.

    *path* is percent-decoded, absolute, or relative to the user's own folder.
    """

    name: str
    scheme: str
    host: str
    port: int | None
    user: str | None
    path: str
    password: str | None = field(default=None, repr=False)
    host_key: str | None = None
    endpoint: str | None = None

    @classmethod
    def read(cls, name: str, url: str, **more: str | None) -> RemoteServer:
        """Read the address of a connection, `sftp://user@host/folder`."""
        parts = urlsplit(url)
        path = unquote(parts.path) or "/"
        if path == _HOME or path.startswith(_HOME + "/"):
            path = path[len(_HOME) :].lstrip("/")
        # The name of a bucket keeps its capitals, which that of a host has none of.
        host = parts.netloc.rpartition("@")[2] if parts.scheme == "s3" else parts.hostname or ""
        user = unquote(parts.username) if parts.username is not None else None
        return cls(name, parts.scheme, host, parts.port, user, path, **more)

    def folder(self, below: str) -> str:
        """Return the folder that is meant: *below* the server's own, or from the root."""
        joined = posixpath.normpath(posixpath.join(self.path or ".", below))
        # Two slashes at the beginning are POSIX's own.
        return "/" + joined.lstrip("/") if joined.startswith("/") else joined

    @property
    def what(self) -> str:
        """The server as messages call it."""
        return f"`{self.name}` ({self.scheme}://{self.host})"


# What libraries raise when what a server lists is not what it should be.
_UNREADABLE = (ArithmeticError, LookupError, TypeError, UnicodeError, ValueError)


class RemoteSource:
    """A folder of a server; each protocol has its own way to connect."""

    def __init__(self, server: RemoteServer, search: Search) -> None:
        self.what = server.what
        self.server = server
        self.search = search


class RemoteSession:
    """An open fsspec file system, checked in one folder."""

    def __init__(self, fs: Any, folder: str, source: RemoteSource, patience: TimeLimit) -> None:
        self.fs = fs
        self.folder = folder
        self.what = source.what
        self.search = source.search
        self.patience = patience

    def files(self) -> list[RemoteFile]:
        with self.translated(None), self.patience.within(LISTING):
            entries = bounded(self._readable(), f"The folder {self.folder}")
            # All of them first: while a listing arrives, the server takes no other request.
            named = list(self._named(entries))
            return [
                file
                for name, entry in named
                if self.search.fits(name) and (file := self.file(name, entry)) is not None
            ]

    def _named(
        self, entries: Iterable[Mapping[str, Any]]
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield entries with their names; Raises: ConnectorRefused when the names are too long."""
        characters = 0
        for entry in entries:
            name = str(entry["name"])
            characters += len(name)
            if characters > MOST_CHARACTERS:
                raise ConnectorRefused(too_long(f"the folder {self.folder}"))
            yield name, entry

    def _readable(self) -> Iterator[Mapping[str, Any]]:
        """Yield the entries; Raises: ConnectorRefused when the library cannot read the listing."""
        try:
            yield from self.entries()
        except _UNREADABLE as error:
            raise ConnectorRefused(
                f"The list of files that {self.patience.what} sent for {self.folder} cannot be "
                f"read ({type(error).__name__}: {why(error)}). The name of a file may not be "
                "UTF-8. Have the file renamed, or ask the operator of the server."
            ) from error

    def entries(self) -> Iterable[Mapping[str, Any]]:
        """Return the folder's entries, one after the other: `name` in the folder, `type`, `size`.

        A name is as the server lists it; what it may not be is decided where it lands.
        """
        raise NotImplementedError

    def file(self, name: str, entry: Mapping[str, Any]) -> RemoteFile | None:
        """Return what an entry of the folder is; None when it is not a file."""
        if entry["type"] != "file":
            return None
        stamps = (entry.get(key) for key in ("mtime", "modify", "LastModified", "ETag"))
        stamp = " ".join(str(one) for one in stamps if one is not None)
        size = size_of(name, entry.get("size"), self.patience.what)
        return RemoteFile(name, size, stamp, changed_at(entry))

    def copy(self, file: RemoteFile, write: Write) -> None:
        with self.translated(file.name), self.patience.within(seconds_for(file.size)):
            self.transfer(posixpath.join(self.folder, file.name), write)

    def transfer(self, path: str, write: Write) -> None:
        """Give the whole file at *path* to *write*."""
        with self.fs.open(path, "rb") as stream:
            while piece := stream.read(_PIECE):
                write(piece)

    def meaning(self, error: Exception, name: str | None) -> ConnectorError | None:
        """Return the error of ours that one of the library means, or None: it is not the server's.

        *name* is the file that was asked for; None: the folder.
        """
        raise NotImplementedError

    def hang_up(self) -> None:
        self.patience.end()

    @contextmanager
    def translated(self, name: str | None) -> Iterator[None]:
        """Turn the library's errors into ours; our own pass."""
        try:
            yield
        except ConnectorError:
            raise
        except Exception as error:
            meaning = self.meaning(error, name)
            if meaning is None:
                raise
            raise meaning from error


# Characters of a library's text, which may quote what the server sent.
_MOST_TEXT = 300


def why(error: BaseException) -> str:
    """Return an error's text in one line, without a full stop."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    # A part of a secret would not be found, so it is hidden before the text is cut.
    line = " ".join(REDACTION.text(text[: 20 * _MOST_TEXT])[: 2 * _MOST_TEXT].split())
    if len(line) > _MOST_TEXT:
        line = line[:_MOST_TEXT] + "…"
    return line.rstrip(".") or type(error).__name__


def changed_at(entry: Mapping[str, Any]) -> float | None:
    """Return when an entry of a folder was changed, in seconds since 1970; None: not reported.

    SFTP has seconds (`mtime`), FTP's MLSD `20261129063000` in UTC (`modify`; its older listing has
    no year and no zone), S3 an instant (`LastModified`).
    """
    mtime, modify, modified = (entry.get(key) for key in ("mtime", "modify", "LastModified"))
    if isinstance(mtime, int | float):
        return float(mtime)
    try:
        if isinstance(modify, str) and _MLSD_TIME.fullmatch(modify):
            return datetime.strptime(modify[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
        if isinstance(modified, str):
            modified = datetime.fromisoformat(modified)
    except ValueError:
        return None
    return modified.timestamp() if isinstance(modified, datetime) else None
