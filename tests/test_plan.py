"""Plans: inputs and vars evaluated once, everything a run executes kept with it."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.errors import RequestWrong
from almaflow.inputs import InputsInvalid
from almaflow.plan import (
    Plan,
    _may_be_checkout,
    git_commit,
    make_plan,
    payload_names,
    recorded_plan,
    sub_plan,
)
from almaflow.recorded_steps import outline_of
from almaflow.settings import find_project
from almaflow.store import Store
from almaflow.workflow_loader import load_text, load_workflow
from tests.git_repositories import commit as commit_file
from tests.git_repositories import set_traps
from tests.harness import Stage

NOW = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
SETTINGS = """
timezone: Europe/Zurich
institutions:
  main: {region: eu, api_key: env:KEY, environment: production}
  test: {region: eu, api_key: env:KEY, environment: sandbox}
default_institution: main
"""


def plan(folder: Path, text: str, *, simulated: bool = True, **given: Any) -> Plan:
    """Return the plan of the workflow *text*, with *given* as inputs."""
    file = folder / "w.yaml"
    file.write_text(text, encoding="utf-8")
    project = find_project(folder)
    loaded = load_workflow(file, project, simulated=simulated)
    options = given.pop("options", {})
    return make_plan(
        loaded,
        project,
        given,
        run_id="20260301-003000-aaaaa",
        now=NOW,
        simulated=simulated,
        **options,
    )


STEPS = "steps: [{notify: a}]\n"


def test_inputs_and_vars_are_evaluated_in_order(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        STEPS
        + """
inputs:
  month: {type: string, default: "{{ (run.scheduled_at - months(1)) | date('%Y-%m') }}"}
  limit: {type: integer, default: 500}
  both: {type: string, default: "{{ inputs.month }}/{{ inputs.limit }}"}
  days: {type: list, default: [1, "{{ inputs.limit }}", 0012]}
vars:
  name: "{{ inputs.both }} of {{ run.name }}"
  deep: {a: ["{{ vars.name }}", 0012], b: 1.5, c: }
  today: "{{ today }}"
timezone: Europe/Zurich
""",
        limit="7",
    )

    assert made.inputs == {"month": "2026-02", "limit": 7, "both": "2026-02/7", "days": [1, 7, 12]}
    assert made.vars == {
        "name": "2026-02/7 of w",
        "deep": {"a": ["2026-02/7 of w", 12], "b": 1.5, "c": None},
        "today": date(2026, 3, 1),
    }
    assert (made.name, made.institution, str(made.zone)) == ("w", "main", "Europe/Zurich")


def test_a_run_of_a_timetable_stands_for_its_tick(tmp_path: Path) -> None:
    tick = NOW - timedelta(days=1)

    made = plan(
        tmp_path,
        STEPS + "vars: {key: '{{ run.key }}', at: '{{ run.scheduled_at }}', n: '{{ now }}'}",
        options={"key": "w/nightly/2026-02-28", "scheduled_at": tick},
    )

    assert made.vars == {"key": "w/nightly/2026-02-28", "at": tick, "n": NOW}
    assert (made.scheduled_at, made.requested_at) == (tick, NOW)


def test_all_that_is_wrong_with_the_inputs_is_said_in_one_go(tmp_path: Path) -> None:
    with pytest.raises(InputsInvalid) as caught:
        plan(
            tmp_path,
            STEPS
            + """
inputs:
  month: {type: string, description: Which one.}
  limit: {type: integer}
  plain: {type: integer}
  after: {type: string, default: "{{ inputs.month }}x"}
  fine: {type: string, default: a}
  bad: {type: integer, default: "{{ 'x' }}"}
""",
            limt="7",
            limit="x",
        )

    assert str(caught.value) == (
        "`limt` is not an input of this workflow; did you mean `limit`?; the input `month` "
        "needs a value: specify it with `-i month=…` (Which one.); the input `limit` is `x`, "
        "but must be a whole number; the input `plain` needs a value: specify it with `-i "
        "plain=…`; the input `bad` is `x`, but must be a whole number."
    )


def test_a_default_may_be_any_value(tmp_path: Path) -> None:
    made = plan(tmp_path, STEPS + "inputs: {n: {type: integer, default: 7}, s: {default: 0012}}")

    assert made.inputs == {"n": 7, "s": "0012"}


def test_a_default_that_cannot_be_evaluated_is_named(tmp_path: Path) -> None:
    text = STEPS + "inputs: {l: {type: list}, a: {type: string, default: '{{ inputs.l[3] }}'}}"

    with pytest.raises(InputsInvalid, match=r"^`inputs.a.default` cannot be evaluated: "):
        plan(tmp_path, text, l="a,b")


def test_a_var_that_cannot_be_evaluated_is_named(tmp_path: Path) -> None:
    text = STEPS + "inputs: {l: {type: list}}\nvars: {a: {b: ['{{ inputs.l[3] }}']}}"

    with pytest.raises(InputsInvalid, match=r"^`vars.a` cannot be evaluated: "):
        plan(tmp_path, text, l="a,b")


def test_what_was_recorded_comes_back_equal(tmp_path: Path) -> None:
    (tmp_path / "p.xml").write_text("<job/>", encoding="utf-8-sig")
    made = plan(
        tmp_path,
        """
steps: [{submit_job: {job: M44, payload: p.xml}}]
inputs: {day: {type: date}, n: {type: number}, l: {type: list}}
vars: {at: "{{ now }}", span: "{{ hours(3) }}", map: {"$date": 1}, day: "{{ inputs.day }}"}
timezone: Asia/Tokyo
""",
        day="2026-03-01",
        n="1.5",
        l="a,b",
    )
    store = Store.open("sqlite://", clock=Stage(tmp_path).clock)
    record = store.add_run(made.definition, made.record())

    back = recorded_plan(record, store.definition(record.definition))

    assert back.inputs == made.inputs
    assert back.vars == made.vars
    assert str(back.vars["at"].tzinfo) == "Asia/Tokyo"
    assert back.definition == made.definition
    assert made.definition["payloads"] == {"p.xml": "<job/>"}
    assert (back.zone, back.name, back.institution) == (made.zone, made.name, made.institution)
    assert back.workflow == made.workflow


def test_a_run_of_another_format_is_left_alone(tmp_path: Path) -> None:
    made = plan(tmp_path, STEPS)
    record = made.record()
    object.__setattr__(record, "format", 2)

    with pytest.raises(RequestWrong) as caught:
        recorded_plan(record, made.definition)

    assert "Run 20260301-003000-aaaaa" in str(caught.value)
    assert "(format 2; this version reads up to 1)" in str(caught.value)


def test_a_payload_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    payload = tmp_path / "p.xml"
    payload.write_text("<job><parameters/></job>", encoding="utf-8")
    text = "steps: [{submit_job: {job: M44, payload: p.xml}}]"
    file = tmp_path / "w.yaml"
    file.write_text(text, encoding="utf-8")
    loaded = load_workflow(file, find_project(tmp_path), simulated=True)
    payload.write_bytes(b"<job>\xff</job>")

    with pytest.raises(RequestWrong, match=r"^The payload p.xml cannot be read: byte 0xff"):
        make_plan(loaded, find_project(tmp_path), {}, run_id="r", now=NOW, simulated=True)


# --- institutions ---------------------------------------------------------------------------------


def test_an_institution_is_the_workflow_s_else_the_project_s(tmp_path: Path) -> None:
    (tmp_path / "almaflow.yaml").write_text(SETTINGS, encoding="utf-8")

    default = plan(tmp_path, STEPS, simulated=False)
    named = plan(tmp_path, STEPS + "institution: \"{{ 'te' + 'st' }}\"", simulated=False)

    assert (default.institution, str(default.zone)) == ("main", "Europe/Zurich")
    assert named.institution == "test"


def test_a_workflow_for_production_refuses_a_sandbox(tmp_path: Path) -> None:
    (tmp_path / "almaflow.yaml").write_text(SETTINGS, encoding="utf-8")

    with pytest.raises(RequestWrong) as caught:
        plan(
            tmp_path,
            STEPS + "environment: production\ninstitution: \"{{ 'test' }}\"",
            simulated=False,
        )

    assert str(caught.value) == (
        "The workflow is for `environment: production`, but institution `test` is a sandbox. "
        "Nothing was sent. Choose another institution, or change `environment`."
    )


def test_without_settings_only_a_simulation_goes(tmp_path: Path) -> None:
    assert plan(tmp_path, STEPS).institution == "main"
    with pytest.raises(RequestWrong, match=r"There is no almaflow\.yaml"):
        plan(tmp_path, STEPS, simulated=False)


# --- steps and files ------------------------------------------------------------------------------


def test_every_step_has_a_path(tmp_path: Path) -> None:
    for name in ("p.xml", "q.xml"):
        (tmp_path / name).write_text("<job><parameters/></job>", encoding="utf-8")
    made = plan(
        tmp_path,
        """
steps:
  - {id: first, notify: a}
  - branch:
      on: 1
      cases:
        1: [{submit_job: {job: M44, payload: p.xml}}]
        2: [{branch: {on: 1, cases: {}, default: [{id: deep, fail: no}]}}]
      default: [{notify: b}]
finally: [{submit_job: {job: M44, payload: q.xml}}]
""",
    )

    paths = [node.path for node in made.workflow.all_steps()]

    assert paths == [
        "first",
        "branch-2",
        "branch-2/case-1/submit_job-1",
        "branch-2/case-2/branch-1",
        "branch-2/case-2/branch-1/default/deep",
        "branch-2/default/notify-1",
        "finally/submit_job-1",
    ]
    assert payload_names(made.workflow) == {"p.xml", "q.xml"}


def test_the_commit_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], [*identity, "commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)

    commit = git_commit(tmp_path)

    assert commit is not None
    assert len(commit) == 40
    assert plan(tmp_path, STEPS).definition["commit"] == commit


@pytest.mark.skipif(os.name == "nt", reason="the traps are shell scripts")
def test_nothing_that_a_repository_names_runs_when_its_commit_is_recorded(tmp_path: Path) -> None:
    for text in ("steps: [{wait: 1m}]\n", "steps: [{wait: 2m}]\n"):
        commit_file(tmp_path, "a.yaml", text, "x")
    mark = set_traps(tmp_path)

    commit = git_commit(tmp_path)

    assert commit is not None
    assert len(commit) == 40
    assert not mark.exists()


@pytest.mark.parametrize("error", [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 5)])
def test_without_git_there_is_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    (tmp_path / ".git").mkdir()
    monkeypatch.setattr("almaflow.git_reading.subprocess.run", fail)

    assert git_commit(tmp_path) is None


def test_outside_a_checkout_there_is_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.delenv("GIT_DIR", raising=False)
    monkeypatch.setattr("almaflow.git_reading.subprocess.run", None)

    assert git_commit(tmp_path / "empty") is None


def test_the_commit_of_a_folder_in_a_checkout_is_found_through_links(tmp_path: Path) -> None:
    (tmp_path / "checkout" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "checkout" / "deep")
    (tmp_path / "checkout" / ".git").write_text("gitdir: elsewhere\n")

    assert _may_be_checkout(tmp_path / "link")


# --- calls ----------------------------------------------------------------------------------------

CALLER = """
inputs: {month: {default: 2026-02}}
timezone: Asia/Tokyo
steps:
  - id: sub
    call: {workflow: parts/sub, inputs: {month: "{{ inputs.month }}", code: 0012}}
  - for_each:
      items: [a, b]
      steps:
        - {id: again, call: {workflow: parts/sub.yaml, inputs: {month: "{{ item }}"}}}
  - notify: done
"""
SUB = """
name: Part
inputs:
  month: {}
  code: {default: none}
  size: {type: integer, default: 1}
  twice: {default: "{{ inputs.code }}{{ inputs.code }}"}
vars:
  at: "{{ now }}"
  who: "{{ run.name }} {{ run.id }} {{ run.key }}"
  tick: "{{ run.scheduled_at }}"
  began: "{{ run.started_at }}"
steps:
  - submit_job: {job: M44, payload: p.xml}
  - for_each: {items: [a], steps: [{id: job, submit_job: {job: M44, payload: q.xml}}]}
  - call: ../deep.yaml
finally: [{notify: over}]
"""
DEEP = "institution: \"{{ 'te' + 'st' }}\"\ntimezone: Africa/Cairo\nsteps: [{notify: x}]\n"


def plan_of_calls(folder: Path) -> Plan:
    """Return the plan of a workflow that calls others; recorded and read back."""
    (folder / "parts").mkdir(exist_ok=True)
    (folder / "parts" / "sub.yaml").write_text(SUB, encoding="utf-8")
    (folder / "deep.yaml").write_text(DEEP, encoding="utf-8")
    (folder / "almaflow.yaml").write_text(SETTINGS, encoding="utf-8")
    for name in ("p.xml", "q.xml"):
        (folder / "parts" / name).write_text("<job><parameters/></job>", encoding="utf-8")
    tick = NOW - timedelta(hours=1)
    made = plan(folder, CALLER, options={"key": "w/1", "scheduled_at": tick})
    store = Store.open("sqlite://", clock=Stage(folder).clock)
    record = store.add_run(made.definition, made.record())
    for file in folder.rglob("*.*"):
        file.unlink()
    return recorded_plan(record, store.definition(record.definition))


def test_called_workflows_are_recorded_with_the_run(tmp_path: Path) -> None:
    definition = plan_of_calls(tmp_path).definition

    assert list(definition["calls"]) == ["parts/sub", "parts/sub.yaml"]
    assert definition["calls"]["parts/sub"] == definition["calls"]["parts/sub.yaml"]
    assert definition["calls"]["parts/sub"] == {
        "file": str(tmp_path / "parts" / "sub.yaml"),
        "folder": str(tmp_path / "parts"),
        "root": str(tmp_path),
        "text": SUB,
        "payloads": dict.fromkeys(("p.xml", "q.xml"), "<job><parameters/></job>"),
        "timezone": "Europe/Zurich",
        "calls": {
            "../deep.yaml": {
                "file": str(tmp_path / "deep.yaml"),
                "folder": str(tmp_path),
                "root": str(tmp_path),
                "text": DEEP,
                "payloads": {},
                "timezone": "Africa/Cairo",
                "outline": outline_of(load_text(DEEP, "deep.yaml").workflow),
                "calls": {},
            }
        },
        "outline": outline_of(load_text(SUB, "sub.yaml").workflow),
    }


def test_the_plan_of_a_called_workflow_is_part_of_the_same_run(tmp_path: Path) -> None:
    caller = plan_of_calls(tmp_path)
    now = NOW + timedelta(hours=2)

    sub = sub_plan(caller, "parts/sub", {"month": "2026-01", "code": "0012"}, now)

    assert (sub.run_id, sub.key, sub.name) == (caller.run_id, "w/1", "Part")
    assert (sub.requested_at, sub.scheduled_at) == (caller.requested_at, caller.scheduled_at)
    assert sub.file == str(tmp_path / "parts" / "sub.yaml")
    assert sub.definition is caller.definition["calls"]["parts/sub"]
    assert str(sub.zone) == "Europe/Zurich"
    assert sub.inputs == {"month": "2026-01", "code": "0012", "size": 1, "twice": "00120012"}
    assert sub.vars == {
        "at": now,
        "who": f"w {caller.run_id} w/1",
        "tick": caller.scheduled_at,
        "began": caller.requested_at,
    }
    assert [step.kind.key for step in sub.workflow.steps] == ["submit_job", "for_each", "call"]


def test_a_called_workflow_has_its_own_institution_or_none(tmp_path: Path) -> None:
    sub = sub_plan(plan_of_calls(tmp_path), "parts/sub", {"month": "x"}, NOW)

    deep = sub_plan(sub, "../deep.yaml", {}, NOW)

    assert (sub.institution, deep.institution) == ("", "test")
    assert (deep.name, str(deep.zone)) == ("deep", "Africa/Cairo")
    assert (sub.called_in, deep.called_in) == ("w", "w")


def test_inputs_that_do_not_fit_a_called_workflow_are_told_with_its_file(tmp_path: Path) -> None:
    caller = plan_of_calls(tmp_path)

    with pytest.raises(InputsInvalid) as caught:
        sub_plan(caller, "parts/sub", {"size": "many", "x": 1}, NOW)

    assert str(caught.value) == (
        f"{tmp_path}/parts/sub.yaml: `x` is not an input of this workflow; the input `month` "
        "needs a value: specify it under `inputs` of the call; the input `size` is `many`, but "
        "must be a whole number."
    )


def test_a_recorded_text_is_read_once_for_many_runs(tmp_path: Path) -> None:
    caller = plan_of_calls(tmp_path)
    record = caller.record()

    plans = [recorded_plan(record, dict(caller.definition)) for _ in range(3)]
    subs = [sub_plan(one, "parts/sub", {"month": "x"}, NOW) for one in plans]

    assert all(one.workflow is caller.workflow for one in plans)
    assert all(one.workflow is subs[0].workflow for one in subs)


def test_a_run_recorded_before_there_were_calls_is_read(tmp_path: Path) -> None:
    caller = plan_of_calls(tmp_path)
    old = {key: value for key, value in caller.definition.items() if key != "calls"}

    back = recorded_plan(caller.record(), old)

    assert back.workflow == caller.workflow
