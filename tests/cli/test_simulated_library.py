"""`plan` and `run --simulate` without a scenario: whatever a workflow names exists."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import Almaflow, Typed, Write

# One workflow a line: what it names, and its steps.
WORKFLOWS = {
    "a set by id": "[{submit_job: {job: M44, set: '9912345670002345'}}]",
    "a set by name": "[{find_set: {name: Titles for the north branch}}]",
    "underscores": "[{find_set: {name: digifeeds_metadata}}]",
    "a set of items": "[{id: s, find_set: {name: Lost}}, "
    "{submit_job: {job: M18, set: '{{ steps.s.set_id }}'}}]",
    "a name with a date": "[{find_set: {name: \"Weeding_list {{ today | date('%Y_%m') }}\"}}]",
    "names of items": "[{for_each: {items: [north_1, south 2], steps: "
    "[{id: s, find_set: {name: 'Weeding {{ item }}'}}, "
    "{submit_job: {job: M18, set: '{{ steps.s.set_id }}'}}]}}]",
    "names of a report": "[{id: r, read_report: {path: /shared/Lists, column: Set name}}, "
    "{for_each: {items: steps.r.rows, steps: [{find_set: {name: 'weed_{{ item }}'}}]}}]",
    "an unknown job": "[{id: s, create_set: {name: 'x {{ run.id }}', content: USER, "
    "query: 'USER where USER ((user_group EQUAL \"staff\"))'}}, "
    "{submit_job: {job: {id: M148, name: Update/Notify Users}, set: '{{ steps.s.set_id }}'}}]",
    "a job by name": "[{submit_job: {job: {name: Our own normalization}, set: '991234567000234'}}]",
    "profiles": "[{run_profile: {integration: OUR_DEPOT}}, "
    "{run_profile: {integration: {name: Our bursar}, job: Export to Bursar}}, "
    "{run_profile: {integration: {id: '991234560002345'}}}, "
    "{run_profile: {import: Our vendor}}, {run_profile: {import: {id: '881234560002345'}}}]",
    "a profile of several jobs": "[{run_profile: {integration: SIS_LIVE}}]",
    "a run of a publishing job": "[{wait_for_run: "
    "{job: {name: Publishing Platform Job Ours}, name: 'Publ* Ours'}, timeout: 1h}]",
    "a past run": "[{wait_for_run: {job: M58, since: '{{ now - hours(3) }}', "
    "name: 'Weekly ?*'}, timeout: 1h}]",
    "a report": "[{id: r, read_report: {path: /shared/Ours/Lost}}, "
    "{check: \"(steps.r.rows | map(attribute='Barcode') | list | length) > 0\"}, "
    "{check: 'steps.r.rows[0].Status is defined'}]",
    "members with spaces": "[{create_set: {name: a, content: ITEM, id_type: BARCODE, "
    "members: [QA 76 .5, 'x', '12/4']}}, {create_set: {name: b, content: USER, "
    "members: ['a', 'Ä.B@x']}}, {update_set: {id: '991234567000234', id_type: BARCODE, "
    "add: [AB 1]}}]",
    "a copied and a combined set": "[{id: s, find_set: {name: Old}}, "
    "{create_set: {name: c, content: ITEM, from_set: '{{ steps.s.set_id }}'}}, "
    "{create_set: {name: d, content: ITEM, "
    "combine: {sets: ['991234567000234', '991234567000235']}}}]",
    "counters": "[{id: j, submit_job: {job: M777, set: '991234567000234', expect: "
    "[\"counters.number('c.own.done') >= 120\", \"counters.number('c.own.failed') == 0\", "
    "\"counters.text(7) == 'fine'\", \"10 > counters.number('c.x')\"]}}, "
    "{check: \"steps.j.counters.number('c.later', 0) > 3\"}]",
    "counters that are the size of the set": "[{id: s, find_set: Old}, {id: j, submit_job: "
    "{job: M28, set: '{{ steps.s.set_id }}'}}, {check: \"(steps.j.counters[0].value | int) == "
    'steps.s.member_count and (steps.j.counters[2].value | int) == 0"}]',
    "members that are taken out": "[{update_set: {id: '991234567000234', remove: ['1', 'x y']}}]",
    "a job without a set": "[{submit_job: M7771}, {submit_job: {job: {name: Our own job}}}]",
    "a size": "[{id: s, create_set: {name: q, content: ITEM, "
    "query: 'ITEM where ITEM ((barcode EQUAL \"1\"))'}}, "
    "{check: {that: steps.s.member_count <= 5}}, {check: {that: steps.s.member_count > 0}}]",
}


def simulated(almaflow: Almaflow, write: Write, steps: str, command: str = "run") -> Typed:
    write("w.yaml", f"name: w\nsteps: {steps}\n")
    options = ["--simulate"] if command == "run" else []
    return almaflow(command, "w.yaml", *options, "--json")


def failures(typed: Typed) -> dict[str, Any]:
    return {
        step["path"]: step["error"]
        for step in typed.json["steps"]
        if step["outcome"] not in ("succeeded", "skipped")
    }


@pytest.mark.parametrize("name", WORKFLOWS)
def test_whatever_the_file_names_exists(almaflow: Almaflow, write: Write, name: str) -> None:
    typed = simulated(almaflow, write, WORKFLOWS[name])

    assert failures(typed) == {}
    assert (typed.code, typed.json["outcome"]) == (0, "succeeded")


def test_a_plan_takes_the_same_path(almaflow: Almaflow, write: Write) -> None:
    typed = simulated(almaflow, write, WORKFLOWS["a set of items"], "plan")

    assert (typed.code, typed.json["simulated_outcome"]) == (0, "succeeded")


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_simulated_failure_is_a_bad_end(almaflow: Almaflow, write: Write, command: str) -> None:
    assert simulated(almaflow, write, "[{fail: enough}]", command).code == 1
    assert (
        simulated(almaflow, write, "[{check: {that: '1 > 2', otherwise: skip}}]", command).code == 0
    )


def test_sets_that_the_file_makes_and_deletes_are_not_made_up(
    almaflow: Almaflow, write: Write
) -> None:
    steps = (
        "[{id: s, create_set: {name: 'mine {{ run.id }}', content: ITEM, members: ['1']}}, "
        "{find_set: {name: '{{ steps.s.name }}'}}, {delete_set: '{{ steps.s.set_id }}'}, "
        "{find_set: {id: '{{ steps.s.set_id }}'}}]"
    )

    typed = simulated(almaflow, write, steps)

    assert list(failures(typed)) == ["find_set-4"]


def test_with_a_scenario_only_what_it_holds_exists(almaflow: Almaflow, write: Write) -> None:
    write("w.scenario.yaml", "description: empty\n")
    typed = simulated(almaflow, write, WORKFLOWS["a set by name"])
    assert typed.code == 1

    write("w.scenario.yaml", "everything_exists: true\n")
    typed = simulated(almaflow, write, WORKFLOWS["a set by name"])
    assert typed.code == 0


def test_the_line_that_a_refusal_offers_works_when_pasted(almaflow: Almaflow, write: Write) -> None:
    write("w.scenario.yaml", "description: empty\n")
    (error,) = failures(simulated(almaflow, write, WORKFLOWS["underscores"])).values()
    line = error[error.index("sets: [") : error.rindex("]") + 1]

    write("w.scenario.yaml", f"{line}\n")
    assert simulated(almaflow, write, WORKFLOWS["underscores"]).code == 0


@pytest.mark.parametrize(
    "name", ["digifeeds_metadata", 'a "b" c', "it's: [x] #y", "Bücher {z}", "x 📚", "a\\b"]
)
def test_a_simulated_refusal_names_the_scenario_and_its_line(
    almaflow: Almaflow, write: Write, name: str
) -> None:
    steps = f"[{{find_set: {{name: {json.dumps(name, ensure_ascii=False)}}}}}]"
    write("w.scenario.yaml", "description: empty\n")
    (error,) = failures(simulated(almaflow, write, steps)).values()
    assert "The response is simulated." in error
    assert "w.scenario.yaml" in error

    line = error[error.index("sets: [") : error.rindex("]") + 1]
    write("w.scenario.yaml", f"{line}\n")
    assert simulated(almaflow, write, steps).code == 0
