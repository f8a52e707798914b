"""Workflows called in a run: their `finally` runs whatever ends them, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.outcome import Status
from almaflow.store import EntryState
from tests import harness
from tests.harness import Boundary, Played, Process, Stage, after, cancel, interrupt_after

SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
JOB = "submit_job: {job: M901, set: '59317390720001276'}"
LIBRARY: dict[str, Any] = {"sets": [SET], "jobs": [{"job": "*", "duration": "20m"}]}

PART = f"""
steps:
  - {{id: first, wait: 1m}}
  - {{id: x, {JOB}}}
  - {{id: last, wait: 1m}}
finally:
  - {{id: w, wait: 2m}}
  - {{id: seen, fail: "{{{{ run.outcome }}}}, x {{{{ steps.x.outcome }}}}", on_failure: continue}}
outputs: {{x: "{{{{ steps.x.outcome }}}}"}}
"""
CALL = "{id: sub, call: part}"


def seen(played: Played, path: str = "sub") -> str:
    """Return what the called workflow's `finally` saw: how its body ended, and its step x."""
    return str(played.steps[f"{path}/finally/seen"]["error"])


@pytest.fixture
def stage(set_stage: Callable[..., Stage]) -> Stage:
    """A stage with a workflow to be called."""
    stage = set_stage(LIBRARY)
    stage.write("part.yaml", PART)
    return stage


def test_a_called_workflow_runs_its_steps_its_finally_and_gives_its_outputs(stage: Stage) -> None:
    played = stage.run(f"steps: [{CALL}, {{check: steps.sub.x == 'succeeded'}}]")

    # An allowed failure in its `finally` is a warning of the step.
    assert played.outcome == "warning"
    assert seen(played) == "succeeded, x succeeded"
    assert played.steps["sub"]["x"] == "succeeded"


def test_its_finally_follows_its_failure(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(LIBRARY | {"jobs": [{"job": "*", "outcomes": "FAILED"}]})
    stage.write("part.yaml", PART)

    played = stage.run(f"steps: [{CALL}]")

    assert played.outcome == "failed"
    assert played.record.error.startswith("Step sub/x: Alma ended Export Portfolio URLs")
    assert seen(played) == "failed, x failed"


def test_its_finally_follows_a_cancel(stage: Stage) -> None:
    played = stage.run(f"steps: [{CALL}]", beside=after(cancel, minutes=5))

    assert played.ended == ("cancelled", "Cancelled by anna.")
    assert seen(played) == "cancelled, x cancelled"
    assert played.outcomes["sub"] == "cancelled"
    assert played.minutes == 7
    assert "sub/last" not in played.outcomes


@pytest.mark.parametrize("bound", ["step", "called", "run"])
def test_its_finally_follows_a_time_that_is_up(stage: Stage, bound: str) -> None:
    workflow = f"steps: [{CALL}]"
    if bound == "step":
        workflow = f"steps: [{{timeout: 5m, {CALL[1:]}]"
    if bound == "run":
        workflow = f"{{timeout: 5m, {workflow}}}"
    if bound == "called":
        stage.write("part.yaml", f"timeout: 5m\n{PART}")

    played = stage.run(workflow)

    assert played.outcome == "timed_out"
    assert played.outcomes["sub"] == "timed_out"
    assert seen(played) == "timed_out, x timed_out"
    assert played.minutes == 7
    assert len(stage.submissions) == 1


def test_its_finally_follows_when_a_neighbour_fails(stage: Stage) -> None:
    played = stage.run(
        f"steps: [{{parallel: {{a: [{CALL}, {{id: on, notify: x}}], "
        "b: [{wait: 5m}, {id: y, fail: no}]}}]"
    )

    assert played.ended == ("failed", "Step parallel-1/b/y: no")
    # Its job was followed to the end, then nothing new began but what cleans up.
    assert seen(played, "parallel-1/a/sub") == "skipped, x succeeded"
    assert "parallel-1/a/sub/last" not in played.outcomes
    assert "parallel-1/a/on" not in played.outcomes
    assert played.outcomes["parallel-1/a/sub"] == "skipped"


def test_its_finally_is_not_held_up_by_a_neighbour_that_has_failed(stage: Stage) -> None:
    played = stage.run(
        f"steps: [{{parallel: {{a: [{CALL}], b: [{{wait: 22m30s}}, {{id: y, fail: no}}]}}}}]"
    )

    # Its last step was under way when the neighbour failed.
    assert played.ended == ("failed", "Step parallel-1/b/y: no")
    assert seen(played, "parallel-1/a/sub") == "succeeded, x succeeded"


@pytest.mark.parametrize("at", [0.5, 5, 22, 24])
def test_a_resume_goes_on_inside_it(stage: Stage, at: float) -> None:
    held = stage.run(f"steps: [{CALL}]", beside=interrupt_after(minutes=at))
    assert held.interrupted

    played = stage.resume()

    assert played.outcome == "warning"
    assert seen(played) == "succeeded, x succeeded"
    assert len(stage.submissions) == 1


@pytest.mark.parametrize("at", [5.5, 6.5])
def test_a_finally_that_was_interrupt_after_a_cancel_is_finished(stage: Stage, at: float) -> None:
    async def beside(process: Process) -> None:
        await process.wait(minutes=5)
        process.store.ask_cancel(process.run_id, "anna")
        process.cancel("anna")
        await process.wait(minutes=at - 5)
        process.interrupt()

    held = stage.run(f"steps: [{CALL}]", beside=beside)
    assert held.interrupted

    played = stage.resume()

    assert played.ended == ("cancelled", "Cancelled by anna.")
    assert seen(played) == "cancelled, x cancelled"
    assert played.outcomes["sub/finally/w"] == "succeeded"
    assert len(stage.submissions) == 1


def test_what_was_lost_in_it_is_looked_for_before_its_finally(
    set_stage: Callable[..., Stage],
) -> None:
    lose = {"kind": "lose_answer", "call": "submit"}
    stage = set_stage(LIBRARY | {"faults": [lose], "alma": {"list_lag": "3m"}})
    stage.write("part.yaml", PART)

    played = stage.run(f"steps: [{CALL}]", beside=after(cancel, minutes=2))

    (submitted,) = stage.submissions
    assert played.ended == ("cancelled", "Cancelled by anna.")
    assert played.entry("sub/x", "submit").value["result"] == submitted.instance_id
    assert seen(played) == "cancelled, x cancelled"
    assert played.steps["sub/x"]["error"].endswith(
        f"The job keeps running in Alma as {submitted.instance_id}."
    )


def test_calls_nest(stage: Stage) -> None:
    stage.write("middle.yaml", "steps: [{id: inner, call: part}]\nfinally: [{id: m, wait: 1m}]")

    played = stage.run(
        "{steps: [{id: outer, call: middle}], finally: [{id: f, wait: 1m}]}",
        beside=after(cancel, minutes=5),
    )

    assert played.ended == ("cancelled", "Cancelled by anna.")
    assert seen(played, "outer/inner") == "cancelled, x cancelled"
    assert played.outcomes["outer/finally/m"] == "succeeded"
    assert played.outcomes["finally/f"] == "succeeded"
    # One after the other, the innermost first.
    assert played.minutes == 9


@pytest.mark.slow
@pytest.mark.parametrize("end", ["none", "cancel"])
def test_a_crash_anywhere_lets_its_finally_run_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(harness, "LOOK", timedelta(minutes=1))
    monkeypatch.setattr(harness, "LEASE", timedelta(hours=1))
    expected = {
        "none": ("warning", "succeeded, x succeeded"),
        "cancel": ("cancelled", "cancelled, x cancelled"),
    }[end]

    def play(stage: Stage) -> Played:
        async def ask(process: Process) -> None:
            if end == "cancel":
                await process.wait(minutes=4.5)
                process.store.ask_cancel(process.run_id, "anna")

        return stage.resume(beside=ask)

    whole = make(tmp_path / "whole")
    assert (play(whole).outcome, seen(whole.look("20260302-081500-aaa01"))) == expected

    for at in range(1, whole.boundary.counts["commit"] + 1, 2):
        stage = make(tmp_path / str(at))
        stage.boundary = Boundary("commit", at, after=True)
        played = play(stage)
        stage.boundary = Boundary()
        if played.record.status is not Status.FINISHED:
            played = play(stage)

        assert (played.outcome, seen(played)) == expected, at
        # What had not left when the process died is not sent once somebody has cancelled.
        assert len(stage.submissions) == 1 or end == "cancel", at
        ends = [one.path for one in played.journal if one.effect == "end"]
        assert len(ends) == len(set(ends)), at
        assert all(one.state is EntryState.DONE for one in played.journal if one.effect == "end")


def make(folder: Path) -> Stage:
    folder.mkdir()
    stage = Stage(folder, LIBRARY, durable=True)
    stage.write("part.yaml", PART)
    stage.add(f"steps: [{CALL}]")
    return stage


def test_its_finally_follows_when_nobody_has_resolved_what_was_lost_in_it(
    set_stage: Callable[..., Stage],
) -> None:
    lose = {"kind": "reset", "call": "submit"}
    stage = set_stage(LIBRARY | {"faults": [lose]}, connection={"settle": None})
    stage.write("part.yaml", PART)
    waiting = stage.run(f"steps: [{CALL}]")
    assert waiting.record.status is Status.WAITING
    assert "sub/finally/w" not in waiting.outcomes
    stage.pass_time(hours=25)

    played = stage.resume()

    assert played.outcome == "unknown"
    assert seen(played) == "unknown, x unknown"
    assert (stage.sent("submit"), stage.submissions) == (1, [])


@pytest.mark.parametrize("bound", ["step", "called", "run"])
@pytest.mark.parametrize("at", [5.5, 6.5])
def test_a_finally_that_was_interrupt_after_a_time_was_up_is_finished(
    stage: Stage, bound: str, at: float
) -> None:
    workflow = f"steps: [{CALL}]"
    if bound == "step":
        workflow = f"steps: [{{timeout: 5m, {CALL[1:]}]"
    if bound == "run":
        workflow = f"{{timeout: 5m, {workflow}}}"
    if bound == "called":
        stage.write("part.yaml", f"timeout: 5m\n{PART}")
    held = stage.run(workflow, beside=interrupt_after(minutes=at))
    assert held.interrupted

    played = stage.resume()

    assert played.outcome == "timed_out"
    assert played.outcomes["sub/finally/w"] == "succeeded"
    assert seen(played) == "timed_out, x timed_out"
    assert len(stage.submissions) == 1


def test_what_its_finally_had_lost_when_a_cancelled_run_was_interrupted_is_looked_for(
    set_stage: Callable[..., Stage],
) -> None:
    lose = {"kind": "lose_answer", "call": "submit", "nth": 1}
    stage = set_stage(LIBRARY | {"faults": [lose], "alma": {"list_lag": "3m"}})
    stage.write("part.yaml", f"steps: [{{wait: 1h}}]\nfinally: [{{id: x, {JOB}}}]")

    async def beside(process: Process) -> None:
        await process.wait(minutes=5)
        process.store.ask_cancel(process.run_id, "anna")
        process.cancel("anna")
        await process.wait(minutes=1)
        process.interrupt()

    held = stage.run(f"steps: [{CALL}]", beside=beside)
    assert held.interrupted
    assert held.state("sub/finally/x", "submit") is EntryState.LOST

    played = stage.resume()

    assert played.ended == ("cancelled", "Cancelled by anna.")
    assert played.outcomes["sub/finally/x"] == "succeeded"
    assert (stage.sent("submit"), len(stage.submissions)) == (1, 1)
