"""SFTP, FTP, FTP over TLS and S3, spoken to in earnest."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paramiko
import pytest

from almaflow.connectors.base import FileSource, RemoteFile, list_files
from almaflow.connectors.errors import (
    ConnectorError,
    ConnectorRefused,
    FileChanged,
    TemporaryFailure,
    Unreachable,
)
from almaflow.connectors.remote import RemoteSession, changed_at
from tests.connectors.conftest import KINDS, Remote

of_each_kind = pytest.mark.parametrize("started", KINDS, indirect=True)


def content_of(place: FileSource, name: str) -> bytes:
    content = bytearray()
    with place.session() as session:
        session.copy(RemoteFile(name, 4_000_000, ""), content.extend)
    return bytes(content)


def failure(place: FileSource, copy: str | None = None) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        content_of(place, copy) if copy else list_files(place)
    return caught.value


@of_each_kind
def test_the_files_that_fit_are_found(remote: Remote) -> None:
    for name in ("b-7.csv", "a 7 #?.csv", "A-7.csv", "c-8.csv"):
        (remote.folder / name).write_text(name)
    (remote.folder / "d-7.csv").mkdir()
    (remote.folder / "d-7.csv" / "inside-7.csv").touch()

    found = list_files(remote.place("*7*.csv"))

    assert [(file.name, file.size) for file in found] == [
        ("A-7.csv", 7),
        ("a 7 #?.csv", 10),
        ("b-7.csv", 7),
    ]


@of_each_kind
def test_a_file_that_grows_is_another_one(remote: Remote) -> None:
    file = remote.folder / "a.csv"
    file.write_text("one")
    os.utime(file, (1_770_000_000, 1_770_000_000))
    first, again = list_files(remote.place()), list_files(remote.place())
    os.utime(file, (1_770_000_100, 1_770_000_100))
    later = list_files(remote.place())
    file.write_text("one and more")

    grown = list_files(remote.place())

    assert first == again
    assert first != later
    assert later != grown


@of_each_kind
def test_a_file_is_copied_whole(remote: Remote) -> None:
    content = os.urandom(3_000_000)
    (remote.folder / "large #1.bin").write_bytes(content)
    (remote.folder / "nothing").touch()

    assert content_of(remote.place(), "large #1.bin") == content
    assert content_of(remote.place(), "nothing") == b""


@of_each_kind
def test_an_empty_folder_has_no_files(remote: Remote) -> None:
    assert list_files(remote.place()) == []


@of_each_kind
def test_a_folder_below_the_connection_s_own_is_looked_into(remote: Remote) -> None:
    (remote.folder / "erp" / "new").mkdir(parents=True)
    (remote.folder / "erp" / "new" / "1.xml").write_text("x")

    below = list_files(remote.place("*", "erp/new"))
    climbed = list_files(remote.place("*", "erp/../erp/new/"))

    assert [file.name for file in below] == ["1.xml"]
    assert climbed == below


@of_each_kind
def test_a_file_that_is_gone_meanwhile_is_told(remote: Remote) -> None:
    (remote.folder / "other").touch()

    error = failure(remote.place(), copy="a.csv")

    assert isinstance(error, FileChanged)
    assert "a.csv" in str(error)


@of_each_kind
def test_a_folder_that_is_not_there_is_refused(remote: Remote) -> None:
    place = remote.place("*", "nowhere", remote.server(path="/nowhere"))

    error = failure(place)

    assert isinstance(error, ConnectorRefused)
    assert "`exports`" in str(error)
    assert "nowhere" in str(error)


@of_each_kind
def test_a_wrong_password_is_refused(remote: Remote) -> None:
    error = failure(remote.place(server=remote.server(user="other", password="wr0ng-one")))

    assert isinstance(error, ConnectorRefused)
    assert "`exports`" in str(error)
    assert "wr0ng-one" not in str(error)


@of_each_kind
def test_a_server_in_trouble_may_be_asked_again(remote: Remote) -> None:
    remote.started.trouble.busy = True

    error = failure(remote.place())

    assert isinstance(error, TemporaryFailure)
    assert str(error).startswith("`exports` (")


@of_each_kind
def test_a_server_that_is_not_there_may_be_the_wrong_one(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote.started, "port", 9)
    if remote.endpoint:
        monkeypatch.setattr(remote, "endpoint", "http://127.0.0.1:9")

    error = failure(remote.place())

    assert isinstance(error, Unreachable)


@of_each_kind
def test_a_transfer_that_breaks_off_may_be_begun_again(remote: Remote) -> None:
    content = os.urandom(500_000)
    (remote.folder / "a.bin").write_bytes(content)
    remote.started.trouble.breaks = 1

    error = failure(remote.place(), copy="a.bin")

    assert isinstance(error, TemporaryFailure)
    assert content_of(remote.place(), "a.bin") == content


@of_each_kind
def test_what_the_taker_raises_passes(remote: Remote) -> None:
    (remote.folder / "a").write_text("x")

    def take(piece: bytes) -> None:
        raise ConnectorRefused("The disk is full.")

    with (
        pytest.raises(ConnectorRefused, match="The disk is full"),
        remote.place().session() as session,
    ):
        session.copy(RemoteFile("a", 1, ""), take)


@pytest.mark.parametrize("started", ["sftp", "ftp", "ftps"], indirect=True)
def test_a_folder_may_be_below_the_user_s_own(remote: Remote) -> None:
    (remote.folder / "a").touch()
    (remote.started.root / "top").touch()

    home = remote.server(path="/~/out")
    top = remote.server(path="/~")

    assert [file.name for file in list_files(remote.place(server=home))] == ["a"]
    assert [file.name for file in list_files(remote.place(server=top))] == ["top"]
    assert [file.name for file in list_files(remote.place("*", "/out", top))] == ["a"]
    (remote.started.root / "top").unlink()


# --- SFTP -----------------------------------------------------------------------------------------

only_sftp = pytest.mark.parametrize("started", ["sftp"], indirect=True)


@only_sftp
def test_a_host_whose_key_is_not_known_is_not_spoken_to(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    error = failure(remote.place(server=remote.server(host_key=None)))

    kind, key = remote.started.host_key.split()[:2]
    assert isinstance(error, ConnectorRefused)
    assert str(error).startswith(
        "The host key of `exports` (sftp://127.0.0.1) is not known, so nothing was "
        f"sent. The server presented `{kind} {key}` (SHA256:"
    )
    assert str(error).endswith(
        "). Confirm this key with the operator of the server, and add it as `host_key` of the "
        "connection or to ~/.ssh/known_hosts."
    )
    assert remote.started.trouble.logins == 0


@only_sftp
def test_a_host_of_known_hosts_is_spoken_to(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    known = f"[127.0.0.1]:{remote.started.port} {remote.started.host_key}\n"
    (tmp_path / ".ssh" / "known_hosts").write_text(known)

    assert list_files(remote.place(server=remote.server(host_key=None))) == []


OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG2OPYN/zl3PmZ/CxzvQTTlhLnEGFx9TE4lMYEqnfQTX"


@only_sftp
def test_another_host_key_than_the_connection_s_is_refused(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What known_hosts says does not count then."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    known = f"[127.0.0.1]:{remote.started.port} {remote.started.host_key}\n"
    (tmp_path / ".ssh" / "known_hosts").write_text(known)

    error = failure(remote.place(server=remote.server(host_key=OTHER_KEY)))

    assert isinstance(error, ConnectorRefused)
    assert "presented the host key ssh-ed25519 SHA256:" in str(error)
    assert ("Nothing was sent, because another machine may be intercepting the connection.") in str(
        error
    )
    assert remote.started.trouble.logins == 0


@only_sftp
@pytest.mark.parametrize(
    "key", ["ssh-ed25519 AAAA", "ssh-ed25519 !", "ssh-ed25519", "ssh-none AAAA"]
)
def test_a_host_key_that_is_none_is_told(remote: Remote, key: str) -> None:
    error = failure(remote.place(server=remote.server(host_key=key)))

    assert str(error) == (
        "`host_key` of `exports` (sftp://127.0.0.1) is not a valid public key. Write it as "
        "`ssh-keyscan` displays it: `ssh-ed25519 AAAA…`."
    )


@only_sftp
def test_without_password_and_keys_there_is_no_way_in(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)

    error = failure(remote.place(server=remote.server(password=None)))

    assert str(error) == (
        "`exports` (sftp://127.0.0.1) requires a password or a key, but none is configured. "
        "Set `password`, or put a key into ~/.ssh or the agent."
    )


@only_sftp
def test_a_link_counts_as_the_file_that_it_leads_to(remote: Remote) -> None:
    (remote.folder / "real.txt").write_text("content")
    (remote.folder / "link.txt").symlink_to("real.txt")
    (remote.folder / "gone.txt").symlink_to("nowhere")
    (remote.folder / "folder.txt").symlink_to(".")

    found = list_files(remote.place("*.txt"))

    assert [(file.name, file.size) for file in found] == [("link.txt", 7), ("real.txt", 7)]
    assert content_of(remote.place(), "link.txt") == b"content"


@only_sftp
@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (
            paramiko.AuthenticationException("Authentication timeout."),
            TemporaryFailure,
            "does not respond (Authentication timeout).",
        ),
        (
            paramiko.ssh_exception.IncompatiblePeer("no acceptable ciphers"),
            ConnectorRefused,
            "and paramiko support no common method: no acceptable ciphers.",
        ),
        (
            paramiko.SSHException("Error reading SSH protocol banner"),
            TemporaryFailure,
            "closed the connection during the login (Error reading SSH protocol banner).",
        ),
        (EOFError(), Unreachable, "cannot be reached (EOFError)."),
        (
            socket.gaierror(-2, "Name or service not known"),
            Unreachable,
            "cannot be reached (Name or service not known).",
        ),
    ],
)
def test_what_goes_wrong_while_connecting_over_sftp(
    remote: Remote,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    kind: type[ConnectorError],
    told: str,
) -> None:
    def fail(*arguments: object, **more: object) -> None:
        raise error

    monkeypatch.setattr(paramiko.SSHClient, "connect", fail)

    failed = failure(remote.place())

    assert type(failed) is kind
    assert str(failed) == f"`exports` (sftp://127.0.0.1) {told}"


@pytest.mark.parametrize("started", ["sftp"], indirect=True)
def test_a_file_may_not_be_read(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied")

    (remote.folder / "locked").touch()
    monkeypatch.setattr(paramiko.SFTPClient, "open", fail)

    assert str(failure(remote.place(), copy="locked")) == (
        "`exports` (sftp://127.0.0.1) does not allow access to locked."
    )


# --- S3 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("started", ["s3"], indirect=True)
def test_without_a_key_there_is_no_way_into_a_bucket(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    server = replace(remote.server(), user=None, password=None)

    error = failure(remote.place(server=server))

    assert isinstance(error, ConnectorRefused)
    assert str(error) == (
        "There is no key for `exports` (s3://out) (Unable to locate credentials). Write the id "
        "of the key as the user in `url` (s3://KEY_ID@bucket/folder), and its secret as "
        "`password`."
    )


@pytest.mark.parametrize("started", ["s3"], indirect=True)
def test_what_lies_in_folders_inside_is_not_listed(remote: Remote) -> None:
    (remote.folder / "inside").mkdir()
    (remote.folder / "inside" / "a").touch()
    (remote.folder / "b").touch()

    assert [file.name for file in list_files(remote.place())] == ["b"]


@of_each_kind
@pytest.mark.parametrize(
    "error", [UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), KeyError("x")]
)
def test_a_listing_that_cannot_be_read_is_refused(
    remote: Remote, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(session: RemoteSession) -> Iterator[object]:
        yield {"name": "a", "type": "file", "size": 1}
        raise error

    with remote.place().session() as session:
        monkeypatch.setattr(type(session), "entries", fail)

        with pytest.raises(ConnectorRefused, match=r"sent for .* cannot be read"):
            session.files()


@of_each_kind
def test_a_server_that_takes_too_long_is_hung_up(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time limit of the socket starts again with each byte; this one does not."""
    (remote.folder / "a").write_text("x")

    def drip(session: RemoteSession) -> Iterator[object]:
        session.patience.end("it took longer than 300 seconds")
        yield from real(session)

    with remote.place().session() as session:
        real: Any = type(session).entries  # type: ignore[attr-defined]
        monkeypatch.setattr(type(session), "entries", drip)

        with pytest.raises(TemporaryFailure, match="closed the connection"):
            session.files()


@of_each_kind
def test_a_defect_of_ours_is_not_taken_for_the_server_s(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(session: RemoteSession, name: str, entry: object) -> None:
        raise AssertionError("a defect")

    (remote.folder / "a").touch()
    monkeypatch.setattr(RemoteSession, "file", fail)

    with pytest.raises(AssertionError, match="a defect"):
        list_files(remote.place())


@pytest.mark.parametrize(
    ("entry", "seconds"),
    [
        ({"mtime": 86_400}, 86_400),
        ({"modify": "19700102000000"}, 86_400),
        ({"modify": "19700102000000.250"}, 86_400),
        ({"LastModified": datetime(1970, 1, 2, tzinfo=UTC)}, 86_400),
        ({"LastModified": "1970-01-02T00:00:00.000Z"}, 86_400),
        ({"modify": "Jan 2 00:00"}, None),
        ({"modify": "19701302000000"}, None),
        ({"LastModified": "yesterday"}, None),
        ({}, None),
    ],
)
def test_when_a_file_was_changed_is_read_from_what_each_server_reports(
    entry: dict[str, Any], seconds: float | None
) -> None:
    assert changed_at(entry) == seconds


@of_each_kind
def test_each_server_reports_when_its_files_were_changed(remote: Remote) -> None:
    for seconds, name in ((86_400, "b.csv"), (172_800, "a.csv")):
        (remote.folder / name).write_text(name)
        os.utime(remote.folder / name, (seconds, seconds))

    files = list_files(remote.place("*.csv"))

    assert [(file.name, file.changed) for file in files] == [("a.csv", 172_800), ("b.csv", 86_400)]
