"""What is SFTP's own: the size of a message."""

from __future__ import annotations

import paramiko
import pytest

from almaflow.connectors.errors import TemporaryFailure
from almaflow.connectors.remote import RemoteServer
from almaflow.connectors.sftp import _Client, _Translation


def test_a_message_of_gigabytes_is_not_read() -> None:
    client = _Client.__new__(_Client)

    with pytest.raises(paramiko.SSHException, match="4294967295 bytes"):
        client._read_all(2**32 - 1)


def test_a_message_that_is_not_sftp_may_be_repeated() -> None:
    translation = _Translation(RemoteServer.read("exports", "sftp://h/out"), "/out")

    assert isinstance(
        translation(paramiko.SFTPError("Garbage packet received"), None), TemporaryFailure
    )
