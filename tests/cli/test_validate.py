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


def test_the_examples_have_nothing_that_may_not_be_meant(
    almaflow: Almaflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)

    typed = almaflow("validate", "--strict", "--json")

    assert typed.code == 0
    assert json.loads(typed.out)["problems"] == []


def test_notes_do_not_count_even_if_strict(almaflow: Almaflow, write: Write) -> None:
    write("w.yaml", 'steps: [{submit_job: {job: M18, set: "1"}}]\n')

    typed = almaflow("validate", "w.yaml", "--strict")

    assert typed.code == 0
    assert typed.out.endswith("1 valid workflow, no errors, 1 note.\n")


def test_a_project_chooses_the_levels_of_warnings(almaflow: Almaflow, write: Write) -> None:
    job = 'steps: [{submit_job: {job: M28, set: "1"}}]\n'
    write("workflows/w.yaml", job)
    institution = "institutions: {main: {region: eu, api_key: env:KEY}}\n"
    write("almaflow.yaml", institution + "lint: {no-expect: off, no-size-check: error}\n")

    typed = almaflow("validate", "--json")

    (problem,) = json.loads(typed.out)["problems"]
    assert (typed.code, problem["code"], problem["severity"]) == (1, "no-size-check", "error")


def test_a_sweep_in_another_file_of_the_project_counts_for_one_file(
    almaflow: Almaflow, write: Write
) -> None:
    write("almaflow.yaml", "institutions: {main: {region: eu, api_key: env:KEY}}\n")
    create = "create_set: {name: 'nightly {{ run.id }}', content: ITEM, query: x}"
    write("workflows/w.yaml", f"steps: [{{{create}}}]\n")

    alone = almaflow("validate", "workflows/w.yaml", "--json")
    sweep = write("workflows/s.yaml", "steps: [{delete_set: {prefix: nightly, older_than: 9d}}]\n")
    swept = almaflow("validate", "workflows/w.yaml", "--json")

    assert sweep
    assert [one["code"] for one in json.loads(alone.out)["problems"]] == ["set-kept"]
    assert json.loads(swept.out)["problems"] == []


def test_fixes_are_shown_or_made_and_then_reported(almaflow: Almaflow, write: Write) -> None:
    file = write("w.yaml", "steps:\n  - find_set: {nmae: x}\n  - wiat: 1m\n  - faill: x\n")

    shown = almaflow("validate", "w.yaml", "--diff")
    unchanged = file.read_text("utf-8")
    made = almaflow("validate", "w.yaml", "--fix")
    again = almaflow("validate", "w.yaml", "--diff")

    assert shown.code == 1
    assert "-  - wiat: 1m" in shown.out.splitlines()
    assert "+  - wait: 1m" in shown.out.splitlines()
    assert "wiat" in unchanged
    assert file.read_text("utf-8") == (
        "steps:\n  - find_set: {name: x}\n  - wait: 1m\n  - fail: x\n"
    )
    assert made.code == 0
    assert made.out.count("fixed[unknown-key]") == 3
    assert "did you mean" not in made.out
    assert made.out.endswith("1 valid workflow, no errors.\n")
    assert (again.code, again.out) == (0, "There is nothing to fix.\n")


def test_fixes_do_not_disturb_a_document(almaflow: Almaflow, write: Write) -> None:
    write("w.yaml", "steps: [{wiat: 1m}]\n")

    typed = almaflow("validate", "w.yaml", "--fix", "--json")

    assert json.loads(typed.out)["problems"] == []
    assert "fixed[unknown-key]" in typed.err


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
        "Name the files to check, such as `almaflow validate my-workflow.yaml`, or "
        "create a project with `almaflow init`.\n"
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
