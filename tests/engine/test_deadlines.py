"""Time that runs out: of steps, of what stands around them, of runs; and over a restart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from almaflow.outcome import Status
from almaflow.runs.events import EventKind
from tests.harness import START, Played, Stage, interrupt_after

# Also on PostgreSQL.
EACH_STORE = True

SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
JOB = "submit_job: {job: M901, set: '59317390720001276'}"


def lasting(duration: str) -> dict[str, Any]:
    return {"sets": [SET], "jobs": [{"job": "M901", "duration": duration}]}


def down(stage: Stage, played: Played, **duration: float) -> None:
    """Let time pass while no process works."""
    assert played.interrupted
    stage.pass_time(**duration)


def interrupted(stage: Stage, workflow: str, **after: float) -> Played:
    """Run a workflow until Ctrl-C is pressed."""
    return stage.run(workflow, beside=interrupt_after(**after))


def test_a_step_that_takes_too_long_has_timed_out(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(lasting("3h"))

    played = stage.run(f"steps: [{{id: x, {JOB}, timeout: 1h}}]")

    instance_id = stage.submissions[0].instance_id
    assert played.ended == (
        "timed_out",
        (
            "Step x: The time limit of step x expired. The job keeps running in Alma as "
            f"{instance_id}."
        ),
    )
    assert played.record.ended_at == START + timedelta(hours=1)
    assert played.steps["x"]["instance_id"] == instance_id


def test_a_timed_out_step_may_be_allowed(stage: Stage) -> None:
    played = stage.run(
        "{steps: [{id: x, wait: 2h, timeout: 1h, on_failure: continue}, "
        "{check: steps.x.outcome == 'timed_out'}]}"
    )

    assert played.ended == ("warning", "")


def test_the_limit_of_a_branch_ends_the_step_in_it(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - id: b
            timeout: 1h
            on_failure: continue
            branch: {on: 1, cases: {1: [{id: x, wait: 2h, timeout: 90m}, {notify: not reached}]}}
          - check: steps.x.outcome == 'timed_out'
        """
    )

    assert played.ended == ("warning", "")
    assert played.outcomes == {
        "b/case-1/x": "timed_out",
        "b": "timed_out",
        "check-2": "succeeded",
    }
    assert played.steps["b/case-1/x"]["error"] == "The time limit of step b expired."
    assert played.record.ended_at == START + timedelta(hours=1)


def test_the_innermost_limit_counts_when_it_is_the_first(stage: Stage) -> None:
    played = stage.run(
        """
        steps:
          - timeout: 2h
            branch:
              on: 1
              cases: {1: [{id: x, wait: 3h, timeout: 1h, on_failure: continue}, {wait: 30m}]}
        """
    )

    assert played.outcome == "warning"
    assert played.steps["branch-1/case-1/x"]["error"] == (
        "The time limit of step branch-1/case-1/x expired."
    )
    assert played.record.ended_at == START + timedelta(minutes=90)


def test_the_limit_of_the_run_ends_everything(set_stage: Callable[..., Stage]) -> None:
    played = set_stage(lasting("30h")).run(
        f"{{timeout: 2h, steps: [{{timeout: 5h, branch: {{on: 1, cases: {{1: [{{{JOB}}}]}}}}}}]}}"
    )

    assert played.ended == ("timed_out", "The run did not end within 2h.")
    assert (
        played.steps["branch-1/case-1/submit_job-1"]["error"]
        == "The time limit of the run expired."
    )
    assert played.outcomes["branch-1"] == "timed_out"


def test_an_hour_is_over_although_almaflow_was_down_for_half_of_it(stage: Stage) -> None:
    played = interrupted(stage, "steps: [{id: x, wait: 3h, timeout: 1h}]", minutes=10)
    down(stage, played, minutes=30)

    played = stage.resume()

    assert played.outcome == "timed_out"
    assert played.record.ended_at == START + timedelta(hours=1)


def test_after_a_restart_a_step_looks_once_before_its_limit_counts(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(lasting("2h"))
    played = interrupted(stage, f"steps: [{{id: x, {JOB}, timeout: 3h}}]", minutes=30)
    down(stage, played, hours=5)
    seen = stage.sent("get_instance")

    played = stage.resume()

    # The job ended in time; it is only seen now.
    assert played.outcome == "succeeded"
    assert stage.sent("get_instance") == seen + 1
    assert len(stage.submissions) == 1


def test_one_look_is_all_there_is(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(lasting("20h"))
    played = interrupted(stage, f"steps: [{{id: x, {JOB}, timeout: 3h}}]", minutes=30)
    down(stage, played, hours=5)
    seen = stage.sent("get_instance")

    played = stage.resume()

    assert played.outcome == "timed_out"
    assert stage.sent("get_instance") == seen + 1
    assert played.record.ended_at == START + timedelta(hours=5, minutes=30)


def test_the_outermost_limit_that_has_passed_counts(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(lasting("40h"))
    played = interrupted(
        stage, f"{{timeout: 4h, steps: [{{id: x, {JOB}, timeout: 3h}}]}}", minutes=30
    )
    down(stage, played, hours=5)

    played = stage.resume()

    assert played.ended == ("timed_out", "The run did not end within 4h.")
    assert played.steps["x"]["error"] == "The time limit of the run expired."


def test_a_look_that_hangs_does_not_hold_up_the_end(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(lasting("40h"))
    played = interrupted(stage, f"steps: [{{id: x, {JOB}, timeout: 3h}}]", minutes=30)
    down(stage, played, hours=5)
    stage.fault("hang", call="get_instance")

    played = stage.resume()

    assert played.outcome == "timed_out"
    assert played.record.ended_at == START + timedelta(hours=5, minutes=31)


def test_a_wait_that_passed_while_almaflow_was_down_is_over(stage: Stage) -> None:
    played = interrupted(stage, "steps: [{id: x, wait: 1h}, {notify: on}]", minutes=30)
    down(stage, played, hours=5)

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert played.steps["x"]["waited"] == 3600
    assert played.record.ended_at == START + timedelta(hours=5, minutes=30)


def test_the_wait_before_another_attempt_goes_on_after_a_restart(stage: Stage) -> None:
    workflow = "steps: [{id: x, fail: no, retry: {attempts: 2, delay: 1h}}]"
    played = interrupted(stage, workflow, minutes=30)
    down(stage, played, minutes=10)

    played = stage.resume()

    assert played.outcome == "failed"
    assert played.steps["x"]["attempts"] == 2
    assert played.record.ended_at == START + timedelta(hours=1)


def test_a_process_that_takes_up_finally_gives_it_its_half_hour_anew(stage: Stage) -> None:
    workflow = "{steps: [{notify: a}], finally: [{id: x, wait: 40m}, {notify: cleaned up}]}"
    played = interrupted(stage, workflow, minutes=10)
    assert played.record.status is Status.WAITING
    down(stage, played, hours=9)

    played = stage.resume()

    assert played.ended == ("succeeded", "")
    assert "cleaned up" in played.said(EventKind.NOTICE)


def test_finally_ends_after_half_an_hour_in_the_process_that_took_it_up(stage: Stage) -> None:
    workflow = "{steps: [{notify: a}], finally: [{id: x, wait: 90m}]}"
    played = interrupted(stage, workflow, minutes=10)
    down(stage, played, minutes=10)

    played = stage.resume()

    assert played.ended == ("warning", "In `finally`: did not end within 30m")
    assert played.record.ended_at == START + timedelta(minutes=50)


@pytest.mark.parametrize("steps", ["{notify: a}", "{wait: 10s}"])
def test_short_work_after_a_long_pause_is_still_done(stage: Stage, steps: str) -> None:
    stage.add(f"{{timeout: 1h, steps: [{{wait: 1m}}, {steps}]}}")
    played = stage.resume(beside=interrupt_after(seconds=30))
    down(stage, played, days=3)

    played = stage.resume()

    assert played.outcome == ("succeeded" if "notify" in steps else "timed_out")
