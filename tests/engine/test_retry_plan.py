"""What a retried run does again, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from almaflow.errors import RequestWrong
from almaflow.outcome import Outcome, worst
from almaflow.runs.retry_plan import RetryPlan, plan_retry
from almaflow.runs.step_tree import CalledWorkflow, StepTree
from almaflow.steps.base import Block, StepBase
from almaflow.store import EntryState, JournalEntry
from almaflow.workflow import Workflow
from tests.harness import START
from tests.journals import entry, sent, step, step_tree

JOB = "submit_job: {job: M48}"


def found(
    text: str | StepTree, *entries: Iterable[JournalEntry], start: str | None = None
) -> RetryPlan:
    made = step_tree(text) if isinstance(text, str) else text
    return plan_retry(made, [one for group in entries for one in group], start)


def redone(*arguments: Any, **options: Any) -> dict[str, int]:
    return dict(found(*arguments, **options).redo)


THREE = """
steps:
  - {id: a, wait: 1m}
  - {id: b, wait: 1m}
  - {id: c, wait: 1m}
finally:
  - {id: f, wait: 1m}
"""


def test_what_failed_is_done_again_and_what_succeeded_is_kept() -> None:
    assert redone(THREE, step("a"), step("b", "failed")) == {"b": 1}


@pytest.mark.parametrize("ended", ["failed", "timed_out", "cancelled", "unknown", ""])
def test_every_bad_end_and_none_at_all_is_done_again(ended: str) -> None:
    assert redone(THREE, step("a", ended)) == {"a": 1}


@pytest.mark.parametrize("ended", ["succeeded", "warning", "skipped"])
def test_every_good_end_is_kept(ended: str) -> None:
    assert redone(THREE, step("a", ended)) == {}


def test_the_last_attempt_is_the_one_that_counts() -> None:
    attempts = [*step("a", "failed"), *step("a", "failed", attempt=2), *step("a", attempt=3)]

    assert redone(THREE, attempts, step("b", "failed", attempt=4)) == {"b": 4}
    assert redone(THREE, attempts[::-1], step("b", attempt=2)) == {}
    assert redone(THREE, step("a"), step("a", "", attempt=2)) == {"a": 2}


def test_what_stands_in_finally_is_always_done_again() -> None:
    run_level = [entry("finally", 1, "begin", {"deadline": START.isoformat()})]
    ended = [entry("", 1, "body", {})]

    assert redone(THREE, step("a", "failed"), ended, run_level, step("finally/f")) == {
        "a": 1,
        "finally/f": 1,
    }


def test_what_was_skipped_by_its_if_after_the_first_failure_is_asked_again() -> None:
    text = """
    steps:
      - {id: a, if: "1 > 2", wait: 1m}
      - {id: b, wait: 1m, on_failure: continue}
      - {id: c, if: steps.b.outcome == 'succeeded', wait: 1m}
      - {id: d, fail: oops}
    """
    journal = [step("a", "if"), step("b", "failed"), step("c", "if"), step("d", "failed")]

    assert redone(text, *journal) == {"b": 1, "c": 1, "d": 1}


ALL = """
steps:
  - {id: before, wait: 1m}
  - id: both
    parallel:
      left:
        - {id: x, wait: 1m}
        - id: pick
          branch:
            on: inputs.n
            cases:
              1: [{id: one, wait: 1m}]
              2: [{id: two, wait: 1m}]
            default: [{wait: 1m}]
        - {id: y, wait: 1m}
      right:
        - {id: z, wait: 1m}
  - id: all
    for_each:
      items: [1, 2, 3]
      steps:
        - {id: i, wait: 1m}
        - {id: j, wait: 1m}
  - {id: after, wait: 1m}
inputs: {n: {default: 1}}
"""


def test_the_steps_around_a_failed_one_are_entered_again() -> None:
    journal = [
        step("before"),
        step("both", "failed"),
        step("both/left/x"),
        step("both/left/pick", "failed"),
        step("both/left/pick/case-1/one", "failed"),
        step("both/right/z"),
    ]

    assert redone(ALL, *journal) == {
        "both": 1,
        "both/left/pick": 1,
        "both/left/pick/case-1/one": 1,
    }


def test_a_skipped_step_in_one_that_is_kept_stays_skipped() -> None:
    text = """
    steps:
      - {id: a, wait: 1m, on_failure: continue}
      - parallel:
          left: [{id: b, if: "1 > 2", wait: 1m}]
      - {fail: oops}
    """
    journal = [
        *step("a", "failed"),
        *step("parallel-2"),
        *step("parallel-2/left/b", "if"),
        *step("fail-3", "failed"),
    ]

    assert redone(text, journal) == {"a": 1, "fail-3": 1}


def test_trouble_begins_where_a_step_failed_not_at_the_one_around_it() -> None:
    text = """
    steps:
      - parallel:
          left: [{id: a, if: "1 > 2", wait: 1m}, {id: b, wait: 1m}, {id: c, if: "1 > 2", wait: 1m}]
    """
    journal = [
        *step("parallel-1", "failed"),
        *step("parallel-1/left/a", "if"),
        *step("parallel-1/left/b", "failed"),
        *step("parallel-1/left/c", "if"),
    ]

    assert list(redone(text, journal)) == [
        "parallel-1",
        "parallel-1/left/b",
        "parallel-1/left/c",
    ]


def test_a_list_that_was_halted_is_entered_again() -> None:
    journal = [*step("both", halted=True), *step("both/left/x"), *step("all", "failed")]

    assert redone(ALL, journal) == {"both": 1, "all": 1}


def test_iterations_that_ended_well_are_kept() -> None:
    journal = [
        *step("all", "failed"),
        *step("all/1/i"),
        *step("all/1/j"),
        *step("all/2/i"),
        *step("all/2/j", "failed"),
        *step("all/10/i", "failed"),
    ]

    assert list(redone(ALL, journal)) == ["all", "all/2/j", "all/10/i"]


CALLS = "steps: [{id: sub, call: other}, {id: last, wait: 1m}]"
OTHER = "steps: [{id: a, wait: 1m}, {id: b, wait: 1m}]\nfinally: [{id: f, wait: 1m}]"


def test_a_called_workflow_is_entered_again_with_its_finally() -> None:
    made = step_tree(CALLS, other=OTHER)
    journal = [*step("sub", "failed"), *step("sub/a"), *step("sub/b", "failed"),
               *step("sub/finally/f")]  # fmt: skip

    assert redone(made, journal) == {"sub": 1, "sub/b": 1, "sub/finally/f": 1}


def test_a_called_workflow_that_ended_well_is_kept_with_its_finally() -> None:
    made = step_tree(CALLS, other=OTHER)
    journal = [*step("sub"), *step("sub/a"), *step("sub/finally/f"), *step("last", "failed")]

    assert redone(made, journal) == {"last": 1}


def test_what_an_earlier_retry_never_came_to_is_still_to_be_done() -> None:
    asked = entry("", 2, "retry", {"from": "a", "redo": {"a": 1, "b": 1}, "by": "anna"})
    journal = [*step("a"), *step("b"), asked, *step("a", "failed", attempt=2)]

    assert redone(THREE, journal) == {"a": 2, "b": 1}
    assert redone(THREE, [*journal, *step("b", attempt=2)]) == {"a": 2}


# --- from a step on -------------------------------------------------------------------------------


def test_from_a_step_all_after_it_is_done_again() -> None:
    journal = [step("a"), step("b"), step("c", attempt=3), step("finally/f")]

    assert redone(THREE, *journal, start="b") == {"b": 1, "c": 3, "finally/f": 1}
    assert redone(THREE, *journal, start="finally/f") == {"finally/f": 1}


PLAYED = [
    *step("before"),
    *step("both"),
    *step("both/left/x"),
    *step("both/left/pick"),
    *step("both/left/pick/case-1/one"),
    *step("both/left/y"),
    *step("both/right/z"),
    *step("all"),
    *[one for n in (1, 2, 3) for name in "ij" for one in step(f"all/{n}/{name}")],
    *step("after"),
]


@pytest.mark.parametrize(
    ("start", "kept"),
    [
        ("before", []),
        ("both", ["before"]),
        ("both/left/pick", ["before", "both/left/x", "both/right/z"]),
        ("one", ["before", "both/left/x", "both/right/z"]),
        (
            "z",
            [
                "before",
                "both/left/x",
                "both/left/pick",
                "both/left/pick/case-1/one",
                "both/left/y",
            ],
        ),
        ("all/2/j", ["before", "both", "both/left/x", "both/left/pick", "both/left/pick/case-1/one",
                     "both/left/y", "both/right/z", "all/1/i", "all/1/j", "all/2/i", "all/3/i",
                     "all/3/j"]),
        ("j", ["before", "both", "both/left/x", "both/left/pick", "both/left/pick/case-1/one",
               "both/left/y", "both/right/z", "all/1/i", "all/2/i", "all/3/i"]),
    ],
)  # fmt: skip
def test_from_a_step_inside_another_the_rest_of_every_list_around_it_follows(
    start: str, kept: list[str]
) -> None:
    all_paths = [one.path for one in PLAYED if one.effect == "begin"]

    assert list(redone(ALL, PLAYED, start=start)) == [
        path for path in all_paths if path not in kept
    ]


def test_a_failure_that_is_kept_would_end_the_run_again() -> None:
    with pytest.raises(RequestWrong) as told:
        redone(THREE, step("a"), step("b", "failed"), start="c")

    assert str(told.value) == (
        "Step b ended as failed and is not repeated from step c on, so the run would end there "
        "again. Start with `--from b`, or omit `--from`."
    )
    with pytest.raises(RequestWrong, match=r"^Step b has not ended and is not repeated"):
        redone(THREE, step("a"), step("b", ""), start="c")


def test_a_failure_that_was_passed_over_is_kept_from_a_later_step_on() -> None:
    text = """
    steps:
      - {id: a, fail: oops, on_failure: continue}
      - {id: b, parallel: {left: [{fail: oops, on_failure: continue}]}}
      - {id: c, wait: 1m}
    """
    journal = [step("a", "failed"), step("b", "warning"), step("b/left/fail-1", "failed"),
               step("c", "failed")]  # fmt: skip

    assert redone(text, *journal, start="c") == {"c": 1}


def test_a_finally_can_be_done_again_alone_after_a_failure() -> None:
    journal = [step("a", "failed"), step("finally/f", "failed")]

    assert redone(THREE, *journal, start="finally/f") == {"finally/f": 1}


# --- what would be submitted again ----------------------------------------------------------------

JOBS = f"steps: [{{id: a, {JOB}}}, {{id: b, {JOB}}}, {{id: c, {JOB}}}]"


def test_jobs_that_ran_before_are_named_with_how_they_ended() -> None:
    named = entry("a", 1, "job", {"id": "M48", "name": "Export"})
    journal = [
        *step("a", "failed", facts={"status": "COMPLETED_FAILED"}),
        named,
        sent("a", EntryState.DONE),
        *step("b"),
        sent("b", EntryState.DONE),
    ]

    (one,) = found(JOBS, journal).submitted
    assert (one.step, one.job_id, one.job_name, one.institution) == ("a", "M48", "Export", "main")
    assert (one.instance_id, one.set_id, one.sent_at) == ("4711", "59", START)
    assert (one.status, one.outcome) == ("COMPLETED_FAILED", Outcome.FAILED)


@pytest.mark.parametrize("state", [EntryState.LOST, EntryState.INTENT])
def test_a_submission_of_which_nobody_knows_is_named_without_an_instance(state: EntryState) -> None:
    (one,) = found(JOBS, step("a", ""), [sent("a", state)]).submitted

    assert (one.instance_id, one.job_name, one.status, one.outcome) == (None, "", "", None)


@pytest.mark.parametrize("state", [EntryState.REFUSED, EntryState.UNTAKEN])
def test_what_alma_did_not_take_is_not_submitted_again(state: EntryState) -> None:
    assert found(JOBS, step("a", "failed"), [sent("a", state)]).submitted == ()


def test_the_newest_attempt_that_submitted_is_the_one_that_is_named() -> None:
    journal = [
        *step("a", "failed"),
        sent("a", EntryState.DONE, result="1"),
        *step("a", "failed", attempt=2),
        sent("a", EntryState.UNTAKEN, attempt=2),
        sent("a", EntryState.DONE, attempt=2, effect="resubmit", result="2"),
        *step("a", "failed", attempt=3),
    ]

    assert [one.instance_id for one in found(JOBS, journal).submitted] == ["2"]


# --- whatever the workflow ------------------------------------------------------------------------


@dataclass
class Play:
    """Plays a tree of steps as the engine does, with ends that are given, and keeps the journal."""

    ends: Mapping[str, str]
    redo: Mapping[str, int] = field(default_factory=dict)
    kept: Sequence[JournalEntry] = ()
    journal: list[JournalEntry] = field(default_factory=list)

    def steps(self, steps: Sequence[StepBase], prefix: str) -> Outcome:
        so_far = Outcome.SUCCEEDED
        for number, one in enumerate(steps, start=1):
            path = prefix + one.label(number)
            outcome = self.step(one, path)
            if not outcome.is_good and one.on_failure != "continue":
                return outcome
            if outcome not in (Outcome.SUCCEEDED, Outcome.SKIPPED):
                so_far = Outcome.WARNING
        return so_far

    def step(self, one: StepBase, path: str) -> Outcome:
        ends = [it for it in self.kept if (it.path, it.effect) == (path, "end")]
        if ends and path not in self.redo:
            return Outcome(ends[-1].value["outcome"])
        attempt = self.redo.get(path, 0) + 1
        blocks = list(_blocks(one))
        if one.if_ is not None and path not in self.redo:
            outcome = "if"
        elif blocks:
            ended = [self.steps(block.steps, f"{path}/{block.name}/") for block in blocks]
            bad = [it for it in ended if not it.is_good]
            outcome = str((bad or [worst(ended)])[0])
        else:
            outcome = self.ends.get(path, "succeeded")
        self.journal += step(path, outcome, attempt=attempt)
        return Outcome.SKIPPED if outcome == "if" else Outcome(outcome)


def _blocks(one: StepBase) -> Iterator[Block]:
    for block in one.kind.blocks():
        if block.name == "*":
            yield from (Block(number, block.steps, block.keys) for number in ("1", "2", "3"))
        else:
            yield block


@st.composite
def trees(draw: Callable[..., Any], depth: int = 2) -> list[dict[str, Any]]:
    steps = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["wait", "parallel", "for_each"] if depth else ["wait"]))
        one: dict[str, Any] = {"wait": "1m"}
        if kind == "parallel":
            one = {"parallel": {"l": draw(trees(depth - 1)), "r": draw(trees(depth - 1))}}
        elif kind == "for_each":
            one = {"for_each": {"items": ["1", "2", "3"], "steps": draw(trees(depth - 1))}}
        if draw(st.booleans()):
            one["on_failure"] = "continue"
        if kind == "wait" and draw(st.booleans()):
            one["if"] = "1 > 2"
        steps.append(one)
    return steps


@settings(deadline=None)
@given(tree=trees(), data=st.data())
def test_a_retried_run_ends_well_and_does_again_nothing_that_it_need_not(
    tree: list[dict[str, Any]], data: st.DataObject
) -> None:
    made = Workflow.model_validate({"steps": tree})
    leaves = [place.path for place in StepTree(CalledWorkflow(made)).of_iterations(
        f"{place.path.replace('*', number)}" for place in StepTree(CalledWorkflow(made)).places()
        for number in "123") if not any(place.step.kind.blocks())]  # fmt: skip
    ends = data.draw(st.dictionaries(st.sampled_from(leaves), st.sampled_from(["failed"])))
    first = Play(ends)
    outcome = first.steps(made.steps, "")

    redo = plan_retry(StepTree(CalledWorkflow(made)), first.journal).redo
    second = Play({}, redo, first.journal)

    assert second.steps(made.steps, "") is Outcome.SUCCEEDED
    begun = {one.path: one for one in first.journal if one.effect == "end"}
    assert redo.keys() <= begun.keys()
    if outcome is Outcome.SUCCEEDED:
        assert redo == {}
    for path in redo:
        failed = not Outcome(begun[path].value["outcome"]).is_good
        holds = any(other.startswith(f"{path}/") for other in redo)
        skipped = begun[path].value["outcome"] == "skipped"
        assert failed or holds or skipped
    third = [*first.journal, *second.journal]
    assert plan_retry(StepTree(CalledWorkflow(made)), third).redo == {}
