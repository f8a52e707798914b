"""Nothing that can be in the folder stops a command, or ends one as a defect."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from tests.cli.conftest import Almaflow
from tests.hostile_folder import VALID, WRONG, plant

SETTINGS = """\
timezone: Europe/Zurich
institutions:
  main: {region: eu, api_key: "env:NO_KEY_IS_NEEDED"}
"""


@pytest.fixture
def project(folder: Path) -> Path:
    (folder / "workflows").mkdir()
    (folder / "almaflow.yaml").write_text(SETTINGS, "utf-8")
    plant(folder / "workflows")
    return folder


def test_validate_names_each_file_that_is_wrong_and_what_is_wrong(
    almaflow: Almaflow, project: Path
) -> None:
    checked = almaflow("validate", "--json")

    assert checked.code == 1
    found: dict[str, set[str]] = {}
    for problem in checked.json["problems"]:
        found.setdefault(problem["file"].removeprefix("workflows/"), set()).add(problem["code"])
    twin = next(name for name in WRONG if "\xf6" in name)
    assert found.pop(twin) == {"duplicate-name", "twin-names"}
    assert {name: {code} for name, code in WRONG.items() if name != twin} == found
    assert not any(c for c in checked.out if unicodedata.category(c) in ("Cs", "Cf") or c == "\x1b")


def test_what_is_valid_runs_by_its_name(almaflow: Almaflow, project: Path) -> None:
    for name in sorted(VALID - {"gro\xdf \xf6"}):
        assert almaflow("run", name, "--simulate").code == 0, name
    for name in ("gro\xdf \xf6", "gro\xdf o\u0308"):
        both = almaflow("run", name, "--simulate")
        assert both.code == 2
        assert "Specify the path" in both.err


@pytest.mark.parametrize("name", ["pipe", "broken-link", "loop-a", "zero", "socket", "nothing"])
def test_what_cannot_be_read_is_refused_by_name_and_by_path(
    almaflow: Almaflow, project: Path, name: str
) -> None:
    for typed in (name, f"workflows/{name}.yaml"):
        assert almaflow("run", typed, "--simulate").code == 2
        assert almaflow("plan", typed).code == 2


def test_other_commands_go_by_what_is_valid(almaflow: Almaflow, project: Path) -> None:
    coming = almaflow("next", "--count", "100", "--json")

    assert coming.code == 0
    assert {one["workflow"] for one in coming.json} >= {"night", "UPPER", "mixed"}
    assert almaflow("doctor").code in (0, 1)
    assert almaflow("why", "night").code in (0, 2)
    assert almaflow("ticks").code == 0


@pytest.mark.parametrize("kind", ["loop", "broken", "pipe", "folder", "zero"])
def test_an_almaflow_yaml_that_cannot_be_read_is_a_problem(
    almaflow: Almaflow, folder: Path, kind: str
) -> None:
    file = folder / "almaflow.yaml"
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case _:
            target = {"loop": "almaflow.yaml", "broken": "nothing", "zero": "/dev/zero"}[kind]
            file.symlink_to(target)

    checked, ran = almaflow("validate", "--json"), almaflow("runs")

    codes = {one["code"] for one in checked.json["problems"]}
    # Everybody can write /dev/zero, so it is not believed either.
    assert codes == {"unreadable", *(["not-trusted"] if kind == "zero" else [])}
    assert (checked.code, ran.code) == (1, 2)


@pytest.mark.parametrize("kind", ["loop", "broken", "pipe", "folder", "zero"])
@pytest.mark.parametrize("use", ["payload", "members", "inputs", "scenario", "calendar"])
def test_data_files_of_every_kind_are_refused_without_waiting(
    almaflow: Almaflow, folder: Path, kind: str, use: str
) -> None:
    calendar = "calendars: {off: {ics: x}}\n" if use == "calendar" else "timezone: UTC\n"
    (folder / "almaflow.yaml").write_text(calendar, "utf-8")
    match kind:
        case "pipe":
            os.mkfifo(folder / "x")
        case "folder":
            (folder / "x").mkdir()
        case _:
            target = {"loop": "x", "broken": "nothing", "zero": "/dev/zero"}[kind]
            (folder / "x").symlink_to(target)
    text = {
        "payload": "steps: [{submit_job: {job: M1, payload: x}}]\n",
        "members": "steps: [{create_set: {name: x, content: ITEM, members: {file: x}}}]\n",
    }.get(use, "steps: [{notify: a}]\n")
    (folder / "w.yaml").write_text(text, "utf-8")
    more = {"inputs": ["--inputs", "x"], "scenario": ["x"]}.get(use, [])

    planned = almaflow("plan", "w.yaml", *more)

    # A member file is read when its step runs; one that leads out of the project is an error.
    runs = use == "members" and kind != "zero"
    assert planned.code == (1 if runs else 2)
    assert "cannot be read" in planned.out if runs else planned.err


def test_five_thousand_files_are_listed_and_found(almaflow: Almaflow, project: Path) -> None:
    many = project / "workflows" / "many"
    many.mkdir()
    (many / "first.yaml").write_text("steps: [{stop: }]\n", "utf-8")
    for number in range(5000):
        os.link(many / "first.yaml", many / f"w{number}.yaml")

    assert almaflow("run", "w4711", "--simulate").code == 0
