"""What is SFTP's own: the size of a message."""

from __future__ import annotations

import paramiko
import pytest

from almaflow.connectors.base import Search
from almaflow.connectors.errors import TemporaryFailure
from almaflow.connectors.remote import RemoteServer
from almaflow.connectors.sftp import SftpSource, _Client, _Session
from almaflow.connectors.time_limit import TimeLimit


def test_a_message_of_gigabytes_is_not_read() -> None:
    client = _Client.__new__(_Client)

    with pytest.raises(paramiko.SSHException, match="4294967295 bytes"):
        client._read_all(2**32 - 1)


def test_a_message_that_is_not_sftp_may_be_repeated() -> None:
    source = SftpSource(RemoteServer.read("exports", "sftp://h/out"), Search("exports", "", "*"))
    session = _Session(None, "/out", source, TimeLimit(source.what))

    meaning = session.meaning(paramiko.SFTPError("Garbage packet received"), None)

    assert isinstance(meaning, TemporaryFailure)
