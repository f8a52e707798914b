from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from almaflow.check import CheckContext, check_document
from almaflow.check.lints import LintedFile, lint_problems
from almaflow.check.scopes import VisibleSteps
from almaflow.cli.render.problem_formats import ProblemFormat, format_problems
from almaflow.document import parse_document
from almaflow.errors import DocumentsInvalid
from almaflow.model_validation import validate
from almaflow.problems import Problem, Severity
from almaflow.settings import Project, Settings, find_project, load_project
from almaflow.steps.submit_job import SubmitJob
from almaflow.workflow import Workflow
from almaflow.workflow_loader import load_text, load_workflow
from tests.examples import examples
from tests.work import calls_made_by

BROKEN = Path(__file__).parent / "broken"
VALID = Path(__file__).parent / "valid"
DOCUMENTS = sorted(file for file in BROKEN.glob("*.yaml") if file.name != "almaflow.yaml")

NOWHERE = Project(Path(), Settings(), None)


def problems_of(text: str) -> list[Problem]:
    """Return the problems of a workflow without a project and without files."""
    document = parse_document(text, "workflow.yaml")
    return list(check_document(document, CheckContext(NOWHERE, None, False)).problems)


def codes(text: str) -> list[str]:
    return [problem.code for problem in problems_of(text)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_a_broken_workflow_has_every_problem_told_at_its_place(
    document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BROKEN)
    project = load_project(Path("almaflow.yaml"))

    try:
        problems = list(load_workflow(Path(document.name), project).warnings)
    except DocumentsInvalid as error:
        problems = list(error.problems)

    golden = document.with_suffix(".out").read_text("utf-8").removesuffix("\n")
    assert format_problems(problems, ProblemFormat.TEXT) == golden


def test_every_code_of_the_checker_is_shown_by_a_broken_workflow_or_a_test_below() -> None:
    sources = (Path(__file__).parent.parent / "almaflow" / "check").glob("*.py")
    used = {
        code
        for source in sources
        for code in re.findall(r'"([a-z]+(?:-[a-z]+)+)"', source.read_text("utf-8"))
    }
    shown = {
        code
        for document in DOCUMENTS
        for code in re.findall(r"\[([a-z-]+)\]:", document.with_suffix(".out").read_text("utf-8"))
    }

    elsewhere = {
        "missing-institution",
        "calls-too-deep",
        "too-many-calls",
        "file-name",
        "expressions-limit",
        "unused-ignore",
    }
    assert used - shown == elsewhere


@pytest.mark.parametrize("document", sorted(VALID.glob("*.yaml")), ids=lambda one: one.stem)
def test_a_valid_workflow_has_no_problem_but_a_file_that_may_come(document: Path) -> None:
    loaded = load_workflow(document, find_project(VALID))

    assert {problem.code for problem in loaded.warnings} <= {"no-such-file"}


@pytest.mark.parametrize(
    "condition",
    [
        "steps.a.status | lower == 'completed_success'",
        "steps.a.status.lower() in ['completed_warning', 'completed_success']",
        "steps.a.outcome | upper is eq 'SUCCEEDED'",
        "steps.a.outcome | default('none') == 'none'",
        "steps.a.outcome.startswith('succ') and 'COMPLETED' in steps.a.status",
        "steps.a.outcome in 'succeeded or warning'",
        "steps.a.status.endswith('NEW_ONE') or 'new' in steps.a.status | lower",
        "steps.a.outcome | replace('succeeded', 'fine') == 'fine'",
        "(steps.a.outcome | length) == 6",
        "'success' == inputs.wanted",
    ],
)
def test_a_condition_that_can_hold_is_no_problem(condition: str) -> None:
    text = f"""
inputs: {{wanted: {{type: string}}}}
steps:
  - id: a
    submit_job: {{job: M44, set: "1"}}
    on_failure: continue
  - check: "{condition}"
"""
    assert codes(text) == []


def test_statuses_and_outcomes_may_be_written_in_either_case_where_they_are_listed() -> None:
    text = """
steps:
  - id: a
    submit_job: {job: M44, set: "1", accept: [completed_failed]}
    retry: {on: [system_aborted, Timed_Out, FAILED]}
    on_failure: continue
  - branch: {on: steps.a.status, cases: {completed_success: [], Completed_Warning: []}}
  - branch: {on: steps.a.outcome, cases: {SUCCEEDED: [], Warning | failed: []}}
"""
    (first, *_) = validate(parse_document(text, "x.yaml"), Workflow).steps

    assert codes(text) == []
    assert isinstance(first.kind, SubmitJob)
    assert first.retry is not None
    assert first.kind.accept == ["COMPLETED_FAILED"]
    assert first.retry.on == ["SYSTEM_ABORTED", "timed_out", "FAILED"]


# --- names of almaflow.yaml -------------------------------------------------------------------

TWO = """\
institutions:
  main: {region: eu, api_key: env:A}
  test: {region: eu, api_key: env:B, environment: sandbox}
"""
STOP = "steps:\n  - stop:\n"


def project_with(folder: Path, text: str) -> Project:
    (folder / "almaflow.yaml").write_text(text)
    return load_project(folder / "almaflow.yaml")


def problems_in(folder: Path, text: str, project: Project, **options: bool) -> list[Problem]:
    file = folder / "workflow.yaml"
    file.write_text(text)
    try:
        return list(load_workflow(file, project, "workflow.yaml", **options).warnings)
    except DocumentsInvalid as error:
        return list(error.problems)


def test_a_workflow_names_its_institution_when_the_project_has_no_default(tmp_path: Path) -> None:
    project = project_with(tmp_path, TWO)

    [problem] = problems_in(tmp_path, STOP, project)

    assert problem.code == "missing-institution"
    assert "(`main`, `test`)" in problem.message
    assert problems_in(tmp_path, "institution: test\n" + STOP, project) == []


def test_a_workflow_for_production_names_no_sandbox(tmp_path: Path) -> None:
    project = project_with(tmp_path, TWO)
    text = "environment: production\ninstitution: main\nsteps:\n  - institution: test\n    stop:\n"

    [problem] = problems_in(tmp_path, text, project)

    assert (problem.code, problem.location.line) == ("wrong-environment", 4)
    assert "This workflow is for production, but `test` is a sandbox" in problem.message


def test_the_default_institution_must_be_of_the_environment_too(tmp_path: Path) -> None:
    project = project_with(tmp_path, "default_institution: test\n" + TWO)

    [problem] = problems_in(tmp_path, "environment: production\n" + STOP, project)

    assert (problem.code, problem.location.line) == ("wrong-environment", 1)


@pytest.mark.parametrize(
    "text",
    [
        "institution: nowhere\n" + STOP,
        "environment: sandbox\ninstitution: main\n" + STOP,
        "notify: [{on: [failed], to: nobody}]\n" + STOP,
        "steps:\n  - notify: {to: nobody, message: '{{ secrets.nothing }}'}\n",
        "schedule: [{cron: '0 2 * * *', except: [never]}]\n" + STOP,
    ],
)
def test_in_a_simulation_every_name_of_almaflow_yaml_exists(tmp_path: Path, text: str) -> None:
    project = project_with(tmp_path, TWO)

    assert problems_in(tmp_path, text, project)
    assert problems_in(tmp_path, text, project, simulated=True) == []


# --- files ------------------------------------------------------------------------------------


def test_files_count_from_the_workflow_and_may_lie_elsewhere_in_the_project(
    tmp_path: Path,
) -> None:
    project = project_with(tmp_path, "timezone: UTC\n")
    (tmp_path / "workflows").mkdir()
    (tmp_path / "shared.xml").write_text("<job><parameters/></job>")
    (tmp_path / "workflows" / "link.xml").symlink_to("/etc/hostname")
    text = "steps:\n  - submit_job: {job: M1, payload: %s}\n"

    beside = problems_in(tmp_path / "workflows", text % "../shared.xml", project)
    [linked] = problems_in(tmp_path / "workflows", text % "link.xml", project)

    assert beside == []
    assert linked.code == "outside-project"


def test_without_a_project_files_lie_in_the_folder_of_the_workflow(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "payload.json").write_text('{"parameter": []}')
    project = Project(tmp_path / "here", Settings(), None)
    text = "steps:\n  - submit_job: {job: M1, payload: %s}\n"

    assert problems_in(elsewhere, text % "payload.json", project) == []
    assert problems_in(elsewhere, text % "../x.json", project)[0].code == "outside-project"


def test_a_payload_that_cannot_be_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(tmp_path, Settings(), None)
    (tmp_path / "large.xml").write_text(" " * (1024 * 1024 + 1))
    (tmp_path / "locked.xml").write_text("<job/>")
    text = "steps:\n  - submit_job: {job: M1, payload: %s}\n"
    whole_open = os.open

    def locked(path: str | Path, *args: Any, **kwargs: Any) -> int:
        if Path(path).name == "locked.xml":
            raise PermissionError(13, "Permission denied")
        return whole_open(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", locked)

    [large] = problems_in(tmp_path, text % "large.xml", project)
    [unreadable] = problems_in(tmp_path, text % "locked.xml", project)

    assert "larger than 1 MiB" in large.message
    assert unreadable.message == "The payload `locked.xml` cannot be read: Permission denied."


def test_a_recorded_definition_is_read_without_looking_at_files_or_settings() -> None:
    text = (
        "institution: gone\n"
        "steps:\n"
        "  - submit_job: {job: M1, payload: gone.xml}\n"
        "  - notify: {to: gone, message: '{{ secrets.gone }}'}\n"
    )

    loaded = load_text(text, "workflow.yaml")

    assert loaded.warnings == ()
    assert (loaded.name, loaded.path) == ("workflow", None)


# --- what is told together --------------------------------------------------------------------


def test_what_does_not_fit_does_not_hide_what_is_wrong_elsewhere() -> None:
    text = """\
inputs:
  limit: {type: whole, default: x}
vars:
  twice: "{{ inputs.limit * 2 }}"
schedule:
  - {cron: "0 2 * * *", inputs: {limit: [1]}, mised: all}
  - {inputs: {limit: 3}}
defaults: 3
steps:
  - id: gone
    find_set: {name: x, nmae: y}
  - id: lost
    retry: {attempts: [3]}
    submit_job: {payload: x}
  - delete_set: "{{ steps.lost.anything + steps.gone.set_idd }}"
  - branch:
      on: steps.gone.name
      cases:
        x:
          - id: inner
            check: {that: [1]}
        y: {}
  - check: steps.inner.outcome == 5
  - check: steps.nowhere.outcome == 'failed'
notify:
  - {on: []}
  - {on: [failed], to: [x]}
"""

    found = [(one.location.line, one.code) for one in problems_of(text)]

    assert found == [
        (2, "bad-value"),
        (6, "unknown-key"),
        (7, "choose-one"),
        (8, "wrong-type"),
        (11, "unknown-key"),
        (13, "wrong-type"),
        (14, "missing-key"),
        (15, "unknown-output"),
        (21, "wrong-type"),
        (22, "wrong-type"),
        (24, "unknown-step"),
        (26, "bad-value"),
        (27, "wrong-type"),
    ]


def test_of_too_much_that_does_not_fit_the_first_is_shown_without_further_checks() -> None:
    steps = "".join(f"  - id: step{number}\n    stop: []\n" for number in range(300))

    found = problems_of(f"steps:\n{steps}  - check: '{{{{ nothing'\n")

    assert {one.code for one in found[:-1]} == {"wrong-type"}
    assert found[-1].more == 100


@pytest.mark.parametrize("text", ["5", "[]", "text", "a: b", "steps: 5", "steps: [5, [], '']"])
def test_a_document_that_is_no_workflow_has_a_problem(text: str) -> None:
    assert any(one.severity is Severity.ERROR for one in problems_of(text))


# --- scopes -----------------------------------------------------------------------------------


def test_a_step_inside_a_step_before_is_seen_when_it_is_asked_for() -> None:
    text = """\
steps:
  - branch:
      on: today.month
      cases:
        "1":
          - branch:
              on: today.day
              cases:
                "1":
                  - id: deep
                    find_set: {name: x}
              default: []
      default: []
  - check: steps.deep.member_count > 0
  - check: steps.deep.member_count is defined and steps.deep.member_count > 0
  - check: (steps.deep.member_count | default(0)) > 0
"""

    [problem] = problems_of(text)

    assert (problem.code, problem.location.line) == ("may-not-have-run", 14)


def test_steps_that_cannot_be_seen_are_listed_with_the_reason() -> None:
    document = parse_document("steps: [{id: a, stop: }, {id: b, stop: }]\n", "workflow.yaml")
    visible = VisibleSteps(document, {"a": ("steps", 0), "b": ("steps", 1)}, {}, ["lost"])
    visible.here = ("steps", 0)

    absent = visible.record().absent

    assert dict(absent) == {
        "a": "it is this step itself, and its outputs are known only after it has ended",
        "b": "it comes later, in line 1",
    }
    assert len(absent) == 2


def test_the_end_of_an_allowed_failure_needs_no_guard() -> None:
    text = """\
steps:
  - id: job
    on_failure: continue
    submit_job: {job: M1}
  - check: steps.job.status == 'FAILED'
"""

    assert codes(text) == []


def test_secrets_are_names_even_without_a_project() -> None:
    text = "steps:\n  - notify: '{{ secrets.anything }}'\n  - find_set: {name: '{{ secrets.x }}'}\n"

    assert codes(text) == ["not-usable-here"]


def test_the_types_of_vars_are_those_of_their_values() -> None:
    text = """\
vars:
  number: 5
  share: 0.5
  flag: true
  text: fine
  day: 2026-12-24
  nothing: null
  same: [1, 2]
  mixed: [1, a]
  bad: "{{ | }}"
steps:
  - check: vars.number > 1 and vars.share > 1 and vars.flag and vars.text == vars.day
  - check: vars.same[0] == 'a' or vars.mixed[0] == 'a' or vars.bad == 5
  - find_set: {name: "x {{ vars.nothing }}"}
"""

    found = [(one.location.line, one.code) for one in problems_of(text)]

    assert found == [
        (10, "expression-syntax"),
        (13, "text-compared-with-number"),
        (14, "not-a-text"),
    ]


def test_a_status_of_a_job_that_was_not_followed_may_have_an_empty_case() -> None:
    text = """\
steps:
  - id: job
    submit_job: {job: M1, wait: false}
  - branch: {on: steps.job.status, cases: {"": [], QUEUED: []}, default: []}
  - branch: {on: steps.nothing.status, cases: {whatever: []}, default: []}
"""

    assert codes(text) == ["unknown-step"]


# --- speed and robustness ---------------------------------------------------------------------


def test_the_work_of_a_check_grows_in_proportion_to_the_size_of_a_workflow() -> None:
    def work(size: int) -> int:
        steps = "".join(
            f"  - {{id: s{number}, branch: {{on: today.day, cases: {{x: "
            f"[{{id: t{number}, stop: '{{{{ run.id }}}}'}}]}}, default: []}}}}\n"
            for number in range(size)
        )
        document = parse_document("steps:\n" + steps, "workflow.yaml")
        around, found = CheckContext(NOWHERE, None, False), list[Sequence[Problem]]()
        count = calls_made_by(lambda: found.append(check_document(document, around).problems))
        assert found == [()]
        return count

    work(10)

    assert work(200) < 5 * work(50)


def test_a_slip_among_thousands_of_steps_is_told_without_comparing_all_of_them() -> None:
    steps = "".join(f"- {{id: step{number}, stop: }}\n" for number in range(1001))

    [problem] = problems_of(f"steps:\n{steps}- stop: '{{{{ steps.stpe1.outcome }}}}'\n")

    assert problem.message == "There is no step `stpe1`."


def test_a_file_with_too_many_expressions_has_one_problem_for_all_of_them() -> None:
    text = "{{ '" + "x" * 9_000 + "' }}"
    variables = "".join(f'  v{n}: "{text}"\n' for n in range(40))

    assert codes(f"vars:\n{variables}{STOP}") == ["expressions-limit"]


names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


@st.composite
def valid_workflows(draw: st.DrawFn) -> dict[str, Any]:
    """Workflows whose steps refer to any output of the steps before."""
    ids = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    steps: list[dict[str, Any]] = []
    for place, name in enumerate(ids):
        before = ids[:place]
        refer = draw(st.sampled_from(before)) if before else None
        value = f"{{{{ steps.{refer}.set_id }}}}" if refer else "17"
        step: dict[str, Any] = {"id": name}
        if draw(st.booleans()):
            step["name"] = draw(st.text(alphabet="abc äö'\":#&*", max_size=10))
        step["find_set"] = {draw(st.sampled_from(["id", "name"])): value}
        steps.append(step)
        if refer and draw(st.booleans()):
            steps.append(
                {
                    "if": f"steps.{refer}.member_count > {draw(st.integers(0, 99))}",
                    "branch": {
                        "on": f"steps.{refer}.name",
                        "cases": {draw(names): [{"delete_set": value}], "A | B": []},
                        "default": [{"stop": f"{{{{ steps.{refer}.outcome }}}}"}],
                    },
                }
            )
    last = ids[-1]
    return {
        "inputs": {name: {"default": draw(st.integers())} for name in draw(st.lists(names))},
        "steps": steps,
        "finally": [{"if": f"steps.{last}.set_id is defined", "notify": f"{{{{ steps.{last} }}}}"}],
        "outputs": {"last": f"{{{{ steps.{last}.seconds }}}}"},
    }


@settings(max_examples=examples(20), deadline=None)
@given(valid_workflows())
def test_a_workflow_built_by_the_rules_has_no_problem(data: dict[str, Any]) -> None:
    assert problems_of(json.dumps(data)) == []


@st.composite
def nested_steps(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Steps inside steps, each of which refers only to what it can see."""
    ids = iter(f"step{number}" for number in range(1000))

    def value(seen: list[str], items: list[str]) -> str:
        known = [*(f"steps.{name}.set_id" for name in seen), *items, "run.name"]
        return f"{{{{ {draw(st.sampled_from(known))} }}}}"

    def body(seen: list[str], items: list[str], depth: int) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = []
        for _ in range(draw(st.integers(1, 3))):
            step: dict[str, Any] = {"id": next(ids)}
            kind = draw(st.sampled_from(["set", "each", "both", "stop"] if depth < 3 else ["set"]))
            if kind == "each":
                name = draw(st.sampled_from([f"item{depth}", f"library{depth}"]))
                inside = body(list(seen), [*items, name], depth + 1)
                listed = [value(seen, items), "a"]
                step["for_each"] = {"items": listed, "as": name, "steps": inside}
                first = f"steps.{inside[0]['id']}.outcome"
                results = f"steps.{step['id']}.results | map(attribute='{first}') | join"
                steps += [step, {"notify": f"{{{{ {results} }}}}"}]
            elif kind == "both":
                branches = {f"b{n}": body(list(seen), items, depth + 1) for n in range(2)}
                step["parallel"] = branches
                steps.append(step)
                seen.extend(
                    one["id"] for inside in branches.values() for one in inside if "find_set" in one
                )
            elif kind == "stop":
                steps.append({"if": f"run.attempt == {depth}", "stop": value(seen, items)})
            else:
                step["find_set"] = {"name": value(seen, items)}
                steps.append(step)
                seen.append(step["id"])
        return [{"id": next(ids), "find_set": {"name": "first"}}, *steps]

    return body([], [], 0)


@settings(max_examples=examples(20), deadline=None)
@given(nested_steps())
def test_steps_inside_steps_that_refer_to_what_they_see_have_no_problem(
    steps: list[dict[str, Any]],
) -> None:
    assert problems_of(json.dumps({"steps": steps})) == []


EVERYTHING = (VALID / "everything.yaml").read_text("utf-8")
PIECES = [
    *("{{", "}}", "{%", "'", '"', ":", "- ", "\n", "\t", "steps.", "x", "0", "null", "[", "]"),
    *("{", "}", "&a ", "*a", "!t ", "|", ">", "é", "\x00", "if: ", "| default(1)", "secrets.ftp"),
]


def is_loaded_or_refused(text: str) -> bool:
    """Whether *text* is a workflow with steps that say what they do, or has problems."""
    try:
        loaded = load_text(text, "workflow.yaml")
    except DocumentsInvalid as error:
        return len(error.problems) > 0
    lint_problems([LintedFile(loaded.document, loaded.workflow, loaded.name)], NOWHERE)
    return all(step.kind is not None for step in loaded.workflow.steps)


@settings(max_examples=examples(40), deadline=None)
@given(st.data())
def test_a_changed_file_is_valid_or_has_problems_but_never_crashes(data: st.DataObject) -> None:
    text = EVERYTHING
    for _ in range(data.draw(st.integers(1, 3))):
        begin = data.draw(st.integers(0, len(text)))
        end = min(len(text), begin + data.draw(st.integers(0, 30)))
        text = text[:begin] + data.draw(st.sampled_from(["", *PIECES])) + text[end:]

    assert is_loaded_or_refused(text)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(PIECES)
    | st.sampled_from(["10m", "steps.sync.status", "{{ run.id }}", "M44", "2026-01-01", "a b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "stop", "on", "cases", "default", "x y"]), inner)
    ),
    max_leaves=5,
)


@cache
def everything() -> Any:
    return parse_document(EVERYTHING, "everything.yaml").plain()


def changed(data: st.DataObject, tree: Any) -> Any:
    """Return *tree* with another value in one place."""
    if isinstance(tree, dict) and tree and data.draw(st.integers(0, 9)):
        key = data.draw(st.sampled_from(sorted(tree)))
        return {**tree, key: changed(data, tree[key])}
    if isinstance(tree, list) and tree and data.draw(st.integers(0, 9)):
        place = data.draw(st.integers(0, len(tree) - 1))
        return [changed(data, one) if at == place else one for at, one in enumerate(tree)]
    return data.draw(values)


@settings(max_examples=examples(30), deadline=None)
@given(st.data())
def test_a_changed_value_is_valid_or_has_problems_but_never_crashes(data: st.DataObject) -> None:
    tree = changed(data, everything())

    assert is_loaded_or_refused(json.dumps(tree))
