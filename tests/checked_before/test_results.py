"""Results of checks are kept whole, for as long as they are ours, and never believed otherwise."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from almaflow.checked_before import checked_once
from almaflow.checked_before.findings import Findings
from almaflow.checked_before.results import Result, ResultFile
from almaflow.problems import Location, Problem, Severity

PROBLEM = Problem(
    Location("ä.yaml", 2, 3, 4), "code", "Sätze.", Severity.NOTE, "  zeile: 1", 7, "fix"
)


def result(key: str = "k", *problems: Problem) -> Result:
    return Result(key, "tree", {"/a/b": "digest"}, Findings(3, problems).to_json())


@pytest.fixture
def kept(tmp_path: Path) -> ResultFile:
    return ResultFile(tmp_path / ".almaflow")


def test_what_is_kept_is_read_as_it_was(kept: ResultFile) -> None:
    kept.write([result("k", PROBLEM), result("l")])

    assert kept.read() == [result("k", PROBLEM), result("l")]


def test_only_the_newest_are_kept(kept: ResultFile) -> None:
    kept.write([result(str(number)) for number in range(40)])

    assert [one.key for one in kept.read()] == [str(number) for number in range(16)]


def test_results_without_room_are_left_out(
    kept: ResultFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("almaflow.checked_before.results._LARGEST", 500)

    kept.write([result("small"), result("large", *[PROBLEM] * 20)])

    assert kept.read() == [result("small")]


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "null", "[]", "{}", '"text"', "\0", "[" * 100_000),
        '{"format": 1, "mark": [], "results": []}',
    ],
)
def test_a_broken_file_is_ignored_and_replaced(kept: ResultFile, text: str) -> None:
    kept.write([result()])
    kept._file.write_text(text, encoding="utf-8")

    assert kept.read() == []
    kept.write([result()])
    assert kept.read() == [result()]


@pytest.mark.parametrize(
    "change",
    [
        {"key": 1},
        {"files": {"/a": None}},
        {"files": []},
    ],
)
def test_a_result_of_another_form_is_ignored(kept: ResultFile, change: dict[str, Any]) -> None:
    kept.write([result()])
    data = json.loads(kept._file.read_text("utf-8"))
    data["results"][0].update(change)
    kept._file.write_text(json.dumps(data), encoding="utf-8")

    assert kept.read() == []


@pytest.mark.parametrize(
    "data",
    [
        {"valid": "3", "problems": []},
        {"valid": 3, "problems": [{}]},
        {"valid": 3, "problems": [{"severity": "worst"}]},
        None,
    ],
)
def test_findings_of_another_form_are_found_anew(tmp_path: Path, data: Any) -> None:
    found = Findings(3, (PROBLEM,))
    checked_once(tmp_path, (), lambda: Findings(0, ()), Findings)
    file = tmp_path / ".almaflow" / "checked.json"
    kept = json.loads(file.read_text("utf-8"))
    kept["results"][0]["findings"] = data
    file.write_text(json.dumps(kept), encoding="utf-8")

    assert checked_once(tmp_path, (), lambda: found, Findings) == found
    assert checked_once(tmp_path, (), lambda: Findings(0, ()), Findings) == found


def test_results_that_came_with_a_copy_of_the_project_are_ignored(
    kept: ResultFile, tmp_path: Path
) -> None:
    kept.write([result()])
    shutil.copytree(kept._folder, tmp_path / "copy")

    assert ResultFile(tmp_path / "copy").read() == []


def test_results_that_others_could_write_are_ignored(kept: ResultFile) -> None:
    kept.write([result()])
    kept._folder.chmod(0o777)

    assert kept.read() == []


def test_a_folder_that_cannot_be_made_has_no_results(tmp_path: Path) -> None:
    (tmp_path / ".almaflow").write_text("a file", encoding="utf-8")
    kept = ResultFile(tmp_path / ".almaflow")

    kept.write([result()])

    assert kept.read() == []
    assert os.listdir(tmp_path) == [".almaflow"]


def test_no_folder_is_made_in_the_project_of_another_user(
    kept: ResultFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)

    kept.write([result()])

    assert os.listdir(tmp_path) == []


def test_who_reads_while_others_write_reads_all_or_nothing(kept: ResultFile) -> None:
    kept.write([result("0", *[PROBLEM] * 100)])

    def write(name: str) -> None:
        for _ in range(30):
            kept.write([result(name, *[PROBLEM] * 100)])

    threads = [threading.Thread(target=write, args=(str(number),)) for number in range(2)]
    for thread in threads:
        thread.start()
    seen = [kept.read() for _ in range(60)]
    for thread in threads:
        thread.join()

    assert all(len(one.findings["problems"]) == 100 for results in seen for one in results)
    assert all(seen)
    assert sorted(os.listdir(kept._folder)) == ["checked.json", "checked.mark"]
