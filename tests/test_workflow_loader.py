from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from almaflow import workflow_loader
from almaflow.alma.simulator import Scenario
from almaflow.errors import DocumentsInvalid, RequestWrong
from almaflow.problems import Severity
from almaflow.scenario_files import KEYS
from almaflow.settings import Project, Settings
from almaflow.workflow import Workflow
from almaflow.workflow_loader import find_workflow, load_paths, load_text, load_workflow

STOP = "steps:\n  - stop:\n"
WRONG = "steps:\n  - stpo:\n"
LATER = "steps:\n  - create_set: {name: n, content: ITEM, members: {file: later.csv}}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "workflows").mkdir()
    return Project(tmp_path, Settings(), None)


def write(path: str, text: str = STOP) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_a_workflow_is_called_by_its_name_else_by_its_file(project: Project) -> None:
    unnamed = load_workflow(write("workflows/nightly.yaml"), project)
    named = load_workflow(write("workflows/x.yaml", f"name: Every night\n{STOP}"), project)

    assert (unnamed.name, named.name) == ("nightly", "Every night")
    assert unnamed.path == Path("workflows/nightly.yaml")


def test_the_text_of_a_workflow_in_use_is_not_checked_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load_workflow(write("workflows/later.yaml", LATER), project)
    monkeypatch.setattr(workflow_loader, "check_document", None)

    recorded = load_text(loaded.document.text, loaded.document.file)

    assert recorded.workflow is loaded.workflow
    assert (recorded.path, recorded.warnings, recorded.calls) == (None, (), {})


def test_a_workflow_with_an_error_tells_its_warnings_as_well(project: Project) -> None:
    file = write("workflows/x.yaml", f"{LATER}  - check: steps.nothing.x == 1\n")

    with pytest.raises(DocumentsInvalid) as refused:
        load_workflow(file, project, "shown.yaml")

    assert [one.severity for one in refused.value.problems] == [Severity.WARNING, Severity.ERROR]
    assert {one.location.file for one in refused.value.problems} == {"shown.yaml"}


def test_a_warning_does_not_keep_a_workflow_from_running(project: Project) -> None:
    loaded = load_workflow(write("workflows/x.yaml", LATER), project)

    [warning] = loaded.warnings
    assert "The file `later.csv` does not exist yet" in warning.message


def test_a_file_that_is_not_there_is_a_problem(project: Project) -> None:
    with pytest.raises(DocumentsInvalid, match="cannot be read"):
        load_workflow(Path("nothing.yaml"), project)


def test_files_outside_of_the_working_directory_are_shown_whole(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write("workflows/x.yaml", WRONG).absolute()
    monkeypatch.chdir(tmp_path / "workflows")

    inside = load_paths([file], project)[1]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    outside = load_paths([file], project)[1]

    assert inside[0].location.file == "x.yaml"
    assert outside[0].location.file == str(file)


def test_all_workflow_files_of_a_folder_are_checked(project: Project) -> None:
    write("workflows/b.yaml", WRONG)
    write("workflows/a.yml", LATER)
    write("workflows/deep/c.yaml")
    write("workflows/c.scenario.yaml", "jobs: {}\n")
    write("workflows/.hidden/d.yaml", WRONG)
    write("workflows/notes.txt", "no workflow")

    loaded, problems = load_paths([Path("workflows"), Path("workflows/b.yaml")], project)

    assert [one.name for one in loaded] == ["a", "c"]
    assert [(one.location.file, one.code) for one in problems] == [
        ("workflows/a.yml", "no-such-file"),
        ("workflows/b.yaml", "unknown-key"),
    ]


def test_the_project_file_of_a_folder_is_checked_as_what_it_is(project: Project) -> None:
    write("almaflow.yaml", "timezone: Mars\n")
    write("workflows/a.yaml")

    loaded, problems = load_paths([Path()], project)

    assert [one.name for one in loaded] == ["a"]
    assert [(one.location.file, one.code) for one in problems] == [
        ("almaflow.yaml", "bad-timezone")
    ]


def test_a_project_file_in_order_has_no_problem(project: Project) -> None:
    write("almaflow.yaml", "timezone: UTC\n")

    assert load_paths([Path("almaflow.yaml")], project) == ([], [])


def test_two_workflows_of_one_name_are_an_error(project: Project) -> None:
    write("workflows/a.yaml")
    write("workflows/b.yaml", f"name: a\n{STOP}")
    write("workflows/deep/a.yaml")

    _, problems = load_paths([Path("workflows")], project)

    assert [(str(one.location), one.code) for one in problems] == [
        ("workflows/b.yaml:1:7", "duplicate-name"),
        ("workflows/deep/a.yaml:1:1", "duplicate-name"),
    ]
    assert "`a`. The other one is in workflows/a.yaml" in problems[0].message


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nightyl.yaml", r"no file or folder `nightyl.yaml`; did you mean `nightly.yaml`\?"),
        ("no/such.yaml", r"no file or folder `no/such.yaml`\."),
        ("workflows", r"The folder /.*/workflows has no workflow file"),
    ],
)
def test_a_path_without_workflows_is_a_wrong_request(
    project: Project, path: str, message: str
) -> None:
    write("nightly.yaml")

    with pytest.raises(RequestWrong, match=message):
        load_paths([Path(path)], project)


@pytest.mark.parametrize(
    "name", ["workflows/nightly.yaml", "nightly.yaml", "nightly", "Every night"]
)
def test_a_workflow_is_found_by_path_name_or_stem(project: Project, name: str) -> None:
    write("workflows/broken.yaml", "{")
    write("workflows/list.yaml", "[]")
    file = write("workflows/nightly.yaml", f"name: Every night\n{STOP}")

    assert find_workflow(name, project).resolve() == file.resolve()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "nihgtly",
            r"no workflow `nihgtly` in workflows; did you mean `nightly`\? Specify the path",
        ),
        ("every", "no workflow `every` in workflows\\. Specify the path"),
        ("workflows/nihgtly.yaml", r"no file `.*nihgtly.yaml`; did you mean `nightly.yaml`\?"),
        ("nowhere/x.yaml", r"no file `nowhere/x.yaml`\."),
        ("workflows", r"`workflows` is a folder\. Specify one of the workflow files in it\."),
        ("twice", r"may be workflows/deep/twice.yaml and workflows/twice.yaml\. Specify the path"),
    ],
)
def test_a_workflow_that_is_not_found_is_a_wrong_request(
    project: Project, name: str, message: str
) -> None:
    for file in ("nightly", "twice", "deep/twice"):
        write(f"workflows/{file}.yaml")

    with pytest.raises(RequestWrong, match=message):
        find_workflow(name, project)


def test_a_name_needs_the_folder_of_the_workflows(tmp_path: Path) -> None:
    project = Project(tmp_path, Settings(), None)

    with pytest.raises(RequestWrong, match=r"no workflow `x` and no folder .*workflows\."):
        find_workflow("x", project)


def test_a_scenario_given_as_a_workflow_is_recognised_by_name_and_by_keys(tmp_path: Path) -> None:
    (tmp_path / "weekly.yaml").write_text("steps: [{stop: x}]\n")
    (tmp_path / "weekly.scenario.yaml").write_text("sets: []\n")
    (tmp_path / "other.yaml").write_text("# made by hand\neverything_exists: true\n")

    for name, of in (("weekly.scenario.yaml", "weekly.yaml"), ("other.yaml", "WORKFLOW")):
        with pytest.raises(DocumentsInvalid) as refused:
            load_workflow(tmp_path / name, Project(tmp_path, Settings(), None))

        (problem,) = refused.value.problems
        assert problem.code == "scenario"
        assert of in problem.message


def test_the_keys_that_show_a_scenario_are_those_of_scenarios_and_of_no_workflow() -> None:
    assert set(KEYS) == set(Scenario.model_fields) - {"description"}
    assert not set(KEYS) & set(Workflow.model_fields)


def test_a_folder_that_cannot_be_read_is_named_where_a_workflow_is_not_found(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scandir(path: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    write("workflows/nightly.yaml")
    monkeypatch.setattr(os, "scandir", scandir)

    with pytest.raises(RequestWrong, match="workflows: The folder cannot be read"):
        find_workflow("nightly", project)
