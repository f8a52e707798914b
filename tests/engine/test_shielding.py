"""A write that is under way when somebody cancels, presses Ctrl-C, or time is up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from almaflow.engine.alma_writes.submission import NOTHING_SHOWN
from almaflow.engine.step_context import AttemptContext
from almaflow.outcome import Status
from almaflow.store import EntryState
from tests.harness import START, Process, Stage, after, cancel, interrupt_after

SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
JOB = "submit_job: {job: M901, set: '59317390720001276'}"

# Where a person is asked what became of a submission that does not show.
NEVER = {"settle": None}


def slow(kind: str = "slow", delay: str = "20s", **more: Any) -> dict[str, Any]:
    """Return a scenario in which the answer to a submission takes its time."""
    fault = {"kind": kind, "call": "submit", "delay": delay, **more}
    return {"sets": [SET], "faults": [fault], "jobs": [{"job": "M901", "duration": "1h"}]}


def played_in(stage: Stage) -> float:
    """Return how many seconds of the stage's time have passed."""
    return (stage.clock.now() - START).total_seconds()


# --- Ctrl-C ---------------------------------------------------------------------------------------


def test_an_answer_that_comes_after_ctrl_c_is_recorded(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(slow())

    held = stage.run(f"steps: [{{id: x, {JOB}}}]", beside=interrupt_after(seconds=5))

    assert held.interrupted
    assert played_in(stage) == 20
    assert held.state("x", "submit") is EntryState.DONE
    assert (held.outcome, held.record.held) == (None, True)

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert len(stage.submissions) == 1


def test_an_answer_that_does_not_come_within_half_a_minute_is_lost(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(slow("hang"))

    held = stage.run(f"steps: [{{id: x, {JOB}}}]", beside=interrupt_after(seconds=5))

    assert held.interrupted
    assert played_in(stage) == 35
    assert held.state("x", "submit") is EntryState.LOST
    assert held.entry("x", "submit").value["error"] == "no response arrived before almaflow stopped"

    played = stage.resume()

    assert played.outcome == "succeeded"
    assert played.entry("x", "submit").value["found"]
    assert stage.sent("submit") == 1


def test_a_refusal_that_comes_after_ctrl_c_is_recorded(set_stage: Callable[..., Stage]) -> None:
    fault = {"kind": "status", "status": 400, "code": "402229", "call": "submit", "delay": "20s"}
    stage = set_stage({"sets": [SET], "faults": [fault]})

    held = stage.run(f"steps: [{{id: x, {JOB}}}]", beside=interrupt_after(seconds=5))
    played = stage.resume()

    assert held.state("x", "submit") is EntryState.REFUSED
    assert played.outcome == "failed"
    assert "code 402229, tracking id E01-" in played.record.error
    assert "Compare the parameters with" in played.record.error
    assert stage.sent("submit") == 1


def test_a_later_that_comes_after_ctrl_c_is_sent_again_by_a_resume(
    set_stage: Callable[..., Stage],
) -> None:
    fault = {"kind": "status", "status": 429, "call": "submit", "delay": "20s", "nth": 1}
    stage = set_stage({"sets": [SET], "faults": [fault]})

    held = stage.run(f"steps: [{{id: x, {JOB}}}]", beside=interrupt_after(seconds=5))
    played = stage.resume()

    assert held.state("x", "submit") is EntryState.UNTAKEN
    assert played.outcome == "succeeded"
    assert len(stage.submissions) == 1


def test_a_read_that_hangs_does_not_hold_up_leaving(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage({"sets": [SET], "faults": [{"kind": "hang", "call": "get_set"}]})

    held = stage.run(
        f"steps: [{{find_set: {{id: '{SET['id']}'}}}}]", beside=interrupt_after(seconds=5)
    )

    assert held.interrupted
    assert played_in(stage) == 5


def test_a_write_that_changes_nothing_twice_is_sent_again_after_a_lost_answer(
    set_stage: Callable[..., Stage],
) -> None:
    fault = {"kind": "hang", "call": "delete_set", "nth": 1}
    stage = set_stage({"sets": [SET], "faults": [fault]})

    held = stage.run(
        f"steps: [{{id: x, delete_set: '{SET['id']}'}}]", beside=interrupt_after(seconds=5)
    )
    played = stage.resume()

    assert held.state("x", "delete") is EntryState.LOST
    assert played.outcome == "succeeded"
    assert stage.sent("delete_set") == 2


# --- cancel ---------------------------------------------------------------------------------------


def test_a_cancelled_run_waits_for_the_answer_and_keeps_it(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(slow())

    played = stage.run(f"steps: [{{id: x, {JOB}}}]", beside=after(cancel, seconds=5))

    assert played.ended == ("cancelled", "Cancelled by anna.")
    assert played_in(stage) == 20
    assert played.state("x", "submit") is EntryState.DONE
    assert played.outcomes == {"x": "cancelled"}
    assert len(stage.submissions) == 1


def test_a_cancelled_run_looks_for_the_write_that_was_lost(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(slow("hang"))

    played = stage.run(f"steps: [{{id: x, {JOB}}}]", beside=after(cancel, seconds=5))

    # Half a minute for the answer, five seconds until the first look.
    assert played_in(stage) == 40
    assert played.ended == ("cancelled", "Cancelled by anna.")
    (submitted,) = stage.submissions
    assert played.steps["x"]["error"] == (
        f"Cancelled by anna. The job keeps running in Alma as {submitted.instance_id}."
    )


def test_a_cancelled_run_does_not_send_again_what_alma_did_not_take(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(slow("hang", processed=False))

    played = stage.run(f"steps: [{{id: x, {JOB}}}]", beside=after(cancel, seconds=5))

    assert played_in(stage) == 600
    assert played.ended == ("cancelled", "Cancelled by anna.")
    assert played.state("x", "submit") is EntryState.UNTAKEN
    assert played.steps["x"]["error"] == "Cancelled by anna."
    assert (stage.sent("submit"), stage.submissions) == (1, [])


def test_a_cancelled_run_whose_write_nobody_may_settle_is_unknown(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(slow("hang", processed=False), connection=NEVER)

    played = stage.run(
        f"{{steps: [{{id: x, {JOB}}}], finally: [{{check: steps.x.outcome == 'unknown'}}]}}",
        beside=after(cancel, seconds=5),
    )

    assert played_in(stage) == 600
    assert played.ended == (
        "unknown",
        "Cancelled by anna. It is not known whether Alma accepted what step x sent.",
    )
    assert played.outcomes == {"finally/check-1": "succeeded"}
    assert played.entry("x", "submit").value["unknown"] == NOTHING_SHOWN


def test_a_run_that_is_cancelled_before_it_begins_sends_nothing(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(slow())
    run = stage.add(
        f"{{steps: [{{id: x, {JOB}}}], finally: [{{id: y, check: steps.x.outcome == 'skipped'}}]}}"
    )
    stage.open_store().ask_cancel(run.id, "anna")

    played = stage.resume()

    assert played.ended == ("cancelled", "Cancelled by anna.")
    # A step that never began is skipped, without a word of its own.
    assert played.outcomes == {"finally/y": "succeeded"}
    assert stage.alma.received() == []


def test_a_run_that_waits_for_a_person_can_be_cancelled(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(
        {"sets": [SET], "faults": [{"kind": "reset", "call": "submit"}]}, connection=NEVER
    )
    waiting = stage.run(
        f"{{steps: [{{id: x, {JOB}}}], finally: [{{check: steps.x.outcome == 'unknown'}}]}}"
    )
    assert waiting.outcome is None
    stage.open_store().ask_cancel(waiting.record.id, "anna")

    played = stage.resume()

    assert played.outcome == "unknown"
    assert played.record.error.startswith("Cancelled by anna. It is not known")
    assert played.outcomes == {"finally/check-1": "succeeded"}
    assert stage.sent("submit") == 1


def test_cancelling_twice_is_cancelling_once(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(slow())

    async def twice(process: Process) -> None:
        await process.wait(minutes=5)
        cancel(process)
        process.cancel("bert")

    played = stage.run(f"steps: [{{id: x, {JOB}}}]", beside=twice)

    assert played.ended == ("cancelled", "Cancelled by anna.")


def test_a_cancel_while_finally_goes_comes_too_late(stage: Stage) -> None:
    played = stage.run(
        "{steps: [{fail: no}], finally: [{wait: 10m}]}", beside=after(cancel, minutes=5)
    )

    assert played.ended == ("failed", "Step fail-1: no")
    assert played.outcomes["finally/wait-1"] == "succeeded"


def test_ctrl_c_in_the_finally_of_a_cancelled_run_does_not_end_it(stage: Stage) -> None:
    async def first_cancel_then_interrupt(process: Process) -> None:
        await process.wait(minutes=5)
        cancel(process)
        await process.wait(minutes=5)
        process.interrupt()

    held = stage.run(
        "{steps: [{wait: 1h}], finally: [{id: w, wait: 10m}, {id: c, notify: clean}]}",
        beside=first_cancel_then_interrupt,
    )
    assert held.interrupted
    assert "finally/w" not in held.outcomes

    played = stage.resume()

    assert played.ended == ("cancelled", "Cancelled by anna.")
    assert played.outcomes == {
        "wait-1": "cancelled",
        "finally/w": "succeeded",
        "finally/c": "succeeded",
    }
    assert played_in(stage) == 15 * 60


def test_a_step_that_times_out_in_the_finally_of_a_cancelled_run_is_no_cancelled_one(
    stage: Stage,
) -> None:
    played = stage.run(
        "{steps: [{wait: 1h}], finally: [{id: w, wait: 2h}]}", beside=after(cancel, minutes=5)
    )

    assert played.outcomes == {"wait-1": "cancelled", "finally/w": "timed_out"}
    assert played.steps["finally/w"]["error"] == "The time limit of finally expired."


# --- time is up -----------------------------------------------------------------------------------


def test_a_step_whose_time_is_up_waits_for_the_answer(set_stage: Callable[..., Stage]) -> None:
    stage = set_stage(slow())

    played = stage.run(f"steps: [{{id: x, {JOB}, timeout: 10s}}]")

    assert played.outcome == "timed_out"
    assert played_in(stage) == 20
    assert played.state("x", "submit") is EntryState.DONE


LOST = [
    "{id: x, JOB, timeout: 10s, on_failure: continue}",
    "{timeout: 10s, on_failure: continue, branch: {on: 1, cases: {1: [{id: x, JOB}]}}}",
]


@pytest.mark.parametrize("step", LOST)
def test_a_step_whose_time_is_up_looks_for_the_write_that_was_lost(
    set_stage: Callable[..., Stage], step: str
) -> None:
    stage = set_stage(slow("hang"))

    played = stage.run(f"steps: [{step.replace('JOB', JOB)}, {{id: after, notify: reached}}]")

    # Ten seconds, half a minute of grace, five seconds until the first look.
    assert played_in(stage) == 45
    assert played.outcome == "warning"
    (x,) = (facts for path, facts in played.steps.items() if path.endswith("x"))
    assert (x["outcome"], played.outcomes["after"]) == ("timed_out", "succeeded")
    assert x["error"].endswith(f" keeps running in Alma as {stage.submissions[0].instance_id}.")


@pytest.mark.parametrize("step", LOST)
def test_a_lost_answer_is_never_continued(set_stage: Callable[..., Stage], step: str) -> None:
    stage = set_stage(slow("hang", processed=False), connection=NEVER)

    waiting = stage.run(f"steps: [{step.replace('JOB', JOB)}, {{id: after, notify: reached}}]")

    assert played_in(stage) == 600
    assert waiting.outcome is None
    assert waiting.record.status is Status.WAITING
    assert waiting.record.reason.startswith(
        "It is not known whether Alma at main accepted the request"
    )
    assert waiting.outcomes == {}

    again = stage.resume()

    assert again.record.status is Status.WAITING
    assert again.outcomes == {}
    assert stage.sent("submit") == 1


@pytest.mark.parametrize("step", LOST)
def test_what_nobody_resolves_before_the_run_s_time_is_up_ends_as_unknown(
    set_stage: Callable[..., Stage], step: str
) -> None:
    stage = set_stage(slow("hang", processed=False), connection=NEVER)
    stage.run(
        f"{{steps: [{step.replace('JOB', JOB)}], finally: [{{id: f, check: STATED}}]}}".replace(
            "STATED", "steps.x.outcome == 'unknown'"
        )
    )
    stage.pass_time(hours=25)

    played = stage.resume()

    assert played.outcome == "unknown"
    assert played.record.error.startswith(
        "It is not known whether Alma at main accepted the request"
    )
    assert played.outcomes["finally/f"] == "succeeded"


def test_a_run_whose_time_is_up_looks_for_the_write_that_was_lost(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(slow("hang"))

    played = stage.run(f"{{timeout: 10s, steps: [{{id: x, {JOB}}}]}}")

    assert played.ended == ("timed_out", "The run did not end within 10s.")
    assert played.steps["x"]["error"] == (
        "The time limit of the run expired. The job keeps running in Alma as "
        f"{stage.submissions[0].instance_id}."
    )
    assert played.record.ended_at == START + timedelta(seconds=45)


def test_a_run_whose_time_is_up_while_a_write_stays_lost_is_unknown(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(slow("hang", processed=False), connection=NEVER)

    played = stage.run(f"{{timeout: 10s, steps: [{{id: x, {JOB}}}]}}")

    assert played.ended == (
        "unknown",
        "The run did not end within 10s. It is not known whether Alma accepted what step x sent.",
    )
    assert played.outcomes == {}
    assert played.record.ended_at == START + timedelta(minutes=10)


def test_a_lost_answer_in_finally_makes_a_good_run_a_warning(
    set_stage: Callable[..., Stage],
) -> None:
    stage = set_stage(
        {"sets": [SET], "faults": [{"kind": "reset", "call": "submit"}]}, connection=NEVER
    )

    played = stage.run(f"{{steps: [{{notify: a}}], finally: [{{id: x, {JOB}}}]}}")

    assert played.outcome == "warning"
    assert played.record.error.startswith("In `finally`: It is not known whether Alma at main")


def test_what_is_cancelled_right_before_it_is_sent_is_not_sent(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes: list[Process] = []

    async def meanwhile(context: AttemptContext, _: str) -> list[Any]:
        processes[0].cancel("anna")
        return []

    async def take_note(process: Process) -> None:
        processes.append(process)

    monkeypatch.setattr(AttemptContext, "jobs_on", meanwhile)

    played = stage.run("steps: [{wait: 1s}, {id: x, delete_set: '1'}]", beside=take_note)

    assert played.ended == ("cancelled", "Cancelled by anna.")
    assert stage.sent("delete_set") == 0
