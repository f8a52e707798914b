"""`almaflow validate`: what is checked by default, how problems are written, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Almaflow, Write

GOOD = "name: good\nsteps: [{wait: 1m}]\n"
BAD = "steps: [{wiat: 1m}]\n"
WARNS = """\
steps:
  - id: a
    find_set: {id: "1"}
  - branch: {on: "'x'", cases: {COMPLETED_ODDLY: []}}
  - submit_job: {job: M44, accept: [SOMETHING_ELSE]}
"""


def test_the_examples_are_valid(almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    typed = almaflow("validate")

    assert typed.code == 0
    assert typed.out.endswith("valid workflows, no errors.\n")


def test_by_default_the_projects_folder_and_almaflow_yaml_are_checked(
    almaflow: Almaflow, write: Write
) -> None:
    write("flows/good.yaml", GOOD)
    write("almaflow.yaml", "workflows: flows\n")

    typed = almaflow("validate", "-v")

    assert typed.code == 0
    assert typed.out == ("flows/good.yaml: workflow good is valid.\n1 valid workflow, no errors.\n")


def test_problems_of_all_files_are_shown_with_their_place(almaflow: Almaflow, write: Write) -> None:
    write("workflows/bad.yaml", BAD)
    write("workflows/good.yaml", GOOD)
    write("almaflow.yaml", "timezone: Europe/Zurch\n")

    typed = almaflow("validate")

    assert (typed.code, typed.err) == (1, "")
    assert typed.out.startswith("almaflow.yaml:1:11: error[")
    assert "workflows/bad.yaml:1:10: error[unknown-key]:" in typed.out
    assert "    1 | steps: [{wiat: 1m}]\n      |          ^^^^\n" in typed.out
    assert typed.out.endswith("1 valid workflow, 2 errors.\n")


def test_warnings_alone_are_good_enough_unless_strict(almaflow: Almaflow, write: Write) -> None:
    write("w.yaml", WARNS)

    typed = almaflow("validate", "w.yaml")

    assert typed.code == 0
    assert "warning[" in typed.out
    assert almaflow("validate", "w.yaml", "--strict").code == 1


def test_json_holds_all_problems(almaflow: Almaflow, write: Write) -> None:
    write("bad.yaml", BAD)

    typed = almaflow("validate", "bad.yaml", "--json")

    assert typed.code == 1
    assert typed.json["errors"] == 1
    assert typed.out == almaflow("validate", "bad.yaml", "--format", "json").out


def test_other_formats_are_written_to_stdout(almaflow: Almaflow, write: Write) -> None:
    write("bad.yaml", BAD)

    assert json.loads(almaflow("validate", "bad.yaml", "--format", "sarif").out)["runs"]
    assert almaflow("validate", "bad.yaml", "--format", "github").out.startswith("::error file=")


def test_nothing_wrong_is_nothing_on_github(almaflow: Almaflow, write: Write) -> None:
    write("good.yaml", GOOD)

    assert almaflow("validate", "good.yaml", "--format", "github").out == ""


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("goood.yaml", "There is no file or folder `goood.yaml`; did you mean `good.yaml`?"),
        ("nothing/at/all", "There is no file or folder `nothing/at/all`."),
        ("empty", "The folder FOLDER/empty has no workflow file (`*.yaml`, `*.yml`)."),
    ],
)
def test_a_path_that_is_not_there_is_a_wrong_request(
    almaflow: Almaflow, write: Write, folder: Path, path: str, told: str
) -> None:
    write("good.yaml", GOOD)
    (folder / "empty").mkdir()

    typed = almaflow("validate", path)

    assert (typed.code, typed.out, typed.err) == (
        2,
        "",
        f"Error: {told.replace('FOLDER', str(folder))}\n",
    )


def test_where_there_is_nothing_to_check_a_file_must_be_named(
    almaflow: Almaflow, folder: Path
) -> None:
    typed = almaflow("validate")

    assert typed.code == 2
    assert typed.err == (
        f"Error: There is no folder {folder / 'workflows'} and no almaflow.yaml in {folder}. "
        "Name the files to check, such as `almaflow validate my-workflow.yaml`.\n"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x01\x02\xff",
        b"steps: \xe9\n",
        b"a: " * 2_000_000,
        b"[" * 200,
        b"\xef\xbb\xbfsteps: [{wiat: 1m}]\r\n",
        b"steps: !!python/object/apply:os.system [ls]\n",
        b"a: 1\na: 2\n",
        b"a: &x [*x]\n",
    ],
    ids=["empty", "binary", "latin-1", "6 MB", "deep", "BOM", "tag", "twice", "itself"],
)
def test_no_file_is_so_bad_that_it_gets_no_problem(
    almaflow: Almaflow, folder: Path, content: bytes
) -> None:
    (folder / "w.yaml").write_bytes(content)

    typed = almaflow("validate", "w.yaml")

    assert (typed.code, typed.err) == (1, "")
    assert typed.out.startswith("w.yaml:")
