"""What the checker says that steps inside steps give is what the engine gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.harness import Stage

SETS = {
    "sets": [
        {"id": f"5931739072000{number}", "name": name, "content": "ITEM", "members": number}
        for number, name in enumerate(("Empty", "One", "Two"))
    ]
}


@pytest.fixture
def stage(set_stage: Callable[..., Stage]) -> Stage:
    return set_stage(SETS)


def test_results_have_every_step_of_an_iteration_whatever_it_stands_in(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - id: all
            for_each:
              items: [Empty, One, Two]
              steps:
                - {id: set, find_set: {name: "{{ item }}"}}
                - check: {that: steps.set.member_count > 0, otherwise: skip}
                - branch:
                    on: steps.set.member_count
                    cases:
                      1: [{id: single, find_set: {name: "{{ item }}"}}]
                    default:
                      - parallel:
                          left: [{id: many, find_set: {name: "{{ item }}"}}]
                - {id: inner, for_each: {items: [x], as: y, steps: [{id: deep, wait: 1s}]}}
          - if: steps.all.results[1].steps.single.set_id is defined
            id: told
            fail: >-
              {{ steps.all.results | map(attribute='outcome') | join(' ') }};
              {{ steps.all.results | map(attribute='item') | join(' ') }};
              {{ steps.all.results | map(attribute='steps.single.name', default='-') | join(' ') }};
              {{ steps.all.results | map(attribute='steps.many.name', default='-') | join(' ') }};
              {{ steps.all.results | map(attribute='steps.many.outcome') | join(' ') }};
              {{ steps.all.results[2].steps.inner.results[0].steps.deep.outcome }}
        """
    )

    assert played.steps["told"]["error"] == (
        "skipped succeeded succeeded; Empty One Two; - One -; - - Two; "
        "skipped skipped succeeded; succeeded"
    )
    assert "deep" not in played.steps["all"]["results"][1]["steps"]


def test_of_an_iteration_that_has_not_begun_nothing_is_known(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - id: all
            on_failure: continue
            for_each:
              items: [One, Nothing, Two]
              steps: [{id: set, find_set: {name: "{{ item }}"}}]
          - id: told
            fail: >-
              {{ steps.all.results | map(attribute='outcome') | join(' ') }};
              {{ steps.all.results | map(attribute='steps.set.name', default='-') | join(' ') }};
              {{ steps.all.results[2].steps.set.outcome | default('not begun') }}
        """
    )

    assert played.steps["told"]["error"] == "succeeded failed skipped; One - -; not begun"


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ("inputs.any[0]", "`items` needs a list, but `inputs.any[0]` is not a list."),
        (
            "inputs.any * 10001",
            "`inputs.any * 10001` has 10001 items, but `for_each` allows at most 10000. Put "
            "many records into a set and run one job on it.",
        ),
    ],
)
def test_what_only_the_run_knows_to_be_no_list_of_items_fails_the_step(
    stage: Stage, items: str, told: str
) -> None:
    played = stage.run(
        f"""
        inputs: {{any: {{type: list, default: [x]}}}}
        steps: [{{id: all, for_each: {{items: "{items}", steps: [{{wait: 1s}}]}}}}]
        """
    )

    assert played.ended == ("failed", f"Step all: {told}")


CALLED = """
    inputs: {code: {}, count: {type: integer, default: 1}, list: {type: list, default: []}}
    vars: {who: "{{ run.name }}"}
    steps:
      - {id: set, find_set: {name: One}}
      - if: inputs.count > 1
        stop: enough
      - {id: other, find_set: {name: Two}}
    outputs:
      set_id: "{{ steps.set.set_id }}"
      late: "{{ steps.other.name }}"
      given: "{{ inputs.code }}/{{ inputs.count }}/{{ inputs.list | join('+') }}/{{ vars.who }}"
"""


def test_a_called_workflow_gives_the_outputs_that_it_could_work_out(stage: Stage) -> None:
    stage.write("part.yaml", CALLED)

    played = stage.run(
        """
        name: whole
        steps:
          - {id: a, call: {workflow: part, inputs: {code: 0012, list: ["{{ 1 + 1 }}", x]}}}
          - {id: b, call: {workflow: part.yaml, inputs: {code: 1e3, count: 2}}}
          - id: told
            fail: "{{ steps.a.given }} {{ steps.a.late }}; {{ steps.b.given }} {{ steps.b.late }}"
        """
    )

    assert played.steps["told"]["error"] == (
        "0012/1/2+x/whole Two; 1e3/2//whole (steps.b.late: not known)"
    )
    assert {path: ended for path, ended in played.outcomes.items() if "/" in path} == {
        **dict.fromkeys(("a/set", "a/other", "b/set", "b/stop-2"), "succeeded"),
        "a/stop-2": "skipped",
    }


def test_inputs_that_do_not_fit_a_called_workflow_fail_the_call(stage: Stage) -> None:
    stage.write("part.yaml", CALLED)

    played = stage.run(
        "steps: [{call: {workflow: part, inputs: {code: x, count: '{{ run.name }}'}}}]"
    )

    assert played.ended == (
        "failed",
        "Step call-1: part.yaml: The input `count` is `test`, but must be a whole number.",
    )


# --- environments that only the run knows ---------------------------------------------------------

SETTINGS = """
    default_institution: main
    institutions:
      main: {region: eu, api_key: env:KEY}
      test: {region: eu, api_key: env:KEY, environment: sandbox}
"""
REFUSED = (
    "The workflow is for `environment: production`, but institution `test` is a sandbox. "
    "Nothing was sent. Choose another institution, or change `environment`."
)


class TwoEnvironments(Stage):
    """A stage whose institution `test` is a sandbox."""

    def open_connection(self, name: str) -> Any:
        connection = super().open_connection(name)
        connection.environment = "sandbox" if name == "test" else "production"
        return connection


@pytest.fixture
def two(tmp_path: Any) -> Stage:
    return TwoEnvironments(tmp_path, SETS, settings=SETTINGS)


def test_a_step_of_a_workflow_for_production_is_not_sent_to_a_sandbox(two: Stage) -> None:
    played = two.run(
        """
        environment: production
        inputs: {where: {default: test}}
        steps:
          - {find_set: {name: One}, institution: "{{ inputs.where }}"}
        """
    )

    assert played.ended == ("failed", f"Step find_set-1: {REFUSED}")
    assert played.requests == []


def test_a_called_workflow_for_production_is_not_run_at_a_sandbox(two: Stage) -> None:
    two.write("part.yaml", "environment: production\nsteps: [{find_set: {name: One}}]\n")

    played = two.run(
        """
        inputs: {where: {default: test}}
        steps:
          - {call: part, institution: "{{ inputs.where }}"}
        """
    )

    assert played.ended == ("failed", f"Step call-1: {REFUSED}")
    assert played.requests == []
