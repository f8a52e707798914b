"""The way outside of an engine that works in earnest: what almaflow.yaml names, looked up."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from almaflow.connectors.attached_files import AttachedFile, load_files
from almaflow.connectors.base import FileSource, Search
from almaflow.connectors.errors import ConnectorRefused, missing_package
from almaflow.connectors.local import LocalSource
from almaflow.connectors.remote import RemoteServer
from almaflow.errors import RequestWrong
from almaflow.problems import did_you_mean
from almaflow.redaction import REDACTION, reveal
from almaflow.settings import Project
from almaflow.visible import one_line, visible

# Characters of a notice; mail and most services take more, none of their readers does.
LONGEST_TITLE, LONGEST_NOTICE = 250, 20_000


class LiveSystems:
    """Reaches what almaflow.yaml names; files of the project are where they belong."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def file_source(self, search: Search) -> FileSource:
        if search.connection is None:
            return LocalSource(search, Path(search.folder))
        return _remote(self._server(search.connection), search)

    def to_write(self, path: Path) -> Path:
        return path

    def to_read(self, path: Path) -> Path:
        return path

    def send_notice(
        self, channel: str, title: str, text: str, files: Sequence[AttachedFile] = ()
    ) -> str:
        address = self._address(channel)
        try:
            from almaflow.connectors.apprise_channel import send
        except ImportError as error:
            raise _no_apprise(channel) from error
        # A notice may name secrets, which are put in after all others are starred.
        body = reveal(REDACTION.text(text), self._project.secret)
        subject = shortened(one_line(REDACTION.text(title)), LONGEST_TITLE)
        loaded, problems = load_files(files)
        message = shortened(visible(str(body)), LONGEST_NOTICE)
        if problems:
            message = "\n\n".join((message, "\n".join(problems)))
        named = [(os.path.basename(file.path), content) for file, content in loaded]
        without = send(channel, address, subject, message, named)
        return " ".join([*problems, *without])

    def check_channel(self, channel: str) -> None:
        """See whether *channel* could be sent to, without sending.

        Raises:
            RequestWrong: there is no such channel, or its address is not there.
            ConnectorRefused: what it needs is not installed, or its address is none.
        """
        address = self._address(channel)
        try:
            from almaflow.connectors.apprise_channel import services_of
        except ImportError as error:
            raise _no_apprise(channel) from error
        services_of(channel, address)

    def _address(self, channel: str) -> str:
        known = self._project.settings.channels
        if channel not in known:
            raise RequestWrong(
                f"almaflow.yaml has no channel `{channel}`{did_you_mean(channel, known) or '.'}"
            )
        return known[channel].resolve(self._project.folder, f"channels.{channel}").strip()

    def close(self) -> None:
        """Each connection is closed by who opened it."""

    def _server(self, name: str) -> RemoteServer:
        known = self._project.settings.connections
        if name not in known:
            raise RequestWrong(
                f"almaflow.yaml has no connection `{name}`{did_you_mean(name, known) or '.'}"
            )
        entry = known[name]
        at, folder = entry.password, self._project.folder
        return RemoteServer.read(
            name,
            entry.url,
            password=None if at is None else at.resolve(folder, f"connections.{name}.password"),
            host_key=entry.host_key,
            endpoint=entry.endpoint,
        )


def shortened(text: str, longest: int) -> str:
    """Return *text* with at most *longest* characters; one that was cut says so at its end."""
    if len(text) <= longest:
        return text
    note = f"… (shortened: {longest:,} of {len(text):,} characters were sent)"
    return text[: longest - len(note)] + note


def _no_apprise(channel: str) -> ConnectorRefused:
    return missing_package(f"The channel `{channel}`", "apprise", "notify")


def _remote(server: RemoteServer, search: Search) -> FileSource:
    """Return the place with the library that it needs, which is only now imported."""
    what, extra = f"The connection {server.what}", "files"
    if server.scheme == "sftp":
        try:
            from almaflow.connectors.sftp import SftpSource
        except ImportError as error:
            raise missing_package(what, error.name or "paramiko", extra) from error
        return SftpSource(server, search)
    if server.scheme == "s3":
        try:
            import s3fs  # noqa: F401 - fsspec finds it by its name

            from almaflow.connectors.s3 import S3Source
        except ImportError as error:
            raise missing_package(what, error.name or "s3fs", extra) from error
        return S3Source(server, search)
    try:
        from almaflow.connectors.ftp import FtpSource
    except ImportError as error:
        raise missing_package(what, error.name or "fsspec", extra) from error
    return FtpSource(server, search)
