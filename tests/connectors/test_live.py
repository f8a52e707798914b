"""almaflow.yaml's connections and channels, looked up."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from almaflow.connectors.base import Search, list_files
from almaflow.connectors.errors import ConnectorRefused
from almaflow.connectors.ftp import FtpSource
from almaflow.connectors.local import LocalSource
from almaflow.connectors.registry import LONGEST_NOTICE, LONGEST_TITLE, LiveSystems
from almaflow.connectors.remote import RemoteServer
from almaflow.connectors.s3 import S3Source
from almaflow.connectors.sftp import SftpSource
from almaflow.errors import RequestWrong
from almaflow.redaction import placeholder
from almaflow.settings import load_project
from tests.connectors.servers import PASSWORD, sftp_server, web_hook

SETTINGS = """\
channels: {{systems: env:CHANNEL}}
secrets: {{ftp: env:FTP}}
connections:
  exports: {{url: "sftp://alma@127.0.0.1:{port}/out", password: env:SFTP, host_key: "{key}"}}
  plain: {{url: "ftp://127.0.0.1/"}}
  bucket: {{url: "s3://KEY@Bucket/in", password: env:SFTP, endpoint: "http://127.0.0.1:9"}}
"""


def outside(folder: Path, port: int = 22, key: str = "ssh-ed25519 AAAA") -> LiveSystems:
    file = folder / "almaflow.yaml"
    file.write_text(SETTINGS.format(port=port, key=key))
    return LiveSystems(load_project(file))


def test_a_connection_is_opened_with_what_almaflow_yaml_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SFTP", PASSWORD)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.csv").touch()

    with sftp_server(tmp_path) as started:
        way = outside(tmp_path, started.port, started.host_key)
        found = list_files(way.file_source(Search("exports", "", "*.csv")))

    assert [file.name for file in found] == ["a.csv"]
    way.close()


def test_without_a_connection_it_is_a_folder_of_this_machine(tmp_path: Path) -> None:
    place = outside(tmp_path).file_source(Search(None, str(tmp_path), "*"))

    assert isinstance(place, LocalSource)


def test_a_connection_or_channel_that_is_not_there_is_told(tmp_path: Path) -> None:
    way = outside(tmp_path)

    with pytest.raises(RequestWrong) as connection:
        way.file_source(Search("export", "", "*"))
    with pytest.raises(RequestWrong) as channel:
        way.send_notice("nobody", "title", "text")

    assert str(connection.value) == (
        "almaflow.yaml has no connection `export`; did you mean `exports`?"
    )
    assert str(channel.value) == "almaflow.yaml has no channel `nobody`."


def test_a_password_that_is_nowhere_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SFTP", raising=False)

    with pytest.raises(RequestWrong, match="The environment variable `SFTP`"):
        outside(tmp_path).file_source(Search("exports", "", "*"))


@pytest.mark.parametrize(
    ("connection", "module", "package"),
    [
        ("exports", "almaflow.connectors.sftp", "paramiko"),
        ("plain", "almaflow.connectors.ftp", "fsspec"),
        ("bucket", "s3fs", "s3fs"),
    ],
)
def test_a_package_that_is_missing_is_named_with_the_way_to_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    connection: str,
    module: str,
    package: str,
) -> None:
    monkeypatch.setenv("SFTP", "the-sftp-passw0rd")
    _without(module, package, monkeypatch)

    with pytest.raises(ConnectorRefused) as caught:
        outside(tmp_path).file_source(Search(connection, "", "*"))

    assert f"needs the package {package}, which is not installed" in str(caught.value)
    assert str(caught.value).endswith("Install it with `pip install 'almaflow[files]'`.")


def test_without_apprise_a_channel_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHANNEL", "json://x")
    _without("almaflow.connectors.apprise_channel", "apprise", monkeypatch)

    with pytest.raises(ConnectorRefused) as caught:
        outside(tmp_path).send_notice("systems", "title", "text")

    assert str(caught.value) == (
        "The channel `systems` needs the package apprise, which is not installed. Install it "
        "with `pip install 'almaflow[notify]'`."
    )


def _without(module: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let *module* be impossible to import, because *package* is not installed."""
    importing = builtins.__import__

    def fail(name: str, *arguments: Any) -> Any:
        if name == module:
            raise ImportError(f"No module named '{package}'", name=package)
        return importing(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", fail)


def test_a_notice_is_sent_with_its_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTP", "the-passw0rd")

    with web_hook() as hook:
        monkeypatch.setenv("CHANNEL", f"json://127.0.0.1:{hook.port}\n")
        outside(tmp_path).send_notice("systems", "title", f"use {placeholder('ftp')}")

    assert '"use the-passw0rd"' in hook.bodies[0]


def test_a_notice_has_a_bound_and_shows_where_it_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with web_hook() as hook:
        monkeypatch.setenv("CHANNEL", f"json://127.0.0.1:{hook.port}\n")
        outside(tmp_path).send_notice("systems", "t" * 1_000, "x" * 2_000_000)

    sent = json.loads(hook.bodies[0])
    assert (len(sent["title"]), len(sent["message"])) == (LONGEST_TITLE, LONGEST_NOTICE)
    assert sent["title"].endswith("… (shortened: 250 of 1,000 characters were sent)")
    assert sent["message"].endswith("… (shortened: 20,000 of 2,000,000 characters were sent)")


def test_files_of_the_project_are_where_they_belong(tmp_path: Path) -> None:
    way = outside(tmp_path)

    assert way.to_read(tmp_path / "a") == way.to_write(tmp_path / "a") == tmp_path / "a"


@pytest.mark.parametrize(
    ("url", "below", "folder"),
    [
        ("sftp://a@h/out/", "", "/out"),
        ("sftp://a@h/out", "erp/x", "/out/erp/x"),
        ("sftp://a@h/out", "/else", "/else"),
        ("sftp://a@h/out", "../../..", "/"),
        ("sftp://a@h", "", "/"),
        ("sftp://a@h//out", "", "/out"),
        ("sftp://a@h/a%20b", "c", "/a b/c"),
        ("sftp://a@h/~/out", "x", "out/x"),
        ("sftp://a@h/~", "", "."),
        ("sftp://a@h/~x", "", "/~x"),
    ],
)
def test_the_folder_of_a_connection(url: str, below: str, folder: str) -> None:
    assert RemoteServer.read("exports", url).folder(below) == folder


def test_a_server_never_shows_its_password() -> None:
    server = RemoteServer.read("x", "s3://My%40Key@Bucket/in", password="secret")

    assert (server.user, server.host, server.path) == ("My@Key", "Bucket", "/in")
    assert server.what == "`x` (s3://Bucket)"
    assert "secret" not in repr(server)


def test_each_kind_of_address_has_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SFTP", "the-sftp-passw0rd")
    way = outside(tmp_path)

    kinds: list[type] = [
        type(way.file_source(Search(name, "", "*"))) for name in ("exports", "plain", "bucket")
    ]

    assert kinds == [SftpSource, FtpSource, S3Source]
