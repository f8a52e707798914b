"""The example of the page about tests is true: it is valid, passes, and reaches everything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from almaflow import docs
from almaflow.__main__ import main


def test_the_tests_of_the_page_pass_and_reach_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = docs.find_page("testing").text
    workflow, tests = re.findall(r"^```yaml\n(.*?)^```$", text, re.M | re.S)
    (tmp_path / "withdraw.yaml").write_text(workflow, "utf-8")
    (tmp_path / "withdraw.tests.yaml").write_text(tests, "utf-8")
    monkeypatch.chdir(tmp_path)

    code = main(["test", "withdraw.yaml", "--coverage", "--fail-under", "100"])

    captured = capsys.readouterr()
    assert code == 0, captured.out + captured.err
