"""The tests of every example workflow, each file of them as one test."""

from __future__ import annotations

from pathlib import Path

import pytest

from almaflow.__main__ import main

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "workflows"
WORKFLOWS = sorted(path for path in FOLDER.glob("*.yaml") if path.name.count(".") == 1)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_the_tests_of_an_example_pass(
    workflow: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)

    code = main(["test", str(workflow.relative_to(ROOT))])

    captured = capsys.readouterr()
    assert code == 0, captured.out + captured.err
