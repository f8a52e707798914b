"""The settings that are kept for commands that only read the store: never out of date."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from almaflow.cli import settings_above
from almaflow.cli.settings_above import find_store_settings, open_project
from almaflow.errors import DocumentsInvalid
from almaflow.redaction import REDACTION
from almaflow.settings import project
from tests.cli.conftest import Write

SETTINGS = """\
timezone: Europe/Zurich
institutions: {main: {region: eu, api_key: env:KEY}}
secrets: {ftp: "file:ftp.txt"}
calendars: {closed: {ics: closed.ics}}
store: sqlite:///runs.db
"""
KEY, OTHER = "correct-horse-battery-1", "correct-horse-battery-2"


@pytest.fixture
def file(write: Write, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEY", KEY)
    write("ftp.txt", OTHER)
    write("closed.ics", "")
    return write("almaflow.yaml", SETTINGS)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The settings files that were read."""
    files: list[Path] = []
    load = project.load_project

    def counted(file: Path) -> project.Project:
        files.append(file)
        return load(file)

    monkeypatch.setattr(project, "load_project", counted)
    return files


def test_settings_that_have_not_changed_are_read_once(file: Path, read: list[Path]) -> None:
    first, again = find_store_settings(), find_store_settings()

    assert again == first == open_project().store_settings
    assert again.url == f"sqlite:///{file.parent}/runs.db"
    assert read == [file, file]


def linked(name: str) -> Callable[[Path], object]:
    def change(file: Path) -> None:
        file.rename(file.with_name(name))
        file.symlink_to(name)

    return change


CHANGES: dict[str, Callable[[Path], object]] = {
    "the store": lambda file: file.write_text(SETTINGS.replace("runs.db", "others.db"), "utf-8"),
    "the zone": lambda file: file.write_text(SETTINGS.replace("Zurich", "Berlin"), "utf-8"),
    "a secret": lambda file: file.write_text(SETTINGS.replace("ftp:", "sftp:"), "utf-8"),
    "a link": linked("s.yml"),
    "no file": lambda file: file.unlink(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_changes_counts_immediately(file: Path, name: str) -> None:
    find_store_settings()

    CHANGES[name](file)

    assert find_store_settings() == open_project().store_settings


WRONG: dict[str, Callable[[Path], object]] = {
    "a mistake": lambda file: file.write_text(SETTINGS.replace("timezone", "zone"), "utf-8"),
    "a calendar that is gone": lambda file: file.with_name("closed.ics").unlink(),
    "others can write it": lambda file: file.chmod(0o666),
    "a link to what is no YAML": linked("s.txt"),
}


@pytest.mark.parametrize("name", WRONG)
def test_settings_that_become_wrong_are_refused(file: Path, name: str) -> None:
    find_store_settings()

    WRONG[name](file)

    with pytest.raises(DocumentsInvalid):
        find_store_settings()


def test_secrets_are_hidden_whether_the_settings_were_kept_or_not(
    file: Path, write: Write, read: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    find_store_settings()
    write("ftp.txt", "another-long-secret")
    find_store_settings()
    REDACTION.forget()
    find_store_settings()

    shown = REDACTION.text(f"{KEY} another-long-secret")

    assert len(read) == 2
    assert "correct" not in shown
    assert "another" not in shown


def test_no_secret_is_kept(file: Path, write: Write) -> None:
    write(".env", f"OTHER_SECRET={OTHER}")
    settings_above.find_store_settings()

    kept = (file.parent / ".almaflow" / "checked.json").read_text("utf-8")

    assert "env" in kept
    assert KEY not in kept
    assert OTHER not in kept
