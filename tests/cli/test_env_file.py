"""The file `.env` next to almaflow.yaml: read, hidden from all output, and kept out of git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from almaflow.errors import RequestWrong
from almaflow.settings import find_project
from almaflow.settings.env_file import env_values
from tests.cli.conftest import Almaflow, Write

SETTINGS = """\
timezone: UTC
institutions: {main: {region: eu, api_key: env:ALMA_API_KEY}}
secrets: {ftp: env:FTP_PASSWORD}
"""
KEY = "l8xx" + "4f2a" * 8


@pytest.fixture
def settings(write: Write) -> Path:
    return write("almaflow.yaml", SETTINGS)


def write_env(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / ".env"
    file.write_bytes(text.encode())
    file.chmod(mode)
    return file


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"ALMA_API_KEY={KEY}\n", KEY),
        (f"export ALMA_API_KEY='{KEY}'\r\n", KEY),
        (f"\ufeffALMA_API_KEY={KEY}", KEY),
        (f'# ours\n\nALMA_API_KEY = "{KEY}"  # the key\n', KEY),
        ("FTP_PASSWORD=x\nALMA_API_KEY='pa$HOME${HOME}ss#word'\n", "pa$HOME${HOME}ss#word"),
        ("ALMA_API_KEY=pa$HOME${HOME}ss\n", "pa$HOME${HOME}ss"),
    ],
)
def test_a_key_is_read_from_the_file(settings: Path, folder: Path, text: str, value: str) -> None:
    write_env(folder, text)

    assert find_project(folder).institution().key() == value


def test_the_environment_counts_before_the_file(
    settings: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_env(folder, f"ALMA_API_KEY={KEY}\n")
    monkeypatch.setenv("ALMA_API_KEY", "another-long-value")

    key = find_project(folder).institution().key()

    assert key == "another-long-value"


def test_every_value_of_the_file_is_a_secret(settings: Path, folder: Path) -> None:
    write_env(folder, f"ALMA_API_KEY={KEY}\nNOT_NAMED=correct-horse-battery\n")

    assert {KEY, "correct-horse-battery"} <= set(find_project(folder).known_secrets())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("A=1\n\nthis is not a variable = x y\nB=2", "Line 3"),
        (f"A='{KEY}\n", "Line 1"),
        ("A=" + "x" * 70_000, "larger"),
    ],
)
def test_a_file_that_cannot_be_read_gets_a_sentence_without_its_content(
    folder: Path, text: str, named: str
) -> None:
    write_env(folder, text)

    with pytest.raises(RequestWrong) as caught:
        env_values(folder)

    assert named in str(caught.value)
    assert KEY not in str(caught.value)
    assert "xxx" not in str(caught.value)


def test_a_file_that_others_can_write_is_not_used(folder: Path) -> None:
    write_env(folder, f"ALMA_API_KEY={KEY}\n", 0o666)

    with pytest.raises(RequestWrong, match="can write"):
        env_values(folder)


def test_a_folder_of_that_name_is_none(folder: Path) -> None:
    (folder / ".env").mkdir()

    assert env_values(folder) == {}


def test_validate_and_doctor_warn_of_a_file_that_others_read_or_git_tracks(
    settings: Path, folder: Path, almaflow: Almaflow
) -> None:
    write_env(folder, f"ALMA_API_KEY={KEY}\n", 0o644)
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "add", ".env"], check=True)

    checked = almaflow("validate", "--json")
    found = almaflow("doctor", "--json")

    codes = {problem["code"] for problem in checked.json["problems"]}
    assert {"env-file-tracked", "env-file-readable"} <= codes
    assert checked.code == 0
    assert sum(one["what"] == ".env" for one in found.json["findings"]) == 2
    assert KEY not in checked.out + found.out


def test_a_file_that_is_kept_well_gets_no_warning(
    settings: Path, folder: Path, almaflow: Almaflow
) -> None:
    write_env(folder, f"ALMA_API_KEY={KEY}\n")
    subprocess.run(["git", "init", "-q"], check=True)

    assert almaflow("validate", "--json").json["problems"] == []
