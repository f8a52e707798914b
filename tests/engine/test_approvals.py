"""Steps that wait for a person's word: given before, while and after a process waits for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from almaflow.engine.approvals import TerminalReply
from almaflow.outcome import Status
from tests import harness
from tests.harness import Beside, Boundary, Process, Stage, interrupt_after

ASK = "steps: [{id: ok, approve: Delete 5 sets?}, {id: on, notify: x}]"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage with a store that others can reach."""
    monkeypatch.setattr(harness, "LOOK", timedelta(seconds=10))
    monkeypatch.setattr(harness, "LEASE", timedelta(hours=1))
    return Stage(tmp_path, durable=True)


def answer(
    stage: Stage, approved: bool = True, comment: str = "", path: str = "ok", by: str = "anna"
) -> None:
    """Do what `almaflow approve` does."""
    with stage.using_store() as store:
        value = {"approved": approved, "comment": comment}
        store.add_answer(store.find_run("last").id, path, "approve", value, by)


def later(act: Callable[[], object], **duration: float) -> Beside:
    async def beside(process: Process) -> None:
        await process.wait(**duration)
        act()

    return beside


def test_a_step_waits_until_somebody_approves(stage: Stage) -> None:
    seen: list[str] = []

    def look_and_answer() -> None:
        with stage.using_store() as store:
            seen.append(store.find_run("last").reason)
        answer(stage, comment="go on")

    played = stage.run(ASK, beside=later(look_and_answer, minutes=30))

    assert played.ended == ("succeeded", "")
    assert seen == ["ok: a person has to approve: Delete 5 sets?"]
    assert 30 <= played.minutes <= 31
    assert (played.steps["ok"]["by"], played.steps["ok"]["comment"]) == ("anna", "go on")
    assert played.said() == ["anna approved: go on"]


def test_who_does_not_approve_ends_the_run(stage: Stage) -> None:
    played = stage.run(ASK, beside=later(lambda: answer(stage, False, "too many"), minutes=1))

    assert played.ended == ("failed", "Step ok: anna did not approve: too many")
    assert "on" not in played.outcomes


def test_an_answer_that_was_given_while_nobody_worked_on_the_run_counts(stage: Stage) -> None:
    held = stage.run(ASK, beside=interrupt_after(minutes=10))
    assert held.interrupted
    answer(stage)
    stage.pass_time(hours=1)

    played = stage.resume()

    assert played.ended == ("succeeded", "")
    assert played.minutes == pytest.approx(70, abs=0.5)


def test_an_answer_that_was_heard_is_kept_after_a_restart(stage: Stage) -> None:
    workflow = ASK.replace("{id: on, notify: x}", "{id: on, wait: 1h}")

    async def approve_and_press(process: Process) -> None:
        await process.wait(minutes=5)
        answer(stage)
        await process.wait(minutes=5)
        answer(stage, False, by="bert")
        process.interrupt()

    assert stage.run(workflow, beside=approve_and_press).interrupted

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert played.steps["ok"]["by"] == "anna"


def test_an_answer_from_before_the_question_is_for_another(stage: Stage) -> None:
    stage.add(f"{{timeout: 2h, {ASK}}}")
    answer(stage)

    played = stage.resume()

    assert played.ended == ("timed_out", "The run did not end within 2h.")


def test_an_answer_is_for_the_step_it_names(stage: Stage) -> None:
    workflow = "steps: [{parallel: {a: [{id: x, approve: A?}], b: [{id: y, approve: B?}]}}]"

    async def beside(process: Process) -> None:
        await process.wait(minutes=5)
        answer(stage, path="parallel-1/b/y", by="bert")
        await process.wait(minutes=5)
        answer(stage, path="parallel-1/a/x", by="anna")

    played = stage.run(workflow, beside=beside)

    assert played.outcome == "succeeded"
    assert played.steps["parallel-1/a/x"]["by"] == "anna"
    assert played.steps["parallel-1/b/y"]["by"] == "bert"
    assert 5 <= played.steps["parallel-1/b/y"]["seconds"] / 60 <= 6


@pytest.mark.parametrize(
    ("on_timeout", "outcome", "step"),
    [("fail", "timed_out", "timed_out"), ("continue", "warning", "warning")],
)
def test_nobody_answers_in_time(
    stage: Stage, on_timeout: str, outcome: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "LOOK", timedelta(minutes=5))
    ask = f"approve: {{message: Go?, on_timeout: {on_timeout}}}"

    played = stage.run(f"steps: [{{id: ok, timeout: 8h, {ask}}}, {{id: on, notify: x}}]")

    assert (played.outcome, played.outcomes["ok"]) == (outcome, outcome)
    assert played.minutes == 480
    assert ("on" in played.outcomes) is (on_timeout == "continue")
    assert "Nobody has approved" in played.steps["ok"]["error"]


def test_a_time_that_passed_while_nobody_worked_on_the_run_counts(stage: Stage) -> None:
    workflow = ASK.replace("id: ok,", "id: ok, timeout: 1h,")
    assert stage.run(workflow, beside=interrupt_after(minutes=10)).interrupted
    stage.pass_time(hours=3)

    played = stage.resume()

    assert played.outcome == "timed_out"
    assert played.minutes <= 192


def test_an_answer_that_came_in_time_counts_although_it_is_heard_late(stage: Stage) -> None:
    workflow = ASK.replace("id: ok,", "id: ok, timeout: 1h,")
    assert stage.run(workflow, beside=interrupt_after(minutes=10)).interrupted
    answer(stage)
    stage.pass_time(hours=3)

    # One look comes before a time that has passed counts.
    assert stage.resume().outcome == "succeeded"


def test_who_waits_can_be_cancelled(stage: Stage) -> None:
    def cancel() -> None:
        with stage.using_store() as store:
            store.ask_cancel(store.find_run("last").id, "bert")

    played = stage.run(ASK, beside=later(cancel, minutes=5))

    assert played.ended == ("cancelled", "Cancelled by bert.")


def test_whoever_is_here_is_asked(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage()
    asked: list[tuple[str, str]] = []

    class Here:
        async def ask(self, run_id: str, path: str, question: str) -> TerminalReply:
            asked.append((path, question))
            return TerminalReply("me", {"approved": True, "comment": ""})

    engine = stage.engine

    def with_somebody(*parts: object) -> object:
        made = engine(*parts)  # type: ignore[arg-type]
        made.people = Here()
        return made

    stage.engine = with_somebody  # type: ignore[method-assign, assignment]

    played = stage.run(ASK)

    assert played.ended == ("succeeded", "")
    assert asked == [("ok", "Delete 5 sets?")]
    assert played.steps["ok"]["by"] == "me"


def test_a_crash_at_any_commit_loses_no_answer(tmp_path: Path, stage: Stage) -> None:
    played = stage.run(ASK, beside=later(lambda: answer(stage), minutes=1))
    assert played.outcome == "succeeded"

    for at in range(1, stage.boundary.counts["commit"] + 1):
        folder = tmp_path / str(at)
        folder.mkdir()
        other = Stage(folder, durable=True)
        other.boundary = Boundary("commit", at, after=True)
        crashed = other.run(ASK, beside=later(lambda other=other: answer(other), minutes=1))  # type: ignore[misc]
        other.boundary = Boundary()
        if crashed.record.status is not Status.FINISHED:
            # Who was asked before the process died may answer now.
            crashed = other.resume(beside=later(lambda other=other: answer(other), minutes=2))  # type: ignore[misc]

        assert crashed.ended == ("succeeded", ""), at
        assert crashed.steps["ok"]["by"] == "anna", at
