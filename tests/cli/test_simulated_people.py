"""Answers to `approve` in a simulation: the scenario's, else yes."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Almaflow, Typed, Write

WORKFLOW = """\
name: weed
steps:
  - {id: sign, approve: Delete?}
  - for_each:
      items: [a, b]
      steps: [{id: each, approve: "{{ item }}?", on_failure: continue}]
  - notify: "{{ steps.sign.by }} {{ steps.sign.comment }}"
"""


def simulated(almaflow: Almaflow, write: Write, approvals: str) -> Typed:
    write("w.yaml", WORKFLOW)
    write("w.scenario.yaml", f"approvals: {approvals}\n")
    return almaflow("run", "w.yaml", "--simulate", "--json")


def outcomes(typed: Typed) -> dict[str, str]:
    return {step["path"]: step["outcome"] for step in typed.json["steps"]}


def test_where_the_scenario_says_nothing_the_answer_is_yes(
    almaflow: Almaflow, write: Write
) -> None:
    typed = simulated(almaflow, write, "{}")

    assert typed.code == 0
    assert typed.json["messages"][-1]["text"] == "simulator "
    assert set(outcomes(typed).values()) == {"succeeded"}


@pytest.mark.parametrize("name", ["sign", "for_each-2/2/each", "for_each-2/*/each", "each"])
def test_a_step_is_answered_by_its_path_or_its_id(
    almaflow: Almaflow, write: Write, name: str
) -> None:
    typed = simulated(almaflow, write, f"{{'{name}': no}}")

    failed = {path for path, outcome in outcomes(typed).items() if outcome == "failed"}
    assert (
        failed
        == {
            "sign": {"sign"},
            "for_each-2/2/each": {"for_each-2/2/each"},
            "for_each-2/*/each": {"for_each-2/1/each", "for_each-2/2/each"},
            "each": {"for_each-2/1/each", "for_each-2/2/each"},
        }[name]
    )


def test_an_answer_says_who_gave_it_with_which_words_and_when(
    almaflow: Almaflow, write: Write
) -> None:
    typed = simulated(almaflow, write, "{sign: {answer: yes, by: anna, comment: fine, after: 2h}}")

    sign = typed.json["steps"][0]
    assert sign["outputs"] == {"by": "anna", "comment": "fine"}
    assert sign["seconds"] == 7200


def test_an_answer_to_a_step_that_asks_nothing_is_a_mistake(
    almaflow: Almaflow, write: Write
) -> None:
    near = simulated(almaflow, write, "{sing: no}")
    other = simulated(almaflow, write, "{for_each-2: no}")

    told = "the scenario answers `sing`, but the workflow has no `approve` step of that name"
    assert (near.code, other.code) == (2, 2)
    assert near.json["error"]["message"].endswith(f"w.scenario.yaml: {told}; did you mean `sign`?")
    assert "`for_each-2`, but the workflow has no `approve` step" in other.json["error"]["message"]
