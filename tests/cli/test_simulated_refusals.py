"""A refusal in a simulation names the line of the scenario that changes it, and the line works."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from almaflow import docs
from tests.cli.conftest import Almaflow, Typed, Write

CHAIN_FILES = docs.HERE / "cookbook"

# How a person writes what a refusal tells to, by the words that say where.
_BELOW = re.compile(
    r"insert below line (\d+) of \S+, indented like the other (\w+) of `\w+`: (.*)$"
)
_AFTER = re.compile(r"insert after `([^`]*[\[{])` in line (\d+) of \S+: (.*)$")
_IN_PLACE = re.compile(r"write in line (\d+) of \S+, in place of `\w+`: (.*)$")
_ADD = re.compile(r"add this line to \S+: (.*)$")


def followed(scenario: str, error: str) -> str:
    """Return the scenario as a person changes it who does what *error* says."""
    lines = scenario.split("\n")
    if match := _BELOW.search(error):
        number = int(match[1])
        after = next(line for line in lines[number:] if line.strip())
        indent = after[: len(after) - len(after.lstrip())]
        return "\n".join([*lines[:number], indent + match[3], *lines[number:]])
    if match := _AFTER.search(error):
        number = int(match[2]) - 1
        lines[number] = lines[number].replace(match[1], f"{match[1]}{match[3]} ", 1)
        return "\n".join(lines)
    if match := _IN_PLACE.search(error):
        number = int(match[1]) - 1
        indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
        lines[number] = indent + match[2]
        return "\n".join(lines)
    match = _ADD.search(error)
    assert match is not None, error
    return f"{scenario}{match[1]}\n"


def first_error(typed: Typed) -> str:
    assert typed.code in (0, 1), typed.out
    failed = (one for one in typed.json["steps"] if one["outcome"] not in ("succeeded", "skipped"))
    return next((str(one["error"]) for one in failed), "")


def gone(almaflow: Almaflow, write: Write, scenario: str, steps: str, times: int = 1) -> str:
    """Follow what the refusals say, *times* times, and return the error that is left."""
    write("w.yaml", f"name: w\nsteps: {steps}\n")
    write("w.scenario.yaml", scenario)
    error = first_error(almaflow("run", "w.yaml", "--simulate", "--json"))
    assert "The response is simulated." in error
    for _ in range(times):
        assert "w.scenario.yaml" in error
        scenario = followed(scenario, error)
        write("w.scenario.yaml", scenario)
        error = first_error(almaflow("run", "w.yaml", "--simulate", "--json"))
    return error


# Steps that a scenario without anything refuses; `%s` is a name in double quotes.
KINDS = {
    "set by name": "[{find_set: {name: %s}}]",
    "profile by code": "[{run_profile: {integration: {code: %s}}}]",
    "profile by name": "[{run_profile: {integration: {name: %s}, job: ERP export}}]",
    "import by name": "[{run_profile: {import: {name: %s}}}]",
    "job by name": '[{submit_job: {job: {name: %s}, set: "9912345670001234"}}]',
    "report": '[{id: r, read_report: {path: "/shared/" ~ %s}}]',
    "member": "[{create_set: {name: mine, content: ITEM, id_type: BARCODE, members: [%s]}}]",
    "user": '[{id: u, get: "/users/" ~ %s}]',
}
CASES = {
    "set by id": ("[{submit_job: {job: M18, set: '9912345670001234'}}]", 1),
    "set by id, of a job by name": (
        "[{submit_job: {job: {name: Export Users}, set: '9912345670001234'}}]", 1),
    "set for a job": ("[{id: s, find_set: Lost}, "
        "{submit_job: {job: M18, set: '{{ steps.s.set_id }}'}}]", 1),
    "set and job": ("[{id: s, find_set: Lost_1}, "
        "{submit_job: {job: {id: M777, name: Our job}, set: '{{ steps.s.set_id }}'}}]", 2),
    "job for its own set": ("[{id: s, create_set: {name: x, content: USER, members: [abc]}}, "
        "{submit_job: {job: M778, set: '{{ steps.s.set_id }}'}}]", 1),
    "job without a set": ("[{submit_job: {job: M779}}]", 1),
    "a set of another content": ("[{id: s, find_set: Reserve collection}, "
        "{submit_job: {job: M18, set: '{{ steps.s.set_id }}'}}]", 1),
    "scheduled job": ("[{submit_job: {job: S1234}}]", 1),
    "scheduled job by name": (
        "[{wait_for_run: {job: {name: Our nightly job}, since: '-1d', if_none: skip}}]", 1),
    "profile by id": ("[{run_profile: {integration: {id: '77'}}}]", 1),
    "profile's job by id": ("[{run_profile: {integration: {id: '77'}, job: ERP export}}]", 1),
    "profile with another job": ("[{run_profile: {integration: BURSAR, job: Our export}}]", 1),
    "two profiles by id": ("[{run_profile: {integration: {id: '77'}}}, "
        "{run_profile: {integration: {id: '78'}}}]", 2),
    "import by id": ("[{run_profile: {import: {id: '88'}}}]", 1),
    "report with columns": ("[{id: r, read_report: {path: /shared/A b, columns: [Title, 'x: y']}}, "
        "{check: steps.r.count >= 2}]", 1),
    "report whose rows are read": ("[{id: r, read_report: /shared/A_b}, "
        "{notify: '{{ (steps.r.rows | first).Loans }}'}, "
        "{check: \"(steps.r.rows[0].Fee | int) > 3\"}]", 1),
    "several members": ("[{create_set: {name: a, content: ITEM, id_type: BARCODE, "
        "members: ['A 1', '?', 'x']}}]", 1),
    "bib": ("[{id: b, get: '/bibs/99_1/holdings'}, "
        "{check: \"steps.b.body.holding | length == 2\"}]", 1),
    "all items": ("[{id: b, get: {path: '/bibs/1/holdings/2/items', all: true, "
        "select: 'item[].item_data.barcode'}}, {check: 'steps.b.value | length > 1'}]", 1),
    "library": ("[{id: b, get: /conf/libraries/LAW}, {check: steps.b.body.name == 'Law'}]", 1),
}  # fmt: skip
# Scenarios that have nothing of what is missing, in the forms that people write.
SCENARIOS = {
    "empty": "description: empty\n",
    "lists": "sets:\n  - name: a b\n    content: ITEM\nlibrary:\n  jobs:\n  - {id: M1, name: j}\n"
    "  integration_profiles:\n    - {code: C}\n  import_profiles:\n    - {name: I}\n"
    "reports:\n- {path: /shared/x, columns: [a]}\nknown_members:\n  - zz\n"
    "responses:\n  - {path: /a, json: {}}\n",
    "lists in brackets": "sets: [{name: a}]\nlibrary: {jobs: [{id: M1, name: j}], "
    "integration_profiles: [{code: C}], import_profiles: [{name: I}]}\n"
    "reports: [{path: /shared/x, columns: [a]}]\nknown_members: [zz]\n"
    "responses: [{path: /a, json: {}}]\n",
    "empty lists": "sets: []\nlibrary:\nreports: []\nknown_members:\nresponses: []\n",
    "other keys": "library:\n    publishing_profiles: [{name: P}]\ndescription: x\n",
    "a mapping in brackets": "{description: x, library: {publishing_profiles: [{name: P}]}}\n",
}
NAMES = [
    "digifeeds_metadata",
    'a "b" c',
    "it's: [x] #y",
    "Bücher {z}, q",
    "x_📚 y",
    "a\\b",
    "_",
    "12",
    "Yes",
]


def typed_kind(kind: str, name: str) -> str:
    quoted = json.dumps(name, ensure_ascii=False)
    if '" ~ ' in KINDS[kind]:
        return KINDS[kind].replace('" ~ %s', json.dumps(name, ensure_ascii=False)[1:])
    return KINDS[kind] % quoted


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["set by name", "profile by code", "job by name"])
def test_the_line_of_a_refusal_works_with_any_name(
    almaflow: Almaflow, write: Write, kind: str, name: str
) -> None:
    times = 2 if kind == "job by name" else 1

    assert gone(almaflow, write, SCENARIOS["empty"], typed_kind(kind, name), times) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_refusal_has_a_line_that_works(
    almaflow: Almaflow, write: Write, kind: str
) -> None:
    times = 2 if kind == "job by name" else 1

    assert gone(almaflow, write, SCENARIOS["empty"], typed_kind(kind, "ä é_1 ?"), times) == ""


@pytest.mark.parametrize("case", CASES)
def test_the_line_fits_what_the_workflow_does(almaflow: Almaflow, write: Write, case: str) -> None:
    steps, times = CASES[case]

    assert gone(almaflow, write, SCENARIOS["empty"], steps, times) == ""


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize(
    "kind", ["set by name", "profile by code", "import by name", "report", "member", "user"]
)
def test_the_line_goes_where_the_scenario_has_its_key(
    almaflow: Almaflow, write: Write, kind: str, scenario: str
) -> None:
    assert gone(almaflow, write, SCENARIOS[scenario], typed_kind(kind, "é_b 1")) == ""


def test_a_set_that_the_run_has_deleted_has_no_line(almaflow: Almaflow, write: Write) -> None:
    write("w.scenario.yaml", "sets: [{id: '12', name: a}]\n")
    write("w.yaml", "name: w\nsteps: [{delete_set: '12'}, {find_set: {id: '12'}}]\n")

    error = first_error(almaflow("run", "w.yaml", "--simulate", "--json"))

    assert "The response is simulated." in error
    assert "To change it" not in error


# Chains that wait for nothing which only a scenario could start.
CHAINS = ["statistics-note", "recycle-bin", "new-titles", "network-records"]


@pytest.mark.slow
@pytest.mark.parametrize("name", CHAINS)
def test_a_real_chain_runs_once_every_refusal_was_followed(
    almaflow: Almaflow, tmp_path: Path, name: str
) -> None:
    shutil.copytree(CHAIN_FILES, tmp_path, dirs_exist_ok=True)
    scenario = tmp_path / f"{name}.scenario.yaml"
    text = SCENARIOS["empty"]
    for _ in range(10):
        scenario.write_text(text, encoding="utf-8")
        error = first_error(almaflow("run", f"{name}.yaml", "--simulate", "--json"))
        if not error:
            return
        text = followed(text, error)
    raise AssertionError(error)


TEXTS = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp", "Co", "Cn")),
    min_size=1,
    max_size=30,
).filter(
    lambda text: text == text.strip() and "{{" not in text and "{%" not in text and "{#" not in text
)


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(["set by name", "profile by code", "profile by name", "import by name"]),
    TEXTS,
    st.sampled_from(list(SCENARIOS)),
)
def test_generated_names_are_written_so_that_the_line_works(
    almaflow: Almaflow, write: Write, kind: str, name: str, scenario: str
) -> None:
    assert gone(almaflow, write, SCENARIOS[scenario], typed_kind(kind, name)) == ""
