"""`install-service`: the unit that is printed or written, and what it lets the service do."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from almaflow.cli.commands import install_service
from almaflow.cli.systemd_unit import WRITTEN_BY, SystemdUnit
from almaflow.errors import RequestWrong
from tests.cli.conftest import Almaflow, Write

SETTINGS = """\
institutions:
  main: {region: eu, api_key: "env:ALMA_KEY"}
  north: {region: na, api_key: "file:/run/secrets/north"}
channels: {systems: env:SYSTEMS_URL}
pings: {serve: env:PING_URL}
"""


def unit(folder: str = "/srv/almaflow", **fields: object) -> SystemdUnit:
    given = {
        "name": "almaflow",
        "user": "alma",
        "folder": Path(folder),
        "command": ("/opt/almaflow/bin/almaflow",),
        "store": Path(folder, ".almaflow/almaflow.db"),
        "variables": ("ALMA_KEY",),
    }
    return SystemdUnit(**{**given, **fields})  # type: ignore[arg-type]


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where units are written."""
    folder = tmp_path / "units"
    folder.mkdir()
    monkeypatch.setattr(install_service, "UNITS", folder)
    return folder


def test_the_unit_is_printed_with_what_it_needs(
    almaflow: Almaflow, write: Write, folder: Path
) -> None:
    write("almaflow.yaml", SETTINGS)

    typed = almaflow("install-service", "--user", "alma")

    lines = typed.out.splitlines()
    assert (typed.code, typed.err) == (0, "")
    assert lines[0] == WRITTEN_BY
    assert "User=alma" in lines
    assert f"WorkingDirectory={folder}" in lines
    assert next(line for line in lines if line.startswith("ExecStart=")).endswith("almaflow serve")
    assert "EnvironmentFile=-/etc/almaflow/almaflow.env" in lines
    assert any(line.startswith("# ALMA_KEY, SYSTEMS_URL, PING_URL: ") for line in lines)
    assert {"Restart=always", "SuccessExitStatus=130", "NoNewPrivileges=yes"} <= set(lines)
    assert f"ReadWritePaths={folder}" in lines


def test_without_a_user_it_runs_as_who_owns_the_folder(
    almaflow: Almaflow, write: Write, folder: Path
) -> None:
    write("almaflow.yaml", SETTINGS)

    typed = almaflow("install-service")

    assert f"User={folder.owner()}\n" in typed.out
    assert ("would run as root" in typed.err) == (folder.owner() == "root")


def test_what_the_service_may_write_to_follows_from_its_places() -> None:
    here = unit().text()
    far = unit(store=Path("/var/lib/alma/almaflow.db")).text()
    server = unit(store=None).text()
    home = unit("/home/alma/flows").text()

    assert "ReadWritePaths=/srv/almaflow\nProtectHome=yes\nPrivateTmp=yes\n" in here
    assert "Environment=TMPDIR=/srv/almaflow/.almaflow\n" in here
    assert "ReadWritePaths=/srv/almaflow /var/lib/alma\n" in far
    assert "StateDirectory=almaflow\nEnvironment=XDG_STATE_HOME=/var/lib/almaflow\n" in server
    assert "After=network-online.target postgresql.service\n" in server
    assert "ProtectHome=read-only\n" in home
    assert "PrivateTmp" not in unit("/tmp/flows").text()


def test_odd_characters_stay_what_they_are() -> None:
    text = unit('/srv/al ma%"$x', command=("/opt/a b$/almaflow",)).text()

    assert 'WorkingDirectory=/srv/al ma%%"$x\n' in text
    assert 'ExecStart="/opt/a b$$/almaflow" serve\n' in text
    assert 'ReadWritePaths="/srv/al ma%%\\"$x"\n' in text
    with pytest.raises(RequestWrong, match="cannot appear in a systemd unit"):
        unit("/srv/al\nma").text()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    file = tmp_path / "almaflow.service"
    command = (str(Path("/bin/true").resolve()),)
    file.write_text(unit("/srv/al ma", command=command, user="daemon").text())

    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(file)], capture_output=True, text=True
    )

    assert "almaflow.service" not in found.stderr


def test_the_unit_is_written_and_the_next_moves_are_said(
    almaflow: Almaflow, write: Write, units: Path
) -> None:
    write("almaflow.yaml", SETTINGS)

    typed = almaflow("install-service", "--user", "alma", "--write", "--name", "alma-night.service")
    again = almaflow("install-service", "--user", "other", "--write", "--name", "alma-night")

    file = units / "alma-night.service"
    assert (typed.code, again.code) == (0, 0)
    assert "User=other\n" in file.read_text()
    assert typed.out.splitlines() == [
        f"Written: {file}. Next:",
        "  write ALMA_KEY, SYSTEMS_URL, PING_URL into /etc/almaflow/alma-night.env, one NAME=value "
        "a line, for root only (mode 0600)",
        "  systemctl daemon-reload",
        "  systemctl enable --now alma-night",
        "  journalctl -fu alma-night",
    ]


def test_a_unit_of_somebody_else_is_left_alone(
    almaflow: Almaflow, write: Write, units: Path
) -> None:
    write("almaflow.yaml", SETTINGS)
    file = units / "almaflow.service"
    file.write_text("[Unit]\n")

    typed = almaflow("install-service", "--user", "alma", "--write")

    assert typed.code == 2
    assert f"{file} already exists and was not written by almaflow" in typed.err
    assert file.read_text() == "[Unit]\n"


def test_who_may_not_write_there_is_told_what_to_do(
    almaflow: Almaflow, write: Write, units: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("almaflow.yaml", SETTINGS)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)

    typed = almaflow("install-service", "--user", "alma", "--write")

    assert typed.code == 2
    assert "Use sudo, or print the unit" in typed.err


def test_without_a_project_or_with_an_odd_name_there_is_no_unit(
    almaflow: Almaflow, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = almaflow("install-service")
    write("almaflow.yaml", SETTINGS)
    odd = almaflow("install-service", "--name", "../x")

    def nobody(self: Path) -> str:
        raise KeyError(4711)

    monkeypatch.setattr(Path, "owner", nobody)
    unknown = almaflow("install-service")

    assert (nowhere.code, odd.code, unknown.code) == (2, 2, 2)
    assert "there is nothing to serve" in nowhere.err
    assert "`../x` is not a valid name for a unit." in odd.err
    assert "`--user NAME`" in unknown.err
