"""Servers of every kind, each showing a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from almaflow.connectors.base import FileSource, Search
from almaflow.connectors.ftp import FtpSource
from almaflow.connectors.remote import RemoteServer
from almaflow.connectors.s3 import S3Source
from almaflow.connectors.sftp import SftpSource
from tests.certificates import make_certificate
from tests.connectors.servers import PASSWORD, USER, Started, ftp_server, s3_server, sftp_server

KINDS = ("sftp", "ftp", "ftps", "s3")


@dataclass
class Remote:
    """A server of one kind, and the folder `out` that it shows."""

    kind: str
    started: Started
    endpoint: str | None = None

    @property
    def folder(self) -> Path:
        return self.started.root / "out"

    def server(self, *, user: str = USER, path: str = "/out", **more: str | None) -> RemoteServer:
        host = f"127.0.0.1:{self.started.port}"
        if self.kind == "s3":
            host, path = path.strip("/").partition("/")[0], "/" + path.strip("/").partition("/")[2]
        given = {"password": PASSWORD, "host_key": self.started.host_key or None, **more}
        url = f"{self.kind}://{user}@{host}{path}"
        return RemoteServer.read("exports", url, endpoint=self.endpoint, **given)

    def place(
        self, pattern: str = "*", folder: str = "", server: RemoteServer | None = None
    ) -> FileSource:
        places: dict[str, Callable[[RemoteServer, Search], FileSource]] = {
            "sftp": SftpSource,
            "s3": S3Source,
        }
        make = places.get(self.kind, FtpSource)
        return make(server or self.server(), Search("exports", folder, pattern))


@pytest.fixture(scope="module")
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Remote]:
    """The server of one kind, for all tests of a module."""
    kind: str = request.param
    root = tmp_path_factory.mktemp(kind)
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        if kind == "ftps":
            certificate = tmp_path_factory.mktemp("certificate") / "server.pem"
            make_certificate(certificate)
            patch.setenv("SSL_CERT_FILE", str(certificate))
            server = stack.enter_context(ftp_server(root, certificate))
        else:
            open_server = {"sftp": sftp_server, "ftp": ftp_server, "s3": s3_server}[kind]
            server = stack.enter_context(open_server(root))
        endpoint = f"http://127.0.0.1:{server.port}" if kind == "s3" else None
        yield Remote(kind, server, endpoint)


@pytest.fixture
def remote(started: Remote) -> Remote:
    """The server with an empty folder and without trouble."""
    for file in sorted(started.started.root.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() and not file.is_symlink() else file.unlink()
    started.folder.mkdir()
    trouble = started.started.trouble
    trouble.busy, trouble.breaks, trouble.logins = False, 0, 0
    return started
