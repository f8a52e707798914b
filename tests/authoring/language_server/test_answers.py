"""What the language server answers at a cursor: `|` in the texts, where `§` is a bar."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygls import uris
from pygls.workspace import TextDocument

from almaflow.authoring.language_server.checked_text import (
    Neighbours,
    Overtaken,
    check_other,
    check_text,
    is_workflow,
    project_of,
)
from almaflow.authoring.language_server.completions import Surroundings, suggestions
from almaflow.authoring.language_server.cursor import Cursor, cursor_at
from almaflow.authoring.language_server.lookups import declaration_of, meaning_at
from almaflow.authoring.language_server.server import _file_of
from almaflow.check import CheckContext, WorkflowLoader, as_entry, check_document
from almaflow.problems import Severity
from almaflow.workflow import kinds
from tests.snapshot.library import SETTINGS, put

BROKEN = Path(__file__).parents[2] / "broken"
DOCUMENTS = sorted(file for file in BROKEN.glob("*.yaml") if file.name != "almaflow.yaml")

WORKFLOW = """\
name: weed
inputs:
  limit: {type: integer, default: 5}
vars: {half: "{{ inputs.limit }}"}
steps:
  - id: titles
    find_set: {name: Titles}
  - id: weed
    submit_job:
      job: M28
      set: "{{ steps.titles.set_id }}"
"""


def place_in(text: str) -> tuple[str, int, int]:
    before, _, after = text.partition("|")
    before, after = before.replace("§", "|"), after.replace("§", "|")
    return before + after, before.count("\n"), len(before) - before.rfind("\n") - 1


def cursor_in(text: str) -> Cursor:
    return cursor_at(*place_in(text))


def labels(text: str, folder: Path, workflow: str = WORKFLOW) -> list[str]:
    file = folder / "w.yaml"
    project = project_of(file)
    checked = check_text(file, workflow, project)
    around = Surroundings(checked.workflow, project, folder)
    return [one.label for one in suggestions(cursor_in(text), around)]


@pytest.mark.parametrize(
    ("text", "path", "typed", "is_key"),
    [
        ("|", (), "", True),
        ("na|", (), "na", True),
        ("name: we|", ("name",), "we", False),
        ("steps:\n  - |", ("steps", 0), "", True),
        ("steps:\n- |", ("steps", 0), "", True),
        ("steps:\n- id: x\n  |", ("steps", 0), "", True),
        ("steps:\n  - id: x\n    submit_job:\n      jo|", ("steps", 0, "submit_job"), "jo", True),
        (
            "steps:\n  - find_set:\n      name: x\n    on_failure: |",
            ("steps", 0, "on_failure"),
            "",
            False,
        ),
        ("steps:\n  - find_set: {na|", ("steps", 0, "find_set"), "na", True),
        ("steps:\n  - find_set: {id: '1', na|", ("steps", 0, "find_set"), "na", True),
        ("steps:\n  - submit_job: {job: {id: M1}, se|", ("steps", 0, "submit_job"), "se", True),
        ("steps:\n  - find_set: {id: '{1', na|", ("steps", 0, "find_set"), "na", True),
        ("steps:\n  - find_set: {id: [a, 'b,{'], na|", ("steps", 0, "find_set"), "na", True),
        ("steps:\n  - find_set: {name: Ti|", ("steps", 0, "find_set", "name"), "Ti", False),
        (
            "steps:\n  - submit_job: {job: {id: M|",
            ("steps", 0, "submit_job", "job", "id"),
            "M",
            False,
        ),
        ("notify:\n  - {on: [fa|", ("notify", 0, "on", 0), "fa", False),
        ("a: b\n# c:\n\nsteps:\n\n  # d\n  - |", ("steps", 0), "", True),
        ("steps:\n  - branch:\n      cases:\n        A:\n          - |", None, "", True),
    ],
)
def test_a_cursor_is_placed_by_indentation_and_braces(
    text: str, path: tuple[str | int, ...] | None, typed: str, is_key: bool
) -> None:
    cursor = cursor_in(text)

    wanted = ("steps", 0, "branch", "cases", "A", 0) if path is None else path
    assert (cursor.path, cursor.typed, cursor.is_key) == (wanted, typed, is_key)


def test_a_cursor_knows_the_expression_that_is_typed() -> None:
    assert cursor_in('a: "x {{ steps.t|').expression == "steps.t"
    assert cursor_in('a: "{{ x }} y|').expression is None
    assert cursor_in("find_set: {name: '{{ inputs.|").expression == "inputs."


@given(st.text("ab:{}[]-,'\" \n|#\t", max_size=80), st.integers(0, 8), st.integers(0, 30))
def test_a_cursor_can_be_anywhere_in_any_text(text: str, line: int, column: int) -> None:
    cursor = cursor_at(text, line, column)

    assert all(isinstance(one, str) or one == 0 for one in cursor.path)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("|", {"name", "steps", "schedule", "inputs"}),
        ("sche|", {"schedule"}),
        ("steps:\n  - |", {*kinds(), "id", "if", "timeout", "on_failure"}),
        ("steps:\n  - submit_job:\n      |", {"job", "payload", "parameters", "set", "expect"}),
        ("steps:\n  - submit_job: {ex|", {"expect"}),
        ("steps:\n  - for_each:\n      steps:\n        - fin|", {"find_set"}),
        ("steps:\n  - parallel:\n      left:\n        - appr|", {"approve"}),
        ("inputs:\n  month:\n    ty|", {"type"}),
        ("inputs:\n  month: {type: da|", {"date"}),
        ("overlap: |", {"queue_one", "queue_all", "skip", "allow"}),
        ("notify:\n  - on: [fa|", {"failed"}),
        ("timezone: Europe/Zu|", {"Europe/Zurich"}),
        ("steps:\n  - submit_job:\n      wait: |", {"true", "false"}),
        ('steps:\n  - delete_set: "{{ |', {"steps", "inputs", "run", "now"}),
        ('steps:\n  - delete_set: "{{ steps.|', {"titles", "weed"}),
        ('steps:\n  - delete_set: "{{ steps.weed.cou|', {"counters"}),
        ('steps:\n  - delete_set: "{{ steps.titles.|', {"set_id", "member_count", "outcome"}),
        ("steps:\n  - check: inputs.|", {"limit"}),
        ("steps:\n  - if: vars.h|", {"half"}),
        ('steps:\n  - fail: "{{ now § da|', {"date"}),
    ],
)
def test_what_may_come_next_is_suggested(tmp_path: Path, text: str, wanted: set[str]) -> None:
    assert wanted <= set(labels(text, tmp_path))


def test_what_begins_with_the_typed_letters_comes_first(tmp_path: Path) -> None:
    assert labels("steps:\n  - submit_job:\n      set|", tmp_path)[0] == "set"


def test_entries_of_almaflow_yaml_and_files_of_the_folder_are_suggested(tmp_path: Path) -> None:
    (tmp_path / "almaflow.yaml").write_text(
        "institutions:\n  north: {region: eu, api_key: env:K}\nchannels: {mail: env:M}\n"
    )
    (tmp_path / "payloads").mkdir()
    (tmp_path / "payloads" / "weed.xml").write_text("<job/>")
    (tmp_path / "list.csv").write_text("a\n")

    assert labels("institution: |", tmp_path) == ["north"]
    assert "mail" in labels("notify:\n  - {on: failed, to: |", tmp_path)
    assert labels("steps:\n  - submit_job:\n      payload: |", tmp_path) == ["payloads/weed.xml"]
    assert labels("steps:\n  - csv_rows: {file: |", tmp_path) == ["list.csv"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps:\n  - submit|_job:\n      job: M28\n", "Submit a manual job"),
        ("steps:\n  - submit_job:\n      ex|pect: []\n", "submit_job.expect"),
        ("steps:\n  - wait: 1m\n    on_|failure: stop\n", "steps.on_failure"),
        ("over|lap: skip\n", "overlap"),
    ],
)
def test_a_key_is_explained_under_the_pointer(tmp_path: Path, text: str, words: str) -> None:
    source, line, column = place_in(text)

    shown = meaning_at(source, line, column, project_of(tmp_path / "w.yaml"))
    assert words in shown


def test_nothing_is_said_of_a_value_that_means_nothing(tmp_path: Path) -> None:
    assert meaning_at("x: y\n", 0, 3, project_of(tmp_path / "w.yaml")) == ""


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        (WORKFLOW.replace("steps.titles", "steps.tit|les"), 5, 8),
        (WORKFLOW.replace("inputs.limit", "inputs.li|mit"), 2, 2),
        (WORKFLOW + '  - fail: "{{ vars.ha|lf }}"\n', 3, 7),
    ],
)
def test_a_name_leads_to_its_declaration(tmp_path: Path, text: str, line: int, column: int) -> None:
    found = declaration_of(*place_in(text), tmp_path / "w.yaml")

    assert found is not None
    assert (found.line, found.column) == (line, column)


def test_a_file_leads_to_itself(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("")
    text = "steps:\n  - call: oth|er\n  - call: nowhere\n"
    source, line, column = place_in(text)

    found = declaration_of(source, line, column, tmp_path / "w.yaml")

    assert found is not None
    assert found.file == tmp_path / "other.yaml"
    assert declaration_of(source, 2, 12, tmp_path / "w.yaml") is None


def test_a_text_has_the_problems_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    text = WORKFLOW.replace("set_id", "set_idd")

    problems = check_text(file, text, project_of(file)).problems

    assert [(one.code, one.location.line) for one in problems if one.severity == "error"] == [
        ("unknown-output", 11)
    ]
    assert check_text(file, "x" * 2_000_000, project_of(file)).problems[0].code == "too-large"


def test_an_editor_shows_what_validate_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BROKEN)
    for file in DOCUMENTS:
        text = file.read_bytes().decode("utf-8", "surrogateescape")
        if "\udc80" <= max(text) <= "\udcff":
            # An editor has text, not bytes that are none.
            continue
        project = project_of(file)
        around = CheckContext(project, None, settings_count=True)
        checked = as_entry(WorkflowLoader(check_document).read(file, file.name, around), around)
        wanted = {one for one in checked.problems if one.location.file == file.name}

        found = check_text(file, text, project).problems

        assert wanted <= set(found), file.name
        assert {one.severity for one in set(found) - wanted} <= {Severity.WARNING, Severity.NOTE}


def test_a_job_that_this_alma_does_not_have_is_a_problem(tmp_path: Path) -> None:
    put(tmp_path)
    (tmp_path / "almaflow.yaml").write_text(SETTINGS)
    file = tmp_path / "w.yaml"
    text = "institution: main\nsteps:\n  - submit_job: {job: M99999, wait: false}\n"

    problems = check_text(file, text, project_of(file)).problems

    assert "job-not-in-snapshot" in [one.code for one in problems]


def test_settings_are_read_again_when_they_change(tmp_path: Path) -> None:
    settings, file = tmp_path / "almaflow.yaml", tmp_path / "workflows" / "w.yaml"
    assert project_of(file).document is None
    settings.write_text("timezone: UTC\n")
    first = project_of(file)
    assert project_of(file) is first
    settings.write_text("timezone: Europe/Zurich\n")

    assert project_of(file).settings.timezone == "Europe/Zurich"


def test_a_set_that_another_workflow_deletes_is_not_a_problem(tmp_path: Path) -> None:
    (tmp_path / "almaflow.yaml").write_text("workflows: .\n")
    file, sweep, neighbours = tmp_path / "w.yaml", tmp_path / "sweep.yaml", Neighbours()
    text = (
        "steps:\n  - create_set: {name: 'weed {{ run.id }}', content: IEP, members: '{{ [1] }}'}\n"
    )

    def found() -> list[str]:
        problems = check_text(file, text, project_of(file), neighbours).problems
        return [one.code for one in problems]

    assert "set-kept" in found()
    sweep.write_text("steps:\n  - delete_set: {prefix: 'weed ', older_than: 30d}\n")
    neighbours.forget()
    assert "set-kept" not in found()


def test_a_check_of_a_text_that_has_changed_ends_early(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"

    with pytest.raises(Overtaken):
        check_text(file, WORKFLOW, project_of(file), is_wanted=lambda: False)


def test_files_next_to_workflows_are_not_workflows(tmp_path: Path) -> None:
    project = project_of(tmp_path / "w.yaml")
    for name in ("almaflow.yaml", "w.scenario.yaml", "w.tests.yaml", "w.txt", ".hidden.yaml"):
        assert not is_workflow(tmp_path / name, WORKFLOW, project)
    assert is_workflow(tmp_path / "w.yml", WORKFLOW, project)


def test_other_yaml_of_a_project_is_not_a_workflow(tmp_path: Path) -> None:
    (tmp_path / "almaflow.yaml").write_text("timezone: UTC\n")
    project = project_of(tmp_path / "w.yaml")
    forge = "on: push\njobs:\n  check:\n    steps:\n      - run: almaflow validate\n"

    assert not is_workflow(tmp_path / ".github" / "workflows" / "check.yml", forge, project)
    assert is_workflow(tmp_path / "workflows" / "new.yaml", "", project)
    assert is_workflow(tmp_path / "drafts" / "w.yaml", "steps:\n", project)
    assert not is_workflow(tmp_path / "workflows_of_others" / "w.yaml", "", project)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("steps:\n  - submit_job:\n      job: M4|", ["M44", "M48"]),
        ("steps:\n  - submit_job: {job: {id: M15|", ["M157"]),
        ("steps:\n  - submit_job: {job: {name: Withdraw i|", ["Withdraw items"]),
    ],
)
def test_jobs_of_the_snapshot_are_suggested(tmp_path: Path, text: str, wanted: list[str]) -> None:
    assert labels(text, tmp_path) == []
    put(tmp_path)

    assert list(dict.fromkeys(labels(text, tmp_path)))[: len(wanted)] == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('steps:\n  - fail: "{{ run.sch|', ["scheduled_at"]),
        ('steps:\n  - fail: "{{ today.|', []),
        ('steps:\n  - fail: "{{ steps.nowhere.|', []),
        ('steps:\n  - fail: "{{ steps.titles.set_id.|', []),
        ("nothing_known: |", []),
    ],
)
def test_only_what_exists_is_suggested(tmp_path: Path, text: str, wanted: list[str]) -> None:
    assert labels(text, tmp_path) == wanted


def test_names_without_steps_are_suggested_while_nothing_fits_yet(tmp_path: Path) -> None:
    broken = "steps: [\n"

    assert "inputs" in labels('steps:\n  - fail: "{{ inp|', tmp_path, broken)
    assert labels('steps:\n  - fail: "{{ steps.|', tmp_path, broken) == []
    assert labels('steps:\n  - fail: "{{ inputs.|', tmp_path, broken) == []


def test_a_job_is_named_under_the_pointer_when_the_snapshot_knows_it(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    text = "steps:\n  - submit_job:\n      job: M|44  # or M99999\n"
    source, line, column = place_in(text)
    unknown = source.index("M99999") - source.rindex("\n", 0, -1) - 1

    assert "M44**" not in meaning_at(source, line, column, project_of(file))
    put(tmp_path)
    project = project_of(file)
    assert meaning_at(source, line, column, project) == "**M44**: Export Bibliographic records"
    assert "M99999**" not in meaning_at(source, line, unknown, project)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('inputs: {a: text, b: text}\nsteps:\n  - fail: "{{ inputs.a }} {{ inputs.b| }}"\n', 18),
        ("inputs:\n  a: text\nsteps:\n  - fail: '{{ inputs.b| }}'\n", None),
        ("steps:\n  - fail: '{{ steps.b| }}'\n", None),
        ("na|me: w\n", None),
        ("steps:\n  - call: |\n", None),
    ],
)
def test_only_what_is_declared_has_a_declaration(
    tmp_path: Path, text: str, wanted: int | None
) -> None:
    found = declaration_of(*place_in(text), tmp_path / "w.yaml")

    assert (found and (found.line, found.column, found.length)) == (wanted and (0, wanted, 1))


def test_wrong_settings_are_no_settings(tmp_path: Path) -> None:
    settings = tmp_path / "almaflow.yaml"
    settings.write_text("chanels: {}\n")
    project = project_of(tmp_path / "w.yaml")

    assert (project.folder, project.document) == (tmp_path, None)
    assert [one.code for one in check_other(settings, project)] == ["unknown-key"]
    settings.write_text("channels: {}\n")
    assert not check_other(settings, project_of(settings))


def test_a_file_of_tests_is_checked_and_a_scenario_is_not(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("name: w\nsteps:\n  - fail: x\n")
    tests, scenario = tmp_path / "w.tests.yaml", tmp_path / "w.scenario.yaml"
    for file in (tests, scenario):
        file.write_text("tets: []\n")
    project = project_of(tests)

    assert "unknown-key" in [one.code for one in check_other(tests, project)]
    assert check_other(scenario, project) == ()


def test_lines_may_end_as_on_windows(tmp_path: Path) -> None:
    text = WORKFLOW.replace("set_id", "set_idd").replace("\n", "\r\n")
    file = tmp_path / "w.yaml"

    (problem,) = (
        one for one in check_text(file, text, project_of(file)).problems if one.severity == "error"
    )
    found = declaration_of(*place_in(text.replace("steps.titles", "steps.tit|les")), file)

    assert (problem.location.line, problem.location.column) == (11, 29)
    assert found is not None
    assert (found.line, found.column) == (5, 8)
    assert "expect" in labels("steps:\r\n  - submit_job:\r\n      ex|", tmp_path)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///c%3A/B%C3%BCcher%20alt/w.yaml", "c:\\Bücher alt\\w.yaml"),
        ("file:///C:/library/w.yaml", "c:\\library\\w.yaml"),
        ("file://server/share/w.yaml", "\\\\server\\share\\w.yaml"),
    ],
)
def test_the_address_of_a_file_on_windows_is_a_path(
    monkeypatch: pytest.MonkeyPatch, uri: str, path: str
) -> None:
    monkeypatch.setattr(uris, "IS_WIN", True)

    assert str(PureWindowsPath(_file_of(TextDocument(uri, "")))) == path


def test_files_are_suggested_with_slashes(tmp_path: Path) -> None:
    (tmp_path / "payloads").mkdir()
    (tmp_path / "payloads" / "weed.xml").write_text("<job/>")
    text = "steps:\n  - submit_job: {job: M28, payload: payloads/wed.xml}\n"
    file = tmp_path / "w.yaml"

    problems = check_text(file, text, project_of(file)).problems

    assert any("`payloads/weed.xml`" in one.message for one in problems)
