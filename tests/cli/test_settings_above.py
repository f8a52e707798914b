"""Settings of a folder above are named, so that nobody uses them unawares."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Almaflow


def test_settings_that_are_found_above_are_named(
    almaflow: Almaflow, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "almaflow.yaml").write_text("timezone: Europe/Zurich\n", "utf-8")
    (folder / "inner").mkdir()

    here = almaflow("runs")
    monkeypatch.chdir(folder / "inner")
    below = almaflow("runs", "--json")

    named = f"Using the settings in {folder / 'almaflow.yaml'}."
    assert (here.code, below.code) == (0, 0)
    assert named not in here.err
    assert named in below.err
