"""A run that is retried: what it did well is kept, the rest is done anew, nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.outcome import Status
from almaflow.plan import recorded_plan
from almaflow.runs.events import EventKind
from almaflow.runs.retry_plan import plan_retry
from almaflow.runs.step_tree import StepTree
from almaflow.store import EntryState
from tests import harness
from tests.harness import Boundary, Played, Stage, after, cancel

SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
JOB = "submit_job: {job: M901, set: '59317390720001276'}"
OTHER = JOB.replace("M901", "M902")


def library(*outcomes: str, **more: Any) -> dict[str, Any]:
    """Return a library in which the runs of M902 end as told, in turn."""
    rules = [{"job": "M902", "duration": "5m", "outcomes": list(outcomes or ["COMPLETED_SUCCESS"])}]
    alma = {"wrong_content": "ignore"}
    return {"sets": [SET], "jobs": [*rules, {"job": "*", "duration": "5m"}], "alma": alma, **more}


def retry(stage: Stage, start: str | None = None, **resume: Any) -> Played:
    """Do what `almaflow retry` does with the newest run, and work on it."""
    reopen(stage, start)
    return stage.resume(**resume)


def reopen(stage: Stage, start: str | None = None) -> None:
    with stage.using_store() as store:
        record = store.find_run("last")
        step_tree = StepTree.of(recorded_plan(record, store.definition(record.definition)))
        chosen = plan_retry(step_tree, store.journal(record.id), start)
        store.reopen_run(
            record.id,
            attempt=record.attempt + 1,
            value={"from": start, "redo": dict(chosen.redo), "by": "anna"},
        )


def attempts(played: Played) -> dict[str, int]:
    """Return how many attempts each step that ended has had in all."""
    return {path: facts["attempts"] for path, facts in played.steps.items()}


def submitted(stage: Stage) -> list[str]:
    return [one.job_id for one in stage.submissions]


THREE = f"""
steps:
  - {{id: a, {JOB}}}
  - {{id: b, {OTHER}}}
  - {{id: c, check: steps.a.status == 'COMPLETED_SUCCESS' and run.attempt == 2}}
finally: [{{id: f, wait: 1m}}]
outputs: {{a: "{{{{ steps.a.instance_id }}}}"}}
"""


def test_what_ended_well_is_kept_and_the_rest_is_done_anew(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library("FAILED", "COMPLETED_SUCCESS"))
    failed = stage.run(THREE)
    assert failed.outcome == "failed"

    played = retry(stage)

    assert played.ended == ("succeeded", "")
    assert played.record.attempt == 2
    assert attempts(played) == {"a": 1, "b": 2, "c": 1, "finally/f": 2}
    assert submitted(stage) == ["M901", "M902", "M902"]
    names = [dict(one.parameters)["job_name"] for one in stage.submissions]
    assert len(set(names)) == 3
    assert played.record.outputs == {"a": played.steps["a"]["instance_id"]}


def test_a_retry_that_fails_too_may_be_retried(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library("FAILED", "SYSTEM_ABORTED", "COMPLETED_SUCCESS"))
    stage.run(THREE.replace("run.attempt == 2", "run.attempt == 3"))

    assert retry(stage).outcome == "failed"
    played = retry(stage)

    assert played.ended == ("succeeded", "")
    assert attempts(played) == {"a": 1, "b": 3, "c": 1, "finally/f": 3}


def test_from_a_step_on_all_is_done_anew(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library())
    assert stage.run(THREE.replace(" and run.attempt == 2", "")).outcome == "succeeded"

    played = retry(stage, "b")

    assert played.ended == ("succeeded", "")
    assert attempts(played) == {"a": 1, "b": 2, "c": 2, "finally/f": 2}
    assert submitted(stage) == ["M901", "M902", "M902"]


def test_automatic_attempts_begin_anew_with_a_retry(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library("SYSTEM_ABORTED"))
    step = f"{{id: b, {OTHER}, retry: {{attempts: 2, delay: 1m, on: [SYSTEM_ABORTED]}}}}"
    stage.run(f"steps: [{step}]")
    assert len(stage.submissions) == 2

    played = retry(stage)

    assert played.outcome == "failed"
    assert attempts(played) == {"b": 4}
    assert len(stage.submissions) == 4


def test_the_time_of_a_retried_run_and_of_its_steps_begins_anew(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library("FAILED", "COMPLETED_SUCCESS"))
    stage.run(f"{{timeout: 1h, steps: [{{id: b, {OTHER}, timeout: 20m}}]}}")
    stage.pass_time(hours=48)

    played = retry(stage)

    assert played.ended == ("succeeded", "")
    assert played.record.deadline_at == played.record.started_at + timedelta(hours=1)  # type: ignore[operator]


@pytest.mark.parametrize("shape", ["for_each", "parallel", "branch", "call"])
def test_inside_a_composite_only_what_failed_is_done_anew(
    set_stage: Callable[..., Stage], shape: str
) -> None:
    stage = set_stage(library("FAILED", "COMPLETED_SUCCESS"))
    steps = f"{{id: a, {JOB}}}, {{id: b, {OTHER}}}"
    stage.write("part.yaml", f"steps: [{steps}]")
    body = {
        "for_each": f"for_each: {{items: ['1'], steps: [{steps}]}}",
        "parallel": f"parallel: {{l: [{steps}], r: [{{id: c, notify: x}}]}}",
        "branch": f"branch: {{on: 1, cases: {{1: [{steps}]}}}}",
        "call": "call: part",
    }[shape]
    assert stage.run(f"steps: [{{id: all, {body}}}, {{id: on, notify: x}}]").outcome == "failed"

    played = retry(stage)

    assert played.ended == ("succeeded", "")
    counted = {path.rpartition("/")[2]: count for path, count in attempts(played).items()}
    assert counted | {"c": 1} == {"a": 1, "b": 2, "all": 2, "on": 1, "c": 1}
    assert submitted(stage) == ["M901", "M902", "M902"]


def test_iterations_that_ended_well_keep_their_results(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library("COMPLETED_SUCCESS", "FAILED", "COMPLETED_SUCCESS"))
    failed = stage.run(
        f"steps: [{{id: all, for_each: {{items: ['1', '2', '3'], steps: [{{id: b, {OTHER}}}]}}}}]"
    )
    assert [one["outcome"] for one in failed.steps["all"]["results"]] == [
        "succeeded",
        "failed",
        "skipped",
    ]

    played = retry(stage)

    assert played.ended == ("succeeded", "")
    results = played.steps["all"]["results"]
    instances = [one["steps"]["b"]["instance_id"] for one in results]
    assert instances == [stage.submissions[number].instance_id for number in (0, 2, 3)]
    assert attempts(played) == {"all": 2, "all/1/b": 1, "all/2/b": 2, "all/3/b": 1}


def test_what_a_neighbour_s_failure_halted_is_done_in_the_retry(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(library("FAILED", "COMPLETED_SUCCESS"))
    stage.run(
        f"""
        steps:
          - parallel:
              a: [{{id: b, {OTHER}}}]
              c: [{{id: w, wait: 20m}}, {{id: late, {JOB}}}]
        """
    )
    assert submitted(stage) == ["M902"]

    played = retry(stage)

    assert played.ended == ("succeeded", "")
    assert sorted(submitted(stage)) == ["M901", "M902", "M902"]
    assert attempts(played)["parallel-1/c/w"] == 1


def test_a_cancelled_run_may_be_retried(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library())

    stage.run(THREE, beside=after(cancel, minutes=2))

    played = retry(stage)

    assert played.ended == ("succeeded", "")
    assert submitted(stage) == ["M901", "M901", "M902"]


def test_a_run_that_ended_unknown_may_be_retried(set_stage: Callable[..., Stage]) -> None:
    lose = {"kind": "reset", "call": "submit", "nth": 1}
    stage = set_stage(library(faults=[lose]), connection={"settle": None})
    waiting = stage.run(f"{{timeout: 1h, steps: [{{id: b, {OTHER}}}]}}")
    assert waiting.record.status is Status.WAITING
    stage.pass_time(hours=2)
    assert stage.resume().outcome == "unknown"

    played = retry(stage)

    assert played.ended == ("succeeded", "")
    assert played.state("b", "submit") is EntryState.LOST
    assert played.state("b", "submit", attempt=2) is EntryState.DONE
    assert (stage.sent("submit"), len(stage.submissions)) == (2, 1)


def test_a_later_attempt_does_not_take_the_run_of_an_earlier_one_for_its_own(
    set_stage: Callable[..., Stage],
) -> None:
    lose = {"kind": "lose_answer", "call": "submit", "nth": 2}
    stage = set_stage(library("FAILED", "COMPLETED_SUCCESS", faults=[lose]))
    stage.run(f"steps: [{{id: b, {OTHER}}}]")

    played = retry(stage)

    assert played.ended == ("succeeded", "")
    assert played.entry("b", "submit", attempt=2).value["found"]
    assert played.steps["b"]["instance_id"] == stage.submissions[1].instance_id
    assert len(stage.submissions) == 2


@pytest.mark.slow
def test_a_crash_anywhere_in_a_retry_does_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "LOOK", timedelta(hours=1))
    monkeypatch.setattr(harness, "LEASE", timedelta(hours=1))
    whole = next(stages(tmp_path / "whole"))
    expected = retry(whole)
    assert expected.outcome == "succeeded"
    count = whole.boundary.counts["commit"]

    for at, stage in zip(range(1, 100, 3), stages(tmp_path / "cases"), strict=False):
        stage.boundary = Boundary("commit", at, after=True)
        crashed = retry(stage)
        stage.boundary = Boundary()
        played = crashed if crashed.record.status is Status.FINISHED else stage.resume()

        assert played.outcomes == expected.outcomes, at
        assert attempts(played) == attempts(expected), at
        assert submitted(stage) == submitted(whole), at
        if at >= count:
            break


def stages(folder: Path) -> Iterator[Stage]:
    """Yield stages on which the workflow of three steps has failed."""
    for number in range(100):
        here = folder / str(number)
        here.mkdir(parents=True)
        stage = Stage(here, library("FAILED", "COMPLETED_SUCCESS"), durable=True)
        assert stage.run(THREE).outcome == "failed"
        yield stage


def test_a_retry_that_ends_well_has_recovered(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(library("FAILED", "COMPLETED_SUCCESS"))
    told = "notify: [{on: [recovered]}]"

    assert stage.run(THREE + told).said(EventKind.NOTICE) == []

    assert retry(stage).said(EventKind.NOTICE) == [
        "test ended as succeeded. Its attempt before failed."
    ]
