"""Files over FTP, and over TLS with a certificate that is checked: fsspec's file system."""

from __future__ import annotations

import ftplib
import posixpath
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from fsspec.implementations.ftp import FTPFileSystem

from almaflow.connectors.base import (
    MOST_CHARACTERS,
    MOST_ENTRIES,
    ConnectorSession,
    RemoteFile,
    Write,
    too_long,
    too_many,
)
from almaflow.connectors.errors import (
    ConnectorError,
    ConnectorRefused,
    FileChanged,
    TemporaryFailure,
    Unreachable,
)
from almaflow.connectors.remote import (
    ANSWER,
    CONNECT,
    RemoteServer,
    RemoteSession,
    RemoteSource,
    why,
)
from almaflow.connectors.time_limit import LISTING, TimeLimit

_PORT = 21

# Where TLS begins with the connection, without being asked for.
_IMPLICIT_PORT = 990

# Lines of one answer to a command; a greeting may have some dozens.
_MOST_ANSWER_LINES = 1000

# Bytes read at a time.
_PIECE = 64 * 1024

# What FTP answers when there is no such file or folder, or it may not be read (RFC 959).
_NOT_THERE = "550"


class FtpSource(RemoteSource):
    """A folder of an FTP server."""

    @contextmanager
    def session(self) -> Iterator[ConnectorSession]:
        patience = TimeLimit(self.what)
        with patience.within(LISTING):
            fs = self._connected(patience)
        try:
            folder = self.server.folder(self.search.folder)
            if not folder.startswith("/"):
                with patience.within(LISTING):
                    folder = f"{fs.ftp.pwd().rstrip('/')}/{folder}".removesuffix("/.")
            yield _Session(fs, folder or "/", self, patience)
        finally:
            fs.ftp.close()

    def _connected(self, patience: TimeLimit) -> _FileSystem:
        what, user = self.what, self.server.user or "anonymous"
        try:
            return _FileSystem(self.server, patience)
        except ssl.SSLCertVerificationError as error:
            raise ConnectorRefused(
                f"The certificate of {what} is not trusted ({why(error)}). Nothing was sent. "
                "Have the certificate renewed, or set SSL_CERT_FILE to the certificate of its "
                "issuer."
            ) from error
        except ftplib.error_perm as error:
            raise ConnectorRefused(
                f"{what} rejected the login of `{user}`: {why(error)}. Correct the user in "
                "`url`, or `password`."
            ) from error
        except ftplib.Error as error:
            raise TemporaryFailure(f"{what} is busy at the moment ({why(error)}).") from error
        except (OSError, EOFError) as error:
            raise Unreachable(f"{what} cannot be reached ({why(error)}).") from error


class _Session(RemoteSession):
    def entries(self) -> Iterator[Mapping[str, Any]]:
        for entry in self.fs.ls(self.folder, detail=True):
            name = str(entry["name"]).removeprefix(self.folder.rstrip("/") + "/")
            yield {**entry, "name": name}

    def file(self, name: str, entry: Mapping[str, Any]) -> RemoteFile | None:
        if not entry.get("unix.mode", "").startswith("l"):
            return super().file(name, entry)
        try:
            # Of what the link leads to; servers tell it in this mode only.
            self.fs.ftp.voidcmd("TYPE I")
            size = self.fs.ftp.size(posixpath.join(self.folder, name))
        except ftplib.error_perm:
            # To a folder, or nowhere.
            return None
        return super().file(name, {**entry, "size": size})

    def transfer(self, path: str, write: Write) -> None:
        self.fs.ftp.retrbinary(f"RETR {path}", write, blocksize=_PIECE)

    def meaning(self, error: Exception, name: str | None) -> ConnectorError | None:
        what, cause = self.what, _first(error)
        if isinstance(cause, ftplib.error_perm):
            if name is not None and str(cause).startswith(_NOT_THERE):
                return FileChanged(f"{name} is gone")
            return ConnectorRefused(
                f"{what} does not allow access to {name or self.folder}: {why(cause)}. "
                "Correct `url` in almaflow.yaml, or `folder`."
            )
        if isinstance(cause, FileNotFoundError):
            return ConnectorRefused(
                f"{what} has no folder {self.folder}. Correct `url` or `folder`."
            )
        if isinstance(cause, (OSError, EOFError, ftplib.Error)):
            return TemporaryFailure(f"{what} broke off ({why(cause)}).")
        return None


def _first(error: BaseException) -> BaseException:
    """Return what the server said first; fsspec makes one error of several."""
    seen: BaseException | None = error
    cause = error
    while seen is not None:
        if isinstance(seen, (ftplib.Error, EOFError, TimeoutError, ConnectionError)):
            cause = seen
        seen = seen.__cause__ or seen.__context__
    return cause


class _FileSystem(FTPFileSystem):  # type: ignore[misc]
    """fsspec's, on a connection that is made here."""

    cachable = False

    def __init__(self, server: RemoteServer, patience: TimeLimit) -> None:
        self._server = server
        self._patience = patience
        super().__init__(
            server.host,
            port=server.port or _PORT,
            username=server.user or "anonymous",
            password=server.password or "",
            timeout=ANSWER,
            use_listings_cache=False,
            skip_instance_cache=True,
        )

    def _connect(self) -> None:
        server = self._server
        secure = server.scheme == "ftps"
        if secure:
            kind = _ImplicitTls if server.port == _IMPLICIT_PORT else _ExplicitTls
            self.ftp: Any = kind(context=ssl.create_default_context(), timeout=ANSWER)
        else:
            self.ftp = _Ftp(timeout=ANSWER)
        self._patience.hang_up = self.ftp.hang_up
        try:
            self.ftp.connect(server.host, self.port, timeout=CONNECT)
            self.ftp.login(self.cred[0], self.cred[1])
            if secure:
                self.ftp.prot_p()
            self.ftp.sock.settimeout(ANSWER)
            self.ftp.timeout = ANSWER
        except BaseException:
            self.ftp.close()
            raise

    def __del__(self) -> None:
        """The connection is closed by its session; the library's own way may find none."""


class _Bounded(ftplib.FTP):
    """FTP with a bound on what is listed and answered, which can be hung up by another thread."""

    _transfer: socket.socket | None = None
    _lines = 0

    def getmultiline(self) -> str:
        self._lines = 0
        return super().getmultiline()

    def getline(self) -> str:
        self._lines += 1
        if self._lines > _MOST_ANSWER_LINES:
            raise ftplib.error_proto(f"a response has more than {_MOST_ANSWER_LINES} lines")
        return super().getline()

    def retrlines(self, cmd: str, callback: Callable[[str], object] | None = None) -> str:
        """Only listings are lines; Raises: ConnectorRefused when one has no end."""
        lines = characters = 0

        def count(line: str) -> None:
            nonlocal lines, characters
            lines += 1
            characters += len(line)
            if lines > MOST_ENTRIES:
                raise ConnectorRefused(too_many("The folder"))
            # With dates, sizes and rights, each line has some 100 characters more than a name.
            if characters > 2 * MOST_CHARACTERS:
                raise ConnectorRefused(too_long("the folder"))
            if callback is not None:
                callback(line)

        return super().retrlines(cmd, count)

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[Any, int | None]:
        self._transfer, size = super().ntransfercmd(cmd, rest)
        return self._transfer, size

    def hang_up(self) -> None:
        for connection in (self._transfer, self.sock):
            if connection is not None:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Ftp(_Bounded):
    """FTP as it was first: without TLS."""


class _ExplicitTls(_Bounded, ftplib.FTP_TLS):
    """FTP that asks for TLS; transfers take up the session of the commands, as servers demand."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[Any, int | None]:
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:  # type: ignore[attr-defined]
            command_channel: Any = self.sock
            connection = self.context.wrap_socket(
                connection, server_hostname=self.host, session=command_channel.session
            )
        self._transfer = connection
        return connection, size


class _ImplicitTls(_ExplicitTls):
    """FTP whose connection is TLS from its first byte."""

    _plain: Any = None

    @property
    def sock(self) -> Any:
        return self._plain

    @sock.setter
    def sock(self, value: Any) -> None:
        if value is not None and not isinstance(value, ssl.SSLSocket):
            value = self.context.wrap_socket(value, server_hostname=self.host)
        self._plain = value
