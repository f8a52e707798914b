"""What a workflow asks of its inputs, variables and steps before it is simulated."""

from __future__ import annotations

from dataclasses import replace

from almaflow.cli.wanted_demands import demands_of
from almaflow.expressions.demands import ANY, NUMBER, Demand, having
from almaflow.field_types import Condition
from almaflow.steps.check import Check
from almaflow.workflow_loader import load_text

USES_VARS = """\
name: w
inputs: {floor: {type: integer, default: 3}}
vars:
  limit: "{{ inputs.floor }}"
  names: [a, b]
  fixed: 7
steps:
  - id: titles
    find_set: {name: Weekly titles}
  - check: steps.titles.member_count + vars.limit > 5
"""


def test_what_is_asked_of_a_variable_is_asked_of_the_inputs_in_it() -> None:
    found = demands_of(load_text(USES_VARS, "w.yaml"), {})

    assert found.vars.member("limit") == NUMBER
    assert found.inputs == having("floor", NUMBER)
    assert found.steps["titles"].member("member_count") == NUMBER


def test_a_called_workflow_that_is_not_there_asks_for_nothing() -> None:
    steps = "steps: [{id: c, call: {workflow: other.yaml, inputs: {a: '{{ run.id }}'}}}]\n"
    loaded = load_text(f"name: w\n{steps}", "calls.yaml")
    assert loaded.calls == {}

    found = demands_of(loaded, {})

    assert found.called == {}
    assert found.inputs == ANY


def test_a_text_that_is_not_an_expression_asks_for_nothing() -> None:
    loaded = load_text(
        "inputs: {a: {type: integer}}\nsteps: [{check: inputs.a > 1}]\n", "broken.yaml"
    )
    (step,) = loaded.workflow.steps
    assert isinstance(step.kind, Check)
    kind = step.kind.model_copy(update={"that": Condition("inputs.a >")})
    spoilt = step.model_copy(update={"kind": kind})
    workflow = loaded.workflow.model_copy(update={"steps": [spoilt]})

    assert demands_of(replace(loaded, workflow=workflow), {}).inputs == Demand()
