"""Files of people who never saw almaflow: one problem, which shows what to write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from almaflow.errors import DocumentsInvalid
from almaflow.problems import Problem
from almaflow.settings import load_project
from tests.test_check import codes, problems_of

FIND = "steps:\n  - id: a\n    find_set: {name: x}\n"
JOB = "steps:\n  - id: a\n    submit_job: {job: M44, set: '1'}\n    on_failure: continue\n"
KEY = "l8xx0123456789abcdef0123456789abcdef01"


def all_problems(text: str) -> Sequence[Problem]:
    """Return the problems of a workflow, also of one that is not YAML."""
    try:
        return problems_of(text)
    except DocumentsInvalid as error:
        return error.problems


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("get: /conf/x\n    retries: 3\n    retry_delay: 300", "retry: {attempts: 3, delay: 300s}"),
        ("get: /conf/x\n    retry: {times: 3, interval: PT5M}", "retry: {attempts: 3, delay: 5m}"),
        ("get: /conf/x\n    retry: {type: constant, max: 3}", "retry: 3"),
        ("wait: 1m\n    retries: 3", "retry: 3"),
    ],
)
def test_what_is_several_keys_elsewhere_is_one_problem(wrong: str, right: str) -> None:
    (problem,) = problems_of(f"steps:\n  - {wrong}\n")

    assert f"`{right}`" in problem.message
    assert codes(f"steps:\n  - get: /conf/x\n    {right}\n") == []


@pytest.mark.parametrize(
    ("step", "right"),
    [
        ("run_profile: {type: import, id: '123'}", 'import: {id: "123"}'),
        ("run_profile: {type: INTEGRATION, name: SIS}", "integration: SIS"),
        ("integration profile: SIS", "run_profile: {integration: SIS}"),
        ("import_profile: Vendor", "run_profile: {import: Vendor}"),
        ("submit_job: {job_name: Export, set: '1'}", "job: {name: Export}"),
        ("submit_job: {Job name: Export, set: '1'}", "job: {name: Export}"),
        ("submit_job: {Job ID: M44, Job name: Export, set: '1'}", "job: {id: M44, name: Export}"),
        ("submit_job: {job: M44, Job Name: Export, set: '1'}", "job_name"),
        ("submit_job: {job: M44, Set ID: '1'}", 'set: "1"'),
        ("submit_job: {job: M44, Set name: x}", "- {id: wanted, find_set: {name: x}}"),
        ("submit_job: {job: M44, set: 'Set ID: 38205478040009276'}", '"38205478040009276"'),
        ("submit_job: {job: M44, set: set_id=38205478040009276}", '"38205478040009276"'),
        ("submit_job: {job: M44, set: '382O547804OOO9276'}", '"38205478040009276"'),
        ("submit_job: {job: M44, set: none}", "set"),
        ("submit_job: {job: M44?op=run, set: '1'}", "M44"),
        ("submit_job: {job: {name: M44}, set: '1'}", "job: M44"),
        ("submit_job: {job: “Export of records”, set: '1'}", "job: {name: Export of records}"),
        (
            "submit_job: {job: M44, set: '1', parameters: 'a=1; b=2'}",
            'parameters: {a: "1", b: "2"}',
        ),
        ("wait_for_run: M58", "wait_for_run: {job: M58}"),
        ("wait_for_run: {job: M58, since: now - 24h}", 'since: "-1d"'),
        ("wait_for_run: {job: M58, since: 24h}", 'since: "-1d"'),
        ("submit_job: {job: M44, set: ids.csv}", '"{{ steps.wanted.set_id }}"'),
        (
            "submit_job: {job: M44, set: ['1', '2']}",
            "create_set: {name: …, combine: {operator: or, sets: […]}}",
        ),
        ("submit_job: {job: M44, set: {SET_ID}}", '"{{ inputs.set_id }}"'),
        ("update_set: {id: Reserve, add: ['1']}", '"{{ steps.wanted.set_id }}"'),
        ("find_set: {name: {SET_NAME}}", '"{{ inputs.set_name }}"'),
        ("find_set: {Set ID: '1'}", 'id: "1"'),
        (
            "update_set: {id: '1', add: 'ids.csv#Code'}",
            "add: {file: ids.csv, column: Code}",
        ),
        ("update_set: {id: '1', add: 'https://example.edu/ids'}", "{file: ids.csv, column: …}"),
        ("update_set: {id: '1', add: '{ids}'}", '"{{ inputs.ids }}"'),
        ("update_set: {id: '1', add: [file: ids.csv]}", "add: {file: ids.csv}"),
        ("submit_job: {job: M44, set: '1', wait: 4h}", "timeout: 4h"),
        ("submit_job: {job: M44, set: '1', poll: 60}", "poll: {max: 60s}"),
        ("submit_job: {job: M44, set: '1', poll: {interval: 60}}", "poll: {max: 60s}"),
        ("wait_for_run: {Job name: Import}", "job: {name: Import}"),
        ("submit_job: {job: M44, set: $SET_ID}", '"{{ inputs.set_id }}"'),
        ("submit_job: {job: M44, set: <SET ID>}", '"{{ inputs.set_id }}"'),
        ("find_set:\n      name:Reserve", "name: Reserve"),
        ("find_set: name=x", "find_set: {name: x}"),
        ("find_set: name:x", "find_set: {name: x}"),
        ("find_set: name:x", '{name: "name:x"}'),
        ('find_set: "name: x"', "find_set: {name: x}"),
        ("find_set: {name:x}", "name: x"),
        ("find_set {name: x}", "find_set: {name: x}"),
        ("find_set:{name: x}", "find_set: {name: x}"),
        ("find_set: {name: x}}", "}"),
        ("for_each: {items: 'a, b', steps: [{wait: 1m}]}", "['a', 'b']"),
        ("kind: find_set\n    name: x", "find_set: {name: x}"),
        ("id: größe\n    wait: 1m", "grosse"),
        ("find_set: {name: x, id: titles}", "titles"),
        ("find_set: {name: „New {{ run.id }}“}", '"New {{ run.id }}"'),
        ("find_set:\n      name: “Reserve: old”", 'name: "Reserve: old"'),
        ('find_set:\n      name: "Reserve”', "”"),
        ("find_set: {name: “Reserve, old”}", "”"),
        ('submit_job: {job: M44, set:"123"}', 'set: "123"'),
        ("find_set: name: x y", "find_set: {name: x y}"),
        ("find_set: {name: Reserve: autumn}", 'name: "Reserve: autumn"'),
        ('wait: "for: 10m"', "wait: {for: 10m}"),
        ("wait: for=10m", "wait: {for: 10m}"),
        ("notify: {to: @systems, message: x}", '"@systems"'),
        ("find_set: {name: %x}", '"%x"'),
        ("wait: 1m;", "1m"),
    ],
)
def test_a_step_in_another_form_is_one_problem(step: str, right: str) -> None:
    (problem,) = all_problems(f"steps:\n  - {step}\n")

    assert f"`{right}`" in problem.message


@pytest.mark.parametrize(
    "written",
    [
        *("{{ steps.a }}", "{{ steps.a.name }}", "{{ steps.a.member_count }}", "a", "$a", "@a"),
        *("{ {steps.a.set_id} }", "{steps.a.set_id}", "<%= steps.a.set_id %>"),
    ],
)
def test_a_set_named_by_something_else_of_its_step_leads_to_its_id(written: str) -> None:
    (problem,) = problems_of(f"{FIND}  - submit_job: {{job: M44, set: '{written}'}}\n")

    assert '`"{{ steps.a.set_id }}"`' in problem.message


@pytest.mark.parametrize(
    ("condition", "right"),
    [
        ("counters.c.jobs.export.exported > 1", "counters.number('c.jobs.export.exported')"),
        ("counters.number(c.jobs.export.exported) > 1", "'c.jobs.export.exported'"),
        ("status is COMPLETED_SUCCESS", "== 'COMPLETED_SUCCESS'"),
        ("steps.b.status == 'RUNNING'", "status"),
        ("status.contains('FAILED')", "'text' in value"),
        ("today == '2026-12-24'", "| date('%Y-%m-%d')"),
    ],
)
def test_what_an_expectation_means_is_shown(condition: str, right: str) -> None:
    (problem,) = problems_of(
        f"steps:\n  - id: b\n    submit_job: {{job: M44, set: '1', expect: \"{condition}\"}}\n"
    )

    assert f"`{right}`" in problem.message


def test_a_message_to_people_at_the_top_belongs_to_notify() -> None:
    (problem,) = problems_of("on_failure: me@example.edu\nsteps:\n  - wait: 1m\n")

    assert "`notify: {on: [failed], to: systems}`" in problem.message


@pytest.mark.parametrize(
    ("head", "right"),
    [
        ("schedule: {daily: 02:30, weekly: mon 06:00}", '- {daily: "02:30"}'),
        ("schedule: {daily: '02:30', missed: catchup}", "latest"),
        ("inputs: {x: {pattern: '/^[0-9]+$/'}}", "^[0-9]+$"),
        ("vars: {x: '{{ yesterday }}'}", "today - days(1)"),
        ("vars: {x: '{{ last_month }}'}", "today - months(1)"),
        ("timeout: 0", "10m"),
    ],
)
def test_a_mistake_above_the_steps_is_one_problem(head: str, right: str) -> None:
    (problem,) = problems_of(f"{head}\nsteps:\n  - wait: 1m\n")

    assert f"`{right}`" in problem.message


@pytest.mark.parametrize("steps", ["steps:\nwait: 1m\n", "steps: x\nwait: 1m\n"])
def test_a_kind_in_the_first_column_is_shown_as_a_step(steps: str) -> None:
    problems = problems_of(steps)

    assert any("`steps: [{wait: 1m}]`" in one.message for one in problems)


def test_a_step_by_number_leads_to_its_name() -> None:
    (problem,) = problems_of(f"{FIND}  - delete_set: '{{{{ steps[0].set_id }}}}'\n")

    assert "`steps.a`" in problem.message


def test_several_conditions_are_shown_as_one_that_is_valid() -> None:
    (problem,) = problems_of(
        f"{FIND}  - if: [steps.a.member_count > 0, run.id != 'x']\n    wait: 1m\n"
    )

    condition = problem.message.split("`")[1].removeprefix("if: ")
    assert codes(f'{FIND}  - if: "{condition}"\n    wait: 1m\n') == []


@pytest.mark.parametrize("call", ["always()", "failure()", "success()", "cancelled()"])
def test_the_functions_of_other_tools_have_an_answer_each(call: str) -> None:
    (problem,) = problems_of(f"{JOB}  - if: {call}\n    wait: 1m\n")

    assert problem.code == "unknown-function"
    assert not problem.message.endswith(f"`{call[:-2]}`.")


@pytest.mark.parametrize(
    "step",
    [
        f"get: /conf/x?apikey={KEY}",
        f"get: https://api-eu.hosted.exlibrisgroup.com/almaws/v1/conf/x?apikey={KEY}",
        "fetch_files: {from: /export}",
        "submit_job: {job: M44, parameters: {parameter: [{name: x, value: y}]}}",
        "submit_job: {job: M44, payload: {parameter: []}}",
        "get: /conf/x\n    register: a\n    until: a.total > 1\n    retries: 3\n    delay: 30",
        "get: /conf/x\n    register: a\n  - check: a.body.total > 1",
        "block: [{wait: 1m}]\n    rescue: [{wait: 1m}]\n    always: [{wait: 1m}]",
        "get: /conf/{{ item }}\n    loop: [libraries]",
        "id: 1\n    find_set: {name: x}\n  - delete_set: '{{ steps.1.set_id }}'",
        "titles:\n      find_set: {name: x}\n  - delete_set: '{{ steps.titles.set_id }}'",
        "for_each: {items: [a], as: my-lib, steps: [{find_set: {name: '{{ my-lib }}'}}]}",
        "branch: {on: run.name, succeeded: [{wait: 1m}]}",
        "branch: {if: 1 == 1, then: [{wait: 1m}], else: [{wait: 2m}]}",
        "id: a\nfind_set: {name: x}",
        "find_set: {\u200bname: x, id: '1'}",
        "find_set: {name: ' '}",
        "find_set: ''",
        "id: all-x\n    find_set: {name: x}\n  - delete_set: '{{ steps.all-x.set_id }}'",
        "id: Find titles\n    find_set: {name: x}\n  - check: steps.Find titles.member_count > 0",
    ],
)
def test_one_mistake_of_a_step_has_no_second_problem(step: str) -> None:
    assert len(problems_of(f"steps:\n  - {step}\n")) == 1


@pytest.mark.parametrize(
    "head",
    [
        "on: {workflow_dispatch: {inputs: {x: {type: string}}}}",
        "inputs: [{name: x, type: string}]",
        "params: {x: {default: '1'}}",
    ],
)
def test_inputs_in_the_form_of_other_tools_are_known_where_they_are_used(head: str) -> None:
    (problem,) = problems_of(f"{head}\nsteps:\n  - find_set: {{name: '{{{{ inputs.x }}}}'}}\n")

    assert problem.location.line == 1


def test_names_that_cannot_be_names_are_one_problem_each() -> None:
    problems = all_problems(
        "inputs: {start-date: {default: x}}\nvars: {my-set: x}\nsteps:\n"
        "  - find_set: {name: '{{ inputs.start-date }} {{ vars.my-set }}'}\n"
        "  - {id: my-set-2, find_set: {name: x}}\n  - {id: my-set, find_set: {name: x}}\n"
        "  - delete_set: '{{ steps.my-set-2.set_id }}'\n"
    )

    assert [one.location.line for one in problems] == [1, 2, 5, 6]


def test_a_line_of_markdown_is_named() -> None:
    (problem,) = all_problems("```yaml\nsteps: [{wait: 1m}]\n```\n")

    assert problem.location.length == len("```yaml")


MAIN = "institutions: {main: {region: eu, api_key: env:ALMA_API_KEY}}\n"


def settings_problems(text: str, folder: Path) -> list[Problem]:
    file = folder / "almaflow.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(DocumentsInvalid) as caught:
        load_project(file)
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("institutions:\n  region: eu\n  api_key: env:K\n", "{main: {region: …, api_key: …}}"),
        ("institutions:\nregion: eu\napi_key: env:K\n", "{main: {region: …, api_key: …}}"),
        (f"{MAIN}calendars:\n  country: DE\n", "{holidays: {country: …}}"),
        (f"{MAIN}calendars: {{h: {{country: DE, state: BY}}}}\n", "subdivision: BY"),
        ("main:\n  region: eu\n  api_key: env:K\n", "`institutions: {main: …}`"),
        (f"{MAIN}smtp: {{host: x}}\n", "env:MAIL_URL"),
        (f"{MAIN}database: x\n", "store: "),
        (f"{MAIN}logging: {{level: INFO}}\n", "Remove `logging`"),
        (f"{MAIN}version: 3\nservices: {{}}\n", "Remove it"),
    ],
)
def test_settings_of_other_tools_are_one_problem(text: str, right: str, tmp_path: Path) -> None:
    (problem,) = settings_problems(text, tmp_path)

    assert right in problem.message
