"""What is FTP's own: old servers, certificates, answers that say little."""

from __future__ import annotations

import ftplib
from pathlib import Path

import pytest

from almaflow.connectors import ftp
from almaflow.connectors.base import Search, list_files
from almaflow.connectors.errors import ConnectorRefused, TemporaryFailure
from almaflow.connectors.ftp import FtpSource, _ExplicitTls, _ImplicitTls, _Session
from almaflow.connectors.remote import RemoteServer
from almaflow.connectors.time_limit import TimeLimit
from tests.certificates import make_certificate
from tests.connectors.servers import PASSWORD, Started, ftp_server


def place(started: Started, scheme: str = "ftp", path: str = "/") -> FtpSource:
    url = f"{scheme}://alma@127.0.0.1:{started.port}{path}"
    return FtpSource(
        RemoteServer.read("exports", url, password=PASSWORD), Search("exports", "", "*")
    )


def session() -> _Session:
    """Return a session without a connection, for errors in `/out` of ftp://h."""
    source = FtpSource(RemoteServer.read("exports", "ftp://h/out"), Search("exports", "", "*"))
    return _Session(None, "/out", source, TimeLimit(source.what))


def test_a_server_that_lists_as_unix_does_is_understood(tmp_path: Path) -> None:
    (tmp_path / "a file.csv").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("a file.csv")
    (tmp_path / "link to folder").symlink_to("folder")

    with ftp_server(tmp_path, old=True) as started:
        found = list_files(place(started))

    assert [(file.name, file.size) for file in found] == [("a file.csv", 1), ("link", 1)]


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    certificate = tmp_path / "server.pem"
    make_certificate(certificate)

    with (
        ftp_server(root, certificate) as started,
        pytest.raises(ConnectorRefused) as caught,
    ):
        list_files(place(started, "ftps"))

    assert str(caught.value).startswith(
        "The certificate of `exports` (ftps://127.0.0.1) is not trusted ("
    )
    assert str(caught.value).endswith(
        "). Nothing was sent. Have the certificate renewed, or set SSL_CERT_FILE to the "
        "certificate of its issuer."
    )
    assert started.trouble.logins == 0


def test_without_a_user_it_is_anonymous(tmp_path: Path) -> None:
    with ftp_server(tmp_path) as started:
        server = RemoteServer.read("exports", f"ftp://127.0.0.1:{started.port}")
        with pytest.raises(ConnectorRefused) as caught:
            list_files(FtpSource(server, Search("exports", "", "*")))

    assert str(caught.value) == (
        "`exports` (ftp://127.0.0.1) rejected the login of `anonymous`: 530 Anonymous access "
        "not allowed. Correct the user in `url`, or `password`."
    )


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (
            ftplib.error_temp("450 later"),
            TemporaryFailure,
            "`exports` (ftp://h) broke off (450 later).",
        ),
        (EOFError(), TemporaryFailure, "`exports` (ftp://h) broke off (EOFError)."),
        (TimeoutError("timed out"), TemporaryFailure, "`exports` (ftp://h) broke off (timed out)."),
        (
            FileNotFoundError("/out"),
            ConnectorRefused,
            "`exports` (ftp://h) has no folder /out. Correct `url` or `folder`.",
        ),
    ],
)
def test_an_error_means_what_the_server_said_first(
    error: Exception, kind: type[Exception], told: str
) -> None:
    translated = session().meaning(error, None)

    assert type(translated) is kind
    assert str(translated) == told


def test_the_cause_of_an_error_counts_more_than_what_is_made_of_it() -> None:
    made = FileNotFoundError("/out")
    made.__cause__ = ftplib.error_temp("421 busy")

    translated = session().meaning(made, None)

    assert isinstance(translated, TemporaryFailure)


def test_tls_may_begin_with_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens on port 990 for tests: what would be connected is looked at."""
    tried: list[type] = []

    def connect(self: ftplib.FTP, host: str, port: int, timeout: float) -> None:
        tried.append(type(self))
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(ftplib.FTP, "connect", connect)
    for port in (990, 21):
        server = RemoteServer.read("exports", f"ftps://alma@127.0.0.1:{port}/")
        with pytest.raises(TemporaryFailure, match="cannot be reached"):
            list_files(FtpSource(server, Search("exports", "", "*")))

    assert tried == [_ImplicitTls, _ExplicitTls]


def test_a_listing_has_a_bound_on_its_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ftp, "MOST_CHARACTERS", 50)
    for name in ("a" * 100, "b" * 100):
        (tmp_path / name).write_text("x")

    with ftp_server(tmp_path) as started, pytest.raises(ConnectorRefused) as caught:
        list_files(place(started))

    assert "characters in" in str(caught.value)
