"""Settings of a folder above are named, so that nobody uses them unawares."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Almaflow, Write


@pytest.mark.parametrize("command", [["runs", "--json"], ["validate", "--json"], ["doctor"]])
def test_settings_that_are_found_above_are_named(
    command: list[str],
    almaflow: Almaflow,
    write: Write,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = write("almaflow.yaml", "timezone: Europe/Zurich\n")
    (folder / "workflows").mkdir()
    (folder / "inner").mkdir()

    here = almaflow(*command)
    monkeypatch.chdir(folder / "inner")
    below = almaflow(*command)

    assert here.code == below.code
    assert str(file) not in here.err
    assert str(file) in below.err


def test_only_standard_error_names_the_settings(
    almaflow: Almaflow, write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("almaflow.yaml", "timezone: Europe/Zurich\n")
    (folder / "inner").mkdir()
    monkeypatch.chdir(folder / "inner")

    assert almaflow("runs", "--json").json["runs"] == []


def test_a_path_of_settings_cannot_act_on_a_terminal(
    almaflow: Almaflow, write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    above = folder / "a\u202eb"
    (above / "inner").mkdir(parents=True)
    write("a\u202eb/almaflow.yaml", "timezone: Europe/Zurich\n")
    monkeypatch.chdir(above / "inner")

    assert "\u202e" not in almaflow("runs").err
