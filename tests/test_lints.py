"""Lints: each kind of thing that may not be meant, and its neighbours that are."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from almaflow.authoring.linted_files import lints_of
from almaflow.check.lints import LintedFile, lint_problems
from almaflow.cli.render.problem_formats import ProblemFormat, format_problems
from almaflow.document import parse_document
from almaflow.model_validation import validate
from almaflow.problems import Severity
from almaflow.settings import Project, Settings, load_project
from almaflow.timetable import this_machine
from almaflow.workflow import Workflow
from almaflow.workflow_loader import read_paths
from tests.golden import DOCUMENTS, documents, expected
from tests.linted import problems_in
from tests.work import calls_made_by

GOLDEN = DOCUMENTS / "lints"
FILES = [file for file in documents("lints") if file.name != "almaflow.yaml"]


def golden_text(file: Path) -> str:
    """Return what people see about *file*, in the folder of the golden files."""
    project = load_project(Path("almaflow.yaml"))
    read = read_paths([Path(file.name)], project)
    problems = sorted([*read.problems, *lints_of(read, project)])
    return format_problems(problems, ProblemFormat.TEXT)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_lint_is_put_in_the_words_of_its_golden_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(GOLDEN)
    monkeypatch.setattr(this_machine, "zone_of_this_machine", lambda: "UTC")

    assert golden_text(file) == expected(file)


def test_a_missing_zone_is_shown_as_the_line_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(this_machine, "zone_of_this_machine", lambda: "America/Toronto")
    (tmp_path / "almaflow.yaml").write_text("institutions: {}\n", "utf-8")
    (tmp_path / "w.yaml").write_text(
        "institution: main\nschedule: '0 2 * * *'\nsteps: [{wait: 1m}]\n", "utf-8"
    )
    project = load_project(tmp_path / "almaflow.yaml")

    (problem,) = lints_of(read_paths([tmp_path / "w.yaml"], project), project)

    assert problem.code == "no-timezone"
    assert "`timezone: America/Toronto`" in problem.message


DELETE = """\
- id: delete
  submit_job:
    job: {id: M28, name: Delete Bibliographic Records}
    set: "{{ steps.titles.set_id }}"
    expect: [counters.number('c.failed') == 0]
"""
TITLES = "- {id: titles, find_set: {name: Titles}}\n"
NEW = """\
- id: titles
  create_set: {name: "T {{ run.id }}", content: BIB_MMS, members: {file: t.csv}}
"""
JOB = '- {id: job, on_failure: continue, submit_job: {job: M44, set: "38965090"}}\n'
SET = 'create_set: {name: "almaflow {{ run.id }}", content: ITEM, query: x}'


def codes(folder: Path, steps: str, head: str = "", rest: str = "") -> list[str]:
    """Return the codes of a workflow of these *steps*."""
    text = f"{head}steps:\n{textwrap.indent(textwrap.dedent(steps), '  ')}{rest}"
    (folder / "t.csv").write_text("1\n2\n", "utf-8")
    return [problem.code for problem in problems_in(folder, {"w.yaml": text})]


@pytest.mark.parametrize(
    "steps",
    [
        TITLES + DELETE,
        TITLES + "- check: steps.titles.member_count > 0\n" + DELETE,
        TITLES + DELETE + "- check: steps.titles.member_count < 500\n",
        TITLES
        + DELETE.replace("{id: M28, name: Delete Bibliographic Records}", "{name: Purge users}"),
        TITLES + DELETE.replace("{id: M28, name: Delete Bibliographic Records}", "M157"),
        TITLES + "- check: {that: steps.titles.member_count != 0, otherwise: skip}\n" + DELETE,
    ],
)
def test_a_destructive_job_without_a_limit_is_noted(steps: str, tmp_path: Path) -> None:
    assert codes(tmp_path, steps) == ["no-size-check"]


@pytest.mark.parametrize(
    "steps",
    [
        TITLES + "- check: steps.titles.member_count <= 500\n" + DELETE,
        TITLES + "- check: 500 > steps.titles.member_count | int\n" + DELETE,
        TITLES + "- approve: Delete them?\n" + DELETE,
        TITLES + "- if: steps.titles.member_count > 500\n  fail: too many\n" + DELETE,
        TITLES + DELETE + "  if: steps.titles.member_count < 500\n",
        TITLES
        + DELETE.replace("M28", "M50216").replace("Delete Bib", "Remove titles from collection"),
        TITLES + DELETE.replace("{id: M28, name: Delete Bibliographic Records}", "M44"),
    ],
)
def test_a_limit_in_any_form_is_enough(steps: str, tmp_path: Path) -> None:
    assert codes(tmp_path, steps) == []


def test_a_trial_limits_itself(tmp_path: Path) -> None:
    new = NEW.replace("{file: t.csv}}", "{file: t.csv}, first: 20}")
    rest = (
        'finally: [{if: steps.titles.set_id is defined, delete_set: "{{ steps.titles.set_id }}"}]\n'
    )

    assert codes(tmp_path, NEW + DELETE, rest=rest) == ["no-size-check"]
    assert codes(tmp_path, new + DELETE, rest=rest) == []


def test_a_check_in_another_arm_limits_nothing(tmp_path: Path) -> None:
    steps = TITLES + (
        "- parallel:\n    one: [{check: steps.titles.member_count < 9}]\n    two:\n"
        + textwrap.indent(DELETE, "      ")
    )

    assert codes(tmp_path, steps) == ["no-size-check"]


def test_a_set_that_nothing_deletes_is_noted(tmp_path: Path) -> None:
    assert codes(tmp_path, f"- {SET}\n") == ["set-kept"]
    assert codes(tmp_path, f"- id: a\n  {SET}\n- wait: 1m\n") == ["set-kept"]


@pytest.mark.parametrize(
    ("steps", "rest"),
    [
        (f'- id: a\n  {SET}\n- delete_set: "{{{{ steps.a.set_id }}}}"\n', ""),
        (f"- id: a\n  {SET}\n", 'outputs: {set: "{{ steps.a.set_id }}"}\n'),
        (f"- {SET}\n- delete_set: {{prefix: alma, older_than: 30d}}\n", ""),
        (
            f"- id: all\n  for_each:\n    items: [A, B]\n    steps:\n      - id: a\n        {SET}\n"
            "- for_each:\n    items: steps.all.results | map(attribute='steps.a.set_id') | list\n"
            '    steps: [{delete_set: "{{ item }}"}]\n',
            "",
        ),
        (f"- {SET.replace('query: x', 'query: x, if_exists: replace')}\n", ""),
    ],
)
def test_a_set_that_something_deletes_is_not(steps: str, rest: str, tmp_path: Path) -> None:
    assert codes(tmp_path, steps, rest=rest) == []


def test_another_workflow_may_sweep(tmp_path: Path) -> None:
    sweep = "steps:\n  - delete_set: {prefix: PREFIX, older_than: 30d}\n"
    files = {"w.yaml": f"steps:\n  - {SET}\n"}

    fitting = problems_in(tmp_path, {**files, "s.yaml": sweep.replace("PREFIX", '"almaflow "')})
    other = problems_in(tmp_path, {**files, "s.yaml": sweep.replace("PREFIX", "weekly")})

    assert fitting == []
    assert [one.code for one in other] == ["set-kept"]


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("Titles", "", ["set-name-repeats"]),
        ("Titles {{ inputs.x }}", "inputs: {x: {}}\n", []),
        ("Titles {{ inputs.x }}", "inputs: {x: {default: a}}\n", []),
        (
            "Titles {{ inputs.x }}",
            'inputs: {x: {default: a}}\nschedule: [{cron: "0 2 * * *"}]\n',
            ["set-name-repeats"],
        ),
        (
            "Titles {{ inputs.x }}",
            "inputs: {x: {default: \"{{ today | date('%Y') }}\"}}\n"
            'schedule: [{cron: "0 2 * * *"}]\n',
            [],
        ),
        ("Titles {{ today }}", "", []),
        ("Titles {{ run.id }}", "", []),
    ],
)
def test_a_name_that_the_next_run_needs_again_is_noted(
    name: str, head: str, expected: list[str], tmp_path: Path
) -> None:
    steps = (
        f'- id: a\n  create_set: {{name: "{name}", content: ITEM, query: x}}\n'
        '- delete_set: "{{ steps.a.set_id }}"\n'
    )

    assert codes(tmp_path, steps, head) == expected


def test_a_name_that_is_always_free_again_may_repeat(tmp_path: Path) -> None:
    steps = "- id: a\n  create_set: {name: Titles, content: ITEM, query: x}\n"
    rest = 'finally: [{if: steps.a.set_id is defined, delete_set: "{{ steps.a.set_id }}"}]\n'

    assert codes(tmp_path, steps, rest=rest) == []


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        ("{COMPLETED_SUCCESS: [], COMPLETED_FAILED: []}", ["warning-undecided"]),
        ("{COMPLETED_SUCCESS: []}", ["no-default"]),
        ("{COMPLETED_SUCCESS: [], COMPLETED_FAILED: []}, default: []", ["warning-undecided"]),
        ("{COMPLETED_SUCCESS: []}, default: []", []),
        ("{COMPLETED_SUCCESS | COMPLETED_WARNING: [], COMPLETED_FAILED: []}, default: []", []),
    ],
)
def test_a_branch_decides_about_warnings_and_the_unforeseen(
    cases: str, expected: list[str], tmp_path: Path
) -> None:
    branch = f"- branch: {{on: steps.job.status, cases: {cases}}}\n"

    assert codes(tmp_path, JOB + branch) == expected


def test_a_branch_whose_cases_are_all_there_are_needs_no_default(tmp_path: Path) -> None:
    branch = "- branch: {on: inputs.x, cases: {a: [], b: []}}\n"
    known = "inputs: {x: {enum: [a, b]}}\n"

    assert codes(tmp_path, branch, known) == []
    assert codes(tmp_path, branch, known.replace("b]", "b, c]")) == ["no-default"]


@pytest.mark.parametrize(
    ("job", "events", "expected"),
    [
        ("{job: M44, set: '1'}", "failed", ["warning-unnoticed"]),
        ("{job: M44, set: '1'}", "failed, warning", []),
        ("{job: M44, set: '1'}", "succeeded", []),
        ("{job: M44, set: '1', accept: [COMPLETED_WARNING]}", "failed", []),
        ("{job: M44, set: '1', wait: false}", "failed", []),
        ("{job: M44, set: '1', expect: [counters.number(0) > 0]}", "failed", []),
    ],
)
def test_a_warning_that_nobody_is_notified_of_is_noted(
    job: str, events: str, expected: list[str], tmp_path: Path
) -> None:
    rest = f"notify: [{{on: [{events}], to: log}}]\n"

    assert codes(tmp_path, f"- submit_job: {job}\n", rest=rest) == expected


@pytest.mark.parametrize(
    ("job", "more", "expected"),
    [
        ("M18", "", ["no-expect"]),
        ("M44", "", []),
        ("{name: Print slips report}", "", []),
        ("M18", "- check: steps.job.counters.number(0) > 0\n", []),
        ("M18", "- check: steps.job.outcome == 'succeeded'\n", []),
    ],
)
def test_a_job_that_nobody_asks_what_it_did_is_noted(
    job: str, more: str, expected: list[str], tmp_path: Path
) -> None:
    steps = f'- {{id: job, submit_job: {{job: {job}, set: "38965090"}}}}\n{more}'

    assert codes(tmp_path, steps) == expected


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("inputs.month", []),
        ("inputs['month']", []),
        ("inputs | tojson", []),
        ("inputs.months", ["unknown-input"]),
        ("run.id", ["unused-input"]),
    ],
)
def test_an_input_that_nothing_uses_is_noted(use: str, expected: list[str], tmp_path: Path) -> None:
    assert codes(
        tmp_path, f'- find_set: {{name: "{{{{ {use} }}}}"}}\n', "inputs: {month: {}}\n"
    ) == (expected)


def test_an_input_that_another_input_uses_is_used(tmp_path: Path) -> None:
    head = 'inputs: {year: {default: "2026"}, month: {default: "{{ inputs.year }}-01"}}\n'

    assert codes(tmp_path, '- find_set: {name: "{{ inputs.month }}"}\n', head) == []


@pytest.mark.parametrize(
    ("payload", "step", "expected"),
    [
        ("38965090020", "", ["set-of-payload"]),
        ("0", "", ["set-of-payload"]),
        ("SET_ID", "", ["set-of-payload"]),
        ("38965090020", ', set: "38965090"', []),
        ("38965090020", ', parameters: {set_id: "38965090"}', []),
    ],
)
def test_the_set_of_a_payload_is_noted_when_it_counts(
    payload: str, step: str, expected: list[str], tmp_path: Path
) -> None:
    (tmp_path / "p.xml").write_text(
        "<job><parameters><parameter><name>set_id</name>"
        f"<value>{payload}</value></parameter></parameters></job>",
        "utf-8",
    )

    assert codes(tmp_path, f"- submit_job: {{job: M44, payload: p.xml{step}}}\n") == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("every: 5m", ["schedule-too-dense"]),
        ("every: 12m", []),
        ("every: 10m", ["schedule-too-dense"]),
        ('cron: "*/10 3 * * *"', ["schedule-too-dense"]),
        ('cron: "0 3 * * *"', []),
    ],
)
def test_more_starts_than_alma_allows_are_noted(
    schedule: str, expected: list[str], tmp_path: Path
) -> None:
    assert codes(tmp_path, JOB, f"schedule: [{{{schedule}}}]\n") == expected


def test_starts_of_one_job_are_counted_across_workflows(tmp_path: Path) -> None:
    text = f'schedule: [{{cron: "0,20,40 3 * * *"}}]\nsteps:\n  {JOB}'
    other = text.replace("M44", "M46").replace("steps:", "name: other\nsteps:")

    together = problems_in(tmp_path, {"a.yaml": text, "b.yaml": text})
    apart = problems_in(tmp_path, {"a.yaml": text, "b.yaml": other})

    assert [one.code for one in together] == ["schedule-too-dense"]
    assert "`a`" in together[0].message or "`b`" in together[0].message
    assert apart == []


def test_jobs_on_one_set_at_one_time_are_noted_unless_both_only_read(tmp_path: Path) -> None:
    def text(job: str, hour: int) -> str:
        return (
            f'schedule: [{{cron: "30 {hour} * * *"}}]\nsteps:\n  {TITLES}  - submit_job:\n'
            f'      job: {job}\n      set: "{{{{ steps.titles.set_id }}}}"\n'
            "      expect: [counters.number(0) > 0]\n"
        )

    changed = problems_in(tmp_path, {"a.yaml": text("M18", 2), "b.yaml": text("M44", 2)})
    read = problems_in(tmp_path, {"a.yaml": text("M48", 2), "b.yaml": text("M44", 2)})
    later = problems_in(tmp_path, {"a.yaml": text("M18", 2), "b.yaml": text("M44", 5)})

    assert [one.code for one in changed] == ["set-shared"]
    assert read == []
    assert later == []


def test_files_that_belong_to_no_workflow_are_noted_in_a_whole_folder(tmp_path: Path) -> None:
    payload = (
        "<job><parameters><parameter><name>a</name><value>b</value></parameter></parameters></job>"
    )
    files = {
        "w.yaml": 'steps: [{submit_job: {job: M44, set: "1", payload: payloads/a.xml}}]\n',
        "w.scenario.yaml": "jobs: {}\n",
        "gone.scenario.yaml": "jobs: {}\n",
        "payloads/a.xml": payload,
        "payloads/b.xml": payload,
    }

    found = problems_in(tmp_path, files, whole=True)

    assert [Path(one.location.file).name for one in found] == ["gone.scenario.yaml", "b.xml"]
    assert {one.code for one in found} == {"unused-file"}
    assert {one.severity for one in found} == {Severity.NOTE}
    assert problems_in(tmp_path, files) == []


def test_a_payload_with_two_names_is_used_by_either(tmp_path: Path) -> None:
    (tmp_path / "payloads").mkdir()
    (tmp_path / "payloads" / "A.xml").write_text("<job><parameters/></job>", "utf-8")
    # As a file system sees them on which upper and lower case do not count.
    (tmp_path / "payloads" / "a.xml").hardlink_to(tmp_path / "payloads" / "A.xml")
    text = 'steps: [{submit_job: {job: M44, set: "1", payload: payloads/A.xml}}]\n'

    found = problems_in(tmp_path, {"w.yaml": text}, whole=True)

    assert "unused-file" not in {one.code for one in found}


def test_a_scenario_whose_name_differs_in_case_shows_its_workflow(tmp_path: Path) -> None:
    files = {"weekly.yaml": "steps: [{wait: 1m}]\n", "Weekly.scenario.yaml": "jobs: {}\n"}

    (note,) = problems_in(tmp_path, files, whole=True)

    assert note.code == "unused-file"
    assert "did you mean `weekly.yaml`?" in note.message


def test_the_work_of_lints_grows_in_proportion_to_the_size_of_a_workflow() -> None:
    def work(steps: int) -> int:
        text = "inputs: {a: {default: b}}\nsteps:\n" + "".join(
            f"  - id: s{n}  # almaflow: ignore[no-set]\n"
            f'    create_set: {{name: "x {{{{ run.id }}}} {n}", content: ITEM, query: x}}\n'
            f'  - submit_job: {{job: M28, set: "{{{{ steps.s{n}.set_id }}}}"}}\n'
            for n in range(steps)
        )
        document = parse_document(text, "w.yaml")
        file = LintedFile(document, validate(document, Workflow), "w")
        nowhere = Project(Path(), Settings(), None)
        return calls_made_by(lambda: lint_problems([file], nowhere))

    assert work(80) < 2.5 * work(40)


def test_twenty_mistakes_of_a_first_draft_are_twenty_problems() -> None:
    golden = (DOCUMENTS.parent / "broken" / "twenty-mistakes.out").read_text("utf-8")

    assert len(re.findall(r"^twenty-mistakes\.yaml:\d+:\d+: error", golden, re.MULTILINE)) == 20


@pytest.mark.parametrize(
    "text",
    [
        'steps: [{wait: {until: "' + "${{!=<?" * 20_000 + '"}}]\n',
        'steps: [{create_set: {name: x, content: ITEM, query: "' + "{{ " * 100_000 + '"}}]\n',
        'steps: [{submit_job: "' + "a" * 200_000 + '"}]\n',
        'vars: {a: "' + "a" * 100_000 + ' [b.c"}\nsteps: [{notify: hi}]\n',
        'steps: [{notify: "{{ 1' + " " * 200_000 + '"}]\n',
    ],
    ids=["openings", "query", "word", "names", "spaces"],
)
def test_a_long_text_is_searched_in_one_pass(text: str, tmp_path: Path) -> None:
    assert problems_in(tmp_path, {"w.yaml": text})
