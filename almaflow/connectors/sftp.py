"""Files over SFTP: fsspec's file system on a connection of paramiko's that trusts no new host."""

from __future__ import annotations

import base64
import logging
import posixpath
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

from almaflow.connectors.base import ConnectorSession, RemoteFile, Write, size_of
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

_PORT = 22

# Bytes of a file that are asked for at a time: what OpenSSH gives in one answer; others give less.
# (paramiko's own way to be fast leaves a thread behind that dies aloud when a connection breaks.)
_PIECE = 255 * 1024

# Bytes of a message of the server; OpenSSH sends 256 KiB at most.
_LARGEST_MESSAGE = 1024 * 1024

_TYPES = {stat.S_IFREG: "file", stat.S_IFLNK: "link", stat.S_IFDIR: "directory"}

# What is raised for text that is not a public key.
_NO_KEY = (IndexError, ValueError, paramiko.SSHException, paramiko.UnknownKeyType)

# It writes tracebacks of what it raises as well.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class SftpSource(RemoteSource):
    """A folder of an SFTP server."""

    @contextmanager
    def session(self) -> Iterator[ConnectorSession]:
        patience = TimeLimit(self.what)
        with patience.within(LISTING):
            fs = self._connected(patience)
        try:
            yield _Session(fs, self.server.folder(self.search.folder), self, patience)
        finally:
            fs.client.close()

    def _connected(self, patience: TimeLimit) -> _FileSystem:
        what = self.what
        try:
            return _FileSystem(
                self.server.host, server=self.server, patience=patience, skip_instance_cache=True
            )
        except ConnectorError:
            raise
        except paramiko.BadHostKeyException as error:
            raise ConnectorRefused(
                f"{what} presented the host key {_fingerprint(error.key)}, but the known key is "
                f"{_fingerprint(error.expected_key)}. Nothing was sent, because another machine "
                "may be intercepting the connection. Ask the operator of the server."
            ) from error
        except paramiko.AuthenticationException as error:
            if "timeout" in str(error).casefold():
                raise TemporaryFailure(f"{what} does not respond ({why(error)}).") from error
            raise ConnectorRefused(
                f"{what} rejected the login of `{self.server.user or 'this user'}`: "
                f"{why(error)}. Correct the user in `url`, or `password`."
            ) from error
        except paramiko.ssh_exception.IncompatiblePeer as error:
            raise ConnectorRefused(
                f"{what} and paramiko support no common method: {why(error)}."
            ) from error
        except paramiko.SSHException as error:
            if "No authentication methods" in str(error):
                raise ConnectorRefused(
                    f"{what} requires a password or a key, but none is configured. Set "
                    "`password`, or put a key into ~/.ssh or the agent."
                ) from error
            raise TemporaryFailure(
                f"{what} closed the connection during the login ({why(error)})."
            ) from error
        except paramiko.SFTPError as error:
            raise TemporaryFailure(
                f"{what} closed the connection during the login ({why(error)})."
            ) from error
        except (OSError, EOFError) as error:
            raise Unreachable(f"{what} cannot be reached ({why(error)}).") from error


class _Session(RemoteSession):
    def entries(self) -> Iterator[Mapping[str, Any]]:
        for entry in self.fs.ftp.listdir_iter(self.folder):
            kind = stat.S_IFMT(entry.st_mode or stat.S_IFREG)
            yield {
                "name": entry.filename,
                "type": _TYPES.get(kind, "other"),
                "size": entry.st_size,
                "mtime": entry.st_mtime,
            }

    def file(self, name: str, entry: Mapping[str, Any]) -> RemoteFile | None:
        if entry["type"] != "link":
            return super().file(name, entry)
        try:
            target = self.fs.ftp.stat(posixpath.join(self.folder, name))
        except OSError:
            # Leads nowhere.
            return None
        if target.st_mode is None or not stat.S_ISREG(target.st_mode):
            return None
        size = size_of(name, target.st_size, self.patience.what)
        return RemoteFile(name, size, str(target.st_mtime), target.st_mtime)

    def transfer(self, path: str, write: Write) -> None:
        with self.fs.ftp.open(path, "rb", bufsize=0) as stream:
            stream.MAX_REQUEST_SIZE = _PIECE
            while piece := stream.read(_PIECE):
                write(piece)

    def meaning(self, error: Exception, name: str | None) -> ConnectorError | None:
        if isinstance(error, FileNotFoundError):
            if name is not None:
                return FileChanged(f"{name} is gone")
            return ConnectorRefused(
                f"{self.what} has no folder {self.folder}. Correct `url` in almaflow.yaml, or "
                "`folder`."
            )
        if isinstance(error, PermissionError):
            return ConnectorRefused(f"{self.what} does not allow access to {name or self.folder}.")
        if isinstance(error, (OSError, EOFError, paramiko.SSHException, paramiko.SFTPError)):
            return TemporaryFailure(f"{self.what} broke off ({why(error)}).")
        return None


class _Client(paramiko.SFTPClient):  # type: ignore[misc]
    """Paramiko's, with a bound on a message; a server may announce four gigabytes."""

    def _read_all(self, n: int) -> bytes:
        if n > _LARGEST_MESSAGE:
            raise paramiko.SSHException(
                f"a message has {n} bytes, which is more than any server sends"
            )
        content: bytes = super()._read_all(n)
        return content


class _FileSystem(SFTPFileSystem):  # type: ignore[misc]
    """fsspec's, on a connection to a host whose key is known."""

    cachable = False

    def _connect(self) -> None:
        server: RemoteServer = self.ssh_kwargs["server"]
        self.client = paramiko.SSHClient()
        self.ssh_kwargs["patience"].hang_up = self.client.close
        self.client.set_missing_host_key_policy(_OnlyKnownHosts(server))
        port = server.port or _PORT
        if server.host_key is None:
            self.client.load_system_host_keys()
        else:
            key = read_key(server.host_key, server.what)
            name = server.host if port == _PORT else f"[{server.host}]:{port}"
            self.client.get_host_keys().add(name, key.get_name(), key)
        try:
            self.client.connect(
                server.host,
                port,
                username=server.user,
                password=server.password,
                # With a password, keys would only use up the server's patience.
                allow_agent=server.password is None,
                look_for_keys=server.password is None,
                timeout=CONNECT,
                banner_timeout=ANSWER,
                auth_timeout=ANSWER,
                channel_timeout=ANSWER,
            )
            self.ftp = _Client.from_transport(self.client.get_transport())
            self.ftp.get_channel().settimeout(ANSWER)
        except BaseException:
            self.client.close()
            raise


class _OnlyKnownHosts(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    """Refuses a host whose key is not known, and says which it shows."""

    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
        raise ConnectorRefused(
            f"The host key of {self._server.what} is not known, so nothing was sent. The "
            f"server presented `{key.get_name()} {key.get_base64()}` ({key.fingerprint}). "
            "Confirm this key with the operator of the server, and add it as `host_key` of the "
            "connection or to ~/.ssh/known_hosts."
        )


def read_key(text: str, what: str) -> Any:
    """Read a public key such as `ssh-ed25519 AAAA…`; Raises: ConnectorRefused."""
    kind, _, rest = text.strip().partition(" ")
    try:
        content = base64.b64decode(rest.split()[0], validate=True)
        return paramiko.PKey.from_type_string(kind, content)
    except _NO_KEY as error:
        raise ConnectorRefused(
            f"`host_key` of {what} is not a valid public key. Write it as `ssh-keyscan` "
            "displays it: `ssh-ed25519 AAAA…`."
        ) from error


def _fingerprint(key: Any) -> str:
    return f"{key.get_name()} {key.fingerprint}"
