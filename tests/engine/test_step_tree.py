"""The steps of a plan by their paths: called workflows, iterations, names that people give."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from almaflow.errors import RequestWrong
from almaflow.runs.step_tree import StepTree
from almaflow.steps.call import Call
from tests.harness import Stage
from tests.journals import step_tree

SUB = """\
steps:
  - for_each:
      items: [1, 2]
      steps: [{id: job, submit_job: {job: M48}}]
  - call: ../deep
finally: [{notify: done}]
"""
TOP = """\
steps:
  - {id: sub, call: parts/sub}
  - for_each:
      items: [1, 2]
      steps: [{id: again, call: parts/sub}]
  - {notify: done}
"""
INSIDE = ["for_each-1", "for_each-1/*/job", "call-2", "call-2/notify-1", "finally/notify-1"]


@pytest.fixture
def calls(tmp_path: Path) -> StepTree:
    """A workflow that calls another one, which calls a third one."""
    stage = Stage(tmp_path)
    stage.write("parts/sub.yaml", SUB)
    stage.write("deep.yaml", "steps: [{notify: deep}]")
    return StepTree.of(stage.plan(TOP))


def test_the_steps_of_a_run_are_those_of_the_workflows_it_calls_too(calls: StepTree) -> None:
    places = list(calls.places())

    assert [one.path for one in places] == [
        "sub",
        *(f"sub/{path}" for path in INSIDE),
        "for_each-2",
        "for_each-2/*/again",
        *(f"for_each-2/*/again/{path}" for path in INSIDE),
        "notify-3",
    ]
    assert [one.order for one in places] == sorted(one.order for one in places)


MANY_KINDS = """\
steps:
  - {id: sub, call: parts/sub, name: The others}
  - branch:
      on: run.name
      cases:
        test: [{id: deep, parallel: {left: [{wait: 1m}], right: [{stop: enough}]}}]
      default: [{check: "1 < 2", on_failure: continue}]
finally: [{call: parts/sub}]
"""


@pytest.mark.parametrize("text", [TOP, MANY_KINDS])
def test_the_recorded_outline_has_the_steps_of_the_text(tmp_path: Path, text: str) -> None:
    stage = Stage(tmp_path)
    stage.write("parts/sub.yaml", SUB)
    stage.write("deep.yaml", "steps: [{notify: deep}]")
    plan = stage.plan(text)
    definition = json.loads(json.dumps(plan.definition))
    begun = ["sub/for_each-1/2/job", "for_each-2/10/again/call-2"]

    def seen(tree: StepTree) -> list[tuple[object, ...]]:
        return [
            (
                *(one.path, one.order, one.in_finally, one.calls),
                [around.path for around in one.around],
                *(one.step.kind.key, one.step.id, one.step.name, one.step.on_failure),
            )
            for one in tree.of_iterations(begun)
        ]

    recorded = seen(StepTree.of_recorded(definition))

    assert recorded == seen(StepTree.of(plan))
    assert len(recorded) > 10
    assert recorded == seen(StepTree.of_recorded(without_outline(definition)))


def without_outline(definition: dict[str, Any]) -> dict[str, Any]:
    """Return the definition as earlier versions recorded it."""
    calls = {name: without_outline(one) for name, one in definition["calls"].items()}
    return {key: value for key, value in definition.items() if key != "outline"} | {"calls": calls}


def test_iterations_that_have_begun_are_placed_in_their_order(calls: StepTree) -> None:
    places = calls.of_iterations(
        ["sub", "sub/for_each-1/1/job", "for_each-2/10/again", "for_each-2/9/again/call-2", "x/1"]
    )

    paths = [one.path for one in places]
    assert [path for path in paths if "again/" not in path] == [
        "sub",
        "sub/for_each-1",
        "sub/for_each-1/1/job",
        "sub/call-2",
        "sub/call-2/notify-1",
        "sub/finally/notify-1",
        "for_each-2",
        "for_each-2/9/again",
        "for_each-2/10/again",
        "notify-3",
    ]
    assert "for_each-2/9/again/for_each-1/*/job" in paths, "nothing has begun in it"


def test_a_path_of_the_journal_is_found_with_what_stands_around_it(calls: StepTree) -> None:
    place = calls.place("for_each-2/9/again/finally/notify-1")

    assert place is not None
    assert (place.in_finally, place.calls) == (True, 1)
    assert [one.path for one in place.around] == ["for_each-2", "for_each-2/9/again"]
    assert isinstance(place.around[-1].step.kind, Call)
    for path in ("", "finally", "sub/other", "for_each-2/x/again", "notify-3/1"):
        assert calls.place(path) is None


def test_people_name_a_step_by_its_path_or_its_id(calls: StepTree) -> None:
    assert calls.named("sub").path == "sub"
    assert calls.named("again").path == "for_each-2/*/again"
    assert calls.named("for_each-2/3/again/call-2").path == "for_each-2/3/again/call-2"


def test_an_id_that_only_called_workflows_have_must_be_a_path(calls: StepTree) -> None:
    with pytest.raises(RequestWrong) as told:
        calls.named("job")

    assert str(told.value) == (
        "Several steps have the id `job`: `sub/for_each-1/*/job`, "
        "`for_each-2/*/again/for_each-1/*/job`. Specify a whole path."
    )
    made = step_tree("steps: [{id: x, call: other}, {id: a, wait: 1m}]",
                   other="steps: [{id: a, wait: 1m}]")  # fmt: skip
    assert made.named("a").path == "a", "the file's own comes first"


def test_a_step_that_does_not_exist_is_told_with_its_neighbour() -> None:
    text = "steps: [{id: a, wait: 1m}, {id: bee, wait: 1m}]\nfinally: [{notify: x}]"

    with pytest.raises(RequestWrong) as told:
        step_tree(text).named("finaly/notify-1")

    assert str(told.value) == (
        "There is no step `finaly/notify-1`; did you mean `finally/notify-1`? The steps are `a`, "
        "`bee`, `finally/notify-1`."
    )


def test_of_very_many_steps_not_all_are_listed() -> None:
    text = "steps:\n" + "".join(f"  - {{id: s{number}, wait: 1m}}\n" for number in range(40))

    with pytest.raises(RequestWrong, match=r"There is no step `x`\. The .*, `s29`, …\.$"):
        step_tree(text).named("x")


def test_a_step_tells_the_file_and_the_line_where_it_stands(calls: StepTree) -> None:
    lines = {one.path: one.line.rsplit("/", 1)[-1] for one in calls.places()}

    assert lines["sub"] == "test.yaml:2"
    assert lines["for_each-2/*/again"] == "test.yaml:5"
    assert lines["sub/for_each-1/*/job"] == "sub.yaml:4"
    assert lines["sub/finally/notify-1"] == "sub.yaml:6"
    assert lines["sub/call-2/notify-1"] == "deep.yaml:1"
    assert next(step_tree("steps: [{wait: 1m}]").places()).line == ""
