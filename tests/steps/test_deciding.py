"""The kinds that decide how a run goes on: `branch`, `check`, `fail`, `stop`, and `notify`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from almaflow.errors import DocumentsInvalid
from almaflow.runs.events import EventKind
from tests.harness import Stage

BRANCH = """
inputs: {way: {type: string}}
steps:
  - branch:
      on: inputs.way
      cases:
        left:
          - {id: l, stop: }
        right | straight on:
          - {id: r, notify: "going {{ inputs.way }}"}
        nothing: []
      DEFAULT
  - {id: after, notify: done}
"""


@pytest.mark.parametrize(
    ("way", "ran"),
    [
        ("left", ["branch-1/case-1/l"]),
        ("right", ["branch-1/case-2/r", "after"]),
        ("straight on", ["branch-1/case-2/r", "after"]),
        ("nothing", ["after"]),
        ("elsewhere", ["branch-1/default/d", "after"]),
        ("Left", ["branch-1/default/d", "after"]),
    ],
)
def test_a_branch_goes_the_way_that_its_value_names(stage: Stage, way: str, ran: list[str]) -> None:
    workflow = BRANCH.replace("DEFAULT", "default: [{id: d, notify: elsewhere}]")

    played = stage.run(workflow, way=way)

    assert played.outcome == "succeeded"
    assert [path for path in played.outcomes if path != "branch-1"] == ran


def test_a_value_without_case_and_default_fails_and_is_named(stage: Stage) -> None:
    played = stage.run(BRANCH.replace("DEFAULT", ""), way="back")

    assert played.ended == (
        "failed",
        "Step branch-1: `inputs.way` is `back`, but there is no case for it and no `default`. "
        "The cases are `left`, `right`, `straight on`, `nothing`.",
    )


def test_a_branch_says_where_it_goes(stage: Stage) -> None:
    played = stage.run(BRANCH.replace("DEFAULT", ""), way="right")

    assert played.said() == ["`inputs.way` is `right`: case-2."]


def test_branches_nest_and_a_failure_is_that_of_the_innermost_step(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - branch:
              on: "'a'"
              cases:
                a:
                  - branch:
                      on: 1 + 1
                      cases:
                        2: [{fail: "no way"}]
        """
    )

    inner = "branch-1/case-1/branch-1/case-1/fail-1"
    assert played.ended == ("failed", f"Step {inner}: no way")
    assert played.outcomes == {
        inner: "failed",
        "branch-1/case-1/branch-1": "failed",
        "branch-1": "failed",
    }


def test_a_value_that_is_no_text_fails_the_branch(stage: Stage) -> None:
    played = stage.run(
        "{inputs: {way: {type: list}}, steps: [{branch: {on: inputs.way, cases: {}}}]}", way=["a"]
    )

    assert played.outcome == "failed"
    assert played.record.error.startswith("Step branch-1: ")


def test_a_branch_with_a_warning_in_it_is_a_warning(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - branch:
              on: "'a'"
              cases:
                a: [{fail: no, on_failure: continue}, {notify: on}]
        """
    )

    assert played.ended == ("warning", "")
    assert played.outcomes["branch-1"] == "warning"


def test_a_stop_does_not_hide_a_warning(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - branch:
              on: "'a'"
              cases:
                a: [{fail: no, on_failure: continue}, {stop: }]
          - fail: not reached
        """
    )

    assert played.ended == ("warning", "")


# --- check ----------------------------------------------------------------------------------------


def test_a_check_that_holds_goes_on(stage: Stage) -> None:
    played = stage.run("steps: [{check: 1 < 2}, {check: {that: \"{{ 'a' == 'a' }}\"}}]")

    assert played.ended == ("succeeded", "")


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("2 < 1", "`2 < 1` is false"),
        ("{that: 2 < 1, message: \"{{ 1 + 1 }} is too many\"}", "2 is too many"),
        ("{that: 2 < 1, otherwise: fail}", "`2 < 1` is false"),
    ],
)  # fmt: skip
def test_a_check_that_does_not_hold_fails(stage: Stage, keys: str, told: str) -> None:
    played = stage.run(f"steps: [{{check: {keys}}}, {{fail: not reached}}]")

    assert played.ended == ("failed", f"Step check-1: {told}")


def test_a_check_may_end_the_run_as_skipped(stage: Stage) -> None:
    played = stage.run(
        'steps: [{check: {that: 2 < 1, otherwise: skip, message: "nothing to do"}}, {fail: x}]'
    )

    assert played.ended == ("skipped", "nothing to do")
    assert played.outcomes == {"check-1": "skipped"}


def test_a_skip_in_an_arm_ends_the_run_too(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - branch: {on: "'a'", cases: {a: [{check: {that: 2 < 1, otherwise: skip}}]}}
          - fail: not reached
        """
    )

    assert played.ended == ("skipped", "`2 < 1` is false")


def test_a_skip_after_an_allowed_failure_is_a_warning(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - {fail: no, on_failure: continue}
          - check: {that: 2 < 1, otherwise: skip}
        """
    )

    assert played.outcome == "warning"


def test_a_condition_that_is_neither_true_nor_false_fails(stage: Stage) -> None:
    played = stage.run(
        "{inputs: {n: {type: list}}, steps: [{check: {that: 'inputs.n[0]', otherwise: skip}}]}",
        n=["yes"],
    )

    assert played.outcome == "failed"
    assert played.record.error.startswith("Step check-1: ")


# --- fail, stop, notify ---------------------------------------------------------------------------


def test_fail_ends_the_run_with_a_message_that_never_fails(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - {id: x, if: 1 > 2, find_set: {name: a}}
          - fail: "{{ steps.x.outcome }}: {{ steps.x.set_id | default('no set') }}"
        """
    )

    assert played.ended == ("failed", "Step fail-2: skipped: no set")


def test_what_a_message_does_not_know_is_shown_as_such(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - {id: x, if: 1 > 2, find_set: {name: a}}
          - fail: "{{ steps.x.set_id if steps.x.outcome == 'skipped' else 1 }}!"
        """
    )

    assert played.record.error == (
        "Step fail-2: (steps.x.set_id if steps.x.outcome == 'skipped' else 1: not known)!"
    )


def test_stop_ends_the_run_well(stage: Stage) -> None:
    played = stage.run('steps: [{stop: "nothing {{ 1 + 1 }} do"}, {fail: not reached}]')

    assert played.ended == ("succeeded", "")
    assert played.said() == ["nothing 2 do"]
    assert played.outcomes == {"stop-1": "succeeded"}


def test_a_notice_is_told_to_its_channel(stage: Stage) -> None:
    played = stage.run(
        'steps: [{notify: {to: catalogers, message: "{{ run.name }} is here"}}, {notify: hello}]'
    )

    notices = [event for event in played.log if event.kind == EventKind.NOTICE]
    assert [(one.path, one.text, one.data) for one in notices] == [
        ("notify-1", "test is here", {"to": "catalogers"}),
        ("notify-2", "hello", {"to": "log"}),
    ]


def test_a_notice_that_is_not_delivered_is_a_warning(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def undelivered(*_: Any) -> str:
        return "The channel `log` is deaf."

    monkeypatch.setattr("almaflow.engine.step_context.AttemptContext.notify", undelivered)

    played = stage.run("steps: [{notify: hello}]")

    assert played.ended == ("warning", "")
    assert played.steps["notify-1"]["error"] == "The channel `log` is deaf."


def test_the_steps_of_a_branch_are_tried_again_each_by_itself(
    set_stage: Callable[..., Stage],
) -> None:
    workflow = """
    steps:
      - branch: {on: "'a'", cases: {a: []}}
        retry: {attempts: 2}
    """

    with pytest.raises(DocumentsInvalid) as caught:
        set_stage().run(workflow)

    (problem,) = caught.value.problems
    assert problem.message == (
        "Put `retry` on the inner steps; each of them is retried separately."
    )
    assert (problem.location.line, problem.location.column) == (4, 5)
